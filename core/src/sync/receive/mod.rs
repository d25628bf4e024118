//! Receiving: a page of a log in one transaction, cursor included.
//!
//! - [`commit`]: the follower's verdict, then the member's own group.
//! - [`message`]: what was said.
//! - [`rows`]: whether those stand that the group's state asks for.

mod commit;
mod message;
mod rows;

use openmls::group::MlsGroup;
use pli_proto::id::{ItemId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::pb::opened::Body as Inside;
use pli_proto::signed::{self, Hash};
use sha2::{Digest, Sha256};

use crate::conversations::founding::go_on;
use crate::error::Error;
use crate::model::What;
use crate::store::groups::group_id;
use crate::store::items::{self, Kind, NewItem};
use crate::store::logs::{self, Log, LogState};
use crate::store::{Loaded, Notice, Tx};
use pli_kernel::group::associated::Claim;
use pli_kernel::group::seal;
use pli_kernel::group::verdict::Public;

/// What a page asks of others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// A sender knew a newer revocation list.
    pub(crate) newer_revocations: bool,
    /// Nothing more was in the log, and this device has all of it.
    pub(crate) caught_up: bool,
}

/// Receives a page of a log.
pub(crate) fn receive(tx: &mut Tx<'_>, log: LogId, told: &pb::LogPage) -> Result<Received, Error> {
    let (entries, caught_up) = (&told.entries, told.caught_up);
    // A page that begins further on answers a question of before this device was removed and came in again.
    let follows = |record: &Log| record.state.is_asked_for() && told.after <= record.number;
    let Some(mut record) = logs::find(tx.db, log)?.filter(follows) else { return Ok(Received::default()) };
    let Loaded { group, public } = tx.take_group(log)?;
    if record.state == LogState::Diverged {
        // The server has what this device has read after all.
        record.state = if group.is_some() { LogState::Active } else { LogState::Broken };
        tx.notice(Notice::Group(record.conversation));
    }
    let state = record.state;
    tx.defer();
    let mut page = Page { record, group, public: Some(public), received: Received::default(), said_fork: false };
    for entry in entries {
        page.entry(tx, entry)?;
    }
    if caught_up {
        page.compare_rows(tx, told)?;
    }
    logs::put(tx.db, &page.record)?;
    let Page { record, group, public, mut received, .. } = page;
    received.caught_up = caught_up;
    match public {
        Some(public) if record.state.is_followed() => tx.keep_group(log, Loaded { group, public }),
        _ => {}
    }
    tx.settle()?;
    let was_caught_up = tx.is_caught_up(log);
    tx.set_caught_up(log, caught_up && record.state.is_followed());
    if !entries.is_empty() {
        tx.notice(Notice::Items(record.conversation));
    }
    if record.state != state {
        tx.notice(Notice::Group(record.conversation));
    }
    if !record.state.is_followed() {
        tx.notice(Notice::Logs);
        go_on(tx, record.conversation)?;
    }
    if caught_up && (!was_caught_up || !entries.is_empty()) {
        tx.notice(Notice::Outbox(log));
    }
    Ok(received)
}

/// A log while a page of it is received.
struct Page {
    record: Log,
    /// The member's state; absent while its secrets are lost.
    group: Option<MlsGroup>,
    /// What a follower knows; absent once this device is out.
    public: Option<Public>,
    received: Received,
    said_fork: bool,
}

impl Page {
    fn entry(&mut self, tx: &mut Tx<'_>, entry: &pb::Entry) -> Result<(), Error> {
        if entry.number <= self.record.number || !self.record.state.is_followed() {
            return Ok(());
        }
        let digest = signed::entry_digest(self.record.log, entry);
        let id = ItemId::of_hash(&digest);
        self.advance(tx, entry, id, &digest)?;
        if !self.record.state.is_followed() {
            return Ok(());
        }
        let opened = seal::open_entry(&self.record.key, self.record.log, entry).and_then(|opened| opened.body);
        match (entry.kind(), opened) {
            (pb::EntryKind::Commit, Some(Inside::Commit(commit))) => self.commit(tx, entry, id, Some(&commit)),
            (pb::EntryKind::Commit, _) => self.commit(tx, entry, id, None),
            (_, Some(Inside::Message(message))) => self.message(tx, entry, id, Some(&message)),
            _ => self.message(tx, entry, id, None),
        }
    }

