//! What lasts: logs, rows, snapshots, inboxes, key packages, people, devices, invitations, revocations.
//!
//! An [`Engine`] answers a write only once it would survive a crash, and carries each operation out whole or not at
//! all. Services are written against the trait; [`conformance`] is what every implementation must pass. Rules that must
//! hold together with a write (compare and swap, ranks, budgets, bounds) are the engine's; signatures, door and rates
//! are checked before it is asked.
//!
//! What it must not keep: who wrote an entry; anything that holds a log or a row together with a device or a person;
//! times finer than a day, but for an entry's, and the hour of the server's start; the order of insertion of anything
//! that has no number of its own.

pub mod conformance;
pub mod sqlite;

use std::pin::Pin;

use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::pb::{self, Reason};
use pli_proto::row::AccessKey;
use pli_proto::rows::Changes;
use pli_proto::signed::Hash;

pub use sqlite::{OpenError, Sqlite};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// What is not larger may be held for each reader at any time; who asks for more has to have room for it.
pub const SMALL_BYTES: usize = 16 << 10;

/// Why an operation had no effect.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rules forbid it. Asking again changes nothing unless something else changes.
    #[error("refused: {:?}", .0.reason)]
    Refused(Refused),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The engine was closed.
    #[error("the engine is closed")]
    Closed,
    /// The storage failed; the text is for the operator.
    #[error("the storage failed: {0}")]
    Failed(String),
}

/// What a refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// For people who debug; says nothing about persons.
    pub message: &'static str,
    /// With [`Reason::Stale`]: the log's last commit and the running hash there.
    pub last_commit: Option<(u64, Hash)>,
    /// When asking again may help; zero where it never will.
    pub retry_after_ms: u64,
}

impl EngineError {
    /// A refusal that says no more than this.
    pub fn refused(reason: Reason, message: &'static str) -> Self {
        Self::Refused(Refused { reason, message, last_commit: None, retry_after_ms: 0 })
    }

    /// The reason, if it is a refusal.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refused) => Some(refused.reason),
            _ => None,
        }
    }
}

/// An entry to append. Its signature and form were checked.
#[derive(Clone, Debug)]
pub struct Append {
    /// The log.
    pub log: LogId,
    /// The row that signed. It is not kept.
    pub by: AccessKey,
    /// The entry; `number`, `hash` and `received_ms` are ignored.
    pub entry: pb::Entry,
    /// `Changes::of` it.
    pub changes: Changes,
    /// `signed::entry_digest` of it.
    pub digest: Hash,
    /// The server's clock.
    pub now_ms: u64,
    /// Commits a day for guests' and members' rows; admins' and owners' have ten times as many.
    pub commits_per_day: u64,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub number: u64,
    /// The running hash there.
    pub hash: Hash,
    /// When the server took it.
    pub received_ms: u64,
}

/// Some of a log's entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In order; those that were pruned are left out. None if not even the first fits into what was asked for.
    pub entries: Vec<pb::Entry>,
    /// If the log had nothing more: what is told of its rows.
    pub told: Option<Told>,
    /// The row was cut, and has read all that it may.
    pub ended: bool,
    /// What a whole page weighs: more than was asked for if this one is not whole.
    pub bytes: usize,
}

impl Page {
    /// Whether the log had nothing more.
    pub fn caught_up(&self) -> bool {
        self.told.is_some()
    }
}

/// What a reader is told of rows at a log's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The rank of the row that reads.
    pub rank: u32,
    /// The digest of all rows that stand.
    pub rows: Hash,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit's number.
    pub number: u64,
    /// How large it is.
    pub bytes: usize,
    /// None if it is larger than was asked for.
    pub sealed: Option<Vec<u8>>,
}

/// An invitation as it is kept: its secret is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of the token.
    pub hash: Hash,
    /// Whom it is for.
    pub invitee: Invitee,
    /// When it ends.
    pub expires_ms: u64,
    /// Set once it was used.
    pub used: Option<Used>,
}

/// Whom an invitation is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitee {
    /// Somebody new, who becomes a person on enrolling.
    New {
        /// Name for the directory.
        name: String,
        /// Department for the directory.
        department: String,
        /// Zero for no end.
        guest_until_ms: u64,
    },
    /// A further device of a person.
    Known(PersonId),
}

