//! Rows: ranks, what is told of them, budgets.

use pli_proto::certificate::fingerprint;
use pli_proto::limits::GROUP_DEVICES;
use pli_proto::pb::{self, EntryKind, Reason};
use pli_proto::row::{AccessKey, AccessSigner};
use pli_proto::rows::{self, Ranks, rank, set};

use super::logs::{LOG, MEMBER, MOST, NOW_MS, OTHER, OWNER, Writer, snapshot};
use super::people::{enrolment, newcomer, revocation};
use super::reason;
use crate::config::DAY_MS;
use crate::engine::{Engine, EngineError, Enrolment, Told};

/// Keys that rows may have, ascending.
pub(super) fn keys() -> impl Iterator<Item = AccessKey> {
    let key = |n: u32| {
        AccessKey([[0x40, 1, 2, 3], n.to_be_bytes(), [5; 4], [6; 4]].concat().repeat(2).try_into().expect("32"))
    };
    (0..).map(key).filter(rows::is_strong)
}

/// What a row is told at the log's end.
async fn told(engine: &dyn Engine, by: AccessKey) -> Told {
    engine.read(LOG, by, u64::MAX, None, MOST).await.expect("a page").told.expect("the end")
}

/// What one of `own` rank is to be told where these rows stand.
fn stand(own: u32, rows: &[(AccessKey, u32)]) -> Told {
    let ranks: Ranks = rows.iter().copied().collect();
    Told { rank: own, rows: rows::digest(ranks.iter().map(|(key, rank)| (key, *rank))) }
}

/// Cuts the own row.
async fn leave(writer: &mut Writer<'_>, row: AccessKey) -> u64 {
    let entry = writer.entry(EntryKind::Message, vec![set(row, rank::NONE)]);
    writer.append(row, &entry).await.expect("a message").number
}

