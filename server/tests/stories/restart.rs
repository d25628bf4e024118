//! What was answered lasts, whatever happens to the server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use pli_env::real::Real;
use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::rows::{self, rank};
use pli_server::{Authority, Config, Invite, Server};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_that_was_answered() {
    let mut office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut group = Group::found(&office, &anne).await;
    let member = group.add(rank::MEMBER).await;
    let said = group.pen.message(b"said");
    let first = group.append(&member, &said).await.unwrap();
    let end = group.commit(vec![cut(&member)]).await.number;
    group.sealed.put_snapshot(&group.log, &group.owner_row(), end, b"snapshot").await.unwrap();
    let item = pb::DeliverRequest { device: bob.id.to_vec(), id: vec![1; 16], sealed: b"welcome".to_vec() };
    group.sealed.inbox.deliver(item.clone()).await.unwrap();
    let open = office.invite(Invite::person("Carl")).await;
    office.authority().revoke(office.hire("Dora").await.id).await.unwrap();

    office.shut().await;
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    let owner = group.owner_row();
    assert_eq!(numbers(&group.read(&owner, 0).await.unwrap()), [1, 2, 3]);
    assert_eq!(group.append(&member, &said).await.unwrap(), first);
    assert_eq!(reason(group.read(&member, end).await), Reason::NoAccess);
    assert_eq!(group.sealed.snapshot(&group.log, &owner, 99).await.unwrap().sealed, b"snapshot");
    group.sealed.inbox.deliver(item).await.unwrap();
    let known = office.channel(Some(&bob)).await.unwrap();
    let mut inbox = pb::inbox_client::InboxClient::with_interceptor(known, Headers::default());
    let mut stream = inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner();
    let page = soon(stream.message()).await.unwrap().unwrap();
    assert_eq!((page.items.len(), page.revocations), (1, 1));
    Device::new(&office).enrol(&office, &open).await.unwrap();
    group.commit(vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_old_rows_are_and_what_stands_outlives_a_restart() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let mut rows = [group.stranger(), group.stranger()];
    // The older one has the higher key: the key alone would choose the other.
    rows.sort_by_key(|row| std::cmp::Reverse(row.key()));
    let [older, younger] = &rows;
    for row in [older, younger] {
        group.commit(vec![rows::set(row.key(), rank::ADMIN)]).await;
    }
    let owner = group.owner_row();
    let before = group.told(&owner).await;
    office.shut().await;
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    assert_eq!(group.told(&owner).await, before);
    let leaving = group.pen.entry(pb::EntryKind::Message, b"goodbye", vec![cut(&owner)]);
    group.append(&owner, &leaving).await.unwrap();
    let stands = stand(&[(older, rank::OWNER), (younger, rank::ADMIN)]);
    assert_eq!(group.told(older).await, (rank::OWNER, stands.clone()));
    assert_eq!(group.told(younger).await, (rank::ADMIN, stands));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_handle_is_dropped_is_gone_at_once() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let (_requests, mut stream) = group.sealed.subscribe().await.unwrap();
    let address = office.address();
    office.crash();
    // Connections are cut, not left to a server without a handle.
    assert!(soon(stream.message()).await.is_err());
    let entry = group.pen.message(b"x");
    let owner = group.owner_row();
    assert!(soon(group.append(&owner, &entry)).await.is_err());
    let mut config = office.config();
    config.listen = address;
    let again = soon(async {
        loop {
            if let Ok(running) = Server::start(office.world.clone(), config.clone()).await {
                break running;
            }
            tokio::task::yield_now().await;
        }
    });
    let again = again.await;
    office.elsewhere = Some(again.address());
    group.sealed = office.sealed(&anne).await;
    assert_eq!(group.append(&owner, &entry).await.unwrap().number, 1);
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_by_itself_says_so() {
    let mut office = Office::open().await;
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), office.running().stopped()).await;
    assert!(early.is_err(), "it runs");
    office.world.network_down.notify_one();
    let why = soon(office.running().stopped()).await;
    assert!(matches!(*why, pli_server::ServerError::Ended), "{why}");
    office.shut().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_so_and_loses_nothing() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    office.shut().await;
    office.world.disk_pages.store(100, std::sync::atomic::Ordering::SeqCst);
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    let owner = group.owner_row();
    let mut taken = Vec::new();
    let (entry, refused) = loop {
        let entry = group.pen.message(&fill(100_000));
        match group.append(&owner, &entry).await {
            Ok(appended) => taken.push(appended.number),
            Err(status) => break (entry, status),
        }
        assert!(taken.len() < 100, "the disk never fills");
    };
    let refused = refusal(Err::<(), _>(refused));
    assert!(refused.reason() == Reason::Unavailable && refused.retry_after_ms > 0);
    assert_eq!(numbers(&group.read(&owner, 0).await.unwrap()), taken, "reading goes on");
    office.shut().await;
    office.world.disk_pages.store(0, std::sync::atomic::Ordering::SeqCst);
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    assert_eq!(group.append(&owner, &entry).await.unwrap().number, taken.len() as u64 + 1);
    assert_eq!(numbers(&group.read(&owner, 0).await.unwrap()).len(), taken.len() + 1);
}

