//! The values that an app sees: plain, without objects or handles in them.

use std::collections::BTreeSet;

pub use pli_proto::id::{ConversationId, DeviceId, EntryId, PersonId};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

pub use crate::group::settings::Role;
pub use crate::store::outbox::{Refusal, Setting};

/// A human being known to the organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Stable and opaque.
    pub id: PersonId,
    /// As the directory has it.
    pub name: String,
    /// Part of the organisation.
    pub department: Option<String>,
    /// A guest's last moment, in milliseconds since 1970.
    pub guest_until_ms: Option<u64>,
    /// No longer in the organisation.
    pub departed: bool,
}

/// Someone in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// What they may do.
    pub role: Role,
    /// How many of their devices are in it.
    pub device_count: usize,
}

/// A group or a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// Of any number of persons.
    Group,
    /// Of two.
    Pair,
}

/// Something that a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Permission {
    Add,
    Remove,
    Post,
    Rename,
    SetRoles,
    SetLifetime,
}

/// Whether this device is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Nothing was said yet, or the group is being made.
    New,
    /// In it.
    Member,
    /// Coming back after losing the group's secrets.
    Returning,
    /// The server refuses access, though nobody removed this device; it keeps trying.
    AccessLost,
    /// Removed by a member.
    Removed,
    /// Left by oneself.
    Left,
    /// This version of Pli is too old for it.
    UpdateRequired,
}

/// One line of the conversation list.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationInfo {
    /// Which.
    pub id: ConversationId,
    /// Group or pair.
    pub kind: ConversationKind,
    /// The group's name, or the other person's.
    pub name: String,
    /// What the group is about.
    pub topic: String,
    /// What was said last.
    pub last: Option<Message>,
    /// Messages of others that were not seen yet.
    pub unread: u64,
    /// No notifications until then, in milliseconds since 1970; zero if not muted.
    pub muted_until_ms: u64,
    /// What was written and not sent.
    pub draft: String,
    /// The own role.
    pub my_role: Role,
    /// What it allows.
    pub may: BTreeSet<Permission>,
    /// How many persons are in it.
    pub member_count: usize,
    /// Whether this device is in it.
    pub membership: Membership,
    /// How long messages are shown, in seconds; zero for ever.
    pub lifetime_s: u64,
    /// When something was last said, in milliseconds since 1970.
    pub active_ms: u64,
}

/// One thing in a timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineItem {
    /// Somebody said something.
    Said(Message),
    /// Something about the conversation changed.
    Changed(Change),
}

impl TimelineItem {
    /// The entry's id, the same from waiting on.
    pub fn id(&self) -> EntryId {
        match self {
            Self::Said(message) => message.id,
            Self::Changed(change) => change.id,
        }
    }
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The entry.
    pub id: EntryId,
    /// Where.
    pub conversation: ConversationId,
    /// The entry's number in its log; zero while it waits.
    pub number: u64,
    /// Who.
    pub sender: Person,
    /// Said by the own person, on whatever device.
    pub mine: bool,
    /// What.
    pub content: Content,
    /// By the sender's clock, in milliseconds since 1970.
    pub sent_ms: u64,
    /// When it was edited last.
    pub edited_ms: Option<u64>,
    /// The entry that it answers.
    pub reply_to: Option<EntryId>,
    /// Emoji, and who reacted with it, in the order of emoji.
    pub reactions: Vec<(String, Vec<PersonId>)>,
    /// How far an own message of this device came.
    pub delivery: Option<DeliveryState>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text {
        /// As written.
        body: String,
        /// The persons mentioned.
        mentions: Vec<PersonId>,
    },
    /// It was deleted.
    Deleted {
        /// By whom.
        by: PersonId,
    },
    /// Of a kind that this version does not know: "update Pli to see this".
    Unknown,
    /// It could not be read: its sender's device was broken, or hostile, or the device lost its keys meanwhile.
    Unreadable,
}

/// How far an own message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// In the outbox.
    Waiting,
    /// The server has it.
    Sent,
    /// Given up: retry or delete it.
    Refused(Refusal),
}

/// A change of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The entry.
    pub id: EntryId,
    /// Who made it.
    pub by: Person,
    /// When the server received it, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub what: What,
    /// How far an own change of this device came; `None` once it is done.
    pub delivery: Option<DeliveryState>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum What {
    Founded,
    Joined,
    Added(Vec<[u8; 16]>),
    Removed(Vec<[u8; 16]>),
    /// A person's further devices came in.
    DeviceAdded([u8; 16]),
    /// A person's device was removed; the person stays.
    DeviceRemoved([u8; 16]),
    Left,
    RoleSet([u8; 16], i32),
    Renamed(String),
    TopicSet(String),
    SettingsChanged,
    /// A member lost the group's secrets and came back.
    Returned,
    /// This device could not follow a commit of that person, and came back by itself.
    LostSecrets,
    /// Messages between were not seen by this device.
    Gap,
    /// The log that the server shows differs from the one that this person saw.
    Fork,
}

/// One of the own person's devices, or another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Which.
    pub id: DeviceId,
    /// Whose.
    pub person: PersonId,
    /// When it was enrolled, in milliseconds since 1970.
    pub enrolled_ms: u64,
    /// Its certificate was revoked.
    pub revoked: bool,
    /// It is the one that this runs on.
    pub this: bool,
    /// The number that both of a person's devices show when one approves the other.
    pub number: String,
    /// Conversations of this device that it is not in yet.
    pub missing_from: usize,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Trying to reach the server.
    Connecting,
    /// Connected; everything that was at the server has been fetched.
    Online,
    /// Waiting to try again.
    Offline {
        /// When, in milliseconds since 1970.
        retry_at_ms: u64,
    },
    /// After `suspend`.
    Suspended,
    /// It will not go on by itself.
    Stopped(crate::error::Advice),
}

/// Text as searches compare it: lower case, without accents and other marks.
pub fn fold(text: &str) -> String {
    let marks = |c: &char| !unicode_normalization::char::is_combining_mark(*c);
    // Letters that have no decomposition, though people type them so.
    let plain = |c: char| match c {
        'đ' => 'd',
        'ø' => 'o',
        'ł' => 'l',
        'ı' => 'i',
        other => other,
    };
    text.to_lowercase().nfd().filter(marks).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn searches_see_through_case_and_accents() {
        assert_eq!(fold("Bảo ĐỖ Éloïse Łukasz"), "bao do eloise lukasz");
    }
}
