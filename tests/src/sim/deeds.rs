//! What people do besides talking: roles, names, members, naps, devices, drafts.

use std::time::Duration;

use pli_core::model::{ConversationInfo, ConversationKind, PersonId, Role, Setting};
use pli_core::{Conversation, Error};
use tokio::time::sleep;

use super::people::Acting;
use super::world::SECOND_DEVICE;

impl Acting {
    pub(crate) async fn administer(&self, conversation: &Conversation, info: &ConversationInfo) -> &'static str {
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
                let role = [Role::Owner, Role::Admin, Role::Member][self.w.below(3) as usize];
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
                let least = [Role::Guest, Role::Member, Role::Admin][self.w.below(3) as usize];
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

    pub(crate) async fn leave(&self, conversation: &Conversation, info: &ConversationInfo) -> &'static str {
        if info.kind == ConversationKind::Pair || self.w.once_in(2) {
            return "stays";
        }
        self.judge("leave", conversation.leave().await).map_or("may not leave", |_| "leaves")
    }

    /// The app goes to the background for a while.
    pub(crate) async fn nap(&self) -> &'static str {
        self.client.suspend().await;
        sleep(self.w.ms(60_000)).await;
        self.wake().await
    }

    pub(crate) async fn wake(&self) -> &'static str {
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
    pub(crate) async fn approve(&self) -> &'static str {
        let devices = self.client.device_list().await;
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

    pub(crate) async fn look(&self, conversation: &Conversation) -> &'static str {
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
