//! What one does in a conversation. Every action is an intent in the outbox when its call returns.

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::{ConversationId, ItemId, PersonId};
use pli_proto::pb::said::Body;
use pli_proto::{limits, pb};
use rusqlite::Connection;
use tokio::sync::broadcast::error::RecvError;

use crate::content::Said;
use crate::conversations::founding::ensure_log;
use crate::conversations::standing::{info, members, standing};
use crate::error::{Error, What};
use crate::model::{ConversationInfo, DeliveryState, Member, Permission, Setting};
use crate::store::logs::Log;
use crate::store::outbox::{self, Intent, Queued};
use crate::store::people::People;
use crate::store::{Notice, Tx, items, unsettled};
use crate::sync::prepare;
use pli_kernel::group::associated;
use pli_kernel::group::settings::Role;

use super::list::check_people;
use super::observe::{observe, observe_one};
use super::timeline::Timeline;
use super::{Client, check_name, check_text};

/// A handle on a conversation.
#[derive(Clone)]
pub struct Conversation {
    pub(super) client: Client,
    pub(super) id: ConversationId,
}

impl Conversation {
    pub(super) fn new(client: Client, id: ConversationId) -> Self {
        Self { client, id }
    }

    /// Which.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// What lists show of it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Closed`].
    pub async fn info(&self) -> Result<ConversationInfo, Error> {
        let id = self.id;
        self.client
            .store()?
            .read(move |db| {
                let conversation = items::conversation(db, id)?.ok_or(Error::NotFound { what: What::Conversation })?;
                info(&mut People::new(db), &conversation)
            })
            .await
    }

