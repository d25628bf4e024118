//! Making and changing groups.

use pli_core::model::{ConversationId, ItemId, Role, Setting, TimelineItem};
use serde_json::json;

use crate::args::{Group, GroupPeople};
use crate::failure::Failure;
use crate::names;
use crate::profile::Profile;
use crate::show;
use crate::words::{errors, say};

use super::Shared;

pub(super) async fn run(command: Group, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            // Roles and members may have changed since.
            profile.freshen().await?;
            carry_out(profile, command, shared).await
        })
        .await
}

async fn carry_out(profile: &Profile, command: Group, shared: &Shared) -> Result<(), Failure> {
    match command {
        Group::Create { name, people } => create(profile, &name, &people, shared).await,
        Group::Members { group } => members(profile, &group, shared).await,
        Group::Add(GroupPeople { group, people }) => {
            let (group, people) = (profile.conversation(&group).await?, profile.people(&people).await?);
            let entry = profile.client.conversation(group).add(&people).await?;
            done(profile, group, &[entry], shared).await
        }
        Group::Remove(GroupPeople { group, people }) => {
            let group = profile.conversation(&group).await?;
            let mut members = Vec::new();
            for name in &people {
                members.push(names::member(&profile.client, group, name).await?);
            }
            let entry = profile.client.conversation(group).remove(&members).await?;
            done(profile, group, &[entry], shared).await
        }
        Group::Promote(named) => set_roles(profile, named, Role::Admin, shared).await,
        Group::Demote(named) => set_roles(profile, named, Role::Member, shared).await,
        Group::Rename { group, name } => {
            let group = profile.conversation(&group).await?;
            let entry = profile.client.conversation(group).rename(&name).await?;
            done(profile, group, &[entry], shared).await
        }
        Group::Set { group, key, value } => {
            let setting = setting(&key, &value)?;
            let group = profile.conversation(&group).await?;
            let entry = profile.client.conversation(group).set(setting).await?;
            done(profile, group, &[entry], shared).await
        }
        Group::Leave { group } => {
            let group = profile.conversation(&group).await?;
            let sole_owner = profile.client.conversation(group).info().await?.sole_owner;
            let entry = profile.client.conversation(group).leave().await?;
            done(profile, group, &[entry], shared).await?;
            tell_of_owner(sole_owner);
            Ok(())
        }
    }
}

async fn create(profile: &Profile, name: &str, people: &[String], shared: &Shared) -> Result<(), Failure> {
    let people = profile.people(people).await?;
    let id = profile.client.create_group(name, &people).await?;
    let settled = settle_all(profile, id).await;
    let info = profile.client.conversation(id).info().await?;
    shared.print(|| show::conversation_line(&info), || show::conversation_json(&info))?;
    settled
}

/// Waits for everything that is asked for in a new group. Those who can't be added with the others become an entry of
/// their own.
async fn settle_all(profile: &Profile, group: ConversationId) -> Result<(), Failure> {
    profile.sync().await?;
    loop {
        let items = profile.client.conversation(group).items(None, 10).await?;
        let asked = items.into_iter().find_map(|item| match item {
            TimelineItem::Changed(change) if change.delivery.is_some() => Some(change.id),
            _ => None,
        });
        let Some(entry) = asked else { return Ok(()) };
        profile.settle(group, entry).await?;
    }
}

async fn members(profile: &Profile, group: &str, shared: &Shared) -> Result<(), Failure> {
    let group = profile.conversation(group).await?;
    for member in profile.client.conversation(group).member_list().await? {
        shared.print(|| show::member_line(&member), || show::member_json(&member))?;
    }
    Ok(())
}

async fn set_roles(profile: &Profile, named: GroupPeople, role: Role, shared: &Shared) -> Result<(), Failure> {
    let group = profile.conversation(&named.group).await?;
    let mut members = Vec::new();
    for name in &named.people {
        members.push(names::member(&profile.client, group, name).await?);
    }
    let handle = profile.client.conversation(group);
    let (known, sole_owner) = (handle.member_list().await?, handle.info().await?.sole_owner);
    if let Some(above) =
        known.iter().find(|known| role > Role::Member && members.contains(&known.person.id) && known.role > role)
    {
        return Err(Failure::refused(errors::HIGHER_ALREADY.with(&[&show::safe(&above.person.name)])));
    }
    let steps_down = sole_owner && members.contains(&profile.client.me().await?.id);
    let mut entries = Vec::new();
    for person in members {
        entries.push(handle.set_role(person, role).await?);
    }
    done(profile, group, &entries, shared).await?;
    tell_of_owner(steps_down);
    Ok(())
}

/// Roles follow from who is there (docs/protocol.md, section 4.3).
fn tell_of_owner(was_the_last: bool) {
    if was_the_last {
        eprintln!("{}", say::NEXT_OWNER);
    }
}

/// Waits until all of it is in the log, and says so.
async fn done(profile: &Profile, group: ConversationId, entries: &[ItemId], shared: &Shared) -> Result<(), Failure> {
    for entry in entries {
        profile.settle(group, *entry).await?;
    }
    shared.print(|| say::DONE.text().into(), || json!({ "conversation": group.to_string(), "state": "done" }))
}

fn setting(key: &str, value: &str) -> Result<Setting, Failure> {
    let bad = || Failure::usage(errors::BAD_SETTING.with(&[&key, &value]));
    let role = || {
        Ok(match value {
            "owner" => Role::Owner,
            "admin" => Role::Admin,
            "member" => Role::Member,
            "guest" => Role::Guest,
            _ => return Err(bad()),
        })
    };
    match key {
        "topic" => Ok(Setting::Topic(value.to_owned())),
        "lifetime" => lifetime_s(value).map(Setting::LifetimeS).ok_or_else(bad),
        "may-add" => role().map(Setting::MayAdd),
        "may-remove" => role().map(Setting::MayRemove),
        "may-post" => role().map(Setting::MayPost),
        "may-rename" => role().map(Setting::MayRename),
        _ => Err(bad()),
    }
}

fn lifetime_s(text: &str) -> Option<u64> {
    if text == "off" {
        return Some(0);
    }
    let split = text.len().checked_sub(1).filter(|split| text.is_char_boundary(*split))?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        assert_eq!(setting("lifetime", "7d").unwrap(), Setting::LifetimeS(604_800));
        assert_eq!(setting("lifetime", "off").unwrap(), Setting::LifetimeS(0));
        assert_eq!(setting("may-post", "admin").unwrap(), Setting::MayPost(Role::Admin));
        for (key, value) in [
            ("lifetime", ""),
            ("lifetime", "é"),
            ("lifetime", "0d"),
            ("lifetime", "d"),
            ("may-add", "king"),
            ("colour", "red"),
        ] {
            assert!(setting(key, value).is_err(), "{key} {value}");
        }
    }
}
