//! Logs: entries, their order, pages.

use std::sync::Arc;

use pli_proto::id::LogId;
use pli_proto::limits::PAGE_ENTRIES;
use pli_proto::pb::{self, EntryKind, Reason};
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, Changes, rank};
use pli_proto::signed::{self, Hash};

use super::reason;
use crate::config::DAY_MS;
use crate::engine::{Append, Appended, Engine, EngineError};

pub(super) const LOG: LogId = LogId([1; 16]);
pub(super) const OWNER: AccessKey = AccessKey([10; 32]);
pub(super) const MEMBER: AccessKey = AccessKey([22; 32]);
pub(super) const OTHER: AccessKey = AccessKey([32; 32]);
pub(super) const NOW_MS: u64 = 20_000 * DAY_MS + 5_000;

/// Whatever there is.
pub(super) const MOST: usize = usize::MAX;

/// A log with its owner, and where its last commit is.
pub(super) struct Writer<'a> {
    engine: &'a dyn Engine,
    parent: (u64, Hash),
    made: u64,
    pub(super) now_ms: u64,
}

impl<'a> Writer<'a> {
    pub(super) async fn new(engine: &'a dyn Engine) -> Self {
        engine.create_log(LOG, OWNER, b"founding".to_vec()).await.expect("a new log");
        Self { engine, parent: (0, signed::hash_start(LOG)), made: 0, now_ms: NOW_MS }
    }

    pub(super) fn entry(&mut self, kind: EntryKind, changes: Vec<pb::Row>) -> pb::Entry {
        self.made += 1;
        pb::Entry {
            kind: kind.into(),
            parent: self.parent.0,
            parent_hash: self.parent.1.to_vec(),
            rows: changes,
            sealed: format!("sealed {}", self.made).into_bytes(),
            ..pb::Entry::default()
        }
    }

    pub(super) fn request(&self, by: AccessKey, entry: pb::Entry) -> Append {
        let digest = signed::entry_digest(LOG, &entry);
        let changes = Changes::of(&entry).expect("well formed");
        Append { log: LOG, by, entry, changes, digest, now_ms: self.now_ms, commits_per_day: 3 }
    }

    pub(super) async fn append(&self, by: AccessKey, entry: &pb::Entry) -> Result<Appended, EngineError> {
        self.engine.append(self.request(by, entry.clone())).await
    }

    pub(super) async fn commit(&mut self, by: AccessKey, changes: Vec<pb::Row>) -> Result<Appended, EngineError> {
        let entry = self.entry(EntryKind::Commit, changes);
        let taken = self.append(by, &entry).await?;
        self.moved(&taken);
        Ok(taken)
    }

    /// A commit was taken.
    pub(super) fn moved(&mut self, taken: &Appended) {
        self.parent = (taken.number, taken.hash);
    }

    pub(super) async fn say(&mut self, by: AccessKey) -> Result<Appended, EngineError> {
        let entry = self.entry(EntryKind::Message, vec![]);
        self.append(by, &entry).await
    }

    pub(super) async fn numbers(&self, by: AccessKey, after: u64) -> Vec<u64> {
        let page = self.engine.read(LOG, by, after, None, MOST).await.expect("a page");
        page.entries.iter().map(|entry| entry.number).collect()
    }
}

pub(super) async fn snapshot(engine: &dyn Engine, row: AccessKey, at_most: u64) -> Result<(u64, Vec<u8>), EngineError> {
    let found = engine.snapshot(LOG, row, at_most, MOST).await?;
    Ok((found.number, found.sealed.expect("the whole")))
}

pub(super) async fn a_log_is_made_once(engine: &dyn Engine) {
    let create = |row, snapshot: &[u8]| engine.create_log(LOG, row, snapshot.to_vec());
    create(OWNER, b"one").await.expect("a new log");
    create(OWNER, b"one").await.expect("the same again");
    assert_eq!(reason(create(MEMBER, b"one").await), Reason::IdTaken);
    assert_eq!(reason(create(OWNER, b"two").await), Reason::IdTaken);
    assert_eq!(snapshot(engine, OWNER, 0).await.expect("the founding one"), (0, b"one".to_vec()));
}

