//! Why a command did not do it: in words for people, and as an exit code for scripts.

use std::path::Path;

use pli_core::Error;
use pli_core::error::{InvitationProblem, KeyProblem, What};
use pli_core::identity::link::Fault;
use pli_core::model::Refusal;
use pli_server::{AuthorityError, ServerError};

use crate::words::errors as words;

/// Exit codes, as docs/cli.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// Whoever read the output went away: the command ends, and nothing is wrong.
    Done = 0,
    /// A red verdict, or a defect.
    Failed = 1,
    /// Wrong usage, invalid input.
    Usage = 2,
    /// Refused, not allowed, not found.
    Refused = 3,
    /// The server can't be reached; what was asked is queued.
    Unreachable = 4,
    /// The profile or data folder can't be used.
    Store = 5,
}

/// Why a command did not do it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// Empty if everything was said already.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Code::Refused, message)
    }

    /// What the core said about a profile; errors of keys and folders name the files.
    pub(crate) fn of_profile(error: &Error, folder: &Path) -> Self {
        let key = crate::profile::key_path(folder);
        let (folder, key) = (folder.display(), key.display());
        let message = match error {
            Error::Invalid { what: What::Folder, .. } => {
                return Self::new(Code::Store, words::NO_FOLDER.with(&[&folder]));
            }
            Error::NotEnrolled => words::NOT_ENROLLED.with(&[&folder]),
            Error::AlreadyEnrolled => words::ALREADY_ENROLLED.with(&[&folder]),
            Error::KeyUnavailable { why: KeyProblem::Locked } => words::KEY_LOCKED.with(&[&key]),
            Error::KeyUnavailable { why: KeyProblem::Missing } => words::KEY_MISSING.with(&[&key]),
            Error::KeyUnavailable { why: KeyProblem::Wrong } => words::KEY_WRONG.with(&[&key]),
            _ => return Self::from(error.clone()),
        };
        Self::new(Self::from(error.clone()).code, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Invalid { .. } => Code::Usage,
            Error::Unavailable { .. } => Code::Unreachable,
            Error::NotAllowed
            | Error::NotFound { .. }
            | Error::InvitationRefused { .. }
            | Error::ClockWrong { .. }
            | Error::UpdateRequired
            | Error::Revoked
            | Error::AlreadyEnrolled => Code::Refused,
            Error::Internal { .. } => Code::Failed,
            _ => Code::Store,
        };
        Self::new(code, words_of(&error))
    }
}

fn words_of(error: &Error) -> String {
    let word = match error {
        Error::Unavailable { .. } => words::UNAVAILABLE,
        Error::StoreInUse => words::STORE_IN_USE,
        Error::StorageFull => words::STORAGE_FULL,
        Error::NotAllowed => words::NOT_ALLOWED,
        Error::InvitationRefused { why: InvitationProblem::Unknown } => words::INVITATION_UNKNOWN,
        Error::InvitationRefused { why: InvitationProblem::Used } => words::INVITATION_USED,
        Error::InvitationRefused { why: InvitationProblem::Expired } => words::INVITATION_EXPIRED,
        Error::InvitationRefused { why: InvitationProblem::WrongServer } => words::WRONG_SERVER,
        Error::UpdateRequired => words::UPDATE,
        Error::Revoked => words::REVOKED,
        Error::Damaged => words::DAMAGED,
        Error::Closed => words::CLOSED,
        Error::NotFound { what: What::Member } => words::UNKNOWN_MEMBER,
        Error::NotFound { .. } => words::NOT_FOUND,
        Error::Invalid { what, limit } => return words_of_invalid(*what, *limit),
        Error::ClockWrong { days, ahead } => return words_of_clock(*days, *ahead),
        Error::Internal { place: what } => return words::INTERNAL.with(&[what]),
        other => return other.to_string(),
    };
    word.text().to_owned()
}

/// A clock that is wrong, in words.
pub(crate) fn words_of_clock(days: u32, ahead: bool) -> String {
    if ahead { words::CLOCK_AHEAD } else { words::CLOCK_BEHIND }.with(&[&days])
}

fn words_of_invalid(what: What, limit: usize) -> String {
    match what {
        What::Invitation => words::NO_LINK.text().into(),
        What::Text => words::INVALID_TEXT.with(&[&limit]),
        What::Name => words::INVALID_NAME.with(&[&limit]),
        What::Emoji => words::INVALID_EMOJI.text().into(),
        What::People => words::INVALID_PEOPLE.with(&[&limit]),
        What::Number => words::INVALID_NUMBER.text().into(),
        What::Person => words::INVALID_PERSON.text().into(),
        _ => words::INVALID_SETTING.text().into(),
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let word = match fault {
            Fault::Absent => words::NO_LINK,
            Fault::Address => words::LINK_ADDRESS,
            Fault::Cut => words::LINK_CUT,
            Fault::Long => words::LINK_LONG,
            Fault::Several => words::LINK_SEVERAL,
        };
        Self::usage(word.text())
    }
}

/// What was accepted, and then given up.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let word = match refusal {
            Refusal::NotAllowed => words::REFUSED_NOT_ALLOWED,
            Refusal::NoDevice => words::REFUSED_NO_DEVICE,
            Refusal::NotAMember => words::REFUSED_NOT_MEMBER,
            Refusal::TooMany => words::REFUSED_TOO_MANY,
            Refusal::Server => words::REFUSED_SERVER,
        };
        Self::refused(word.text())
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Invalid(what) => Self::usage(what),
            AuthorityError::UnknownPerson | AuthorityError::UnknownDevice => Self::refused(error.to_string()),
            AuthorityError::Missing(folder) => Self::new(Code::Store, words::NO_AUTHORITY.with(&[&folder.display()])),
            AuthorityError::OtherRoot(file) => Self::new(Code::Store, words::NOT_ROOT.with(&[&file.display()])),
            AuthorityError::NoIssuer => Self::new(Code::Store, words::NO_ISSUER.text()),
            other => Self::new(Code::Store, words::DATA.with(&[&other])),
        }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Authority(error) => error.into(),
            ServerError::Listen { address, source } => Self::refused(words::PORT_IN_USE.with(&[&address, &source])),
            ServerError::InUse(folder) => Self::new(Code::Store, words::SERVER_IN_USE.with(&[&folder.display()])),
            other => Self::new(Code::Failed, words::SERVER.with(&[&other])),
        }
    }
}
