//! Messages: what was said, edited, deleted, reacted to; and words of leavers.

use openmls::prelude::{ProcessedMessageContent, Sender};
use pli_proto::id::{ItemId, PersonId};
use pli_proto::{pb, rows};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::content::{Body, Content, Deed, Said};
use crate::error::Error;
use crate::model::What;
use crate::store::items::{self, Kind, NOBODY, NewItem};
use crate::store::logs::{self, LogState};
use crate::store::outbox::{self, Intent};
use crate::store::people;
use crate::store::relations::Source;
use crate::store::{Notice, Tx};
use pli_kernel::group::associated::{self, Claim};
use pli_kernel::group::roster::Leaf;
use pli_kernel::group::settings::Role;
use pli_kernel::group::{protocol_message, rules};

use super::{Page, derived, item, shown};

impl Page {
    pub(super) fn message(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        sealed: Option<&[u8]>,
    ) -> Result<(), Error> {
        let claim = sealed.and_then(|sealed| Claim::by_message(sealed, self.record.log, entry));
        // At another place than it was made for it says nothing to anybody.
        if let (Some(sealed), Some(_)) = (sealed, &claim)
            && let Some(own) = outbox::take_attempt(tx.db, self.record.log, &Sha256::digest(sealed).into())?
        {
            self.compare_answer(tx, entry, own.id, own.answer)?;
            return self.own(tx, entry, own.id);
        }
        // Also unreadable it goes by the id that its sender names: that can be deleted.
        let id = claim.as_ref().and_then(|claim| claim.message).unwrap_or(id);
        if self.record.return_ms > 0 {
            // A copied store may hold the intent of what was sent after the copy was made.
            if outbox::find(tx.db, self.record.conversation, id)?.is_some() {
                return self.own(tx, entry, id);
            }
            // Or not know that it has left since: the server takes no message that cuts another's row.
            if sealed.is_some() && self.cuts_own(tx, entry) {
                let me = tx.context.me.person;
                items::put(tx.db, &shown(&self.record, entry, id, me, &What::Left)?)?;
                return self.end(tx, LogState::Left);
            }
        }
        if items::is_known(tx.db, self.record.conversation, id)? {
            tracing::info!("a message that is there already");
            return Ok(());
        }
        self.compare_states(tx, entry, claim.as_ref())?;
        let mut by = NOBODY;
        let read = tx.attempt(|tx| {
            let Some((leaf, content)) = sealed.and_then(|sealed| self.open(tx, entry, id, sealed)) else {
                return items::put(tx.db, &self.said(entry, id, NOBODY, Kind::Unreadable, Vec::new()));
            };
            by = leaf.person();
            self.opened(tx, entry, id, &leaf, &content)
        });
        match read {
            // What is wrong in a message spoils that message alone, and holds nothing back.
            Err(error) if !error.is_of_the_store() => {
                tracing::error!(%error, "a message can't be taken in");
                items::put(tx.db, &self.said(entry, id, by, Kind::Unreadable, Vec::new()))
            }
            result => result,
        }
    }

    /// A message that decrypted.
    fn opened(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        leaf: &Leaf,
        content: &Content,
    ) -> Result<(), Error> {
        self.compare_views(tx, entry, id, leaf, content)?;
        self.received.newer_revocations |= content.revocations > people::revocations(tx.db)?;
        let sender = leaf.person();
        let said = Said::parse(&content.said);
        if let Body::Leave(word) = &said.body {
            return self.leaver(tx, entry, id, leaf, word);
        }
        if !self.public.as_ref().is_some_and(|public| public.may_post(sender)) {
            tracing::info!("a message of somebody who may not post is not shown");
            return Ok(());
        }
        self.say(tx, entry, id, sender, said, &content.said)
    }

    fn cuts_own(&self, tx: &Tx<'_>, entry: &pb::Entry) -> bool {
        let own = rows::set(tx.context.me.access(&self.record.key).key(), rows::rank::NONE);
        entry.rows.contains(&own)
    }

    fn role(&self, person: PersonId) -> Role {
        self.public.as_ref().map_or(Role::Guest, |public| public.role(person))
    }

    /// What a message says, if it was made for this entry and bears the id of that.
    fn open(&mut self, tx: &Tx<'_>, entry: &pb::Entry, id: ItemId, sealed: &[u8]) -> Option<(Leaf, Content)> {
        let state = self.public.as_ref()?.state;
        let processed = self.group.as_mut()?.process_message(&tx.provider(), protocol_message(sealed)?);
        let processed = processed.inspect_err(|error| tracing::info!(%error, "a message does not open")).ok()?;
        if processed.aad() != associated::of_message(&state, self.record.log, entry, id) {
            return None;
        }
        let Sender::Member(index) = *processed.sender() else { return None };
        let leaf = self.public.as_ref()?.roster.get(index.u32())?.clone();
        let ProcessedMessageContent::ApplicationMessage(message) = processed.into_content() else { return None };
        let content = Content::parse(&message.into_bytes())?;
        let is_named = associated::message_id(self.record.conversation, leaf.person(), &content.said) == id;
        is_named.then_some((leaf, content))
    }