pub(super) async fn what_the_rank_allows_is_done_and_told(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    assert_eq!(told(engine, OWNER).await, stand(rank::OWNER, &[(OWNER, rank::OWNER)]));
    writer.commit(OWNER, vec![set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    // What a member may not do is skipped, and the entry is taken; a row that it adds has its rank at most.
    let changes = vec![set(OWNER, rank::NONE), set(MEMBER, rank::OWNER), set(OTHER, rank::OWNER)];
    writer.commit(MEMBER, changes.clone()).await.expect("a commit");
    let rows = [(OWNER, rank::OWNER), (MEMBER, rank::MEMBER), (OTHER, rank::MEMBER)];
    assert_eq!(told(engine, OTHER).await, stand(rank::MEMBER, &rows));
    assert_eq!(told(engine, OWNER).await, stand(rank::OWNER, &rows));
    let page = engine.read(LOG, OTHER, 1, None, MOST).await.expect("a page");
    assert_eq!(page.entries[0].rows, changes, "readers see what was asked");
    // An admin changes and cuts what is not above.
    writer.commit(OWNER, vec![set(MEMBER, rank::ADMIN)]).await.expect("a commit");
    writer.commit(MEMBER, vec![set(OWNER, rank::NONE), set(OTHER, rank::GUEST)]).await.expect("a commit");
    let rows = [(OWNER, rank::OWNER), (MEMBER, rank::ADMIN), (OTHER, rank::GUEST)];
    assert_eq!(told(engine, MEMBER).await, stand(rank::ADMIN, &rows));
    writer.commit(MEMBER, vec![set(OTHER, rank::NONE)]).await.expect("a commit");
    assert_eq!(told(engine, MEMBER).await, stand(rank::ADMIN, &rows[..2]));
    // A page that is not the last tells nothing.
    let page = engine.read(LOG, MEMBER, 0, None, 1).await.expect("a page");
    assert!(!page.caught_up() && page.told.is_none());
}

pub(super) async fn a_whole_list_cuts_the_others(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let all = [(MEMBER, rank::MEMBER), (OTHER, rank::ADMIN)].map(|(key, rank)| set(key, rank));
    writer.commit(OWNER, all.to_vec()).await.expect("a commit");
    let rows = [(OWNER, rank::OWNER), (MEMBER, rank::MEMBER), (OTHER, rank::ADMIN)];
    let extra = keys().next().expect("a key");
    for (by, rank, rows) in [
        (MEMBER, rank::MEMBER, rows.to_vec()),
        (OTHER, rank::ADMIN, vec![rows[0], rows[2]]),
        (OWNER, rank::OWNER, vec![rows[0], (extra, rank::GUEST)]),
    ] {
        let stated = rows.iter().filter(|(key, _)| by != MEMBER || *key == MEMBER).map(|(key, rank)| set(*key, *rank));
        let entry = pb::Entry { whole: true, ..writer.entry(EntryKind::Commit, stated.collect()) };
        let taken = writer.append(by, &entry).await.expect("a commit");
        writer.moved(&taken);
        assert_eq!(told(engine, by).await, stand(rank, &rows));
        let page = engine.read(LOG, OWNER, taken.number - 1, None, MOST).await.expect("a page");
        assert!(page.entries[0].whole && page.entries[0].rows == entry.rows, "readers get all of it");
    }
}

pub(super) async fn without_an_owner_the_oldest_is_one(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    for row in [MEMBER, OTHER] {
        writer.commit(OWNER, vec![set(row, rank::MEMBER)]).await.expect("a commit");
    }
    // Who is added again is as old as that; whose rank is changed, as before.
    for rank in [rank::NONE, rank::MEMBER] {
        writer.commit(OWNER, vec![set(MEMBER, rank)]).await.expect("a commit");
    }
    for rank in [rank::ADMIN, rank::MEMBER] {
        writer.commit(OWNER, vec![set(OTHER, rank)]).await.expect("a commit");
    }
    leave(&mut writer, OWNER).await;
    let rows = [(MEMBER, rank::MEMBER), (OTHER, rank::OWNER)];
    assert_eq!(told(engine, OTHER).await, stand(rank::OWNER, &rows));
    assert_eq!(told(engine, MEMBER).await, stand(rank::MEMBER, &rows));
    leave(&mut writer, OTHER).await;
    assert_eq!(told(engine, MEMBER).await, stand(rank::OWNER, &[(MEMBER, rank::OWNER)]));
}

pub(super) async fn cut_rows_read_to_their_end(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.commit(OWNER, vec![set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    let end = writer.commit(OWNER, vec![set(MEMBER, rank::NONE)]).await.expect("a commit").number;
    writer.say(OWNER).await.expect("a message");
    let page = engine.read(LOG, MEMBER, 0, None, MOST).await.expect("a page");
    assert!(page.ended && !page.caught_up() && page.entries.len() == 2);
    assert!(engine.read(LOG, MEMBER, end, None, MOST).await.expect("a page").entries.is_empty());
    assert_eq!(reason(writer.say(MEMBER).await), Reason::NoAccess);
    assert_eq!(reason(engine.put_snapshot(LOG, MEMBER, 1, vec![1]).await), Reason::NoAccess);
    engine.put_snapshot(LOG, OWNER, end, vec![1]).await.expect("a snapshot");
    let later = writer.commit(OWNER, vec![]).await.expect("a commit").number;
    engine.put_snapshot(LOG, OWNER, later, vec![2]).await.expect("a snapshot");
    assert_eq!(snapshot(engine, MEMBER, later).await.expect("its last").0, end);
    writer.commit(OWNER, vec![set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    assert_eq!(writer.numbers(MEMBER, 0).await, [1, 2, 3, 4, 5]);
    writer.say(MEMBER).await.expect("a message");
}

/// A device whose MLS key is `leaf` enrols with an issuer.
async fn hire(engine: &dyn Engine, n: u8, leaf: [u8; 32], issuer: u8) {
    engine.invite(vec![newcomer(n)]).await.expect("an invitation");
    let issuer = fingerprint(&[issuer]);
    engine.enrol(Enrolment { mls_key: leaf, issuer, ..enrolment(n) }).await.expect("an enrolment");
}

async fn revoke(engine: &dyn Engine, number: u64, leaf: [u8; 32]) {
    let mut revocation = revocation(number, &[0], None);
    revocation.lines[0].leaf_key = leaf.to_vec();
    revocation.list.issuer = vec![number as u8];
    assert!(engine.revoke(revocation).await.expect("an answer"));
}

pub(super) async fn rows_of_devices_that_are_out_are_cut_by_anyone(engine: &dyn Engine) {
    let log_key = [9; 32];
    // Any point of prime order is a device's key.
    let [out, kept, later, unknown] = [1, 2, 3, 4].map(|n| AccessSigner::new(b"devices", &[n; 32]).key().0);
    let row = |leaf| AccessKey::of(&log_key, &leaf).expect("a row");
    let sorted = |mut rows: Vec<pb::Row>| {
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    };
    let mut writer = Writer::new(engine).await;
    let leaves = [out, kept, later, unknown];
    let mut rows: Ranks = leaves.iter().map(|leaf| (row(*leaf), rank::OWNER)).collect();
    rows.extend([(OWNER, rank::OWNER), (MEMBER, rank::GUEST)]);
    writer.commit(OWNER, rows.iter().map(|(key, rank)| set(*key, *rank)).collect()).await.expect("a commit");
    let shown = sorted(leaves.iter().map(|leaf| rows::cut_bad(&log_key, leaf).expect("a point")).collect());
    let mut left = async |gone: Option<[u8; 32]>| {
        writer.now_ms += DAY_MS;
        writer.commit(MEMBER, shown.clone()).await.expect("a commit");
        gone.map(|leaf| rows.remove(&row(leaf)));
        let told_now = told(engine, OWNER).await;
        assert_eq!(told_now.rows, rows::digest(rows.iter().map(|(key, rank)| (key, *rank))));
    };
    hire(engine, 1, out, 1).await;
    hire(engine, 2, kept, 1).await;
    left(None).await;
    revoke(engine, 1, out).await;
    left(Some(out)).await;
    // An issuer's end keeps all others; and who enrols after it is none of its.
    let kept_certificates = engine.certificates().await.expect("an answer");
    let issuer = fingerprint(&[1]).to_vec();
    let (revocations, revocations_hash) = (1, vec![3; 32]);
    let end = pb::IssuerEnd { number: 1, issuer, revocations, revocations_hash, ..pb::IssuerEnd::default() };
    assert!(engine.end_issuer(end, kept_certificates).await.expect("an answer"));
    hire(engine, 3, later, 2).await;
    left(None).await;
    revoke(engine, 2, kept).await;
    left(Some(kept)).await;
    // What was shown is not kept.
    let page = engine.read(LOG, OWNER, 1, None, MOST).await.expect("a page");
    assert!(
        page.entries.iter().flat_map(|entry| &entry.rows).all(|row| row.leaf_key.is_empty() && row.factor.is_empty())
    );
}

pub(super) async fn commits_are_budgeted(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    writer.commit(OWNER, vec![set(MEMBER, rank::MEMBER)]).await.expect("a commit");
    for _ in 0..3 {
        writer.commit(MEMBER, vec![]).await.expect("a commit");
    }
    match writer.commit(MEMBER, vec![]).await {
        Err(EngineError::Refused(refused)) => {
            assert_eq!(refused.reason, Reason::Limit);
            assert_eq!(refused.retry_after_ms, DAY_MS - NOW_MS % DAY_MS);
        }
        other => panic!("spent, but: {other:?}"),
    }
    writer.say(MEMBER).await.expect("messages are free");
    writer.now_ms += DAY_MS;
    writer.commit(MEMBER, vec![]).await.expect("another day");
    writer.commit(OWNER, vec![set(OTHER, rank::ADMIN)]).await.expect("a commit");
    for (row, left) in [(OWNER, 29), (OTHER, 30)] {
        for _ in 0..left {
            writer.commit(row, vec![]).await.expect("ten times as many");
        }
        assert_eq!(reason(writer.commit(row, vec![]).await), Reason::Limit);
    }
}

pub(super) async fn who_brings_rows_in_shares_a_budget_until_they_are_named(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    // Named with whatever rank, the one that it has too.
    for (low, named) in
        [rank::GUEST, rank::MEMBER].into_iter().flat_map(|low| [(low, rank::GUEST), (low, rank::MEMBER)])
    {
        writer.now_ms += DAY_MS;
        let changes = vec![set(MEMBER, low), set(OTHER, rank::NONE)];
        writer.commit(OWNER, changes).await.expect("a commit");
        writer.commit(MEMBER, vec![set(OTHER, low)]).await.expect("a commit");
        for row in [OTHER, MEMBER] {
            writer.commit(row, vec![]).await.expect("a commit");
        }
        for row in [MEMBER, OTHER] {
            assert_eq!(reason(writer.commit(row, vec![]).await), Reason::Limit);
        }
        writer.commit(OWNER, vec![set(OTHER, named)]).await.expect("a commit");
        for _ in 0..3 {
            writer.commit(OTHER, vec![]).await.expect("it has a budget of its own now");
        }
        for row in [MEMBER, OTHER] {
            assert_eq!(reason(writer.commit(row, vec![]).await), Reason::Limit);
        }
    }
}

pub(super) async fn rows_are_bounded(engine: &dyn Engine) {
    let mut writer = Writer::new(engine).await;
    let most = 2 * GROUP_DEVICES;
    let keys: Vec<AccessKey> = keys().take(most).collect();
    let changes = keys[1..].iter().map(|key| set(*key, rank::MEMBER)).collect();
    writer.commit(OWNER, changes).await.expect("as many as there may be");
    let before = told(engine, OWNER).await;
    writer.commit(keys[1], vec![set(keys[0], rank::MEMBER)]).await.expect("it is taken");
    assert_eq!(told(engine, OWNER).await, before, "and not done");
    let replaced = vec![set(keys[0], rank::MEMBER), set(keys[1], rank::NONE)];
    writer.commit(OWNER, replaced).await.expect("one for another");
    assert!(writer.numbers(keys[0], 2).await == [3] && reason(writer.say(keys[1]).await) == Reason::NoAccess);
}
