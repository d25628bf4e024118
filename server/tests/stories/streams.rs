//! Streams of many logs.

use std::time::{Duration, Instant};

use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::rows::{self, rank};
use prost::Message;

use crate::common::*;

async fn next(stream: &mut tonic::Streaming<pb::LogPage>) -> pb::LogPage {
    soon(stream.message()).await.unwrap().unwrap()
}

fn refused(page: &pb::LogPage) -> Reason {
    pb::Refusal::decode(page.refusal.as_slice()).unwrap().reason()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_follows_many_logs_from_where_each_stands() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let (mut one, mut two) = (Group::found(&office, &anne).await, Group::found(&office, &anne).await);
    one.say(b"1").await;
    one.say(b"2").await;
    let (requests, mut stream) = one.sealed.subscribe().await.unwrap();
    requests.send(one.sealed.subscribe_request(&one.log, &one.owner_row(), 1)).await.unwrap();
    let page = next(&mut stream).await;
    assert_eq!((page.log.as_slice(), numbers(&page), page.caught_up), (one.log.id.as_ref(), vec![2], true));
    requests.send(one.sealed.subscribe_request(&two.log, &two.owner_row(), 0)).await.unwrap();
    let page = next(&mut stream).await;
    let what = (page.log.as_slice(), page.entries.len(), page.caught_up);
    assert_eq!(what, (two.log.id.as_ref(), 0, true), "up to date is said at once");
    two.say(b"1").await;
    let page = next(&mut stream).await;
    assert_eq!((page.log.as_slice(), numbers(&page), page.caught_up), (two.log.id.as_ref(), vec![1], true));
    one.say(b"3").await;
    assert_eq!(numbers(&next(&mut stream).await), [3]);
    // Started again from the beginning.
    requests.send(one.sealed.subscribe_request(&one.log, &one.owner_row(), 0)).await.unwrap();
    assert_eq!(numbers(&next(&mut stream).await), [1, 2, 3]);
    // The client says no more, and still listens.
    drop(requests);
    two.say(b"2").await;
    assert_eq!(numbers(&next(&mut stream).await), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_caught_up_is_told_of_all_rows() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (member, owner) = (group.add(rank::MEMBER).await, group.owner_row());
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &member, 0)).await.unwrap();
    let mut told = async || {
        let page = next(&mut stream).await;
        assert!(page.caught_up);
        (page.rank, page.rows)
    };
    assert_eq!(told().await, (rank::MEMBER, stand(&[(&owner, rank::OWNER), (&member, rank::MEMBER)])));
    group.commit(vec![rows::set(member.key(), rank::ADMIN)]).await;
    assert_eq!(told().await, (rank::ADMIN, stand(&[(&owner, rank::OWNER), (&member, rank::ADMIN)])));
    let leaving = group.pen.entry(pb::EntryKind::Message, b"goodbye", vec![cut(&owner)]);
    group.append(&owner, &leaving).await.unwrap();
    assert_eq!(told().await, (rank::OWNER, stand(&[(&member, rank::OWNER)])));
    // What is not the end says nothing of them.
    for _ in 0..2 {
        let entry = group.pen.message(&fill(1 << 20));
        group.append(&member, &entry).await.unwrap();
    }
    assert!(told().await.0 == rank::OWNER && told().await.0 == rank::OWNER);
    let page = group.read(&member, 0).await.unwrap();
    assert_eq!((page.caught_up, page.rank, page.rows), (false, 0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_appended_comes_within_milliseconds() {
    // No look by itself would be so early.
    let office = Office::with(|limits| limits.reread = Duration::from_secs(3600)).await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    next(&mut stream).await;
    let mut took = Vec::new();
    for _ in 0..20 {
        group.say(&fill(16)).await;
        let said = Instant::now();
        next(&mut stream).await;
        took.push(said.elapsed());
    }
    took.sort();
    assert!(took[10] < Duration::from_millis(100), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_comes_in_pages_of_which_the_last_says_so() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    for _ in 0..5 {
        group.say(&fill(600 << 10)).await;
    }
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    for number in 1..=5 {
        let page = next(&mut stream).await;
        assert_eq!((numbers(&page), page.caught_up), (vec![number], number == 5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_cut_is_shown_to_its_end_and_other_logs_go_on() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let (mut one, mut two) = (Group::found(&office, &anne).await, Group::found(&office, &anne).await);
    let member = one.add(rank::MEMBER).await;
    let (requests, mut stream) = one.sealed.subscribe().await.unwrap();
    requests.send(one.sealed.subscribe_request(&one.log, &member, 1)).await.unwrap();
    next(&mut stream).await;
    let end = one.commit(vec![cut(&member)]).await.number;
    one.say(b"not for it").await;
    let page = next(&mut stream).await;
    assert_eq!((numbers(&page), page.caught_up, page.refusal.is_empty()), (vec![end], false, true));
    let page = next(&mut stream).await;
    assert!(page.entries.is_empty() && refused(&page) == Reason::NoAccess && page.log == one.log.id.to_vec());
    requests.send(one.sealed.subscribe_request(&two.log, &two.owner_row(), 0)).await.unwrap();
    next(&mut stream).await;
    two.say(b"goes on").await;
    assert_eq!(numbers(&next(&mut stream).await), [1]);
    // Asked again, it is told the same.
    requests.send(one.sealed.subscribe_request(&one.log, &member, end)).await.unwrap();
    assert_eq!(refused(&next(&mut stream).await), Reason::NoAccess);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_ends_its_log_and_not_the_stream() {
    let office = Office::open().await;
    let group = Group::found(&office, &office.hire("Anne").await).await;
    let mut sealed = group.sealed.clone();
    let (requests, mut stream) = sealed.subscribe().await.unwrap();
    let good = sealed.subscribe_request(&group.log, &group.owner_row(), 0);
    requests.send(pb::LogRequest { signature: vec![1; 64], ..good.clone() }).await.unwrap();
    assert_eq!(refused(&next(&mut stream).await), Reason::Signature);
    requests.send(pb::LogRequest { log: vec![], ..good.clone() }).await.unwrap();
    assert_eq!(refused(&next(&mut stream).await), Reason::Invalid);
    requests.send(pb::LogRequest { time_ms: 1, ..good.clone() }).await.unwrap();
    assert_eq!(refused(&next(&mut stream).await), Reason::Clock);
    requests.send(good).await.unwrap();
    assert!(next(&mut stream).await.caught_up);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_up_nobody() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let mut slow = office.sealed(&anne).await;
    let (slow_requests, mut slow_stream) = slow.subscribe().await.unwrap();
    slow_requests.send(slow.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    next(&mut stream).await;
    // Far more than windows and channels hold.
    for number in 1..=24 {
        group.say(&fill(1 << 20)).await;
        assert_eq!(numbers(&next(&mut stream).await), [number]);
    }
    // Once it reads, it gets all of it.
    let mut seen = Vec::new();
    while seen.len() < 24 {
        seen.extend(numbers(&next(&mut slow_stream).await));
    }
    assert_eq!(seen, (1..=24).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_costs_time_and_no_data() {
    let office = Office::with(|limits| limits.reread = Duration::from_millis(50)).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    next(&mut stream).await;
    // Appended where this server's fan-out does not hear of it, as by another node.
    let beside = pli_server::Authority::open(office.folder.path(), office.world.clone()).unwrap();
    let entry = group.pen.message(b"from elsewhere");
    let append = pli_server::engine::Append {
        log: group.log.id,
        by: group.owner_row().key(),
        digest: pli_proto::signed::entry_digest(group.log.id, &entry),
        entry,
        changes: rows::Changes::default(),
        now_ms: 1,
        commits_per_day: 1,
    };
    beside.engine().append(append).await.unwrap();
    assert_eq!(numbers(&next(&mut stream).await), [1]);
    beside.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_so_on_its_streams() {
    let mut office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    next(&mut stream).await;
    let began = Instant::now();
    office.shut().await;
    let refusal = refusal(soon(stream.message()).await);
    assert!(refusal.reason() == Reason::Unavailable && refusal.retry_after_ms > 0);
    assert!(began.elapsed() < office.limits.grace, "nobody had to be waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_that_is_revoked_gets_nothing_of_what_came_after() {
    let office = Office::with(|limits| limits.row_kib_rate = pli_server::Rate::new(1 << 20, 1 << 20)).await;
    let anne = office.hire("Anne").await;
    // However many pages are on their way to one who does not read: once the server waits to send the page in which the
    // secret would be.
    for pages in 1..=10 {
        let thief = office.hire("Thief").await;
        let mut group = Group::found(&office, &anne).await;
        let row = thief.row(&group.log);
        group.commit(vec![rows::set(row.key(), rank::MEMBER)]).await;
        for _ in 0..pages {
            group.say(&fill(1 << 20)).await;
        }
        group.say(b"small: another would fit on its page").await;
        let mut thiefs = office.sealed(&thief).await;
        let (requests, mut stream) = thiefs.subscribe().await.unwrap();
        requests.send(thiefs.subscribe_request(&group.log, &row, 0)).await.unwrap();
        // Until the server has done for the reader what it can.
        tokio::time::sleep(Duration::from_millis(300)).await;
        office.authority().revoke(thief.id).await.unwrap();
        group.sealed = office.sealed(&anne).await;
        let secret = group.say(b"secret").await.number;
        let end = soon(async {
            loop {
                match stream.message().await {
                    Ok(page) => assert!(!numbers(&page.unwrap()).contains(&secret), "after {pages} pages"),
                    Err(end) => break end,
                }
            }
        });
        assert_eq!(reason(Err::<(), _>(end.await)), Reason::Door);
    }
}