    /// An own message is in the log: its content is that of the intent.
    fn own(&mut self, tx: &mut Tx<'_>, entry: &pb::Entry, id: ItemId) -> Result<(), Error> {
        let Some(queued) = outbox::find(tx.db, self.record.conversation, id)? else { return Ok(()) };
        outbox::remove(tx.db, self.record.conversation, id)?;
        let me = tx.context.me.person;
        match &queued.intent {
            Intent::Say(said) => self.say(tx, entry, id, me, Said::parse(said), said),
            Intent::Leave => {
                items::put(tx.db, &shown(&self.record, entry, id, me, &What::Left)?)?;
                self.end(tx, LogState::Left)
            }
            _ => Ok(()),
        }
    }

    fn say(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        by: PersonId,
        said: Said,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let (kind, body) = match said.body {
            Body::Text(text) => (Kind::Text, text.encode_to_vec()),
            Body::Relation(relation) => {
                let may_delete = self.role(by) >= Role::Admin
                    && self.public.as_ref().is_some_and(|public| public.settings.pair.is_none());
                let (conversation, within) = (self.record.conversation, self.record.precedence());
                let source = Source { conversation, within, by, received_ms: entry.received_ms, may_delete };
                if !matches!(relation.deed, Deed::React(_)) {
                    tx.notice(Notice::Replaced);
                }
                return source.apply(tx.db, &relation);
            }
            Body::Leave(_) => return Ok(()),
            Body::Unknown { is_hidden: false } => (Kind::Unknown, bytes.to_vec()),
            Body::Unknown { is_hidden: true } => (Kind::Hidden, bytes.to_vec()),
            Body::Malformed => (Kind::Unreadable, Vec::new()),
        };
        let mut item = self.said(entry, id, by, kind, body);
        item.mine = by == tx.context.me.person;
        item.sent_ms = said.sent_ms;
        items::put(tx.db, &item)
    }

    /// A message to show, for as long as the group's settings say at its place.
    fn said(&self, entry: &pb::Entry, id: ItemId, by: PersonId, kind: Kind, body: Vec<u8>) -> NewItem {
        NewItem { expires_ms: self.expires_ms(entry), ..item(&self.record, entry, id, by, kind, body) }
    }

    /// When what an entry says is over; 0: never.
    fn expires_ms(&self, entry: &pb::Entry) -> u64 {
        let lifetime_s = self.public.as_ref().and_then(|public| public.settings.options.lifetime_s());
        lifetime_s.map_or(0, |lifetime_s| entry.received_ms.saturating_add(lifetime_s * 1_000))
    }

    /// A server that drops, reorders, withholds or forks shows members different logs: what others saw tells.
    fn compare_views(
        &self,
        tx: &Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        leaf: &Leaf,
        content: &Content,
    ) -> Result<(), Error> {
        let ours = logs::hash_at(tx.db, self.record.log, content.seen)?;
        if content.seen < self.record.number && ours.is_none_or(|ours| content.seen_hash == ours) {
            return Ok(());
        }
        tracing::warn!("a member saw another log than this device");
        items::put(tx.db, &shown(&self.record, entry, derived(id, b"fork"), leaf.person(), &What::Fork)?)
    }

    fn leaver(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        leaf: &Leaf,
        word: &pb::LeaveWord,
    ) -> Result<(), Error> {
        // One does not leave a pair; and whoever leaves takes the own row away: an owner's could else never be cut.
        let is_pair = self.public.as_ref().is_some_and(|public| public.settings.pair.is_some());
        let cuts = leaf.row_key(&self.record.key).is_some_and(|key| entry.rows == [rows::set(key, rows::rank::NONE)]);
        if is_pair || !cuts || word.leaf_key != leaf.key() || !rules::is_word_of(word, self.record.log, leaf) {
            return Ok(());
        }
        items::put(tx.db, &shown(&self.record, entry, id, leaf.person(), &What::Left)?)?;
        if leaf.person() == tx.context.me.person {
            return self.end(tx, LogState::Left);
        }
        logs::put_leaver(tx.db, self.record.log, word)?;
        tx.notice(Notice::Outbox(self.record.log));
        Ok(())
    }
}