    /// Moves the cursor and the running hash on.
    fn advance(&mut self, tx: &mut Tx<'_>, entry: &pb::Entry, id: ItemId, digest: &Hash) -> Result<(), Error> {
        let record = &mut self.record;
        let stands_on_ours = entry.parent == record.commit_number && entry.parent_hash == record.commit_hash;
        let is_next = entry.number == record.number + 1;
        if is_next {
            record.hash = signed::hash_next(&record.hash, entry.number, entry.received_ms, digest);
        } else {
            // Pruned at the server, or withheld: the running hashes that others saw will tell.
            record.hash = entry.hash.as_slice().try_into().map_err(|_| Error::internal("hash"))?;
            let me = tx.context.me.person;
            items::put(tx.db, &shown(record, entry, derived(id, b"gap"), me, &What::Gap)?)?;
        }
        if !is_next && !stands_on_ours {
            tracing::warn!("commits between are no longer at the server");
            return self.end(tx, LogState::Behind);
        }
        if !stands_on_ours && !std::mem::replace(&mut self.said_fork, true) {
            // Its writer's last commit is not ours: the server withheld one, or shows different logs to different members.
            tracing::warn!("an entry stands on another commit than the last that was shown");
            let me = tx.context.me.person;
            items::put(tx.db, &shown(record, entry, derived(id, b"parent"), me, &What::Fork)?)?;
        }
        record.number = entry.number;
        logs::put_hash(tx.db, record.log, record.number, &record.hash)
    }

    /// Whoever made something for this place on another state than this device's stands elsewhere: an adder or a server keeps
    /// members apart. Said once for each state of this device's: the other's anybody could make up.
    fn compare_states(&self, tx: &Tx<'_>, entry: &pb::Entry, claim: Option<&Claim>) -> Result<(), Error> {
        let (Some(claim), Some(public)) = (claim, &self.public) else { return Ok(()) };
        if claim.state == public.state {
            return Ok(());
        }
        tracing::warn!("an entry was made on another state of the group");
        let hash: Hash = Sha256::digest(signed::join(&[b"elsewhere", &self.record.log.0, &public.state])).into();
        let id = ItemId::of_hash(&hash);
        items::put(tx.db, &shown(&self.record, entry, id, tx.context.me.person, &What::Fork)?)
    }

    /// Compares what the server answered to an own entry with what it shows now.
    fn compare_answer(&self, tx: &Tx<'_>, entry: &pb::Entry, id: ItemId, answer: Option<Hash>) -> Result<(), Error> {
        if answer.is_none_or(|answer| answer == self.record.hash) {
            Ok(())
        } else {
            differs(tx, &self.record, entry, id)
        }
    }

    /// This device is out, for good: its secrets go.
    fn end(&mut self, tx: &Tx<'_>, state: LogState) -> Result<(), Error> {
        let id = group_id(self.record.log);
        tx.provider().storage.delete_group(&id)?;
        tx.follower_store().delete_group(&id)?;
        crate::store::outbox::drop_attempts(tx.db, self.record.log)?;
        crate::store::outbox::send_elsewhere(tx.db, self.record.log)?;
        // A pair goes on in another log; from a group one is out.
        let conversation = items::conversation(tx.db, self.record.conversation)?;
        if conversation.is_none_or(|conversation| conversation.peer.is_none()) {
            crate::store::outbox::refuse_all(tx.db, self.record.conversation)?;
        }
        (self.group, self.public) = (None, None);
        self.record.state = state;
        Ok(())
    }
}

/// Compares an answer that came after the log had shown the entry: the same number, time, and all that is before.
pub(super) fn compare_late(tx: &Tx<'_>, log: LogId, id: ItemId, answer: &pb::AppendResponse) -> Result<(), Error> {
    let Some(record) = logs::find(tx.db, log)? else { return Ok(()) };
    let is_other = match logs::hash_at(tx.db, log, answer.number)? {
        Some(hash) => answer.hash != hash,
        // No longer kept, unless it is still to come.
        None => answer.number > record.number,
    };
    let entry = pb::Entry { number: answer.number, received_ms: answer.received_ms, ..pb::Entry::default() };
    if is_other { differs(tx, &record, &entry, id) } else { Ok(()) }
}

/// Says that the server answered something else to an own entry than it shows.
fn differs(tx: &Tx<'_>, record: &Log, entry: &pb::Entry, id: ItemId) -> Result<(), Error> {
    tracing::warn!("the server answered something else to an own entry than it shows");
    let me = tx.context.me.person;
    items::put(tx.db, &shown(record, entry, derived(id, b"answer"), me, &What::Fork)?)
}

/// A change to show.
fn shown(record: &Log, entry: &pb::Entry, id: ItemId, by: PersonId, what: &What) -> Result<NewItem, Error> {
    let body = serde_json::to_vec(what).map_err(|_| Error::internal("json"))?;
    Ok(item(record, entry, id, by, Kind::Change, body))
}

/// Something to show; its sender's clock, whether it is one's own and when it is over are set by the caller.
fn item(record: &Log, entry: &pb::Entry, id: ItemId, by: PersonId, kind: Kind, body: Vec<u8>) -> NewItem {
    NewItem {
        conversation: record.conversation,
        entry: id,
        log: record.log,
        number: entry.number,
        by,
        mine: false,
        sent_ms: entry.received_ms,
        received_ms: entry.received_ms,
        kind,
        body,
        expires_ms: 0,
    }
}

/// The id of a further item of the same entry.
fn derived(id: ItemId, what: &[u8]) -> ItemId {
    let hash: [u8; 32] = Sha256::digest(signed::join(&[&id.0, what])).into();
    ItemId::of_hash(&hash)
}
