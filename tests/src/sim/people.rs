//! Random people. Whatever the core offers they do, at bad moments; and they note what was promised to them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use pli_core::model::{ConversationId, ConversationKind, ItemId, PersonId, TimelineItem};
use pli_core::{Client, Conversation, Error};
use tokio::time::{sleep, timeout};

use super::book::Act;
use super::env::{Keys, SimEnv};
use super::screens;
use super::world::World;

/// Groups that people make in one seed, about.
const GROUPS: usize = 4;

/// The root task of a device: opens it, and uses it until it dies.
pub(crate) async fn live(env: Arc<SimEnv>) {
    let (w, host) = (env.world.clone(), env.host);
    let client = boot(&env).await;
    match client.me().await {
        Ok(me) => w.book().person[host] = Some(me.id),
        Err(error) => w.violation(host, &format!("it does not know itself: {error}")),
    }
    *w.slots[host].client.lock().expect("no panic while held") = Some(client.clone());
    screens::light(&env, &client);
    w.event(host, "is up");
    let person = Acting { w, host, client, env: env.clone() };
    loop {
        sleep(person.w.ms(person.w.plan.pace_ms)).await;
        if person.w.acting.load(Ordering::SeqCst) {
            let what = person.act().await;
            person.w.event(host, what);
            person.w.count(|counts| counts.actions += 1);
        }
    }
}

async fn boot(env: &Arc<SimEnv>) -> Client {
    let (w, host) = (env.world.clone(), env.host);
    let folder = w.folder(host).join("store");
    let keys = Arc::new(Keys { env: env.clone(), path: w.folder(host).join("store.key") });
    loop {
        let enrolled = w.book().person[host].is_some();
        let opened = match Client::open(env.clone(), &folder, keys.clone()).await {
            // Never joined, or not to the end.
            Err(Error::NotEnrolled | Error::KeyUnavailable { .. }) if !enrolled => {
                join(env, &folder, keys.clone()).await
            }
            opened => opened,
        };
        match opened {
            Ok(client) => return client,
            // Its invitation was used by a life that died before it knew.
            Err(Error::Unavailable { .. }) => {}
            Err(error) => w.violation(host, &format!("it does not open: {error:?}")),
        }
        sleep(w.ms(5_000)).await;
    }
}

async fn join(env: &Arc<SimEnv>, folder: &std::path::Path, keys: Arc<Keys>) -> Result<Client, Error> {
    let w = &env.world;
    let link = loop {
        let link = w.slots[env.host].link.lock().expect("no panic while held").clone();
        match link {
            Some(link) => break link,
            None => sleep(Duration::from_secs(1)).await,
        }
    };
    w.event(env.host, "joins");
    Client::join(env.clone(), folder, keys, &link).await
}

/// A person at a device.
pub(crate) struct Acting {
    pub(crate) w: Arc<World>,
    pub(crate) host: usize,
    pub(crate) client: Client,
    pub(crate) env: Arc<SimEnv>,
}

