//! The bounds that both sides keep. What is outside of them is refused before anything is done with it.

use std::time::Duration;

/// One sealed entry. A commit in a group whose 1,000 members were just added carries 1.2 MB, of 5,000 devices 6 MB.
pub const ENTRY_BYTES: usize = 8 << 20;
/// One gRPC message: an entry or snapshot and its envelope.
pub const MESSAGE_BYTES: usize = ENTRY_BYTES + (64 << 10);
/// A page of a log: as many entries, or bytes, whichever comes first, but one entry at least.
pub const PAGE_ENTRIES: usize = 256;
/// See [`PAGE_ENTRIES`].
pub const PAGE_BYTES: usize = 1 << 20;
/// Rows in one entry: every device of a full group once added and once cut.
pub const ROW_CHANGES: usize = 2 * GROUP_DEVICES;
/// Rows that stand in one log: more than a group may have devices, as falsely added ones are cut only later.
pub const STANDING_ROWS: usize = 2 * GROUP_DEVICES;
/// Devices in one group: a removal in 1,000 costs 1.2 MB, and each member's phone must process it.
pub const GROUP_DEVICES: usize = 1_000;
/// Devices added by one commit.
pub const ADDS_PER_COMMIT: usize = 250;
/// An item in an inbox: a welcome for one joiner has 2.3 KB, and settings of 8 KiB come along in it.
pub const INBOX_ITEM_BYTES: usize = 128 << 10;
/// Items that wait in one inbox.
pub const INBOX_ITEMS: u64 = 1_000;
/// Bytes that wait in one inbox: as many welcomes as items, with settings of 8 KiB each.
pub const INBOX_BYTES: u64 = 16 << 20;
/// A text that a person writes.
pub const TEXT_BYTES: usize = 64 << 10;
/// Persons whom a text mentions.
pub const MENTIONS: usize = 1_000;
/// What a message says, whatever its kind: a text with its mentions and a header. Beyond, it is unreadable.
pub const CONTENT_BYTES: usize = 256 << 10;
/// What a message of a kind says that the reader's version does not know, and keeps for a later one.
pub const UNKNOWN_BYTES: usize = 64 << 10;
/// The inside of a message's entry: a content, encrypted.
pub const MESSAGE_INSIDE_BYTES: usize = CONTENT_BYTES + (4 << 10);
/// Pieces of evidence beside a commit: one for each device of a full group.
pub const EVIDENCE: usize = GROUP_DEVICES;
/// Bytes of all evidence beside a commit. A revocation's line has some 500, an issuer's end 8 KiB and its buckets.
pub const EVIDENCE_BYTES: usize = 512 << 10;
/// Buckets of kept certificates beside the end of an issuer.
pub const BUCKETS: usize = 256;
/// How long messages may be shown at the least, in seconds.
pub const LIFETIME_LEAST_S: u64 = 60;
/// How long messages may be shown at the most, but for ever, in seconds: ten years.
pub const LIFETIME_MOST_S: u64 = 10 * 366 * 24 * 60 * 60;
/// A person's, department's or group's name.
pub const NAME_BYTES: usize = 200;
/// What a group is about.
pub const TOPIC_BYTES: usize = 800;
/// A group's settings, as they stand in the group context, and so in each commit.
pub const SETTINGS_BYTES: usize = 8 << 10;
/// Admins and owners of a group.
pub const ROLES: usize = 100;
/// Persons who are named to be a group's next owner.
pub const HEIRS: usize = 8;
/// Options of a group.
pub const OPTIONS: usize = 64;
/// Of these, options of how it looks, and the bytes of their values.
pub const LOOKS: usize = 16;
/// See [`LOOKS`].
pub const LOOKS_BYTES: usize = 4 << 10;
/// An option's value.
pub const OPTION_BYTES: usize = 1 << 10;
/// A pair's log: how often it was founded anew.
pub const GENERATIONS: u32 = 1_000_000;
/// A leaf's certificate chain.
pub const CHAIN_BYTES: usize = 4 << 10;
/// One MLS key package; one of the hybrid suite has 3.9 KB with its chain.
pub const KEY_PACKAGE_BYTES: usize = 16 << 10;
/// Key packages that a device keeps in stock.
pub const KEY_PACKAGES: u32 = 50;
/// Devices in one request for key packages.
pub const TAKE_DEVICES: usize = 250;
/// Logs that one stream follows.
pub const STREAM_LOGS: usize = 2_000;
/// People in one page of the directory.
pub const PEOPLE_PAGE: usize = 500;
/// How far a request's time may be from the server's.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
/// Commits a day by a guest's or member's row: what one may disturb. Admins' and owners' have ten times as many.
pub const COMMITS_PER_DAY: u64 = 30;
/// A reaction: one emoji, which may be a sequence of several code points.
pub const EMOJI_BYTES: usize = 64;