/// By which device an invitation was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The device that it made.
    pub device: DeviceId,
    /// The keys that it was used with.
    pub mls_key: [u8; 32],
    /// See `mls_key`.
    pub tls_key: [u8; 32],
}

/// A device that enrols.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// SHA-256 of the invitation's token.
    pub invitation: Hash,
    /// Whose device it is; made now if the invitation is for somebody new.
    pub person: PersonId,
    /// The new device.
    pub device: DeviceId,
    /// Its MLS key.
    pub mls_key: [u8; 32],
    /// Its TLS key.
    pub tls_key: [u8; 32],
    /// Its MLS certificate, DER.
    pub mls_certificate: Vec<u8>,
    /// SHA-256 of the certificate of the issuer that signed it.
    pub issuer: Hash,
    /// The server's clock.
    pub now_ms: u64,
}

/// A device as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// Its MLS key.
    pub mls_key: [u8; 32],
    /// Its newest TLS key.
    pub tls_key: [u8; 32],
    /// The one before that, if there was one.
    pub tls_before: Option<[u8; 32]>,
    /// The day on which the newest came, as milliseconds.
    pub renewed_ms: u64,
    /// Its MLS certificate, DER.
    pub mls_certificate: Vec<u8>,
    /// The day it enrolled, as milliseconds.
    pub enrolled_ms: u64,
    /// Whether it stands on the revocation list.
    pub revoked: bool,
    /// The beginning of the last day on which it was here.
    pub seen_ms: u64,
}

/// A part of the directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People {
    /// The version that these bring a reader to.
    pub version: u64,
    /// There are more.
    pub more: bool,
    /// In the order of their last change.
    pub people: Vec<pb::Person>,
}

/// What is newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The directory's version.
    pub directory: u64,
    /// The newest revocation line.
    pub revocations: u64,
    /// The newest end of an issuer.
    pub issuers: u64,
}

/// Additions to the revocation list, carried out together.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The new lines, numbered on from the list's last.
    pub lines: Vec<pb::RevocationLine>,
    /// The list with them, signed; its own lines are ignored.
    pub list: pb::RevocationList,
    /// The person who departs with it.
    pub departed: Option<PersonId>,
}

/// Key packages that a device publishes.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Whose.
    pub device: DeviceId,
    /// For use once.
    pub packages: Vec<Vec<u8>>,
    /// For when there is no other.
    pub last_resort: Option<Vec<u8>>,
    /// The inbox key and its signature.
    pub inbox_key: Option<(Vec<u8>, Vec<u8>)>,
    /// Drop the stock first.
    pub replace: bool,
}

/// What a device has in stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Packages for use once.
    pub single_use: u32,
    /// Whether there is a last resort.
    pub last_resort: bool,
}

/// Some of an inbox's items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InboxBatch {
    /// In order. None if not even the first fits into what was asked for.
    pub items: Vec<pb::InboxItem>,
    /// There was nothing more.
    pub caught_up: bool,
    /// What a whole page weighs: more than was asked for if this one is not whole.
    pub bytes: usize,
}