impl Acting {
    /// Does something; says what.
    async fn act(&self) -> &'static str {
        let list = self.client.conversation_list().await;
        let list = self.judge("list", list).unwrap_or_default();
        let groups = list.iter().filter(|info| info.kind == ConversationKind::Group).count();
        if list.is_empty() || groups < GROUPS && self.w.once_in(15) {
            return self.found().await;
        }
        let Some(info) = self.w.dice(|dice| dice.pick(&list).cloned()) else { return "nothing" };
        let conversation = self.client.conversation(info.id);
        if self.w.plan.insider == Some(self.host) && self.w.once_in(40) {
            return self.lie(&info).await;
        }
        match self.w.below(100) {
            0..=37 => self.say(&conversation).await,
            38..=45 => self.burst(&conversation).await,
            46..=62 => self.touch(&conversation).await,
            63..=66 => self.pair().await,
            67..=83 => self.administer(&conversation, &info).await,
            84..=85 => self.leave(&conversation, &info).await,
            86..=90 => self.nap().await,
            91..=94 => self.approve().await,
            _ => self.look(&conversation).await,
        }
    }

    /// Errors that people may get; any other is a broken promise.
    pub(crate) fn judge<T>(&self, what: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(
                Error::NotAllowed | Error::NotFound { .. } | Error::Invalid { .. } | Error::Closed | Error::Revoked,
            ) => None,
            Err(Error::Unavailable { .. }) => None,
            Err(error) => {
                self.w.violation(self.host, &format!("{what} failed: {error:?}"));
                None
            }
        }
    }

    pub(crate) async fn people(&self) -> Vec<PersonId> {
        let all = self.client.people("").await;
        let me = self.w.book().person[self.host];
        let all = self.judge("people", all).unwrap_or_default();
        all.into_iter().filter(|person| !person.departed && Some(person.id) != me).map(|person| person.id).collect()
    }

    async fn found(&self) -> &'static str {
        let mut people = self.people().await;
        if people.is_empty() {
            return "knows nobody";
        }
        let name = self.w.book().words(self.host, "group");
        self.w.book().names.push(name.clone());
        people.retain(|_| !self.w.once_in(3));
        let made = self.client.create_group(&name, &people).await;
        self.judge("create_group", made).map_or("makes no group", |_| "makes a group")
    }

    async fn pair(&self) -> &'static str {
        let people = self.people().await;
        let Some(person) = self.w.dice(|dice| dice.pick(&people).copied()) else { return "knows nobody" };
        let pair = self.client.pair(person).await;
        match self.judge("pair", pair) {
            Some(id) => self.say(&self.client.conversation(id)).await,
            None => "makes no pair",
        }
    }

    async fn say(&self, conversation: &Conversation) -> &'static str {
        let reply = if self.w.once_in(4) { self.pick(conversation, false).await } else { None };
        let text = self.w.book().words(self.host, "text");
        let place = self.w.book().says(self.host, conversation.id(), Act::Text(text.clone()), self.w.now_ms());
        let mentions: Vec<PersonId> = self.w.book().person[1..4].iter().flatten().copied().collect();
        let sending = conversation.send(&text, reply, &mentions);
        // A caller that stops waiting does not undo it.
        let sent = match self.w.once_in(12) {
            true => timeout(self.w.ms(6), sending).await.ok(),
            false => Some(sending.await),
        };
        match sent {
            Some(sent) => self.note(place, "send", sent.map(Some)),
            None => "says something, and does not wait",
        }
    }

    async fn burst(&self, conversation: &Conversation) -> &'static str {
        let texts: Vec<String> = (0..2 + self.w.below(5)).map(|_| self.w.book().words(self.host, "text")).collect();
        join_all(texts.into_iter().map(async |text| {
            let place = self.w.book().says(self.host, conversation.id(), Act::Text(text.clone()), self.w.now_ms());
            let sent = conversation.send(&text, None, &[]).await;
            self.note(place, "send", sent.map(Some))
        }))
        .await;
        "says much at once"
    }

    fn note(&self, place: usize, what: &str, result: Result<Option<ItemId>, Error>) -> &'static str {
        match self.judge(what, result) {
            Some(entry) => {
                self.w.book().accepted(place, entry, self.w.now_ms());
                "says something"
            }
            None => {
                self.w.book().refused(place);
                "may say nothing"
            }
        }
    }

    /// A message of the last few; of one's own, if so asked.
    pub(crate) async fn pick(&self, conversation: &Conversation, own: bool) -> Option<ItemId> {
        let items = conversation.items(None, 20).await;
        let items = self.judge("items", items).unwrap_or_default();
        let said = items.into_iter().filter_map(|item| match item {
            TimelineItem::Said(message) if message.mine || !own => Some(message.id),
            _ => None,
        });
        let said: Vec<ItemId> = said.collect();
        self.w.dice(|dice| dice.pick(&said).copied())
    }

    /// Edits, deletes, reacts.
    async fn touch(&self, conversation: &Conversation) -> &'static str {
        let kind = self.w.below(10);
        let Some(target) = self.pick(conversation, kind < 6).await else { return "finds nothing to touch" };
        let id = conversation.id();
        match kind {
            0..=3 => {
                let text = self.w.book().words(self.host, "edit");
                let place = self.w.book().says(self.host, id, Act::Edit(target, text.clone()), self.w.now_ms());
                self.note(place, "edit", conversation.edit(target, &text, &[]).await.map(Some));
                "edits"
            }
            4..=6 => {
                let place = self.w.book().says(self.host, id, Act::Delete(target), self.w.now_ms());
                self.note(place, "delete", conversation.delete(target).await.map(|_| None));
                "deletes"
            }
            _ => {
                let emoji = [Some("👍"), Some("🌊"), None][self.w.below(3) as usize];
                let place = self.w.book().says(self.host, id, Act::React(target), self.w.now_ms());
                self.note(place, "react", conversation.react(target, emoji).await.map(|_| None));
                "reacts"
            }
        }
    }
}

/// What everybody shows, as their apps would: whether something is shown twice.
pub(crate) async fn shown_twice(client: &Client) -> Vec<(ConversationId, ItemId)> {
    let mut twice = Vec::new();
    for info in client.conversation_list().await.unwrap_or_default() {
        let items = client.conversation(info.id).items(None, 100_000).await.unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        twice.extend(items.iter().map(TimelineItem::id).filter(|id| !seen.insert(*id)).map(|id| (info.id, id)));
    }
    twice
}
