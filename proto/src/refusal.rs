//! The machine-readable reason in a gRPC status.

use prost::Message;
use tonic::{Code, Status};

pub use crate::pb::{Reason, Refusal};

impl Refusal {
    /// A refusal for this reason, with nothing else said.
    pub fn new(reason: Reason) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// The status that carries it; `message` is for people who debug.
    pub fn into_status(self, message: &str) -> Status {
        let code = match self.reason() {
            Reason::Unspecified => Code::Unknown,
            Reason::UpdateRequired | Reason::Stale | Reason::Diverged => Code::FailedPrecondition,
            Reason::Invalid => Code::InvalidArgument,
            Reason::InvitationUnknown | Reason::UnknownLog | Reason::Gone => Code::NotFound,
            Reason::InvitationUsed | Reason::IdTaken => Code::AlreadyExists,
            Reason::InvitationExpired | Reason::Revoked | Reason::NoAccess | Reason::NotYours => Code::PermissionDenied,
            Reason::NotEnrolled | Reason::Door | Reason::Clock | Reason::Signature => Code::Unauthenticated,
            Reason::Limit => Code::ResourceExhausted,
            Reason::Unavailable => Code::Unavailable,
        };
        Status::with_details(code, message, self.encode_to_vec().into())
    }

    /// What a status says; `None` if it was not given by a Pli server, as when there is no connection.
    pub fn of(status: &Status) -> Option<Self> {
        if status.details().is_empty() {
            return None;
        }
        Self::decode(status.details()).ok().filter(|refusal| refusal.reason() != Reason::Unspecified)
    }
}
