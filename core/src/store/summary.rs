//! What lists and screens show of a group, kept beside it so that they need not load its state.

use std::collections::BTreeMap;

use pli_proto::id::LogId;
use rusqlite::{Connection, OptionalExtension as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::LeastRoles;
use crate::store::Tx;
use pli_kernel::group::settings::Role;
use pli_kernel::group::verdict::Public;

/// A group at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) topic: String,
    /// The own person's role, if they are in it.
    pub(crate) role: Option<Role>,
    pub(crate) member_count: usize,
    /// How many owners there are; in a closed group none.
    pub(crate) owners: usize,
    pub(crate) guests: usize,
    pub(crate) least: LeastRoles,
    /// How long messages are shown; `None` for ever.
    pub(crate) lifetime_ms: Option<u64>,
}

/// A person in it, in the order of ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemberSummary {
    pub(crate) person: [u8; 16],
    pub(crate) role: Role,
    /// Their devices: ids and MLS keys.
    pub(crate) devices: BTreeMap<String, [u8; 32]>,
}

/// Keeps a group's summary.
pub(crate) fn put(tx: &Tx<'_>, log: LogId, public: &Public) -> Result<(), Error> {
    let mut members: BTreeMap<[u8; 16], MemberSummary> = BTreeMap::new();
    let roles = public.settings.roles(&public.roster);
    for leaf in public.roster.leaves() {
        let (person, role) = (leaf.person().0, roles[&leaf.person()]);
        let new = || MemberSummary { person, role, devices: BTreeMap::new() };
        members.entry(person).or_insert_with(new).devices.insert(leaf.device().to_string(), *leaf.key());
    }
    let settings = &public.settings;
    let summary = Summary {
        name: settings.options.name().to_owned(),
        topic: settings.options.topic().to_owned(),
        role: members.get(&tx.context.me.person.0).map(|me| me.role),
        member_count: members.len(),
        owners: members.values().filter(|member| member.role == Role::Owner).count(),
        guests: members.values().filter(|member| member.role == Role::Guest).count(),
        least: LeastRoles {
            add: settings.may_add,
            remove: settings.may_remove,
            post: settings.options.may_post(),
            rename: settings.may_look,
        },
        lifetime_ms: settings.options.lifetime_s().map(|seconds| seconds * 1_000),
    };
    let json = |error: serde_json::Error| {
        tracing::error!(%error, "summary");
        Error::internal("json")
    };
    let summary = serde_json::to_string(&summary).map_err(json)?;
    let members = serde_json::to_string(&members.into_values().collect::<Vec<_>>()).map_err(json)?;
    let sql = "INSERT OR REPLACE INTO summaries(log, summary, members) VALUES(?, ?, ?)";
    tx.db.prepare_cached(sql)?.execute((log.0, summary, members))?;
    Ok(())
}

/// The summary of a group.
pub(crate) fn get(db: &Connection, log: LogId) -> Result<Option<Summary>, Error> {
    read(db, "SELECT summary FROM summaries WHERE log = ?", log)
}

/// The persons in a group; none where it is unknown.
pub(crate) fn members(db: &Connection, log: LogId) -> Result<Vec<MemberSummary>, Error> {
    Ok(read(db, "SELECT members FROM summaries WHERE log = ?", log)?.unwrap_or_default())
}

fn read<T: DeserializeOwned>(db: &Connection, sql: &str, log: LogId) -> Result<Option<T>, Error> {
    let text: Option<String> = db.prepare_cached(sql)?.query_row([log.0], |row| row.get(0)).optional()?;
    text.map(|text| serde_json::from_str(&text).map_err(|_| Error::Damaged)).transpose()
}
