//! Where the own person stands in a conversation, and what lists show of it.

use std::collections::HashSet;
use std::time::Duration;

use pli_kernel::group::settings::Role;
use pli_proto::id::{ConversationId, PersonId};
use rusqlite::Connection;

use crate::error::Error;
use crate::model::{self, ConversationInfo, ConversationKind, Member, Membership, Permission};
use crate::store::items::{self, Conversation};
use crate::store::logs::{self, LogState};
use crate::store::people::{self, People};
use crate::store::summary::{self, Summary};
use crate::text;

/// Where the own person stands in a conversation.
pub(crate) struct Standing {
    pub(crate) role: Role,
    pub(crate) may: HashSet<Permission>,
    membership: Membership,
    summary: Summary,
}

/// The own role, and what it allows.
pub(crate) fn standing(db: &Connection, conversation: &Conversation) -> Result<Standing, Error> {
    let record = logs::of(db, conversation.id)?.into_iter().next();
    let summary = record.as_ref().map(|record| summary::get(db, record.log)).transpose()?.flatten().unwrap_or_default();
    let membership = record.as_ref().map_or(Membership::New, |record| match record.state {
        LogState::Founding => Membership::New,
        LogState::Broken => Membership::Returning,
        LogState::Active => Membership::Member,
        LogState::Removed => Membership::Removed,
        LogState::AccessLost => Membership::AccessLost,
        LogState::Left => Membership::Left,
        // A pair goes on in another log.
        LogState::Behind | LogState::Diverged if conversation.peer.is_some() => Membership::New,
        LogState::Behind => Membership::Behind,
        LogState::Diverged => Membership::Diverged,
    });
    let out = record.is_some_and(|record| !record.state.is_written());
    let role = summary.role.unwrap_or(if conversation.peer.is_some() { Role::Owner } else { Role::Guest });
    let may =
        if out && conversation.peer.is_none() { HashSet::new() } else { permissions(&summary, role, conversation) };
    Ok(Standing { role, may, membership, summary })
}

/// A conversation as lists show it.
pub(crate) fn info(people: &mut People<'_>, conversation: &Conversation) -> Result<ConversationInfo, Error> {
    let db = people.db;
    let Standing { role, may, membership, summary } = standing(db, conversation)?;
    let (name, initials, colour) = match conversation.peer {
        Some(peer) => {
            let peer = people.get(peer)?;
            (peer.name, peer.initials, peer.colour)
        }
        None => {
            let name = conversation.name.clone();
            let initials = text::initials(&name);
            (name, initials, text::colour(&conversation.id.0))
        }
    };
    Ok(ConversationInfo {
        id: conversation.id,
        kind: if conversation.peer.is_some() { ConversationKind::Pair } else { ConversationKind::Group },
        peer: conversation.peer,
        name,
        initials,
        colour,
        topic: summary.topic.clone(),
        last: items::last(people, conversation.id)?,
        unread: items::unread(db, conversation)?,
        muted_until: model::some_time(conversation.muted_until_ms),
        draft: conversation.draft.clone(),
        my_role: role,
        may,
        least: summary.least,
        member_count: summary.member_count.max(if conversation.peer.is_some() { 2 } else { 1 }),
        guest_count: summary.guests,
        sole_owner: summary.role == Some(Role::Owner) && summary.owners == 1 && summary.member_count > 1,
        membership,
        lifetime: summary.lifetime_ms.map(Duration::from_millis),
        active_at: model::time(conversation.active_ms),
    })
}

fn permissions(summary: &Summary, role: Role, conversation: &Conversation) -> HashSet<Permission> {
    if conversation.peer.is_some() {
        return HashSet::from([Permission::Post, Permission::SetLifetime]);
    }
    let mut may = HashSet::new();
    if summary.owners == 0 {
        return may;
    }
    let mut grant = |permission, granted| {
        if granted {
            may.insert(permission);
        }
    };
    grant(Permission::Add, role >= summary.least.add);
    grant(Permission::Remove, role >= summary.least.remove);
    grant(Permission::Post, role >= summary.least.post);
    grant(Permission::Rename, role >= summary.least.rename);
    grant(Permission::SetRoles, role >= Role::Admin);
    grant(Permission::SetLifetime, role >= Role::Admin);
    may
}

/// The persons in a conversation, the most powerful first.
pub(crate) fn members(db: &Connection, id: ConversationId) -> Result<Vec<Member>, Error> {
    let Some(record) = logs::of(db, id)?.into_iter().next() else { return Ok(Vec::new()) };
    let mut members = Vec::new();
    for member in summary::members(db, record.log)? {
        members.push(Member {
            person: people::get(db, PersonId(member.person))?,
            role: member.role,
            device_count: member.devices.len(),
        });
    }
    members.sort_by(|a, b| (b.role, &a.person.name, a.person.id).cmp(&(a.role, &b.person.name, b.person.id)));
    Ok(members)
}
