//! What the screen shows, as a value. [`super::view`] draws it; [`super::keys`] changes it.

use std::collections::{BTreeMap, BTreeSet};

use pli_core::model::{
    ClientState, ConversationId, ConversationInfo, ItemId, Member, Message, PersonId, TimelineItem, Warning,
};

use crate::failure::Failure;
use crate::show::Names;

use super::composer::Composer;

/// Everything on the screen.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The own person.
    pub(super) me: PersonId,
    pub(super) names: Names,
    pub(super) connection: ClientState,
    pub(super) warnings: Vec<Warning>,
    pub(super) conversations: Vec<ConversationInfo>,
    pub(super) selected: Option<ConversationId>,
    /// Of the selected conversation, oldest first.
    pub(super) items: Vec<TimelineItem>,
    pub(super) members: Vec<Member>,
    pub(super) composer: Composer,
    /// What is being written elsewhere.
    pub(super) drafts: BTreeMap<ConversationId, String>,
    /// The message that a command is about.
    pub(super) picked: Option<ItemId>,
    /// Lines between the end of the timeline and the bottom of the screen.
    pub(super) scroll: usize,
    pub(super) shows_members: bool,
    pub(super) shows_help: bool,
    /// Rows of help, or of members where they take the screen, that are above it.
    pub(super) passed: usize,
    /// What went wrong last.
    pub(super) notice: Option<String>,
    pub(super) now_ms: u64,
    /// Columns and rows of the terminal.
    pub(super) size: (u16, u16),
}

impl State {
    pub(super) fn new(me: PersonId, size: (u16, u16)) -> Self {
        Self {
            me,
            names: Names::new(),
            connection: ClientState::Connecting,
            warnings: Vec::new(),
            conversations: Vec::new(),
            selected: None,
            items: Vec::new(),
            members: Vec::new(),
            composer: Composer::default(),
            drafts: BTreeMap::new(),
            picked: None,
            scroll: 0,
            shows_members: false,
            shows_help: false,
            passed: 0,
            notice: None,
            now_ms: 0,
            size,
        }
    }

    /// The selected conversation.
    pub(super) fn current(&self) -> Option<&ConversationInfo> {
        self.conversations.iter().find(|info| Some(info.id) == self.selected)
    }

    /// Selects another conversation; what was being written stays behind as its draft.
    pub(super) fn select(&mut self, id: ConversationId) {
        if self.selected == Some(id) {
            return;
        }
        if let Some(left) = self.selected {
            self.drafts.insert(left, self.composer.text().to_owned());
        }
        let kept = self.conversations.iter().find(|info| info.id == id).map(|info| info.draft.clone());
        let mut draft = self.drafts.remove(&id).or(kept).unwrap_or_default();
        if self.selected.is_none() {
            draft.push_str(self.composer.text());
        }
        self.composer = Composer::new(&draft);
        self.selected = Some(id);
        self.items.clear();
        self.members.clear();
        (self.picked, self.scroll) = (None, 0);
    }

    /// What is in the composer was done.
    pub(super) fn accepted(&mut self) {
        self.composer.take();
        (self.picked, self.scroll) = (None, 0);
    }

    /// Shows what went wrong.
    pub(super) fn tell(&mut self, failure: &Failure) {
        self.notice = Some(failure.message.replace('\n', " "));
    }

    /// The messages, oldest first.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.items.iter().filter_map(|item| match item {
            TimelineItem::Said(message) => Some(message),
            TimelineItem::Changed(_) => None,
        })
    }

    /// The message that a command is about: the picked one, or the last that `fits`.
    pub(super) fn target(&self, fits: impl Fn(&Message) -> bool) -> Option<&Message> {
        match self.picked {
            Some(picked) => self.messages().find(|message| message.id == picked),
            None => self.messages().rev().find(|message| fits(message)),
        }
    }

    /// The members whom a text mentions: at each `@`, those of the longest name that stands there.
    pub(super) fn mentioned(&self, text: &str) -> Vec<PersonId> {
        let mut mentioned = BTreeSet::new();
        for (at, sign) in text.match_indices('@') {
            let stands = |member: &&Member| text[at + sign.len()..].starts_with(&member.person.name);
            let longest = self.members.iter().filter(stands).map(|member| member.person.name.len()).max();
            let named = self.members.iter().filter(stands);
            mentioned.extend(
                named.filter(|member| Some(member.person.name.len()) == longest).map(|member| member.person.id),
            );
        }
        mentioned.into_iter().collect()
    }
}
