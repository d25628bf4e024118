//! The values that an app sees: plain, without objects or handles in them.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

pub use pli_proto::id::{ConversationId, DeviceId, ItemId, PersonId};
use serde::{Deserialize, Serialize};

use crate::text;
pub use pli_kernel::group::settings::Role;

/// A human being known to the organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Person {
    /// Stable and opaque.
    pub id: PersonId,
    /// As the directory has it.
    pub name: String,
    /// Part of the organisation.
    pub department: Option<String>,
    /// A guest's last moment.
    pub guest_until: Option<SystemTime>,
    /// No longer in the organisation.
    pub departed: bool,
    /// The first letters of the first and the last word of the name, for a picture.
    pub initials: String,
    /// The picture's colour: one of twelve, by the id.
    pub colour: usize,
}

impl Person {
    /// A person of that id and name, of no department, for ever.
    pub fn new(id: PersonId, name: String) -> Self {
        let (initials, colour) = (text::initials(&name), text::colour(&id.0));
        Self { id, name, department: None, guest_until: None, departed: false, initials, colour }
    }
}

/// Someone in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
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
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ConversationKind {
    /// Of any number of persons.
    Group,
    /// Of two.
    Pair,
}

/// Something that a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
    /// This device was away for so long that it can't follow any more: a member has to remove and add its person.
    Behind,
    /// The server was put back to an older copy, and has lost what this device has read: the group has to be made anew.
    Diverged,
}

/// One setting, and its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Setting {
    Name(String),
    Topic(String),
    LifetimeS(u64),
    /// The least role that may add, which is no guest's; likewise the others. To remove one must be an admin.
    MayAdd(Role),
    MayPost(Role),
    MayRename(Role),
    MayRemove(Role),
}

/// Why an intent was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Refusal {
    /// The own role does not allow it.
    NotAllowed,
    /// The person has no device that can be added.
    NoDevice,
    /// This device is no longer in the conversation.
    NotAMember,
    /// The conversation is full.
    TooMany,
    /// The server would not take it.
    Server,
}

/// Who may do what in a group: the least role for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[allow(missing_docs)]
pub struct LeastRoles {
    pub add: Role,
    pub remove: Role,
    pub post: Role,
    pub rename: Role,
}

/// One line of the conversation list.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ConversationInfo {
    /// Which.
    pub id: ConversationId,
    /// Group or pair.
    pub kind: ConversationKind,
    /// A pair's other person.
    pub peer: Option<PersonId>,
    /// The group's name, or the other person's.
    pub name: String,
    /// The first letters of the first and the last word of the name, for a picture.
    pub initials: String,
    /// The picture's colour: one of twelve, by the id; of a pair, the other person's.
    pub colour: usize,
    /// What the group is about.
    pub topic: String,
    /// What was said last.
    pub last: Option<Message>,
    /// Messages of others that were not seen yet.
    pub unread: usize,
    /// No notifications until then.
    pub muted_until: Option<SystemTime>,
    /// What was written and not sent.
    pub draft: String,
    /// The own role.
    pub my_role: Role,
    /// What it allows.
    pub may: HashSet<Permission>,
    /// The least roles that may add people, post, and rename.
    pub least: LeastRoles,
    /// How many persons are in it.
    pub member_count: usize,
    /// How many of them are guests.
    pub guest_count: usize,
    /// The own person is a group's only owner, and others are in it: it will have none if they leave.
    pub sole_owner: bool,
    /// Whether this device is in it.
    pub membership: Membership,
    /// How long messages are shown; for ever, if absent.
    pub lifetime: Option<Duration>,
    /// When something was last said.
    pub active_at: SystemTime,
}