    /// Who is in it, the most powerful first.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn member_list(&self) -> Result<Vec<Member>, Error> {
        let id = self.id;
        self.client.store()?.read(move |db| members(db, id)).await
    }

    /// Who is in it, and every change of that.
    pub fn members(&self) -> impl Stream<Item = Vec<VectorDiff<Member>>> + Send + use<> {
        let id = self.id;
        observe(
            &self.client,
            move |notice| *notice == Notice::People || *notice == Notice::Group(id),
            move |db| members(db, id),
            |member: &Member| member.person.id,
        )
    }

    /// What lists show of it, now and after every change; nothing while the conversation is not there.
    pub fn infos(&self) -> impl Stream<Item = ConversationInfo> + Send + use<> {
        let id = self.id;
        observe_one(
            &self.client,
            move |notice| *notice == Notice::People || notice.conversation() == Some(id),
            move |db| {
                let conversation = items::conversation(db, id)?;
                conversation.map(|conversation| info(&mut People::new(db), &conversation)).transpose()
            },
        )
    }

    /// A window on the newest 50 items, or on those around an entry.
    pub fn timeline(&self, around: Option<ItemId>) -> Timeline {
        Timeline::new(self.client.clone(), self.id, around)
    }

    /// Says something. The conversation's draft goes with it, in the same transaction; if it is refused, the draft stays.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::NotAllowed`]; [`Error::StorageFull`].
    pub async fn send(&self, text: &str, reply_to: Option<ItemId>, mentions: &[PersonId]) -> Result<ItemId, Error> {
        check_text(text, mentions)?;
        let text = pb::Text {
            body: text.to_owned(),
            mentions: mentions.iter().map(|person| person.to_vec()).collect(),
            reply_to: reply_to.map(|entry| entry.to_vec()).unwrap_or_default(),
        };
        self.act(move |tx, this| {
            if let Some(reply_to) = reply_to {
                this.message(tx, reply_to)?;
            }
            items::set_draft(tx.db, this.id, "")?;
            tx.notice(Notice::Own(this.id));
            this.say(tx, Body::Text(text))
        })
        .await
    }

    /// Adds people, with all their devices.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::NotFound`]; [`Error::Invalid`] if too many.
    pub async fn add(&self, people: &[PersonId]) -> Result<ItemId, Error> {
        let people = people.to_vec();
        self.act(move |tx, this| {
            this.may(tx, Permission::Add)?;
            let people = check_people(tx.db, &people)?;
            this.intend(tx, Intent::Add(people))
        })
        .await
    }

    /// Removes people: they can neither read nor write what follows.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::NotFound`] if one is no member.
    pub async fn remove(&self, people: &[PersonId]) -> Result<ItemId, Error> {
        let people = people.to_vec();
        self.act(move |tx, this| {
            this.may(tx, Permission::Remove)?;
            this.are_members(tx, &people)?;
            if people.contains(&tx.context.me.person) {
                return Err(Error::NotAllowed);
            }
            this.intend(tx, Intent::Remove(people))
        })
        .await
    }

    /// Gives a person a role: member, admin or owner. That somebody is a guest stands in their certificate, and does not
    /// change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::NotFound`] if the person is no member.
    pub async fn set_role(&self, person: PersonId, role: Role) -> Result<ItemId, Error> {
        self.act(move |tx, this| {
            this.may(tx, Permission::SetRoles)?;
            let member = members(tx.db, this.id)?.into_iter().find(|member| member.person.id == person);
            let member = member.ok_or(Error::NotFound { what: What::Member })?;
            if role == Role::Guest || member.role == Role::Guest {
                return Err(Error::NotAllowed);
            }
            this.intend(tx, Intent::SetRole(person, role))
        })
        .await
    }

    /// Renames a group.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::Invalid`].
    pub async fn rename(&self, name: &str) -> Result<ItemId, Error> {
        self.set(Setting::Name(name.to_owned())).await
    }

    /// Changes a setting of a group.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::Invalid`].
    pub async fn set(&self, setting: Setting) -> Result<ItemId, Error> {
        check_setting(&setting)?;
        let permission = match setting {
            Setting::Name(_) | Setting::Topic(_) => Permission::Rename,
            Setting::LifetimeS(_) => Permission::SetLifetime,
            _ => Permission::SetRoles,
        };
        self.act(move |tx, this| {
            this.may(tx, permission)?;
            this.intend(tx, Intent::Set(setting))
        })
        .await
    }

    /// Leaves a group, with all the own person's devices.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] in a pair.
    pub async fn leave(&self) -> Result<ItemId, Error> {
        self.act(move |tx, this| {
            let conversation =
                items::conversation(tx.db, this.id)?.ok_or(Error::NotFound { what: What::Conversation })?;
            if conversation.peer.is_some() {
                return Err(Error::NotAllowed);
            }
            this.intend(tx, Intent::Leave)
        })
        .await
    }

    /// Keeps what was written and not sent.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is too long.
    pub async fn set_draft(&self, draft: &str) -> Result<(), Error> {
        if draft.len() > limits::TEXT_BYTES {
            return Err(Error::Invalid { what: What::Text, limit: limits::TEXT_BYTES });
        }
        let draft = draft.to_owned();
        self.local(move |tx, id| items::set_draft(tx.db, id, &draft)).await
    }

    /// No notifications until a time, in milliseconds since 1970; zero unmutes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn mute(&self, until_ms: u64) -> Result<(), Error> {
        self.local(move |tx, id| items::set_muted(tx.db, id, until_ms)).await
    }

    /// The first message of others that was not seen yet, if there is one.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn first_unread(&self) -> Result<Option<ItemId>, Error> {
        let id = self.id;
        let unread = move |db: &Connection| match items::conversation(db, id)? {
            Some(conversation) => items::first_unread(db, &conversation),
            None => Ok(None),
        };
        self.client.store()?.read(unread).await
    }

    /// Everything up to an item was seen.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn mark_read(&self, up_to: ItemId) -> Result<(), Error> {
        self.local(move |tx, id| {
            if let Some(pos) = items::position(tx.db, id, up_to)? {
                items::mark_read(tx.db, id, pos)?;
            }
            Ok(())
        })
        .await
    }

    /// Waits until an action is in the log, or was given up; gives how far it came if the caller stops waiting first.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn settled(&self, entry: ItemId) -> Result<DeliveryState, Error> {
        let id = self.id;
        let mut notices = self.client.0.notices.subscribe();
        loop {
            let state = self
                .client
                .store()?
                .read(move |db| {
                    Ok(match outbox::find(db, id, entry)? {
                        None => DeliveryState::Sent,
                        Some(queued) => match queued.refused {
                            Some(why) => DeliveryState::Refused(why),
                            None => DeliveryState::Waiting,
                        },
                    })
                })
                .await?;
            if state != DeliveryState::Waiting {
                return Ok(state);
            }
            if let Err(RecvError::Closed) = notices.recv().await {
                return Err(Error::Closed);
            }
        }
    }

    pub(super) async fn act<R: Send + 'static>(
        &self,
        action: impl FnOnce(&mut Tx<'_>, &Self) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let this = self.clone();
        self.client.store()?.write(move |tx| action(tx, &this)).await
    }

    async fn local(
        &self,
        change: impl FnOnce(&mut Tx<'_>, ConversationId) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        self.act(move |tx, this| {
            items::conversation(tx.db, this.id)?.ok_or(Error::NotFound { what: What::Conversation })?;
            change(tx, this.id)?;
            tx.notice(Notice::Own(this.id));
            Ok(())
        })
        .await
    }

    /// Who wrote a message of this conversation. One that waits is the own person's; what is said of it follows it.
    pub(super) fn message(&self, tx: &Tx<'_>, message: ItemId) -> Result<PersonId, Error> {
        if let Some(author) = items::author(tx.db, self.id, message)? {
            return Ok(author);
        }
        let queued = outbox::find(tx.db, self.id, message)?;
        let is_message = matches!(&queued, Some(Queued { intent, .. }) if unsettled::is_message(intent)?);
        if is_message { Ok(tx.context.me.person) } else { Err(Error::NotFound { what: What::Message }) }
    }

    fn may(&self, tx: &Tx<'_>, permission: Permission) -> Result<(), Error> {
        let conversation = items::conversation(tx.db, self.id)?.ok_or(Error::NotFound { what: What::Conversation })?;
        let standing = standing(tx.db, &conversation)?;
        if standing.may.contains(&permission) { Ok(()) } else { Err(Error::NotAllowed) }
    }

    fn are_members(&self, tx: &Tx<'_>, people: &[PersonId]) -> Result<(), Error> {
        let members = members(tx.db, self.id)?;
        let all = people.iter().all(|person| members.iter().any(|member| member.person.id == *person));
        if all && !people.is_empty() { Ok(()) } else { Err(Error::NotFound { what: What::Member }) }
    }

    pub(super) fn say(&self, tx: &mut Tx<'_>, body: Body) -> Result<ItemId, Error> {
        let record = ensure_log(tx, self.id)?;
        let me = tx.context.me.person;
        // What is in memory is quicker to ask than what is kept for screens.
        match tx.loaded(record.log).map(|group| group.public.may_post(me)) {
            Some(true) => {}
            Some(false) => return Err(Error::NotAllowed),
            None => self.may(tx, Permission::Post)?,
        }
        let said = Said::seal(pli_env::random(&*tx.context.env), tx.now_ms(), body);
        let id = associated::message_id(self.id, me, &said);
        let queued = self.keep(tx, &record, id, Intent::Say(said))?;
        prepare::at_once(tx, &record, &queued)?;
        Ok(queued.entry)
    }

    fn intend(&self, tx: &mut Tx<'_>, intent: Intent) -> Result<ItemId, Error> {
        let record = ensure_log(tx, self.id)?;
        let id = ItemId(pli_env::random(&*tx.context.env));
        Ok(self.keep(tx, &record, id, intent)?.entry)
    }

    fn keep(&self, tx: &mut Tx<'_>, record: &Log, id: ItemId, intent: Intent) -> Result<Queued, Error> {
        let queued = outbox::push(tx.db, self.id, id, intent, tx.now_ms())?;
        tx.notice(Notice::Outbox(record.log));
        tx.notice(Notice::Items(self.id));
        Ok(queued)
    }
}

/// Whether a setting is one that a group may have.
fn check_setting(setting: &Setting) -> Result<(), Error> {
    let lifetimes = limits::LIFETIME_LEAST_S..=limits::LIFETIME_MOST_S;
    let (is_sound, limit) = match setting {
        Setting::Name(name) => return check_name(name),
        Setting::Topic(topic) => (topic.len() <= limits::TOPIC_BYTES, limits::TOPIC_BYTES),
        Setting::LifetimeS(seconds) => (*seconds == 0 || lifetimes.contains(seconds), limits::LIFETIME_MOST_S as usize),
        // Guests change nothing in a group, and who removes must be able to take access away.
        Setting::MayAdd(role) | Setting::MayRename(role) => (*role >= Role::Member, 0),
        Setting::MayRemove(role) => (*role >= Role::Admin, 0),
        Setting::MayPost(_) => (true, 0),
    };
    if is_sound { Ok(()) } else { Err(Error::Invalid { what: What::Setting, limit }) }
}
