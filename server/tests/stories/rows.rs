//! Ranks, revoked rows, budgets.

use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::row::AccessSigner;
use pli_proto::rows::{self, rank};

use crate::common::*;

/// One who commits in a group's log.
async fn try_commit(group: &mut Group, by: &AccessSigner, changes: Vec<pb::RowChange>) -> Result<(), tonic::Status> {
    let entry = group.pen.commit(changes);
    let taken = group.append(by, &entry).await?;
    group.pen.on(&taken);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changes_none_of_a_higher_rank() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (admin, member) = (group.add(rank::ADMIN).await, group.add(rank::OTHER).await);
    let (owner, newcomer) = (group.owner_row(), group.stranger());
    let refused = [
        (&member, rows::revoke(admin.key())),
        (&member, rows::set(member.key(), rank::ADMIN)),
        (&member, rows::set(newcomer.key(), rank::ADMIN)),
        (&admin, rows::revoke(owner.key())),
        (&admin, rows::set(admin.key(), rank::OWNER)),
    ];
    for (by, change) in refused {
        assert_eq!(reason(try_commit(&mut group, by, vec![change]).await), Reason::Rank);
    }
    // Refused whole: not even what was allowed happened.
    let mixed = vec![rows::set(newcomer.key(), rank::OTHER), rows::revoke(owner.key())];
    assert_eq!(reason(try_commit(&mut group, &admin, mixed).await), Reason::Rank);
    assert_eq!(reason(group.read(&newcomer, 0).await), Reason::NoAccess);
    try_commit(&mut group, &member, vec![rows::set(newcomer.key(), rank::OTHER)]).await.unwrap();
    assert!(group.read(&newcomer, 0).await.is_ok());
    try_commit(&mut group, &admin, vec![rows::revoke(newcomer.key())]).await.unwrap();
    let message = group.pen.entry(pb::EntryKind::Message, b"x", vec![rows::revoke(member.key())]);
    assert_eq!(reason(group.append(&owner, &message).await), Reason::Rank);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_with_their_commit_to_readers() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::OTHER).await;
    let page = group.read(&member, 0).await.unwrap();
    assert_eq!(page.entries[0].rows, [rows::set(member.key(), rank::OTHER)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_row_reads_up_to_its_end_and_does_nothing_more() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::OTHER).await;
    group.say(b"before").await;
    let end = group.commit(vec![rows::revoke(member.key())]).await.number;
    group.say(b"after").await;
    let page = group.read(&member, 0).await.unwrap();
    assert_eq!((numbers(&page), page.caught_up), (vec![1, 2, end], false));
    assert_eq!(reason(group.read(&member, end).await), Reason::NoAccess);
    let entry = group.pen.message(b"still here?");
    assert_eq!(reason(group.append(&member, &entry).await), Reason::NoAccess);
    let log = group.log.clone();
    assert_eq!(reason(group.sealed.put_snapshot(&log, &member, 1, b"x").await), Reason::NoAccess);
    let owner = group.owner_row();
    group.sealed.put_snapshot(&log, &owner, end, b"at its end").await.unwrap();
    let later = group.commit(vec![]).await.number;
    group.sealed.put_snapshot(&log, &owner, later, b"later").await.unwrap();
    assert_eq!(group.sealed.snapshot(&log, &member, later).await.unwrap().number, end);
    // Added again, it reads everything, what it missed included.
    group.commit(vec![rows::set(member.key(), rank::OTHER)]).await;
    let page = group.read(&member, 0).await.unwrap();
    assert!(page.caught_up && page.entries.len() == 6);
    let entry = group.pen.message(b"here again");
    assert!(group.append(&member, &entry).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_revokes_a_revoked_devices_row_by_showing_its_key() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::OTHER).await;
    let leaf = anne.mls.verifying_key().to_bytes();
    let shown = rows::revoke_revoked(&group.log.key, &leaf).unwrap();
    assert_eq!(shown.key, anne.row(&group.log).key().0);
    assert_eq!(reason(try_commit(&mut group, &member, vec![shown.clone()]).await), Reason::Rank);
    office.authority().revoke(anne.id).await.unwrap();
    group.sealed = office.sealed(&bob).await;
    let other = rows::revoke_revoked(&[9; 32], &leaf).unwrap();
    let forged = pb::RowChange { key: shown.key.clone(), ..other };
    assert_eq!(reason(try_commit(&mut group, &member, vec![forged]).await), Reason::Rank);
    try_commit(&mut group, &member, vec![shown.clone()]).await.unwrap();
    let owner = group.owner_row();
    assert_eq!(reason(group.read(&owner, 9).await), Reason::NoAccess);
    // Readers see that the row went, and the server kept nothing that names the device.
    let entries = group.read(&member, 0).await.unwrap().entries;
    assert_eq!(entries.last().unwrap().rows, [rows::revoke(owner.key())]);
    let sent = pb::Entry { rows: vec![shown], ..entries.last().unwrap().clone() };
    let digest = |entry| pli_proto::signed::entry_digest(group.log.id, entry);
    assert_eq!(digest(&sent), digest(entries.last().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_commits_of_a_row_are_counted_and_refused_ones_are_not() {
    let office = Office::with(|limits| limits.commits_per_day = 3).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::OTHER).await;
    for _ in 0..5 {
        let stale = Pen::new(&group.log).commit(vec![]);
        assert_eq!(reason(group.append(&member, &stale).await), Reason::Stale);
    }
    for _ in 0..3 {
        try_commit(&mut group, &member, vec![]).await.unwrap();
    }
    let refused = refusal(try_commit(&mut group, &member, vec![]).await);
    assert_eq!(refused.reason(), Reason::Limit);
    assert!((1..=DAY_MS).contains(&refused.retry_after_ms));
    // Messages are no commits, owners have ten times as many, and tomorrow is another day.
    let message = group.pen.message(b"x");
    assert!(group.append(&member, &message).await.is_ok());
    for _ in 0..4 {
        group.commit(vec![]).await;
    }
    office.world.pass_midnight(0);
    try_commit(&mut group, &member, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rank_0_brings_in_spends_its_budget_until_a_higher_rank_confirms_it() {
    let office = Office::with(|limits| limits.commits_per_day = 3).await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::OTHER).await;
    let (friend, friends_friend) = (group.stranger(), group.stranger());
    try_commit(&mut group, &member, vec![rows::set(friend.key(), rank::OTHER)]).await.unwrap();
    try_commit(&mut group, &friend, vec![rows::set(friends_friend.key(), rank::OTHER)]).await.unwrap();
    try_commit(&mut group, &friends_friend, vec![]).await.unwrap();
    for row in [&member, &friend, &friends_friend] {
        assert_eq!(reason(try_commit(&mut group, row, vec![]).await), Reason::Limit);
    }
    group.commit(vec![rows::set(friend.key(), rank::OTHER)]).await;
    try_commit(&mut group, &friend, vec![]).await.unwrap();
    assert_eq!(reason(try_commit(&mut group, &member, vec![]).await), Reason::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_budget_a_row_spends_outlives_a_restart() {
    let mut office = Office::with(|limits| limits.commits_per_day = 3).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::OTHER).await;
    let friend = group.stranger();
    try_commit(&mut group, &member, vec![rows::set(friend.key(), rank::OTHER)]).await.unwrap();
    office.shut().await;
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    // The day begins anew, and the two still share it.
    for row in [&member, &friend, &member] {
        try_commit(&mut group, row, vec![]).await.unwrap();
    }
    for row in [&member, &friend] {
        assert_eq!(reason(try_commit(&mut group, row, vec![]).await), Reason::Limit);
    }
}