pub(super) async fn no_entry_is_received_before_the_last(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    for (clock_ms, received_ms) in [(NOW_MS, NOW_MS), (NOW_MS - DAY_MS, NOW_MS), (NOW_MS + 1, NOW_MS + 1)] {
        writer.now_ms = clock_ms;
        let entry = writer.entry(EntryKind::Message, vec![]);
        let taken = writer.append(OWNER, &entry).await.expect("an append");
        assert_eq!(taken.received_ms, received_ms);
        assert_eq!(writer.append(OWNER, &entry).await.expect("the same again"), taken);
    }
}

pub(super) async fn entries_are_numbered_and_chained(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let (mut hash, mut sent) = (signed::hash_start(LOG), Vec::new());
    for number in 1..=6 {
        let kind = if number % 3 == 0 { EntryKind::Commit } else { EntryKind::Message };
        let entry = writer.entry(kind, vec![]);
        let taken = writer.append(OWNER, &entry).await.expect("an append");
        hash = signed::hash_next(&hash, number, NOW_MS, &signed::entry_digest(LOG, &entry));
        assert_eq!(taken, Appended { number, hash, received_ms: NOW_MS });
        if kind == EntryKind::Commit {
            writer.moved(&taken);
        }
        sent.push(pb::Entry { number, hash: hash.to_vec(), received_ms: NOW_MS, ..entry });
    }
    let page = engine.read(LOG, OWNER, 0, None, MOST).await.expect("a page");
    assert!(page.caught_up() && !page.ended);
    assert_eq!(page.entries, sent);
    assert_eq!(writer.numbers(OWNER, 4).await, [5, 6]);
    assert!(writer.numbers(OWNER, u64::MAX).await.is_empty());
}

