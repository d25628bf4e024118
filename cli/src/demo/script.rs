//! The script: JSON lines, as docs/cli.md describes them.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::failure::Failure;
use crate::words::errors as words;

/// The script that comes along: a flood and its logistics.
pub(crate) const FLOOD: &str = include_str!("flood.jsonl");

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// Somebody of the cast.
    Official { name: String, department: String },
    /// Somebody does something. `place` is a group's name in the script, or `@` and a person's.
    Act { who: String, place: String, deed: Deed },
    /// Something happens.
    Event(Event),
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    Say { text: String, label: Option<String>, reply: Option<String>, mentions: Vec<String> },
    Edit { label: String, text: String },
    Delete { label: String },
    React { label: String, emoji: String },
    Create { with: Vec<String> },
    Add(Vec<String>),
    Remove(Vec<String>),
    Promote(Vec<String>),
    Rename(String),
    Leave,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Offline(String),
    Online(String),
    Kill(String),
    Restart(String),
    LosePhone(String),
    NewPhone(String),
    KillServer,
    StartServer,
    Settle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    official: Option<String>,
    department: Option<String>,
    who: Option<String>,
    #[serde(rename = "where")]
    place: Option<String>,
    what: Option<String>,
    #[serde(rename = "as")]
    label: Option<String>,
    reply: Option<String>,
    #[serde(default)]
    mention: Vec<String>,
    edit: Option<String>,
    delete: Option<String>,
    react: Option<String>,
    create: Option<String>,
    with: Option<Vec<String>>,
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
    promote: Option<Vec<String>>,
    rename: Option<String>,
    leave: Option<bool>,
    event: Option<String>,
}

/// Reads a script. Empty lines, and lines that begin with `//`, are passed over.
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, Failure> {
    let (mut lines, mut known) = (Vec::new(), Known::default());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let bad = |why: String| Failure::usage(words::BAD_SCRIPT.with(&[&number, &why]));
        let raw: Raw = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        let line = understand(raw).map_err(|why| bad(why.into()))?;
        known.take(&line).map_err(bad)?;
        lines.push(line);
    }
    if known.cast.len() < 2 {
        return Err(Failure::usage(words::BAD_SCRIPT.with(&[&1, &"at least two officials must be declared"])));
    }
    Ok(lines)
}

fn understand(raw: Raw) -> Result<Line, &'static str> {
    if let Some(name) = raw.official {
        return Ok(Line::Official { name, department: raw.department.unwrap_or_default() });
    }
    if let Some(event) = raw.event {
        let who = raw.who.ok_or("an event of whom? \"who\" is missing");
        return Ok(Line::Event(match event.as_str() {
            "offline" => Event::Offline(who?),
            "online" => Event::Online(who?),
            "kill" => Event::Kill(who?),
            "restart" => Event::Restart(who?),
            "lose_phone" => Event::LosePhone(who?),
            "new_phone" => Event::NewPhone(who?),
            "kill_server" => Event::KillServer,
            "start_server" => Event::StartServer,
            "settle" => Event::Settle,
            _ => return Err("this event is not known"),
        }));
    }
    let who = raw.who.ok_or("\"who\" is missing")?;
    if let Some(place) = raw.create {
        return Ok(Line::Act { who, place, deed: Deed::Create { with: raw.with.unwrap_or_default() } });
    }
    let place = raw.place.ok_or("\"where\" is missing")?;
    let text = raw.what.ok_or("\"what\" is missing");
    let deeds = [
        raw.edit.map(|label| text.clone().map(|text| Deed::Edit { label, text })),
        raw.delete.map(|label| Ok(Deed::Delete { label })),
        raw.react.map(|label| text.clone().map(|emoji| Deed::React { label, emoji })),
        raw.add.map(|people| Ok(Deed::Add(people))),
        raw.remove.map(|people| Ok(Deed::Remove(people))),
        raw.promote.map(|people| Ok(Deed::Promote(people))),
        raw.rename.map(|name| Ok(Deed::Rename(name))),
        raw.leave.filter(|leave| *leave).map(|_| Ok(Deed::Leave)),
    ];
    let deed = match deeds.into_iter().flatten().next() {
        Some(deed) => deed?,
        None => Deed::Say { text: text?, label: raw.label, reply: raw.reply, mentions: raw.mention },
    };
    Ok(Line::Act { who, place, deed })
}

/// What a script has declared, made and said so far: a line may speak of nothing else.
#[derive(Default)]
struct Known {
    cast: BTreeSet<String>,
    departments: BTreeSet<String>,
    groups: BTreeSet<String>,
    labels: BTreeSet<String>,
    texts: BTreeSet<String>,
}

impl Known {
    fn take(&mut self, line: &Line) -> Result<(), String> {
        match line {
            Line::Official { name, department } => {
                self.departments.insert(department.clone());
                new(&mut self.cast, name, "was declared before")
            }
            Line::Event(event) => event.who().map_or(Ok(()), |who| self.person(who)),
            Line::Act { who, place, deed: Deed::Create { with } } => {
                self.person(who)?;
                self.people(with)?;
                new(&mut self.groups, place, "was made before")
            }
            Line::Act { who, place, deed } => {
                self.person(who)?;
                match place.strip_prefix('@') {
                    Some(peer) => self.person(peer)?,
                    None if self.groups.contains(place) => {}
                    None => return Err(format!("no group “{place}” was made before")),
                }
                self.deed(deed)
            }
        }
    }

