//! A host's lives: booting from the files of the last, ending in order or by a crash, booting again.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_server::{Authority, Config, Limits, Organisation, Running, Server};
use tokio::sync::{mpsc, watch as watch_of};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::env::{ORDERLY, SimEnv};
use super::people;
use super::seasons;
use super::watch;
use super::world::{Fault, NAMES, SERVER, World};

/// Rounds of the scheduler after which nothing of a dead host may be left.
const ROUNDS: usize = 2_000;
/// A backup must be so old to be worth copying back.
const BACKUP_AGE_MS: u64 = 60_000;

/// Boots `host` when it has power, crashes it on order, boots it again from its files.
pub(crate) async fn supervise(w: Arc<World>, host: usize, mut orders: mpsc::UnboundedReceiver<()>) {
    let slot = &w.slots[host];
    let mut power = slot.power.subscribe();
    loop {
        on(&mut power).await;
        while orders.try_recv().is_ok() {}
        boot_files(&w, host);
        w.book().boots(host, w.now_ms());
        slot.dead.store(false, Ordering::SeqCst);
        w.event(host, &format!("boots, life {}", slot.life.load(Ordering::SeqCst)));
        let env = SimEnv::new(&w, host);
        let mut root = if host == SERVER {
            tokio::spawn(watch::of_host(host, serve(env.clone())))
        } else {
            tokio::spawn(watch::of_host(host, people::live(env.clone())))
        };
        tokio::select! { biased;
            _ = orders.recv() => {
                w.event(host, "crash");
                w.count(|counts| counts.crashes += 1);
            }
            () = off(&mut power) => end(&w, host).await,
            end = &mut root => {
                w.violation(host, &format!("its root task ended by itself: {end:?}"));
            }
        }
        // What kill -9 leaves: the files' bytes of this instant, with the WAL. Dropping the connections would first
        // roll back and checkpoint, which a killed process never does.
        w.take_image(host);
        *slot.client.lock().expect("no panic while held") = None;
        *slot.screen.lock().expect("no panic while held") = None;
        if host == SERVER {
            *w.authority.lock().expect("no panic while held") = None;
        }
        root.abort();
        env.abort();
        let mut rounds = 0;
        while Arc::strong_count(&env) > 1 && rounds < ROUNDS {
            yield_now().await; // No virtual time passes here.
            rounds += 1;
            // What was spawned by a task on its last legs.
            env.abort();
        }
        let left = Arc::strong_count(&env) - 1;
        if left > 0 {
            w.violation(host, &format!("{left} handles of its Env outlived its end"));
        }
        let old = w.folder(host);
        slot.life.fetch_add(1, Ordering::SeqCst);
        let _ = fs::remove_dir_all(old);
        sleep(w.ms(if w.is_calm() { 1_000 } else { 20_000 })).await;
    }
}

async fn on(power: &mut watch_of::Receiver<bool>) {
    let _ = power.wait_for(|on| *on).await;
}

async fn off(power: &mut watch_of::Receiver<bool>) {
    let _ = power.wait_for(|on| !*on).await;
}

/// Power goes: in order, where the host is so minded.
async fn end(w: &Arc<World>, host: usize) {
    if !w.slots[host].gently.load(Ordering::SeqCst) {
        return w.event(host, "power off");
    }
    w.event(host, "closes");
    if let Some(client) = w.client(host)
        && timeout(ORDERLY, client.close()).await.is_err()
        && w.plan.death_once_in == 0
    {
        w.violation(host, "close() took too long");
    }
}