const FOLDER: &str = "PLI_TEST_SERVER_FOLDER";

/// Not a story: the server of the next one, in a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by another test"]
async fn server_process() {
    let folder = std::env::var(FOLDER).unwrap();
    let config = Config::new(folder, "127.0.0.1:0".parse().unwrap());
    let running = Server::start(Real::current(), config).await.unwrap();
    println!("\nlistening {}", running.address());
    running.stopped().await;
}

/// Kills on drop, so that a failed test leaves nothing behind.
struct Process(Child);

impl Process {
    fn start(office: &mut Office) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restart::server_process", "--ignored", "--nocapture"])
            .env(FOLDER, office.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening ").map(str::to_owned));
        office.elsewhere = Some(address.expect("it listens").parse().unwrap());
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL: nothing is finished, nothing is flushed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_has_lost_nothing_that_it_answered() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    office.shut().await;
    let owner = group.owner_row();
    let (mut answered, mut unanswered): (Vec<(pb::Entry, pb::AppendResponse)>, Vec<pb::Entry>) = Default::default();
    for round in 0..4 {
        let process = Process::start(&mut office);
        group.sealed = office.sealed(&anne).await;
        // First what the last round left open: the same bytes again.
        for entry in std::mem::take(&mut unanswered) {
            let taken = group.append(&owner, &entry).await.unwrap();
            answered.push((entry, taken));
        }
        let mut sending = tokio::task::JoinSet::new();
        for n in 0..400_u32 {
            let (mut sealed, log, row) = (group.sealed.clone(), group.log.clone(), group.owner_row());
            let entry = group.pen.message(format!("{round} {n}").as_bytes());
            sending.spawn(async move {
                let taken = sealed.append(&log, &row, &entry).await;
                (entry, taken)
            });
        }
        let mut process = Some(process);
        let mut fresh = 0;
        while let Some(sent) = soon(sending.join_next()).await {
            match sent.unwrap() {
                (entry, Ok(taken)) => {
                    answered.push((entry, taken));
                    fresh += 1;
                    if fresh == 40 + 25 * round {
                        drop(process.take());
                    }
                }
                (entry, Err(_)) => unanswered.push(entry),
            }
        }
    }
    let _process = Process::start(&mut office);
    group.sealed = office.sealed(&anne).await;
    for entry in unanswered {
        let taken = group.append(&owner, &entry).await.unwrap();
        answered.push((entry, taken));
    }
    let mut kept = Vec::new();
    loop {
        let page = group.read(&owner, kept.len() as u64).await.unwrap();
        kept.extend(page.entries);
        if page.caught_up {
            break;
        }
    }
    assert_eq!(kept.len(), answered.len(), "none lost, none twice");
    for (entry, taken) in answered {
        let at = &kept[taken.number as usize - 1];
        assert_eq!((&at.sealed, &at.hash, at.number), (&entry.sealed, &taken.hash, taken.number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_another_process_is_noticed() {
    let mut office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    office.shut().await;
    let _process = Process::start(&mut office);
    let here = Authority::open(office.folder.path(), office.world.clone()).unwrap();
    let links = here.invite("localhost:1", Invite::person("Carl")).await.unwrap();
    let mut carl = Device::new(&office);
    carl.enrol(&office, &token(&links[0])).await.unwrap();
    let (mut sealed, mut bobs) = (office.sealed(&anne).await, office.sealed(&bob).await);
    let (_requests, mut stream) = bobs.subscribe().await.unwrap();
    here.revoke(bob.id).await.unwrap();
    assert_eq!(reason(office.enrolment(Some(&bob)).await.door(pb::DoorRequest {}).await), Reason::Revoked);
    // Nobody asked for a door key meanwhile: the server looks by itself.
    assert_eq!(reason(soon(stream.message()).await), Reason::Door);
    let take = pb::TakeRequest::default();
    assert_eq!(reason(sealed.key_packages.take(take.clone()).await), Reason::Door);
    assert_eq!(reason(bobs.key_packages.take(take.clone()).await), Reason::Door);
    assert!(office.sealed(&anne).await.key_packages.take(take).await.is_ok());
    here.close().await;
}
