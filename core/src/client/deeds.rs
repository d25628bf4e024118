//! What one does to messages: editing, deleting, reacting; and to what waits in the outbox.

use pli_proto::id::{ItemId, PersonId};
use pli_proto::limits;

use crate::content::{Deed, Relation};
use crate::conversations::founding::{ensure_log, notice_outboxes};
use crate::conversations::standing::standing;
use crate::error::{Error, What};
use crate::store::outbox::Queued;
use crate::store::{Notice, Tx, items, outbox, unsettled};
use crate::text;
use pli_kernel::group::settings::Role;

use super::{Conversation, check_text};

impl Conversation {
    /// Replaces what an own message says, and whom it mentions. Until that is in the log, and if it is refused, it is shown as
    /// [`Message::unsettled`](crate::model::Message::unsettled), as all that is done to a message.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotAllowed`] for another's message; [`Error::Invalid`].
    pub async fn edit(&self, message: ItemId, text: &str, mentions: &[PersonId]) -> Result<ItemId, Error> {
        check_text(text, mentions)?;
        let deed = Deed::Edit { body: text.to_owned(), mentions: mentions.to_vec() };
        self.act(move |tx, this| {
            if this.message(tx, message)? != tx.context.me.person {
                return Err(Error::NotAllowed);
            }
            this.do_to(tx, message, deed)
        })
        .await
    }

    /// Deletes what a message says, for everyone; gives the deletion's entry. What waits in the outbox, or was refused, is
    /// taken back: then there is no entry. Others' messages may be deleted by admins of a group.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotAllowed`], also of an edit, deletion or reaction that may be at the server.
    pub async fn delete(&self, message: ItemId) -> Result<Option<ItemId>, Error> {
        self.act(move |tx, this| {
            if let Some(queued) = outbox::find(tx.db, this.id(), message)? {
                if this.take_back(tx, &queued)? {
                    return Ok(None);
                }
                // It may be at the server already: it is deleted when it is there.
                return if unsettled::is_message(&queued.intent)? {
                    this.do_to(tx, message, Deed::Delete).map(Some)
                } else {
                    Err(Error::NotAllowed)
                };
            }
            let own = this.message(tx, message)? == tx.context.me.person;
            let conversation =
                items::conversation(tx.db, this.id())?.ok_or(Error::NotFound { what: What::Conversation })?;
            let standing = standing(tx.db, &conversation)?;
            if !own && (conversation.peer.is_some() || standing.role < Role::Admin) {
                return Err(Error::NotAllowed);
            }
            this.do_to(tx, message, Deed::Delete).map(Some)
        })
        .await
    }

    /// Reacts to a message with an emoji; `None` takes the own reaction back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn react(&self, message: ItemId, emoji: Option<&str>) -> Result<ItemId, Error> {
        let one = |emoji| text::emoji(emoji).ok_or(Error::Invalid { what: What::Emoji, limit: limits::EMOJI_BYTES });
        let deed = Deed::React(emoji.map(one).transpose()?.unwrap_or_default());
        self.act(move |tx, this| {
            this.message(tx, message)?;
            this.do_to(tx, message, deed)
        })
        .await
    }

    /// Takes up again what was given up: a message, a change, or what was done to a message.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not in the outbox.
    pub async fn retry(&self, entry: ItemId) -> Result<(), Error> {
        self.act(move |tx, this| {
            outbox::find(tx.db, this.id(), entry)?.ok_or(Error::NotFound { what: What::Message })?;
            outbox::take_up(tx.db, this.id(), entry, tx.now_ms())?;
            ensure_log(tx, this.id())?;
            notice_outboxes(tx, this.id())?;
            tx.notice(Notice::Items(this.id()));
            Ok(())
        })
        .await
    }

    /// Says it, in place of what was refused of the kind.
    fn do_to(&self, tx: &mut Tx<'_>, message: ItemId, deed: Deed) -> Result<ItemId, Error> {
        let body = Relation { target: message, deed }.body();
        unsettled::forget_refused(tx.db, self.id(), message, &body)?;
        self.say(tx, body)
    }

    /// Takes back what was not sent, with all that was to be done to it; whether it could be.
    fn take_back(&self, tx: &mut Tx<'_>, queued: &Queued) -> Result<bool, Error> {
        if queued.refused.is_none() && outbox::is_sealed(tx.db, self.id(), queued.entry)? {
            return Ok(false);
        }
        unsettled::forget(tx.db, self.id(), queued.entry)?;
        outbox::remove(tx.db, self.id(), queued.entry)?;
        tx.notice(Notice::Items(self.id()));
        Ok(true)
    }
}