impl World {
    /// Takes the files of this instant for the host's next life, and cuts its links. Whatever the present life still
    /// does is lost.
    pub(crate) fn take_image(&self, host: usize) {
        let slot = &self.slots[host];
        if slot.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        let (old, life) = (self.folder(host), slot.life.load(Ordering::SeqCst));
        let new = self.dir.join(format!("h{host}.{}", life + 1));
        copy(&old, &new);
        if self.options.fault == Some(Fault::LyingDisk) && !self.is_calm() {
            lose_tail(&new);
        }
        self.cut(host);
        self.book().ends(host, self.now_ms());
        if self.plan.copies && self.book().person[host].is_some() && self.once_in(4) {
            let mut backup = slot.backup.lock().expect("no panic while held");
            if backup.is_none() {
                let at = self.dir.join(format!("h{host}.backup"));
                copy(&new, &at);
                self.event(host, "a backup is made");
                *backup = Some((at, self.now_ms()));
            }
        }
    }

    /// The host dies here, within a step that awaits nothing.
    pub(crate) fn die(&self, host: usize, at: &str) {
        if !self.slots[host].dead.load(Ordering::SeqCst) {
            self.event(host, &format!("dies {at}"));
            self.take_image(host);
            let _ = self.slots[host].orders.send(());
        }
    }
}

/// Prepares the files of a life; now and then a store is copied back from earlier.
fn boot_files(w: &World, host: usize) {
    let folder = w.folder(host);
    fs::create_dir_all(&folder).expect("a folder is made");
    if w.is_calm() || !w.once_in(3) {
        return;
    }
    let mut backup = w.slots[host].backup.lock().expect("no panic while held");
    let old_enough = backup.as_ref().is_some_and(|(_, at_ms)| w.now_ms() > at_ms + BACKUP_AGE_MS);
    if !old_enough || !folder.join("store").exists() {
        return;
    }
    if let Some((from, at_ms)) = backup.take() {
        w.event(host, "its store is copied back");
        let _ = fs::remove_dir_all(folder.join("store"));
        copy(&from.join("store"), &folder.join("store"));
        w.count(|counts| counts.copies += 1);
        w.book().copied_back(host, at_ms, w.now_ms());
    }
}

/// Copies files and folders, but what only a running process needs.
pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(&name));
        } else if !text.ends_with("-shm") && text != "lock" {
            let _ = fs::copy(entry.path(), to.join(&name));
        }
    }
}

/// Cuts the write-ahead logs: their last transactions never were on this disk.
fn lose_tail(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            lose_tail(&path);
        } else if path.to_string_lossy().ends_with("-wal") {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            if let Ok(file) = fs::OpenOptions::new().write(true).open(&path) {
                let _ = file.set_len(size / 2);
            }
        }
    }
}

async fn serve(env: Arc<SimEnv>) {
    let w = env.world.clone();
    let data = w.folder(SERVER).join("server");
    loop {
        match start(&env, &data).await {
            Ok(running) => {
                w.event(SERVER, "serves");
                *w.authority.lock().expect("no panic while held") = Some(running.authority().clone());
                tokio::select! { biased;
                    why = running.stopped() => w.violation(SERVER, &format!("it stopped by itself: {why}")),
                    () = seasons::administer(&w, running.authority()) => {}
                }
            }
            Err(error) => w.violation(SERVER, &format!("it does not start: {error}")),
        }
        sleep(Duration::from_secs(10)).await;
    }
}

async fn start(env: &Arc<SimEnv>, data: &Path) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
    // The authority's founding is an operator's command, and not repeated after a crash: it is let through.
    if !data.join("pli.db").exists() {
        let _ = fs::remove_dir_all(data);
        let organisation = Organisation { name: NAMES[SERVER].into(), domain: "mairie.example".into() };
        let authority = Authority::create(data, env.clone(), organisation).await?;
        authority.close().await;
    }
    let mut config = Config::new(data, "10.0.0.100:1".parse()?);
    config.limits = Limits {
        commits_per_day: 1_000,
        // Idle hours must not cost a look each second.
        poll: Duration::from_secs(20),
        reread: Duration::from_secs(120),
        ..Limits::default()
    };
    let running = Server::start(env.clone(), config).await?;
    *env.world.net.root.lock().expect("no panic while held") = Some(running.authority().root_key());
    Ok(running)
}
