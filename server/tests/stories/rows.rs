//! Ranks, rows that were cut, budgets.

use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::row::AccessSigner;
use pli_proto::rows::{self, rank};

use crate::common::*;

/// One who commits in a group's log.
async fn try_commit(group: &mut Group, by: &AccessSigner, asked: Vec<pb::Row>) -> Result<(), tonic::Status> {
    let entry = group.pen.commit(sorted(asked));
    let taken = group.append(by, &entry).await?;
    group.pen.on(&taken);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rank_does_not_allow_is_skipped_and_the_rest_is_done() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (admin, member) = (group.add(rank::ADMIN).await, group.add(rank::MEMBER).await);
    let (owner, newcomer) = (group.owner_row(), group.stranger());
    let skipped = [
        (&member, cut(&admin)),
        (&member, rows::set(member.key(), rank::ADMIN)),
        (&member, rows::set(admin.key(), rank::GUEST)),
        (&admin, cut(&owner)),
        (&admin, rows::set(owner.key(), rank::ADMIN)),
        (&admin, rows::set(admin.key(), rank::OWNER)),
        (&owner, cut(&newcomer)),
    ];
    let before = group.told(&owner).await;
    for (by, row) in skipped {
        try_commit(&mut group, by, vec![row]).await.expect("it is taken");
        assert_eq!(group.told(&owner).await, before);
    }
    // What may be done beside is done, and who is added has the signer's rank at most.
    try_commit(&mut group, &member, vec![rows::set(newcomer.key(), rank::OWNER), cut(&owner)]).await.unwrap();
    let mut stands =
        vec![(&owner, rank::OWNER), (&admin, rank::ADMIN), (&member, rank::MEMBER), (&newcomer, rank::MEMBER)];
    assert_eq!(group.told(&newcomer).await, (rank::MEMBER, stand(&stands)));
    let asked = vec![rows::set(member.key(), rank::GUEST), cut(&newcomer), cut(&owner)];
    try_commit(&mut group, &admin, asked).await.unwrap();
    stands.pop();
    stands[2].1 = rank::GUEST;
    assert_eq!(group.told(&member).await, (rank::GUEST, stand(&stands)));
    assert_eq!(reason(group.read(&newcomer, 99).await), Reason::NoAccess);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_list_cuts_what_it_does_not_have() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (admin, member) = (group.add(rank::ADMIN).await, group.add(rank::MEMBER).await);
    let owner = group.owner_row();
    let state = [(&admin, rank::ADMIN), (&owner, rank::OWNER)];
    for (by, stands) in [
        // A member's cuts nothing.
        (&member, vec![(&member, rank::MEMBER), (&admin, rank::ADMIN), (&owner, rank::OWNER)]),
        (&admin, state.to_vec()),
    ] {
        let listed = state.iter().map(|(row, rank)| rows::set(row.key(), *rank)).collect();
        let entry = pb::Entry { whole: true, ..group.pen.commit(sorted(listed)) };
        let taken = group.append(by, &entry).await.unwrap();
        group.pen.on(&taken);
        assert_eq!(group.told(&owner).await, (rank::OWNER, stand(&stands)));
        let read = group.read(&owner, taken.number - 1).await.unwrap().entries.remove(0);
        assert!(read.whole && read.rows == entry.rows);
        let digest = |entry| pli_proto::signed::entry_digest(group.log.id, entry);
        assert_eq!(digest(&read), digest(&entry));
    }
    assert_eq!(reason(group.read(&member, 99).await), Reason::NoAccess);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_comes_with_its_commit_to_readers() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::MEMBER).await;
    let page = group.read(&member, 0).await.unwrap();
    assert_eq!(page.entries[0].rows, [rows::set(member.key(), rank::MEMBER)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_cut_reads_up_to_its_end_and_does_nothing_more() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::MEMBER).await;
    group.say(b"before").await;
    let end = group.commit(vec![cut(&member)]).await.number;
    group.say(b"after").await;
    let page = group.read(&member, 0).await.unwrap();
    assert_eq!((numbers(&page), page.caught_up, page.rows.len()), (vec![1, 2, end], false, 0));
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
    group.commit(vec![rows::set(member.key(), rank::MEMBER)]).await;
    let page = group.read(&member, 0).await.unwrap();
    assert!(page.caught_up && page.entries.len() == 6);
    let entry = group.pen.message(b"here again");
    assert!(group.append(&member, &entry).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_cuts_a_revoked_devices_row_by_showing_its_key() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut group = Group::found(&office, &anne).await;
    let (guest, owner) = (group.add(rank::GUEST).await, group.owner_row());
    let leaf = anne.mls.verifying_key().to_bytes();
    let shown = rows::cut_bad(&group.log.key, &leaf).unwrap();
    assert_eq!(shown.key, owner.key().0);
    try_commit(&mut group, &guest, vec![shown.clone()]).await.expect("it is taken");
    assert_eq!(group.told(&guest).await.1, stand(&[(&owner, rank::OWNER), (&guest, rank::GUEST)]));
    office.authority().revoke(anne.id).await.unwrap();
    group.sealed = office.sealed(&bob).await;
    let other = rows::cut_bad(&[9; 32], &leaf).unwrap();
    let forged = pb::Row { key: shown.key.clone(), ..other };
    try_commit(&mut group, &guest, vec![forged]).await.expect("it is taken");
    assert_eq!(group.told(&guest).await.1, stand(&[(&owner, rank::OWNER), (&guest, rank::GUEST)]));
    try_commit(&mut group, &guest, vec![shown.clone()]).await.unwrap();
    assert_eq!(group.told(&guest).await, (rank::GUEST, stand(&[(&guest, rank::GUEST)])), "a guest is no owner");
    assert_eq!(reason(group.read(&owner, 9).await), Reason::NoAccess);
    // Readers see that the row went, and the server kept nothing that names the device.
    let entries = group.read(&guest, 0).await.unwrap().entries;
    assert_eq!(entries.last().unwrap().rows, [cut(&owner)]);
    let sent = pb::Entry { rows: vec![shown], ..entries.last().unwrap().clone() };
    let digest = |entry| pli_proto::signed::entry_digest(group.log.id, entry);
    assert_eq!(digest(&sent), digest(entries.last().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_commits_of_a_row_are_counted_and_refused_ones_are_not() {
    let office = Office::with(|limits| limits.commits_per_day = 3).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::MEMBER).await;
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
async fn what_a_member_brings_in_spends_its_budget_until_a_higher_rank_names_it() {
    let office = Office::with(|limits| limits.commits_per_day = 3).await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let member = group.add(rank::MEMBER).await;
    let (friend, friends_friend) = (group.stranger(), group.stranger());
    try_commit(&mut group, &member, vec![rows::set(friend.key(), rank::MEMBER)]).await.unwrap();
    try_commit(&mut group, &friend, vec![rows::set(friends_friend.key(), rank::GUEST)]).await.unwrap();
    try_commit(&mut group, &friends_friend, vec![]).await.unwrap();
    for row in [&member, &friend, &friends_friend] {
        assert_eq!(reason(try_commit(&mut group, row, vec![]).await), Reason::Limit);
    }
    group.commit(vec![rows::set(friend.key(), rank::MEMBER)]).await;
    try_commit(&mut group, &friend, vec![]).await.unwrap();
    assert_eq!(reason(try_commit(&mut group, &member, vec![]).await), Reason::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_budget_a_row_spends_outlives_a_restart() {
    let mut office = Office::with(|limits| limits.commits_per_day = 3).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::MEMBER).await;
    let friend = group.stranger();
    try_commit(&mut group, &member, vec![rows::set(friend.key(), rank::MEMBER)]).await.unwrap();
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
