//! What one does in a conversation.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pli_core::error::What;
use pli_core::model::{
    self, ConversationInfo, DeliveryState, ItemId, Member, Permission, PersonId, Role, Setting, TimelineItem,
};
use pli_core::{Conversation, Error};

use crate::client::Shared;
use crate::stream::{InfoStream, MemberStream, Pull};
use crate::threads::Cancel;
use crate::timeline::RawTimeline;

/// A handle on a conversation. The face of each language wraps it.
#[derive(uniffi::Object)]
pub struct RawConversation {
    shared: Arc<Shared>,
    conversation: Conversation,
}

#[uniffi::export]
impl RawConversation {
    /// What lists show of it, now and after every change.
    pub fn infos(&self) -> Arc<InfoStream> {
        Arc::new(InfoStream(Pull::new(self.shared.clone(), self.conversation.infos())))
    }

    /// Who is in it, and every change of that.
    pub fn members(&self) -> Arc<MemberStream> {
        MemberStream::of(self.shared.clone(), self.conversation.members())
    }

    /// A window on the newest items, or on those around an entry.
    pub fn timeline(&self, around: Option<ItemId>) -> Arc<RawTimeline> {
        Arc::new(RawTimeline::new(self.shared.clone(), self.conversation.timeline(around)))
    }

    /// What lists show of it now.
    pub async fn info(&self) -> Result<ConversationInfo, Error> {
        self.call(None, async |this| this.info().await).await
    }

    /// Who is in it now.
    pub async fn member_list(&self) -> Result<Vec<Member>, Error> {
        self.call(None, async |this| this.member_list().await).await
    }

    /// Items before one, or the newest, oldest first.
    pub async fn items(&self, before: Option<ItemId>, count: i32) -> Result<Vec<TimelineItem>, Error> {
        self.call(None, async move |this| this.items(before, count.max(0) as usize).await).await
    }

    /// Says something. The draft goes with it.
    pub async fn send(&self, text: String, reply_to: Option<ItemId>, mentions: Vec<PersonId>) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.send(&text, reply_to, &mentions).await).await
    }

    /// Replaces what an own message says, and whom it mentions.
    pub async fn edit(&self, message: ItemId, text: String, mentions: Vec<PersonId>) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.edit(message, &text, &mentions).await).await
    }

    /// Deletes a message for everyone; gives the deletion's entry, or nothing where one that waited is taken back.
    pub async fn delete(&self, message: ItemId) -> Result<Option<ItemId>, Error> {
        self.call(None, async move |this| this.delete(message).await).await
    }

    /// Reacts to a message; nothing takes the own reaction back.
    pub async fn react(&self, message: ItemId, emoji: Option<String>) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.react(message, emoji.as_deref()).await).await
    }

    /// Takes up again what was given up.
    pub async fn retry(&self, entry: ItemId) -> Result<(), Error> {
        self.call(None, async move |this| this.retry(entry).await).await
    }

    /// Adds people.
    pub async fn add(&self, people: Vec<PersonId>) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.add(&people).await).await
    }

    /// Removes people.
    pub async fn remove(&self, people: Vec<PersonId>) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.remove(&people).await).await
    }

    /// Gives a person a role.
    pub async fn set_role(&self, person: PersonId, role: Role) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.set_role(person, role).await).await
    }

    /// Leaves a group.
    pub async fn leave(&self) -> Result<ItemId, Error> {
        self.call(None, async |this| this.leave().await).await
    }

    /// Renames a group.
    pub async fn rename(&self, name: String) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.rename(&name).await).await
    }

    /// Says what a group is about.
    pub async fn set_topic(&self, topic: String) -> Result<ItemId, Error> {
        self.set(Setting::Topic(topic)).await
    }

    /// How long messages are shown; nothing for ever.
    pub async fn set_lifetime(&self, lifetime: Option<Duration>) -> Result<ItemId, Error> {
        self.set(Setting::LifetimeS(lifetime.map_or(0, |lifetime| lifetime.as_secs().max(1)))).await
    }

    /// The least role that may add people, remove others, post or rename. Guests do not add or rename, members do not remove.
    pub async fn set_least_role(&self, permission: Permission, role: Role) -> Result<ItemId, Error> {
        self.set(match permission {
            Permission::Add => Setting::MayAdd(role),
            Permission::Post => Setting::MayPost(role),
            Permission::Rename => Setting::MayRename(role),
            Permission::Remove => Setting::MayRemove(role),
            Permission::SetRoles | Permission::SetLifetime => {
                return Err(Error::Invalid { what: What::Setting, limit: 0 });
            }
        })
        .await
    }

    /// Keeps what was written and not sent.
    pub async fn set_draft(&self, draft: String) -> Result<(), Error> {
        self.call(None, async move |this| this.set_draft(&draft).await).await
    }

    /// No notifications until then; nothing unmutes.
    pub async fn mute(&self, until: Option<SystemTime>) -> Result<(), Error> {
        self.call(None, async move |this| this.mute(until.map_or(0, model::ms)).await).await
    }

    /// The first message of others that was not seen yet.
    pub async fn first_unread(&self) -> Result<Option<ItemId>, Error> {
        self.call(None, async move |this| this.first_unread().await).await
    }

    /// Waits until an action is in the log, or was given up.
    #[uniffi::method(default(cancel = None))]
    pub async fn settled(&self, entry: ItemId, cancel: Option<Arc<Cancel>>) -> Result<DeliveryState, Error> {
        self.call(cancel, async move |this| this.settled(entry).await).await
    }
}

impl RawConversation {
    pub(crate) fn new(shared: Arc<Shared>, conversation: Conversation) -> Self {
        Self { shared, conversation }
    }

    async fn set(&self, setting: Setting) -> Result<ItemId, Error> {
        self.call(None, async move |this| this.set(setting).await).await
    }

    async fn call<T, F>(
        &self,
        cancel: Option<Arc<Cancel>>,
        work: impl FnOnce(Conversation) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let conversation = self.conversation.clone();
        self.shared.wait(cancel, async move { work(conversation).await }).await
    }
}
