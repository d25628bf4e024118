//! What can go wrong, and what an app does about it.

use std::time::Duration;

use pli_env::db::Failure;
use pli_proto::refusal::{Reason, Refusal};

use crate::store::mls::MlsStoreError;

/// What an app does about an [`Error`]. These five are all there will ever be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The same call may succeed later.
    Retry,
    /// Tell the person, in the app's words; another input or another person's decision is needed.
    Ask,
    /// Only a newer version of the app helps.
    Update,
    /// This device is out: `join` with a new invitation.
    ReEnrol,
    /// `resume` if suspended; else close the client and open it again.
    Reopen,
}

/// What was not found, or was invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What {
    Person,
    Conversation,
    Message,
    Device,
    Member,
    Invitation,
    Text,
    Name,
    Emoji,
    People,
    Number,
    Setting,
}

/// Why an invitation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InvitationProblem {
    Unknown,
    Used,
    Expired,
    /// The server's root is not the one that the invitation pins.
    WrongServer,
}

/// Why the store's key can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum KeyProblem {
    /// The device was not unlocked yet.
    Locked,
    Missing,
    /// It is not this store's key.
    Wrong,
}

/// Everything that a call can fail with. Fields are codes and numbers, never personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server is away or asks for time. Only calls that wait for it.
    #[error("the server can't be reached now")]
    Unavailable {
        /// When the server said to try again.
        retry_after: Option<Duration>,
    },
    /// Another process writes this store.
    #[error("another process uses this store")]
    StoreInUse,
    /// Empty, too long, too many, or malformed.
    #[error("{what:?} is not valid (at most {limit})")]
    Invalid {
        /// What is wrong.
        what: What,
        /// The bound, in bytes or pieces; zero where the form is wrong.
        limit: usize,
    },
    /// The disk is full. Nothing was written.
    #[error("the device's storage is full")]
    StorageFull,
    /// The own role does not allow it.
    #[error("your role in this conversation does not allow that")]
    NotAllowed,
    /// Unknown, or gone.
    #[error("{0:?} not found")]
    NotFound(What),
    /// The invitation does not let this device in.
    #[error("the invitation was refused: {0:?}")]
    InvitationRefused(InvitationProblem),
    /// The store's key can't be had.
    #[error("the store's key: {0:?}")]
    KeyUnavailable(KeyProblem),
    /// Server, store or link is newer than this library.
    #[error("this version of Pli is too old")]
    UpdateRequired,
    /// There is no device in this folder.
    #[error("no device is enrolled here")]
    NotEnrolled,
    /// There is a device in this folder already.
    #[error("a device is enrolled here already")]
    AlreadyEnrolled,
    /// This device's certificate was revoked.
    #[error("this device was revoked")]
    Revoked,
    /// The store is unreadable.
    #[error("the store is damaged")]
    Damaged,
    /// The client was closed or is suspended.
    #[error("the client is closed or suspended")]
    Closed,
    /// A defect of Pli.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unavailable { .. } | Self::StoreInUse | Self::KeyUnavailable(KeyProblem::Locked) => Advice::Retry,
            Self::Invalid { .. }
            | Self::StorageFull
            | Self::NotAllowed
            | Self::NotFound(_)
            | Self::InvitationRefused(_)
            | Self::AlreadyEnrolled => Advice::Ask,
            Self::UpdateRequired => Advice::Update,
            Self::KeyUnavailable(_) | Self::NotEnrolled | Self::Revoked | Self::Damaged => Advice::ReEnrol,
            Self::Closed | Self::Internal(_) => Advice::Reopen,
        }
    }

    pub(crate) fn unavailable() -> Self {
        Self::Unavailable { retry_after: None }
    }

    /// What a refused or failed call means to the caller.
    pub(crate) fn of_status(status: &tonic::Status) -> Self {
        let Some(refusal) = Refusal::of(status) else { return Self::unavailable() };
        match refusal.reason() {
            Reason::UpdateRequired => Self::UpdateRequired,
            Reason::InvitationUnknown => Self::InvitationRefused(InvitationProblem::Unknown),
            Reason::InvitationUsed => Self::InvitationRefused(InvitationProblem::Used),
            Reason::InvitationExpired => Self::InvitationRefused(InvitationProblem::Expired),
            Reason::NotEnrolled | Reason::Revoked => Self::Revoked,
            Reason::Limit | Reason::Unavailable | Reason::Door | Reason::Clock | Reason::Stale => Self::Unavailable {
                retry_after: (refusal.retry_after_ms > 0).then(|| Duration::from_millis(refusal.retry_after_ms)),
            },
            Reason::NoAccess | Reason::Rank => Self::NotAllowed,
            Reason::UnknownLog | Reason::Gone => Self::NotFound(What::Conversation),
            Reason::Invalid | Reason::Signature | Reason::IdTaken | Reason::Unspecified => {
                tracing::warn!(%status, "the server refused a request of ours");
                Self::Internal("refused")
            }
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull | Code::SystemIoFailure) => Self::StorageFull,
            Some(Code::NotADatabase | Code::DatabaseCorrupt) => Self::Damaged,
            _ => {
                tracing::error!(%error, "database");
                Self::Internal("database")
            }
        }
    }
}

impl From<MlsStoreError> for Error {
    fn from(error: MlsStoreError) -> Self {
        match error {
            MlsStoreError::Database(error) => error.into(),
            MlsStoreError::Form(_) => Self::Damaged,
            other => {
                tracing::error!(error = %other, "group state");
                Self::Internal("group state")
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => error.into(),
            Failure::Panic(message) => {
                tracing::error!(message, "a database job panicked");
                Self::Internal("panic")
            }
            Failure::Closed => Self::Closed,
        }
    }
}
