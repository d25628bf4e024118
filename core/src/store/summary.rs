//! What lists and screens show of a group, kept beside it so that they need not load its state.

use std::collections::{BTreeMap, BTreeSet};

use pli_proto::id::{LogId, PersonId};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::group::settings::Role;
use crate::group::verdict::Public;

/// A group at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) members: Vec<MemberSummary>,
    pub(crate) may_add: i32,
    pub(crate) may_post: i32,
    pub(crate) may_rename: i32,
    pub(crate) lifetime_s: u64,
    pub(crate) is_pair: bool,
}

/// A person in it, in the order of ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemberSummary {
    pub(crate) person: [u8; 16],
    /// What they may do now: see [`crate::group::settings::Settings::role`].
    pub(crate) role: i32,
    /// Their devices: ids and MLS keys.
    pub(crate) devices: BTreeMap<String, [u8; 32]>,
}

impl Summary {
    pub(crate) fn role_of(&self, person: PersonId) -> Option<Role> {
        let member = self.members.iter().find(|member| member.person == person.0)?;
        Role::try_from(member.role).ok()
    }
}

/// Keeps a group's summary.
pub(crate) fn put(db: &Connection, log: LogId, public: &Public) -> Result<(), Error> {
    let present: BTreeSet<PersonId> = public.roster.persons();
    let settings = &public.settings;
    let member = |person: &PersonId| MemberSummary {
        person: person.0,
        role: settings.role(*person, &present).into(),
        devices: public.roster.of(*person).map(|leaf| (leaf.device().to_string(), *leaf.key())).collect(),
    };
    let summary = Summary {
        name: settings.name.clone(),
        topic: settings.topic.clone(),
        members: present.iter().map(member).collect(),
        may_add: settings.may_add.into(),
        may_post: settings.may_post.into(),
        may_rename: settings.may_rename.into(),
        lifetime_s: settings.lifetime_s,
        is_pair: settings.pair.is_some(),
    };
    let text = serde_json::to_string(&summary).map_err(|_| Error::Internal("json"))?;
    db.prepare_cached("INSERT OR REPLACE INTO summaries(log, summary) VALUES(?, ?)")?.execute((log.0, text))?;
    Ok(())
}

/// The summary of a group.
pub(crate) fn get(db: &Connection, log: LogId) -> Result<Option<Summary>, Error> {
    let mut query = db.prepare_cached("SELECT summary FROM summaries WHERE log = ?")?;
    let text: Option<String> = query.query_row([log.0], |row| row.get(0)).optional()?;
    text.map(|text| serde_json::from_str(&text).map_err(|_| Error::Damaged)).transpose()
}
