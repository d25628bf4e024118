//! The course of a seed: active rounds with faults, nights between them, and the calm at the end, after which every
//! promise is looked at.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_core::model::ClientState;
use pli_server::{Authority, Invite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::net::{DOWN, UP};
use super::world::{FIRST, Fault, HOSTS, NAMES, REPLACEMENT, SECOND_DEVICE, SERVER, World};
use super::{Outcome, check, host, people, screens, tell, view, watch};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// In a connected world everything is carried out within that time.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Runs a world to its end.
pub(crate) async fn run(w: &Arc<World>) -> Outcome {
    let mut hosts = JoinSet::new();
    let receivers = std::mem::take(&mut *w.receivers.lock().expect("no panic while held"));
    for (host, orders) in receivers.into_iter().enumerate() {
        hosts.spawn(host::supervise(w.clone(), host, orders));
    }
    tokio::select! { biased;
        Some(end) = hosts.join_next() => w.violation(SERVER, &format!("the simulation is broken: {end:?}")),
        () = seasons(w) => {}
    }
    w.outcome()
}

async fn seasons(w: &Arc<World>) {
    w.event(SERVER, &format!("{:?}", w.plan));
    w.calm.store(true, Ordering::SeqCst);
    power(w, SERVER, true);
    while w.authority.lock().expect("no panic while held").is_none() {
        sleep(Duration::from_millis(100)).await;
    }
    for round in 0..w.plan.rounds {
        w.calm.store(w.options.calm, Ordering::SeqCst);
        w.acting.store(true, Ordering::SeqCst);
        for host in FIRST..=SECOND_DEVICE {
            // Some sleep through a whole round, and so through two nights.
            if round == 0 || !w.once_in(5) {
                power(w, host, true);
            }
        }
        active(w, round).await;
        w.acting.store(false, Ordering::SeqCst);
        if round + 1 < w.plan.rounds {
            night(w).await;
        }
        note_errors(w);
    }
    w.calm.store(true, Ordering::SeqCst);
    w.net.blocked.send_replace(0);
    w.tell_all();
    for host in 0..HOSTS {
        power(w, host, host != REPLACEMENT || w.is_revoked());
    }
    w.event(SERVER, "calm");
    settle(w).await;
    look(w).await;
}

fn power(w: &World, host: usize, on: bool) {
    w.slots[host].power.send_if_modified(|now| std::mem::replace(now, on) != on);
}

/// One round: faults of links and hosts, one after the other.
async fn active(w: &Arc<World>, round: u64) {
    let (began, revokes_after) = (Instant::now(), w.ms(w.plan.active.as_millis() as u64));
    while began.elapsed() < w.plan.active {
        sleep(w.ms(20_000)).await;
        if round > 0 && began.elapsed() > revokes_after {
            w.revoking.store(true, Ordering::SeqCst);
        }
        if w.is_revoked() {
            power(w, REPLACEMENT, true);
        }
        if !w.plan.faults {
            continue;
        }
        let client = FIRST + w.below(HOSTS as u64 - 1) as usize;
        match w.below(6) {
            0 | 1 => {
                let mask = [UP, DOWN, UP | DOWN][w.below(3) as usize] << client;
                w.net.blocked.send_replace(mask);
                w.event(client, "partition");
                sleep(w.ms(90_000)).await;
                w.net.blocked.send_replace(0);
            }
            2 | 3 => w.cut_one(),
            kill if !w.options.no_crashes => {
                let _ = w.slots[if kill == 4 { SERVER } else { client }].orders.send(());
            }
            _ => {}
        }
    }
}

/// Everybody is away, for hours or weeks. Sometimes the server alone stays.
async fn night(w: &Arc<World>) {
    let long = match w.below(5) {
        0 => HOUR * (1 + w.below(8) as u32),
        1 | 2 => DAY * (1 + w.below(3) as u32),
        3 => DAY * 12,
        _ => DAY * (31 + w.below(30) as u32),
    };
    w.event(SERVER, &format!("night of {} h", long.as_secs() / 3600));
    for host in 0..HOSTS {
        if host != SERVER || long > HOUR * 9 {
            let gently = w.once_in(2);
            w.slots[host].gently.store(gently, Ordering::SeqCst);
            power(w, host, false);
        }
    }
    sleep(long).await;
    power(w, SERVER, true);
}

/// What the operator does beside: inviting, revoking. Never ends.
pub(crate) async fn administer(w: &Arc<World>, authority: &Authority) {
    loop {
        sleep(w.ms(3_000)).await;
        #[allow(clippy::needless_range_loop)] // a host is a number, and not a place in one list alone
        for host in FIRST..HOSTS {
            if w.slots[host].link.lock().expect("no panic while held").is_some() {
                continue;
            }
            let invite = {
                let book = w.book();
                match host {
                    SECOND_DEVICE => book.person[FIRST].map(Invite::device_of),
                    REPLACEMENT => book.revoked.and_then(|host| book.person[host]).map(Invite::device_of),
                    _ => Some(Invite::person(NAMES[host])),
                }
            };
            let Some(mut invite) = invite else { continue };
            if w.plan.guest == Some(host) {
                // Not over before the world is.
                invite.guest_until_ms = w.plan.epoch_ms + 400 * u64::try_from(DAY.as_millis()).unwrap_or_default();
            }
            invite.valid_for = DAY * 400;
            match authority.invite("server:1", invite).await {
                Ok(links) => *w.slots[host].link.lock().expect("no panic while held") = links.into_iter().next(),
                Err(error) => w.event(SERVER, &format!("cannot invite: {error}")),
            }
        }
        if let Some(host) = w.plan.revoke.filter(|_| w.revoking.load(Ordering::SeqCst) && !w.is_revoked()) {
            revoke(w, authority, host).await;
        }
    }
}

async fn revoke(w: &Arc<World>, authority: &Authority, host: usize) {
    let (person, device) = {
        let book = w.book();
        (book.person[host], book.device[host])
    };
    let Some(person) = person else { return };
    let Ok(devices) = authority.devices(person).await else { return };
    let device = device.or_else(|| (devices.len() == 1).then(|| devices[0].id));
    let Some(device) = device else { return };
    if authority.revoke(device).await.is_ok() {
        w.event(host, "is revoked");
        w.book().revoked = Some(host);
    }
}

/// Waits until everything is carried out.
async fn settle(w: &Arc<World>) {
    let (began, mut quiet) = (Instant::now(), 0);
    while began.elapsed() < PATIENCE && quiet < 2 {
        sleep(Duration::from_secs(60)).await;
        let mut all = true;
        for host in FIRST..HOSTS {
            let revoked = w.book().revoked;
            if revoked == Some(host) || host == REPLACEMENT && revoked.is_none() {
                continue;
            }
            all &= match w.client(host) {
                Some(client) => client
                    .sync(Duration::from_millis(20))
                    .await
                    .is_ok_and(|synced| synced.complete && synced.waiting == 0),
                None => false,
            };
        }
        quiet = if all { quiet + 1 } else { 0 };
    }
    w.event(SERVER, &format!("settled after {} s", began.elapsed().as_secs()));
    sleep(Duration::from_secs(120)).await;
}

/// Panics and errors that the product told.
fn note_errors(w: &World) {
    for (host, line) in watch::take() {
        let revoked = w.book().revoked == Some(host);
        if !(revoked && line.contains("the client stopped")) {
            w.violation(host, &line);
        }
    }
}

async fn look(w: &Arc<World>) {
    note_errors(w);
    let revoked = w.book().revoked;
    for host in FIRST..HOSTS {
        if host == REPLACEMENT && revoked.is_none() {
            continue;
        }
        let Some(client) = w.client(host) else {
            w.violation(host, "it is not up in a calm world");
            continue;
        };
        let state = *client.state().borrow();
        match state {
            ClientState::Online => {}
            ClientState::Stopped(_) if revoked == Some(host) => {}
            other => w.violation(host, &format!("its client is {other:?} in a calm world")),
        }
        for (conversation, entry) in people::shown_twice(&client).await {
            w.violation(host, &format!("{entry} is shown twice in {conversation}"));
        }
    }
    screens::compare(w).await;
    let mut case = view::gather(w);
    if w.options.fault == Some(Fault::DoctoredStore) {
        case.doctor();
    }
    w.count(|counts| {
        counts.messages = case.server.count(view::MESSAGE);
        counts.commits = case.server.count(view::COMMIT);
        counts.rejoins = case.rejoins();
        counts.lies =
            case.server.entries.values().flatten().filter(|entry| case.lies.contains(&entry.digest)).count() as u64;
    });
    w.event(SERVER, &case.digest());
    if w.options.trace {
        tell::tell(&case);
    }
    for (host, what) in check::check(&case) {
        w.violation(host, &what);
    }
}
