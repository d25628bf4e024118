//! What can go wrong, and what an app does about it.

use std::time::Duration;

use pli_env::db::Failure;
use pli_proto::refusal::{Reason, Refusal};

/// What an app does about an error. These five are all there will ever be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "uniffi", uniffi(name = "Subject"))]
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
    /// The one of a device's store: it can't be made, read or written.
    Folder,
}

/// Why an invitation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[allow(missing_docs)]
pub enum KeyProblem {
    /// The device was not unlocked yet.
    Locked,
    Missing,
    /// It is not this store's key.
    Wrong,
}

/// The place in Pli's code that reports a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub &'static str);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Everything that a call can fail with. Fields are codes and numbers, never personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error))]
#[non_exhaustive]
pub enum PliError {
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
    #[error("{what:?} not found")]
    NotFound {
        /// What.
        what: What,
    },
    /// The invitation does not let this device in.
    #[error("the invitation was refused: {why:?}")]
    InvitationRefused {
        /// Why.
        why: InvitationProblem,
    },
    /// This device's clock is wrong, so that the server's certificate is not good by it. Set it, and try again.
    #[error("this device's clock is wrong by {days} days")]
    ClockWrong {
        /// By about so many days.
        days: u32,
        /// It is ahead of the server's; else behind.
        ahead: bool,
    },
    /// The store's key can't be had.
    #[error("the store's key: {why:?}")]
    KeyUnavailable {
        /// Why.
        why: KeyProblem,
    },
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
    #[error("internal: {place}")]
    Internal {
        /// Where it was noticed.
        place: Place,
    },
}

/// In Rust by its short name; elsewhere it stands beside the errors of others.
pub type Error = PliError;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl PliError {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unavailable { .. } | Self::StoreInUse | Self::KeyUnavailable { why: KeyProblem::Locked } => {
                Advice::Retry
            }
            Self::Invalid { .. }
            | Self::StorageFull
            | Self::NotAllowed
            | Self::NotFound { .. }
            | Self::InvitationRefused { .. }
            | Self::ClockWrong { .. }
            | Self::AlreadyEnrolled => Advice::Ask,
            Self::UpdateRequired => Advice::Update,
            Self::KeyUnavailable { .. } | Self::NotEnrolled | Self::Revoked | Self::Damaged => Advice::ReEnrol,
            Self::Closed | Self::Internal { .. } => Advice::Reopen,
        }
    }
}

/// The place of errors of the database that come from below it.
const STORE: &str = "store";

impl Error {
    /// Whether it concerns the whole store, and not what was just done with it: nothing else would succeed either.
    pub(crate) fn is_of_the_store(&self) -> bool {
        matches!(self, Self::StorageFull | Self::Damaged | Self::Closed) || *self == Self::internal(STORE)
    }

    /// A defect at a place of Pli's.
    pub const fn internal(place: &'static str) -> Self {
        Self::Internal { place: Place(place) }
    }

    pub(crate) fn unavailable() -> Self {
        Self::Unavailable { retry_after: None }
    }

    /// What a refused or failed call means to the caller.
    pub(crate) fn of_status(status: &tonic::Status) -> Self {
        let Some(refusal) = Refusal::of(status) else { return Self::unavailable() };
        match refusal.reason() {
            Reason::UpdateRequired => Self::UpdateRequired,
            Reason::InvitationUnknown => Self::InvitationRefused { why: InvitationProblem::Unknown },
            Reason::InvitationUsed => Self::InvitationRefused { why: InvitationProblem::Used },
            Reason::InvitationExpired => Self::InvitationRefused { why: InvitationProblem::Expired },
            Reason::NotEnrolled | Reason::Revoked => Self::Revoked,
            Reason::Limit | Reason::Unavailable | Reason::Door | Reason::Clock | Reason::Stale => Self::Unavailable {
                retry_after: (refusal.retry_after_ms > 0).then(|| Duration::from_millis(refusal.retry_after_ms)),
            },
            Reason::NoAccess | Reason::NotYours => Self::NotAllowed,
            Reason::UnknownLog | Reason::Gone => Self::NotFound { what: What::Conversation },
            Reason::Invalid | Reason::Signature | Reason::IdTaken | Reason::Diverged | Reason::Unspecified => {
                tracing::warn!(%status, "the server refused a request of ours");
                Self::internal("refused")
            }
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            _ if pli_env::db::is_full(&error) => Self::StorageFull,
            Some(Code::NotADatabase | Code::DatabaseCorrupt) => Self::Damaged,
            // The disk, memory, or another process.
            Some(code) if code != Code::ConstraintViolation && code != Code::TypeMismatch => {
                tracing::error!(%error, "the store can't be used");
                Self::internal(STORE)
            }
            _ => {
                tracing::error!(%error, "database");
                Self::internal("database")
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
                Self::internal("panic")
            }
            Failure::Closed => Self::Closed,
        }
    }
}
