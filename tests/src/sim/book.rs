//! What people asked for, and what they were promised.

use std::collections::BTreeSet;

use pli_core::model::{ConversationId, DeviceId, EntryId, PersonId};

use super::world::HOSTS;

/// Something that a person said, or did to what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Text(String),
    Edit(EntryId, String),
    Delete(EntryId),
    React(EntryId),
}

/// One act, and what its call returned.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) host: usize,
    pub(crate) conversation: ConversationId,
    pub(crate) act: Act,
    /// Under which it was accepted; none if the call never returned, or gives none.
    pub(crate) entry: Option<EntryId>,
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
}

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
    pub(crate) lies: BTreeSet<[u8; 16]>,
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
    pub(crate) fn says(&mut self, host: usize, conversation: ConversationId, act: Act) -> usize {
        self.said.push(Said { host, conversation, act, entry: None, accepted_ms: None, undone: false });
        self.said.len() - 1
    }

    pub(crate) fn accepted(&mut self, place: usize, entry: Option<EntryId>, now_ms: u64) {
        let said = &mut self.said[place];
        (said.entry, said.accepted_ms) = (entry, Some(now_ms));
    }

    /// It was refused, or never happened.
    pub(crate) fn refused(&mut self, place: usize) {
        self.said[place].undone = true;
    }

    pub(crate) fn copied_back(&mut self, host: usize, copied: Copied) {
        self.copied.push((host, copied));
        for said in self.said.iter_mut().filter(|said| said.host == host) {
            said.undone |= said.accepted_ms.is_none_or(|accepted_ms| accepted_ms > copied.made_ms);
        }
    }
}
