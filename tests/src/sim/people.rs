//! Random people. Whatever the core offers they do, at bad moments; and they note what was promised to them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use pli_core::model::{
    ConversationId, ConversationInfo, ConversationKind, EntryId, PersonId, Role, Setting, TimelineItem,
};
use pli_core::{Client, Conversation, Error};
use tokio::time::{sleep, timeout};

use super::book::Act;
use super::env::{Keys, SimEnv};
use super::world::{SECOND_DEVICE, World};

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
    w.event(host, "is up");
    let person = Acting { w, host, client };
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
            Err(Error::NotEnrolled | Error::KeyUnavailable(_)) if !enrolled => join(env, &folder, keys.clone()).await,
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

struct Acting {
    w: Arc<World>,
    host: usize,
    client: Client,
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
    fn judge<T>(&self, what: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Error::NotAllowed | Error::NotFound(_) | Error::Invalid { .. } | Error::Closed | Error::Revoked) => {
                None
            }
            Err(Error::Unavailable { .. }) => None,
            Err(error) => {
                self.w.violation(self.host, &format!("{what} failed: {error:?}"));
                None
            }
        }
    }

    async fn people(&self) -> Vec<PersonId> {
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
        let place = self.w.book().says(self.host, conversation.id(), Act::Text(text.clone()));
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
            let place = self.w.book().says(self.host, conversation.id(), Act::Text(text.clone()));
            let sent = conversation.send(&text, None, &[]).await;
            self.note(place, "send", sent.map(Some))
        }))
        .await;
        "says much at once"
    }

    fn note(&self, place: usize, what: &str, result: Result<Option<EntryId>, Error>) -> &'static str {
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
    async fn pick(&self, conversation: &Conversation, own: bool) -> Option<EntryId> {
        let items = conversation.items(None, 20).await;
        let items = self.judge("items", items).unwrap_or_default();
        let said = items.into_iter().filter_map(|item| match item {
            TimelineItem::Said(message) if message.mine || !own => Some(message.id),
            _ => None,
        });
        let said: Vec<EntryId> = said.collect();
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
                let place = self.w.book().says(self.host, id, Act::Edit(target, text.clone()));
                self.note(place, "edit", conversation.edit(target, &text).await.map(Some));
                "edits"
            }
            4..=6 => {
                let place = self.w.book().says(self.host, id, Act::Delete(target));
                self.note(place, "delete", conversation.delete(target).await.map(|()| None));
                "deletes"
            }
            _ => {
                let emoji = [Some("👍"), Some("🌊"), None][self.w.below(3) as usize];
                let place = self.w.book().says(self.host, id, Act::React(target));
                self.note(place, "react", conversation.react(target, emoji).await.map(|()| None));
                "reacts"
            }
        }
    }

    async fn administer(&self, conversation: &Conversation, info: &ConversationInfo) -> &'static str {
        let members = conversation.member_list().await;
        let members = self.judge("members", members).unwrap_or_default();
        let ids: Vec<PersonId> = members.iter().map(|member| member.person.id).collect();
        let me = self.w.book().person[self.host];
        let mut others: Vec<PersonId> = ids.iter().copied().filter(|id| Some(*id) != me).collect();
        match self.w.below(14) {
            0..=4 => {
                let mut absent = self.people().await;
                absent.retain(|person| !ids.contains(person) || self.w.once_in(8));
                absent.truncate(1 + self.w.below(2) as usize);
                self.judge("add", conversation.add(&absent).await).map_or("adds nobody", |_| "adds")
            }
            5..=7 => {
                others.truncate(1 + usize::from(self.w.once_in(5)));
                self.judge("remove", conversation.remove(&others).await).map_or("removes nobody", |_| "removes")
            }
            8..=9 => {
                let Some(person) = self.w.dice(|dice| dice.pick(&ids).copied()) else { return "sees nobody" };
                let role = [Role::Owner, Role::Admin, Role::Member, Role::Guest][self.w.below(4) as usize];
                let set = conversation.set_role(person, role).await;
                self.judge("set_role", set).map_or("sets no role", |_| "sets a role")
            }
            10..=11 => {
                let name = self.w.book().words(self.host, "name");
                self.w.book().names.push(name.clone());
                self.judge("rename", conversation.rename(&name).await).map_or("renames nothing", |_| "renames")
            }
            _ => {
                let topic = self.w.book().words(self.host, "topic");
                self.w.book().names.push(topic.clone());
                let least = [Role::Guest, Role::Member, Role::Admin][self.w.below(3) as usize].into();
                let setting = match self.w.below(8) {
                    0..=2 => Setting::Topic(topic),
                    3 if self.w.once_in(3) => {
                        self.w.book().fleeting.insert(info.id.0);
                        Setting::LifetimeS(3600 * self.w.below(3))
                    }
                    4..=5 => Setting::MayAdd(least),
                    6 => Setting::MayRename(least),
                    _ if info.kind == ConversationKind::Group => Setting::MayPost(least),
                    _ => return "sets nothing",
                };
                self.judge("set", conversation.set(setting).await).map_or("sets nothing", |_| "sets")
            }
        }
    }

    async fn leave(&self, conversation: &Conversation, info: &ConversationInfo) -> &'static str {
        if info.kind == ConversationKind::Pair || self.w.once_in(2) {
            return "stays";
        }
        self.judge("leave", conversation.leave().await).map_or("may not leave", |_| "leaves")
    }

    /// The app goes to the background for a while.
    async fn nap(&self) -> &'static str {
        self.client.suspend().await;
        sleep(self.w.ms(60_000)).await;
        loop {
            match self.client.resume().await {
                Ok(()) => return "wakes up",
                // Closed for good meanwhile: the power goes.
                Err(Error::Closed) => return "sleeps on",
                Err(error) => self.w.violation(self.host, &format!("it does not resume: {error:?}")),
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Lets the person's other devices in, as after comparing the number.
    async fn approve(&self) -> &'static str {
        let devices = self.client.devices().await;
        let devices = self.judge("devices", devices).unwrap_or_default();
        for device in devices.iter().filter(|device| device.this) {
            self.w.book().device[self.host] = Some(device.id);
        }
        for device in devices.into_iter().filter(|device| !device.this && device.missing_from > 0 && !device.revoked) {
            let approved = self.client.approve(device.id, &device.number).await;
            if self.judge("approve", approved).is_some() {
                return "approves a device";
            }
        }
        if self.host == SECOND_DEVICE { "is the second device" } else { "approves nothing" }
    }

    async fn look(&self, conversation: &Conversation) -> &'static str {
        match self.w.below(6) {
            0 => {
                let read = match self.pick(conversation, false).await {
                    Some(entry) => conversation.mark_read(entry).await,
                    None => Ok(()),
                };
                self.judge("mark_read", read).map_or("reads nothing", |()| "reads")
            }
            1 => {
                let draft = self.w.book().words(self.host, "draft");
                let kept = conversation.set_draft(&draft).await;
                self.judge("draft", kept).map_or("drafts nothing", |()| "drafts")
            }
            2 => self.judge("mute", conversation.mute(self.w.now_ms() + 1_000).await).map_or("hears", |()| "mutes"),
            3 => {
                let synced = self.client.sync(self.w.ms(20_000)).await;
                self.judge("sync", synced).map_or("syncs nothing", |_| "syncs")
            }
            4 => {
                self.client.network_changed();
                "moves to another network"
            }
            _ => {
                let people = self.people().await;
                let Some(person) = self.w.dice(|dice| dice.pick(&people).copied()) else { return "knows nobody" };
                let number = self.client.safety_number(person).await;
                self.judge("safety_number", number).map_or("compares nothing", |_| "compares numbers")
            }
        }
    }
}

/// What everybody shows, as their apps would: whether something is shown twice.
pub(crate) async fn shown_twice(client: &Client) -> Vec<(ConversationId, EntryId)> {
    let mut twice = Vec::new();
    for info in client.conversation_list().await.unwrap_or_default() {
        let items = client.conversation(info.id).items(None, 100_000).await.unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        twice.extend(items.iter().map(TimelineItem::id).filter(|id| !seen.insert(*id)).map(|id| (info.id, id)));
    }
    twice
}
