//! What is large, what is kept for some time, and what makes room: entries, snapshots, pruning.

use pli_proto::id::LogId;
use pli_proto::pb::{self, EntryKind, Reason};
use pli_proto::rows::{self, Changes, rank};
use pli_proto::signed;

use super::logs::{LOG, MOST, NOW_MS, OWNER, Writer, snapshot};
use super::reason;
use super::rows::keys;
use crate::config::DAY_MS;
use crate::engine::{Append, Engine};

pub(super) async fn snapshots_are_bounded(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.say(OWNER).await.expect("a message");
    assert_eq!(reason(engine.put_snapshot(LOG, OWNER, 1, vec![1]).await), Reason::Invalid);
    assert_eq!(reason(engine.put_snapshot(LOG, OWNER, u64::MAX, vec![1]).await), Reason::Invalid);
    for number in 2..=11 {
        writer.commit(OWNER, vec![]).await.expect("a commit");
        engine.put_snapshot(LOG, OWNER, number, vec![1]).await.expect("a snapshot");
        engine.put_snapshot(LOG, OWNER, number, vec![2]).await.expect("the first stays");
    }
    let newest = snapshot(engine, OWNER, u64::MAX).await.expect("the newest");
    assert_eq!(newest, (11, vec![1]));
    assert_eq!(snapshot(engine, OWNER, 4).await.expect("the oldest of eight").0, 4);
    assert_eq!(snapshot(engine, OWNER, 3).await.expect("the founding one").0, 0);
}

pub(super) async fn what_is_large_comes_back_whole_and_only_to_who_has_room(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let members = keys().take(1_499).map(|key| rows::set(key, rank::MEMBER));
    let changes: Vec<_> = std::iter::once(rows::set(OWNER, rank::OWNER)).chain(members).collect();
    let sealed: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut sent = Vec::new();
    for (kind, sealed, changes) in [
        (EntryKind::Message, sealed[..1_000].to_vec(), vec![]),
        (EntryKind::Message, sealed.clone(), vec![]),
        (EntryKind::Message, sealed[..200_000].to_vec(), vec![]),
        (EntryKind::Commit, b"small".to_vec(), changes),
    ] {
        let whole = kind == EntryKind::Commit;
        let entry = pb::Entry { sealed, whole, ..writer.entry(kind, changes) };
        writer.append(OWNER, &entry).await.expect("an append");
        sent.push(entry);
    }
    let mut read = Vec::new();
    while read.len() < sent.len() {
        let page = engine.read(LOG, OWNER, read.len() as u64, None, MOST).await.expect("a page");
        assert!(page.bytes >= page.entries.iter().map(|entry| entry.sealed.len()).sum());
        read.extend(page.entries);
    }
    for (read, sent) in read.iter().zip(&sent) {
        assert!((&read.sealed, &read.rows, read.whole) == (&sent.sealed, &sent.rows, sent.whole));
    }
    // The second does not fit: it is not read, and what it takes is said.
    let page = engine.read(LOG, OWNER, 0, None, 16 << 10).await.expect("a page");
    assert!(page.entries.len() == 1 && !page.caught_up());
    let page = engine.read(LOG, OWNER, 1, None, 16 << 10).await.expect("a page");
    assert!(page.entries.is_empty() && !page.caught_up() && page.bytes > sealed.len());
    let page = engine.read(LOG, OWNER, 1, None, page.bytes).await.expect("a page");
    assert_eq!(page.entries.len(), 1);
    engine.put_snapshot(LOG, OWNER, 4, sealed.clone()).await.expect("a snapshot");
    assert!(snapshot(engine, OWNER, 4).await.expect("a snapshot") == (4, sealed.clone()));
    let found = engine.snapshot(LOG, OWNER, 4, sealed.len() - 1).await.expect("a snapshot");
    assert!(found.sealed.is_none() && found.bytes == sealed.len());
    // Pruned like what is small.
    writer.now_ms += 10 * DAY_MS;
    while engine.prune_messages(NOW_MS + DAY_MS).await.expect("pruning") > 0 {}
    assert_eq!(writer.numbers(OWNER, 0).await, [4]);
}

pub(super) async fn what_is_due_is_pruned_in_all_logs(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let say = async |log: LogId, what: u8, now_ms| {
        let hash = signed::hash_start(log).to_vec();
        let kind = EntryKind::Message.into();
        let entry = pb::Entry { kind, parent_hash: hash, sealed: vec![what; 9], ..pb::Entry::default() };
        let digest = signed::entry_digest(log, &entry);
        let changes = Changes::default();
        let append = Append { log, by: OWNER, entry, changes, digest, now_ms, commits_per_day: 1 };
        engine.append(append).await.expect("an append");
    };
    let logs = [2, 3, 4].map(|n| LogId([n; 16]));
    let left = async |log| engine.read(log, OWNER, 0, None, MOST).await.expect("a page").entries.len();
    for log in logs {
        engine.create_log(log, OWNER, b"founding".to_vec()).await.expect("a log");
        for day in 0..3 {
            say(log, day, NOW_MS + u64::from(day) * DAY_MS).await;
        }
    }
    for day in 0..4 {
        while engine.prune_messages(NOW_MS + day * DAY_MS).await.expect("pruning") > 0 {}
        for log in logs {
            assert_eq!(left(log).await as u64, 3 - day);
        }
    }
    // What comes after all was pruned has its turn too.
    say(logs[0], 7, NOW_MS + 5 * DAY_MS).await;
    assert_eq!(left(logs[0]).await, 1);
    while engine.prune_messages(NOW_MS + 6 * DAY_MS).await.expect("pruning") > 0 {}
    assert_eq!(left(logs[0]).await, 0);
    writer.say(OWNER).await.expect("a message");
    assert_eq!(writer.numbers(OWNER, 0).await, [1]);
}

pub(super) async fn pruned_messages_get_their_first_answer(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let old = writer.entry(EntryKind::Message, vec![]);
    let first = writer.append(OWNER, &old).await.expect("a message");
    writer.commit(OWNER, vec![]).await.expect("a commit");
    writer.say(OWNER).await.expect("a message");
    writer.now_ms += 10 * DAY_MS;
    writer.say(OWNER).await.expect("a message");
    while engine.prune_messages(NOW_MS + DAY_MS).await.expect("pruning") > 0 {}
    assert_eq!(writer.numbers(OWNER, 0).await, [2, 4]);
    let again = Append { log: LOG, ..writer.request(OWNER, old) };
    let again = engine.append(again).await.expect("the first answer");
    assert_eq!((again.number, again.hash), (first.number, first.hash));
    writer.say(OWNER).await.expect("numbers go on");
    assert_eq!(writer.numbers(OWNER, 2).await, [4, 5]);
}