/// One thing in a timeline.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
// Most are messages: a box would cost an allocation for each.
#[allow(clippy::large_enum_variant)]
pub enum TimelineItem {
    /// Somebody said something.
    Said(#[cfg_attr(feature = "uniffi", uniffi(name = "message"))] Message),
    /// Something about the conversation changed.
    Changed(#[cfg_attr(feature = "uniffi", uniffi(name = "change"))] Change),
}

impl TimelineItem {
    /// The message's id, the same from waiting on.
    pub fn id(&self) -> ItemId {
        match self {
            Self::Said(message) => message.id,
            Self::Changed(change) => change.id,
        }
    }
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Message {
    /// Which item of the timeline it is.
    pub id: ItemId,
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
    /// By the sender's clock.
    pub sent_at: SystemTime,
    /// When it was edited last.
    pub edited_at: Option<SystemTime>,
    /// A text of a few emoji and nothing else.
    pub emoji_only: bool,
    /// What it answers.
    pub reply_to: Option<Quote>,
    /// One for each emoji, in the order of emoji.
    pub reactions: Vec<Reaction>,
    /// How far an own message of this device came.
    pub delivery: Option<DeliveryState>,
    /// What this device did to it that is not in the log: it waits, or was refused. Oldest first.
    pub unsettled: Vec<Deed>,
}

/// An edit, deletion or reaction of this device that is not in the log. One that was refused can be tried again or dropped,
/// like a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Deed {
    /// What it is in the outbox, to be retried or deleted.
    pub id: ItemId,
    /// What it does to the message.
    pub kind: DeedKind,
    /// How far it came.
    pub delivery: DeliveryState,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DeedKind {
    /// It says something else.
    Edit {
        /// What.
        text: String,
    },
    /// It is deleted.
    Delete,
    /// Somebody reacts to it.
    React {
        /// With what; nothing takes the reaction back.
        emoji: Option<String>,
    },
}

/// A message that another answers, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Quote {
    /// Its id.
    pub entry: ItemId,
    /// Who said it; nobody if it is not on this device.
    pub sender: Option<Person>,
    /// The beginning of its text; empty if there is none.
    pub text: String,
}

/// An emoji, and who reacted with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Who.
    pub people: Vec<PersonId>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DeliveryState {
    /// In the outbox.
    Waiting,
    /// The server has it.
    Sent,
    /// Given up: retry or delete it.
    Refused(#[cfg_attr(feature = "uniffi", uniffi(name = "why"))] Refusal),
}

/// A change of a conversation.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Change {
    /// Which item of the timeline it is.
    pub id: ItemId,
    /// Who made it.
    pub by: Person,
    /// When the server received it.
    pub at: SystemTime,
    /// What.
    pub what: What,
    /// The people that it names.
    pub people: Vec<Person>,
    /// How far an own change of this device came; absent once it is done.
    pub delivery: Option<DeliveryState>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[allow(missing_docs)]
pub enum What {
    Founded,
    Joined,
    Added(#[cfg_attr(feature = "uniffi", uniffi(name = "people"))] Vec<PersonId>),
    Removed(#[cfg_attr(feature = "uniffi", uniffi(name = "people"))] Vec<PersonId>),
    /// A person's further devices came in.
    DeviceAdded(#[cfg_attr(feature = "uniffi", uniffi(name = "person"))] PersonId),
    /// A person's device was removed; the person stays.
    DeviceRemoved(#[cfg_attr(feature = "uniffi", uniffi(name = "person"))] PersonId),
    Left,
    RoleSet(
        #[cfg_attr(feature = "uniffi", uniffi(name = "person"))] PersonId,
        #[cfg_attr(feature = "uniffi", uniffi(name = "role"))] Role,
    ),
    Renamed(#[cfg_attr(feature = "uniffi", uniffi(name = "name"))] String),
    TopicSet(#[cfg_attr(feature = "uniffi", uniffi(name = "topic"))] String),
    SettingsChanged,
    /// A member lost the group's secrets and came back.
    Returned,
    /// This device could not follow a commit of that person, and came back by itself.
    LostSecrets,
    /// Messages between were not seen by this device.
    Gap,
    /// The log that the server shows differs from the one that this person saw.
    Fork,
    /// The server was put back to an older copy: others may not have what was said last before.
    PutBack,
}

impl What {
    /// The people that it names.
    pub(crate) fn people(&self) -> &[PersonId] {
        match self {
            Self::Added(people) | Self::Removed(people) => people,
            Self::DeviceAdded(person) | Self::DeviceRemoved(person) | Self::RoleSet(person, _) => {
                std::slice::from_ref(person)
            }
            _ => &[],
        }
    }
}

/// One of the own person's devices, or another's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DeviceInfo {
    /// Which.
    pub id: DeviceId,
    /// Whose.
    pub person: PersonId,
    /// When it was enrolled.
    pub enrolled_at: SystemTime,
    /// The day on which the server saw it last, as far as this device was told.
    pub seen_on: Option<SystemTime>,
    /// Its certificate was revoked.
    pub revoked: bool,
    /// It is the one that this runs on.
    pub this: bool,
    /// The number that both of a person's devices show when one approves the other.
    pub number: String,
    /// Conversations of this device that it is not in yet.
    pub missing_from: usize,
}

/// Whether the number to compare with a person was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Verification {
    /// Never.
    NotVerified,
    /// The present number was.
    Verified,
    /// Another was, before: the person has a further device, or lost one.
    Changed,
}

/// What a screen shows of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PersonInfo {
    /// Who. Departed, with the beginning of the id as name, if the directory does not know them.
    pub person: Person,
    /// It is the own person.
    pub me: bool,
    /// Their devices that are known, of the directory and of groups.
    pub device_count: usize,
    /// The number to compare with them: 60 digits, the same on their screen. Absent for oneself, and while no device of
    /// theirs is known.
    pub safety_number: Option<String>,
    /// Whether it was compared.
    pub verification: Verification,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ClientState {
    /// Trying to reach the server.
    Connecting,
    /// Connected, and fetching what was said meanwhile.
    CatchingUp {
        /// Conversations that are not up to date yet.
        left: usize,
    },
    /// Connected; everything that was at the server has been fetched.
    Online,
    /// Waiting to try again.
    Offline {
        /// When.
        retry_at: SystemTime,
    },
    /// After `suspend`.
    Suspended,
    /// It will not go on by itself.
    Stopped(#[cfg_attr(feature = "uniffi", uniffi(name = "advice"))] crate::error::Advice),
}

/// A moment, from milliseconds since 1970; one that is too late for the clock is the last it knows.
pub fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS))
}

/// A moment that may be absent: zero is none.
pub(crate) fn some_time(ms: u64) -> Option<SystemTime> {
    (ms > 0).then(|| time(ms))
}

/// Milliseconds since 1970.
pub fn ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The year 9999: what others send is shown in calendars that know no later one.
pub(crate) const LAST_MS: u64 = 253_370_764_800_000;

/// What the person should know of, while the client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Warning {
    /// This device's clock and the server's are days apart: the device may find the server's certificate to be over, or not
    /// good yet, and stay offline.
    ClockWrong {
        /// About so many days.
        days: u32,
        /// This device's is ahead; else behind.
        ahead: bool,
    },
    /// The newest revocation list that the server gave is several days old, though it is signed daily: revoked devices
    /// may be in conversations. Or this device's clock is days ahead.
    RevocationsOld {
        /// When it was signed; `None` if there never was one.
        signed: Option<SystemTime>,
    },
}