    fn deed(&mut self, deed: &Deed) -> Result<(), String> {
        // Texts must differ, or nobody could tell one that is shown twice from two.
        if let Deed::Say { text, .. } | Deed::Edit { text, .. } = deed {
            new(&mut self.texts, text, "was said before")?;
        }
        match deed {
            Deed::Say { label, reply, mentions, .. } => {
                reply.iter().try_for_each(|reply| self.label(reply))?;
                self.labels.extend(label.clone());
                self.people(mentions)
            }
            Deed::Edit { label, .. } | Deed::Delete { label } | Deed::React { label, .. } => self.label(label),
            Deed::Add(people) | Deed::Remove(people) | Deed::Promote(people) => self.people(people),
            Deed::Create { .. } | Deed::Rename(_) | Deed::Leave => Ok(()),
        }
    }

    fn person(&self, name: &str) -> Result<(), String> {
        if self.cast.contains(name) { Ok(()) } else { Err(format!("“{name}” is not of the cast")) }
    }

    fn people(&self, names: &[String]) -> Result<(), String> {
        names.iter().try_for_each(|name| match name.strip_prefix('#') {
            Some(department) if self.departments.contains(department) => Ok(()),
            None if name == "*" => Ok(()),
            _ => self.person(name),
        })
    }

    fn label(&self, label: &str) -> Result<(), String> {
        if self.labels.contains(label) { Ok(()) } else { Err(format!("no text “{label}” was said before")) }
    }
}

fn new(set: &mut BTreeSet<String>, one: &str, otherwise: &str) -> Result<(), String> {
    if set.insert(one.to_owned()) { Ok(()) } else { Err(format!("“{one}” {otherwise}")) }
}

impl Event {
    fn who(&self) -> Option<&str> {
        match self {
            Self::Offline(who) | Self::Online(who) | Self::Kill(who) | Self::Restart(who) => Some(who),
            Self::LosePhone(who) | Self::NewPhone(who) => Some(who),
            Self::KillServer | Self::StartServer | Self::Settle => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flood_is_a_real_dialogue() {
        let lines = parse(FLOOD).unwrap();
        let cast: Vec<&String> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Official { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        assert_eq!(cast.len(), 20);
        let said = lines.iter().filter(|line| matches!(line, Line::Act { deed: Deed::Say { .. }, .. })).count();
        assert!(said >= 60, "{said}");
        for line in &lines {
            if let Line::Act { who, place, .. } = line {
                assert!(cast.contains(&who), "{who} is not of the cast");
                let peer = place.strip_prefix('@');
                assert!(peer.is_none_or(|peer| cast.iter().any(|name| *name == peer)), "{place}");
            }
        }
        for event in ["Offline", "Kill(", "LosePhone", "KillServer", "StartServer", "Restart", "Online", "NewPhone"] {
            assert!(lines.iter().any(|line| format!("{line:?}").contains(event)), "{event}");
        }
        assert!(lines.iter().any(|line| matches!(line, Line::Act { deed: Deed::Remove(_), .. })));
    }

    #[test]
    fn a_bad_line_is_named() {
        let cast = "{\"official\":\"A\"}\n{\"official\":\"B\"}\n";
        for (bad, line) in [
            ("{", "3"),
            ("{\"who\":\"A\"}", "3"),
            ("{\"who\":\"A\",\"where\":\"X\"}", "3"),
            ("{\"event\":\"fire\"}", "3"),
            ("{\"who\":\"A\",\"where\":\"X\",\"waht\":\"x\"}", "3"),
            ("\n{\"who\":\"A\",\"where\":\"X\",\"edit\":\"m\"}", "4"),
        ] {
            let failure = parse(&format!("{cast}{bad}")).unwrap_err();
            assert!(failure.message.contains(line), "{bad}: {}", failure.message);
        }
        let cast = format!("{cast}\n// X\n{{\"who\":\"A\",\"create\":\"X\",\"with\":[\"*\"]}}\n");
        let text = r#"{"who":"A","where":"X","what":"x","as":"x"}"#;
        assert!(parse(&format!("{cast}{text}")).is_ok());
        for (bad, why) in [
            (r#"{"official":"A"}"#, "“A” was declared before"),
            (r#"{"who":"A","create":"X"}"#, "“X” was made before"),
            (r#"{"who":"Z","where":"X","what":"y"}"#, "“Z” is not of the cast"),
            (r#"{"who":"A","where":"@Z","what":"y"}"#, "“Z” is not of the cast"),
            (r#"{"who":"A","create":"Y","with":["Z"]}"#, "“Z” is not of the cast"),
            (r##"{"who":"A","create":"Y","with":["#Z"]}"##, "“#Z” is not of the cast"),
            (r#"{"event":"kill","who":"Z"}"#, "“Z” is not of the cast"),
            (r#"{"who":"A","where":"Y","what":"y"}"#, "no group “Y” was made before"),
            (r#"{"who":"A","where":"X","edit":"y","what":"y"}"#, "no text “y” was said before"),
            (r#"{"who":"A","where":"X","what":"y","reply":"y"}"#, "no text “y” was said before"),
            (text, "“x” was said before"),
        ] {
            let failure = parse(&format!("{cast}{text}\n{bad}")).unwrap_err();
            assert!(failure.message.contains("line 7 ") && failure.message.contains(why), "{bad}: {}", failure.message);
        }
        assert!(parse("").is_err());
    }
}
