//! Groups as they are stored: a member's own state, or the public state alone.

use openmls::group::{GroupId, MlsGroup, PublicGroup};
use pli_kernel::group::roster::Roster;
use pli_kernel::group::settings::Settings;
use pli_kernel::group::verdict::Public;
use pli_proto::id::LogId;

use super::logs::{self, LogState};
use super::mls::{MlsStore, MlsStoreError};
use super::{Loaded, Tx};
use crate::error::Error;

/// The MLS group id of a log.
pub fn group_id(log: LogId) -> GroupId {
    GroupId::from_slice(&log.0)
}

/// Loads a group: the member's state, unless the secrets are lost, and what the public state says.
pub(crate) fn load(tx: &Tx<'_>, log: LogId) -> Result<Loaded, Error> {
    let record = logs::get(tx.db, log)?;
    let member = match record.state {
        LogState::Broken => None,
        _ => MlsGroup::load(&tx.provider().storage, &group_id(log))?,
    };
    let Some(group) = member else {
        let public = read_public(&tree(&tx.follower_store(), log)?)?;
        return Ok(Loaded { group: None, public });
    };
    let public = read_public(group.public_group())?;
    Ok(Loaded { group: Some(group), public })
}

/// The tree and the context as they are stored. Not kept in memory: a member has them in the own group too, and those of
/// 1,000 members take megabytes.
pub(crate) fn tree(store: &MlsStore<'_>, log: LogId) -> Result<PublicGroup, Error> {
    PublicGroup::load(store, &group_id(log))?.ok_or(Error::Damaged)
}

/// What the public state of a group says, whose leaves were verified when they entered.
///
/// # Errors
/// [`Error::Damaged`] if it is not of this program's making.
pub fn read_public(group: &PublicGroup) -> Result<Public, Error> {
    let roster = Roster::read(group).ok_or(Error::Damaged)?;
    let settings = Settings::of(group.group_context()).map_err(|_| Error::Damaged)?;
    Ok(Public::new(group, roster, settings))
}

impl From<MlsStoreError> for Error {
    fn from(error: MlsStoreError) -> Self {
        match error {
            MlsStoreError::Database(error) => error.into(),
            MlsStoreError::Form(_) => Self::Damaged,
            other => {
                tracing::error!(error = %other, "group state");
                Self::internal("group state")
            }
        }
    }
}
