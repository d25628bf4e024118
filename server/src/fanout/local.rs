//! Hints within one process.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::{Fanout, Listener, Topic};

/// The in-process fan-out. Its memory is the topics watched by living listeners.
#[derive(Default)]
pub struct Local {
    hub: Arc<Mutex<Hub>>,
}

#[derive(Default)]
struct Hub {
    next: u64,
    watchers: BTreeMap<Topic, BTreeMap<u64, Arc<Mailbox>>>,
}

#[derive(Default)]
struct Mailbox {
    told: Mutex<BTreeSet<Topic>>,
    bell: Notify,
}

struct LocalListener {
    id: u64,
    hub: Arc<Mutex<Hub>>,
    mailbox: Arc<Mailbox>,
    watched: Mutex<BTreeSet<Topic>>,
}

impl Local {
    /// Topics that somebody watches, for tests of its bounds.
    pub fn watched(&self) -> usize {
        self.hub.lock().expect("no panic while held").watchers.len()
    }
}

impl Fanout for Local {
    fn publish(&self, topic: Topic) {
        let hub = self.hub.lock().expect("no panic while held");
        for mailbox in hub.watchers.get(&topic).into_iter().flat_map(BTreeMap::values) {
            mailbox.told.lock().expect("no panic while held").insert(topic);
            mailbox.bell.notify_one();
        }
    }

    fn listen(&self) -> Arc<dyn Listener> {
        let mut hub = self.hub.lock().expect("no panic while held");
        hub.next += 1;
        let (id, hub) = (hub.next, self.hub.clone());
        Arc::new(LocalListener { id, hub, mailbox: Arc::default(), watched: Mutex::default() })
    }
}

impl LocalListener {
    fn leave(&self, hub: &mut Hub, topic: Topic) {
        if let Some(watchers) = hub.watchers.get_mut(&topic) {
            watchers.remove(&self.id);
            if watchers.is_empty() {
                hub.watchers.remove(&topic);
            }
        }
    }
}

impl Listener for LocalListener {
    fn watch(&self, topic: Topic) {
        let mut hub = self.hub.lock().expect("no panic while held");
        self.watched.lock().expect("no panic while held").insert(topic);
        hub.watchers.entry(topic).or_default().insert(self.id, self.mailbox.clone());
    }

    fn forget(&self, topic: Topic) {
        let mut hub = self.hub.lock().expect("no panic while held");
        self.watched.lock().expect("no panic while held").remove(&topic);
        self.leave(&mut hub, topic);
        self.mailbox.told.lock().expect("no panic while held").remove(&topic);
    }

    fn next(&self) -> Pin<Box<dyn Future<Output = Topic> + Send + '_>> {
        Box::pin(async move {
            loop {
                let told = self.mailbox.told.lock().expect("no panic while held").pop_first();
                match told {
                    Some(topic) => return topic,
                    // The bell keeps one ring, so that none between the look and the wait is missed.
                    None => self.mailbox.bell.notified().await,
                }
            }
        })
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let mut hub = self.hub.lock().expect("no panic while held");
        let watched = std::mem::take(&mut *self.watched.lock().expect("no panic while held"));
        for topic in watched {
            self.leave(&mut hub, topic);
        }
    }
}