pub(super) async fn a_repeated_append_gets_the_first_answer(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.commit(OWNER, vec![rows::set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    let leave = writer.entry(EntryKind::Message, vec![rows::set(MEMBER, rank::NONE)]);
    let first = writer.append(MEMBER, &leave).await.expect("a message");
    writer.commit(OWNER, vec![]).await.expect("a commit");
    // Neither parent nor row are what they were.
    assert_eq!(writer.append(MEMBER, &leave).await.expect("the same answer"), first);
    assert_eq!(writer.append(OWNER, &leave).await.expect("nobody is its author"), first);
    assert_eq!(reason(writer.append(OTHER, &leave).await), Reason::NoAccess);
    assert_eq!(writer.numbers(OWNER, 0).await, [1, 2, 3]);
}

pub(super) async fn other_bytes_are_another_entry(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.commit(OWNER, vec![rows::set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    let said = writer.entry(EntryKind::Message, vec![]);
    writer.append(MEMBER, &said).await.expect("a message");
    let sealed = pb::Entry { sealed: b"other".to_vec(), ..said.clone() };
    let leaving = pb::Entry { rows: vec![rows::set(MEMBER, rank::NONE)], ..said.clone() };
    let commit = pb::Entry { kind: EntryKind::Commit.into(), ..said.clone() };
    for (number, other) in (3..).zip([sealed, leaving]) {
        assert_eq!(writer.append(MEMBER, &other).await.expect("another entry").number, number);
    }
    assert_eq!(reason(writer.append(MEMBER, &commit).await), Reason::NoAccess, "it left");
    let taken = writer.append(OWNER, &commit).await.expect("another entry");
    assert_eq!(taken.number, 5);
    let later = pb::Entry { parent: 5, parent_hash: taken.hash.to_vec(), ..said };
    assert_eq!(writer.append(OWNER, &later).await.expect("another entry").number, 6);
}

pub(super) async fn a_stale_parent_is_refused(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let late = writer.entry(EntryKind::Message, vec![]);
    let taken = writer.commit(OWNER, vec![]).await.expect("a commit");
    let forked = pb::Entry { parent: taken.number, parent_hash: vec![0; 32], ..late.clone() };
    for entry in [late, forked] {
        match writer.append(OWNER, &entry).await {
            Err(EngineError::Refused(refused)) => {
                assert_eq!(refused.reason, Reason::Stale);
                assert_eq!(refused.last_commit, Some((taken.number, taken.hash)));
            }
            other => panic!("stale, but: {other:?}"),
        }
    }
}

/// As after an older copy was put back.
pub(super) async fn who_read_another_log_is_told(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let mut hashes = vec![signed::hash_start(LOG)];
    for _ in 0..3 {
        hashes.push(writer.say(OWNER).await.expect("an append").hash);
    }
    engine.prune_messages(NOW_MS + 1).await.expect("pruning");
    hashes.push(writer.say(OWNER).await.expect("an append").hash);
    for (after, hash) in (0..).zip(&hashes) {
        let page = engine.read(LOG, OWNER, after, Some(*hash), MOST).await.expect("a page");
        assert_eq!(page.entries.len(), usize::from(after < 4));
        assert_eq!(reason(engine.read(LOG, OWNER, after, Some([7; 32]), MOST).await), Reason::Diverged);
    }
    assert_eq!(reason(engine.read(LOG, OWNER, 5, Some(hashes[4]), MOST).await), Reason::Diverged);
    assert_eq!(reason(engine.read(LOG, OTHER, 5, Some(hashes[4]), MOST).await), Reason::NoAccess);
}

pub(super) async fn strangers_learn_nothing(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.say(OWNER).await.expect("a message");
    for log in [LOG, LogId([9; 16])] {
        assert_eq!(reason(engine.read(log, OTHER, 0, None, MOST).await), Reason::NoAccess);
        assert_eq!(reason(engine.snapshot(log, OTHER, 0, MOST).await), Reason::NoAccess);
        assert_eq!(reason(engine.put_snapshot(log, OTHER, 0, vec![1]).await), Reason::NoAccess);
        let entry = writer.entry(EntryKind::Commit, vec![]);
        let append = Append { log, ..writer.request(OTHER, entry) };
        assert_eq!(reason(engine.append(append).await), Reason::NoAccess);
    }
}

pub(super) async fn pages_are_bounded(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    for _ in 0..PAGE_ENTRIES + 10 {
        writer.say(OWNER).await.expect("a message");
    }
    let page = engine.read(LOG, OWNER, 0, None, MOST).await.expect("a page");
    assert!(page.entries.len() == PAGE_ENTRIES && !page.caught_up());
    let page = engine.read(LOG, OWNER, 10, None, MOST).await.expect("a page");
    assert!(page.entries.len() == PAGE_ENTRIES && page.caught_up(), "full, and yet the last");
    for (byte, bytes) in (0..).zip([2 << 20, 700 << 10, 700 << 10]) {
        let entry = pb::Entry { sealed: vec![byte; bytes], ..writer.entry(EntryKind::Message, vec![]) };
        writer.append(OWNER, &entry).await.expect("a message");
    }
    let from = PAGE_ENTRIES as u64 + 10;
    for number in 1..=3 {
        let page = engine.read(LOG, OWNER, from + number - 1, None, MOST).await.expect("a page");
        assert!(page.entries.len() == 1 && page.caught_up() == (number == 3));
    }
}

pub(super) async fn concurrent_appends_are_contiguous(engine: Arc<dyn Engine>) {
    let mut writer = Writer::new(&*engine).await;
    let mut appends = Vec::new();
    for n in 0..200 {
        let kind = if n % 50 == 0 { EntryKind::Commit } else { EntryKind::Message };
        let entry = writer.entry(kind, vec![]);
        appends.push(writer.request(OWNER, entry));
    }
    let results = futures_util::future::join_all(appends.into_iter().map(|append| engine.append(append))).await;
    let taken: Vec<u64> = results.iter().filter_map(|result| result.as_ref().ok()).map(|a| a.number).collect();
    let mut sorted = taken.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=taken.len() as u64).collect::<Vec<u64>>());
    let stale = results.into_iter().filter(Result::is_err).map(reason);
    assert!(stale.into_iter().all(|reason| reason == Reason::Stale), "one commit makes the others stale");
    let mut after = 0;
    let mut hash = signed::hash_start(LOG);
    loop {
        let page = engine.read(LOG, OWNER, after, None, MOST).await.expect("a page");
        for entry in &page.entries {
            hash = signed::hash_next(&hash, entry.number, entry.received_ms, &signed::entry_digest(LOG, entry));
            assert_eq!((entry.number, entry.hash.as_slice()), (after + 1, hash.as_slice()));
            after = entry.number;
        }
        if page.caught_up() {
            break;
        }
    }
    assert_eq!(after, taken.len() as u64);
}