/// Durable storage. See the module.
///
/// What may be large is asked for with how many bytes the caller has room for (`most`): no more are read, and the answer
/// says what all would weigh.
pub trait Engine: Send + Sync + 'static {
    /// Makes a log whose first row is `row`, an owner's. The same again succeeds; another for this id is
    /// [`Reason::IdTaken`].
    fn create_log(&self, log: LogId, row: AccessKey, snapshot: Vec<u8>) -> Answer<'_, ()>;

    /// Appends under the rules of docs/protocol.md, "The log" and "Rows".
    fn append(&self, append: Append) -> Answer<'_, Appended>;

    /// A page of what `row` may read after a number; [`Reason::Diverged`] if the running hash there is not `hash`.
    fn read(&self, log: LogId, row: AccessKey, after: u64, hash: Option<Hash>, most: usize) -> Answer<'_, Page>;

    /// Keeps the snapshot at a commit. The first at a number stays; eight of them besides the founding one.
    fn put_snapshot(&self, log: LogId, row: AccessKey, number: u64, sealed: Vec<u8>) -> Answer<'_, ()>;

    /// The newest snapshot at or before a number; [`Reason::Gone`] if there is none.
    fn snapshot(&self, log: LogId, row: AccessKey, at_most: u64, most: usize) -> Answer<'_, Snapshot>;

    /// Drops the content of messages received before then, some of them at a time; how many. Their digests stay, and get the first answer.
    fn prune_messages(&self, before_ms: u64) -> Answer<'_, u64>;

    /// Keeps invitations.
    fn invite(&self, invitations: Vec<Invitation>) -> Answer<'_, ()>;

    /// The invitation with this hash of its token.
    fn invitation(&self, hash: Hash) -> Answer<'_, Option<Invitation>>;

    /// Uses an invitation and keeps the device. Refused if the invitation was used, a key is known, or the issuer has
    /// ended.
    fn enrol(&self, enrolment: Enrolment) -> Answer<'_, ()>;

    /// Notes a device's new TLS key, and the day. Refused if another device has it.
    fn renew(&self, device: DeviceId, tls_key: [u8; 32], day_ms: u64) -> Answer<'_, ()>;

    /// Notes that a device was here on a day, given by its beginning; an earlier day than is noted changes nothing.
    fn seen(&self, device: DeviceId, day_ms: u64) -> Answer<'_, ()>;

    /// A device.
    fn device(&self, device: DeviceId) -> Answer<'_, Option<Device>>;

    /// The devices of a person; `None` if there is no such person.
    fn devices_of(&self, person: PersonId) -> Answer<'_, Option<Vec<Device>>>;

    /// The people who changed after a version, at most `limit`.
    fn people(&self, since: u64, limit: usize) -> Answer<'_, People>;

    /// Renames a person; refused if unknown.
    fn rename(&self, person: PersonId, name: String) -> Answer<'_, ()>;

    /// The revocation list with its lines after a number, as many as fit in an answer.
    fn revocations(&self, since: u64) -> Answer<'_, pb::RevocationList>;

    /// Adds to the list, unless its issuer has ended; the devices named lose inbox and key packages. False if the list was no longer the one that
    /// the lines go on from: nothing happened.
    fn revoke(&self, revocation: Revocation) -> Answer<'_, bool>;

    /// Keeps an issuer's end, with the fingerprints of the certificates that stay good. From then on nothing that it
    /// signed is taken. False if its number is not the next, its revocations are not the list's, or the certificates
    /// are not those of all devices that are not revoked: nothing happened.
    fn end_issuer(&self, end: pb::IssuerEnd, kept: Vec<Hash>) -> Answer<'_, bool>;

    /// The first end of an issuer after a number, with the fingerprints that stay good.
    fn issuer_end(&self, since: u64) -> Answer<'_, Option<(pb::IssuerEnd, Vec<Hash>)>>;

    /// The fingerprints of the MLS certificates of all devices that are not revoked, ascending.
    fn certificates(&self) -> Answer<'_, Vec<Hash>>;

    /// Guests whose time is over and who have not departed.
    fn ended_guests(&self, now_ms: u64) -> Answer<'_, Vec<PersonId>>;

    /// What is newest.
    fn versions(&self) -> Answer<'_, Versions>;

    /// Keeps key packages; what does not fit is dropped.
    fn publish(&self, publication: Publication) -> Answer<'_, Stock>;

    /// Takes a key package of each device that has one and is not revoked, in the order asked: one for use once, or rather
    /// the last resort; the other kind where there is none.
    fn take(&self, devices: Vec<DeviceId>, last_resort: bool, now_ms: u64) -> Answer<'_, Vec<pb::DevicePackage>>;

    /// Leaves an item in an inbox; an id that was there before changes nothing. Refused beyond the bounds of items and
    /// bytes that wait.
    fn deliver(&self, device: DeviceId, id: [u8; 16], sealed: Vec<u8>, now_ms: u64) -> Answer<'_, ()>;

    /// Some items after a number.
    fn inbox(&self, device: DeviceId, after: u64, most: usize) -> Answer<'_, InboxBatch>;

    /// Drops items up to a number.
    fn acknowledge(&self, device: DeviceId, up_to: u64) -> Answer<'_, ()>;

    /// Drops what is kept for some days only, some of it at a time; how much.
    fn sweep(&self, now_ms: u64) -> Answer<'_, u64>;

    /// Finishes what was asked and closes the storage.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
