//! What people asked for, and what they were promised.

use std::collections::BTreeSet;

use pli_core::model::{ConversationId, DeviceId, ItemId, PersonId};
use pli_proto::signed::Hash;

use super::world::HOSTS;

/// Something that a person said, or did to what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Text(String),
    Edit(ItemId, String),
    Delete(ItemId),
    React(ItemId),
}

/// One act, and what its call returned.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) host: usize,
    pub(crate) conversation: ConversationId,
    pub(crate) act: Act,
    /// When the call began.
    pub(crate) asked_ms: u64,
    /// Under which it was accepted; none if the call never returned, or gives none.
    pub(crate) entry: Option<ItemId>,
    /// The call returned: it must never be lost.
    pub(crate) accepted_ms: Option<u64>,
    /// The device's store was later copied back from before: what was not in the log by then is lost with it.
    pub(crate) undone: bool,
}

/// A store that was copied back: all between the two is forgotten, and was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    pub(crate) made_ms: u64,
    pub(crate) back_ms: u64,
    /// By then it has put new key packages in the place of the old.
    pub(crate) replaced_ms: u64,
}

/// So long a device may take for that, in a bad network.
const REPLACES_MS: u64 = 10 * 60_000;
/// It is down, and has not done it.
const NOT_YET: u64 = u64::MAX;

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) person: [Option<PersonId>; HOSTS],
    pub(crate) device: [Option<DeviceId>; HOSTS],
    pub(crate) said: Vec<Said>,
    /// Names and topics of groups.
    pub(crate) names: Vec<String>,
    /// Conversations in which somebody set a lifetime of messages.
    pub(crate) fleeting: BTreeSet<[u8; 16]>,
    /// Hosts whose stores were copied back.
    pub(crate) copied: Vec<(usize, Copied)>,
    /// Entries that an insider wrote.
    pub(crate) lies: BTreeSet<Hash>,
    pub(crate) revoked: Option<usize>,
    serial: u64,
}

impl Book {
    /// A text that occurs nowhere else, as people write it.
    pub(crate) fn words(&mut self, host: usize, kind: &str) -> String {
        self.serial += 1;
        let rest = ["à bientôt", "l’eau monte 🌊", "وصل القارب", "xin chào cả nhà"][(self.serial % 4) as usize];
        format!("{kind}~{host}~{:05}~ {rest}", self.serial)
    }

    /// Notes an act before it is done; the place is for [`Self::accepted`].
    pub(crate) fn says(&mut self, host: usize, conversation: ConversationId, act: Act, asked_ms: u64) -> usize {
        self.said.push(Said { host, conversation, act, asked_ms, entry: None, accepted_ms: None, undone: false });
        self.said.len() - 1
    }

    pub(crate) fn accepted(&mut self, place: usize, entry: Option<ItemId>, now_ms: u64) {
        let said = &mut self.said[place];
        (said.entry, said.accepted_ms) = (entry, Some(now_ms));
    }

    /// It was refused, or never happened.
    pub(crate) fn refused(&mut self, place: usize) {
        self.said[place].undone = true;
    }

    pub(crate) fn copied_back(&mut self, host: usize, made_ms: u64, back_ms: u64) {
        self.copied.push((host, Copied { made_ms, back_ms, replaced_ms: NOT_YET }));
        for said in self.said.iter_mut().filter(|said| said.host == host) {
            // Of one whose call did not return, for the host died, nobody knows when it was done.
            said.undone |= said.accepted_ms.unwrap_or(said.asked_ms) > made_ms;
        }
    }

    pub(crate) fn boots(&mut self, host: usize, now_ms: u64) {
        for copied in self.copies_of(host).filter(|copied| copied.replaced_ms == NOT_YET) {
            copied.replaced_ms = now_ms + REPLACES_MS;
        }
    }

    pub(crate) fn ends(&mut self, host: usize, now_ms: u64) {
        for copied in self.copies_of(host).filter(|copied| copied.replaced_ms > now_ms) {
            copied.replaced_ms = NOT_YET;
        }
    }

    fn copies_of(&mut self, host: usize) -> impl Iterator<Item = &mut Copied> {
        self.copied.iter_mut().filter(move |(of, _)| *of == host).map(|(_, copied)| copied)
    }
}
