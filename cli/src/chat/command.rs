//! What is written with a slash.

use crate::words::screen as words;

/// A command, taken apart. Names are as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Add(Vec<String>),
    Remove(Vec<String>),
    Promote(Vec<String>),
    Demote(Vec<String>),
    Rename(String),
    Leave,
    Pair(String),
    Group {
        name: String,
        people: Vec<String>,
    },
    React(Option<String>),
    Edit(String),
    Delete,
    Reply(String),
    /// For so many hours; zero unmutes.
    Mute(u64),
    Quit,
    Help,
}

/// Reads a line that begins with a slash.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse(line: &str) -> Result<Command, String> {
    let (name, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    let rest = rest.trim();
    let needs = |usage: &str| if rest.is_empty() { Err(words::USAGE.with(&[&usage])) } else { Ok(rest.to_owned()) };
    let people = |usage: &str| needs(usage).map(|text| list(&text));
    Ok(match name {
        "/add" => Command::Add(people("/add Anne, Bảo")?),
        "/remove" => Command::Remove(people("/remove Anne")?),
        "/promote" => Command::Promote(people("/promote Anne")?),
        "/demote" => Command::Demote(people("/demote Anne")?),
        "/rename" => Command::Rename(needs("/rename …")?),
        "/leave" => Command::Leave,
        "/pair" => Command::Pair(needs("/pair Anne")?),
        "/group" => {
            let text = needs("/group …: Anne, Bảo")?;
            let (name, people) = text.split_once(':').unwrap_or((text.as_str(), ""));
            Command::Group { name: name.trim().into(), people: list(people) }
        }
        "/react" => Command::React(Some(rest.to_owned()).filter(|emoji| !emoji.is_empty())),
        "/edit" => Command::Edit(needs("/edit …")?),
        "/delete" => Command::Delete,
        "/reply" => Command::Reply(needs("/reply …")?),
        "/mute" if rest.is_empty() => Command::Mute(8),
        "/mute" => Command::Mute(rest.parse().map_err(|_| words::USAGE.with(&[&"/mute 8"]))?),
        "/quit" => Command::Quit,
        "/help" => Command::Help,
        _ => return Err(words::UNKNOWN_COMMAND.with(&[&name])),
    })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().trim_start_matches('@').to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(parse("/add Anne Lefèvre, @Bảo"), Ok(Command::Add(names(&["Anne Lefèvre", "Bảo"]))));
        let group = Command::Group { name: "La crue".into(), people: names(&["Anne", "Bảo"]) };
        assert_eq!(parse("/group La crue: Anne, Bảo"), Ok(group));
        assert_eq!(parse("/group Seul"), Ok(Command::Group { name: "Seul".into(), people: vec![] }));
        assert_eq!(parse(" /react 👍 "), Ok(Command::React(Some("👍".into()))));
        assert_eq!(parse("/react"), Ok(Command::React(None)));
        assert_eq!(parse("/mute"), Ok(Command::Mute(8)));
        assert_eq!(parse("/reply deux\nlignes"), Ok(Command::Reply("deux\nlignes".into())));
    }

    #[test]
    fn wrong_ones_are_named() {
        for bad in ["/add", "/reply  ", "/mute soon", "/", "/nonsense x", "/rename"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("/nonsense x").unwrap_err().contains("/nonsense"));
    }
}
