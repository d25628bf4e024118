//! The `Env` of one life of one host.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pli_core::{Error, KeyStore};
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::dice::Bytes;
use super::watch;
use super::world::{Fault, World};

pub(crate) struct SimEnv {
    pub(crate) world: Arc<World>,
    pub(crate) host: usize,
    life: u64,
    bytes: Mutex<Bytes>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl SimEnv {
    pub(crate) fn new(world: &Arc<World>, host: usize) -> Arc<Self> {
        let life = world.slots[host].life.load(Ordering::SeqCst);
        let of_life = if world.options.fault == Some(Fault::RepeatedRandomness) { life.min(1) } else { life };
        let bytes = Mutex::new(Bytes::new(world.seed, host, of_life));
        Arc::new(Self { world: world.clone(), host, life, bytes, tasks: Mutex::default() })
    }

    /// This life goes on, as far as the world knows.
    fn is_alive(&self) -> bool {
        let slot = &self.world.slots[self.host];
        slot.life.load(Ordering::SeqCst) == self.life && !slot.dead.load(Ordering::SeqCst)
    }

    /// Runs a task of this host, which its crash aborts.
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let handle = tokio::spawn(watch::of_host(self.host, task)).abort_handle();
        let mut tasks = self.tasks.lock().expect("no panic while held");
        if tasks.len() % 64 == 63 {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(handle.clone());
        handle
    }

    /// Stops all tasks where they stand.
    pub(crate) fn abort(&self) {
        self.tasks.lock().expect("no panic while held").drain(..).for_each(|task| task.abort());
    }
}

impl Env for SimEnv {
    fn now_ms(&self) -> u64 {
        self.world.now_ms().saturating_add_signed(self.world.plan.skew_ms[self.host])
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.bytes.lock().expect("no panic while held").fill(bytes);
    }

    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        // The folder is in memory, where there is such a place, so that fsync costs nothing.
        Connection::open(path)
    }

    fn run_database(&self, _: &str, work: BoxFuture<()>) {
        self.start(work);
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        Task::new(self.start(task))
    }

    fn step(&self, at: &'static str) -> BoxFuture<()> {
        let (world, host) = (self.world.clone(), self.host);
        let alive = self.is_alive();
        Box::pin(async move {
            world.count(|counts| counts.steps += 1);
            let calm = world.is_calm();
            let last = !calm && world.once_in(world.plan.death_once_in);
            // Disks take their time, and one hangs before its host dies.
            sleep(world.ms(if last {
                1_000
            } else if !calm && world.once_in(100) {
                500
            } else {
                4
            }))
            .await;
            if last && alive {
                world.event(host, &format!("dies before {at}"));
                let _ = world.slots[host].orders.send(());
                std::future::pending().await
            }
        })
    }

    fn dial(&self, to: Dial) -> BoxFuture<io::Result<Stream>> {
        // A task to abort: tonic dials in a detached one, which goes on after a crash of the host.
        let (sender, dialled) = tokio::sync::oneshot::channel();
        let (world, host) = (self.world.clone(), self.host);
        self.start(async move {
            let _ = sender.send(world.dial(host, to).await);
        });
        Box::pin(async { dialled.await.unwrap_or_else(|_| Err(io::ErrorKind::HostUnreachable.into())) })
    }

    fn listen(&self, on: Listen) -> BoxFuture<io::Result<(SocketAddr, Incoming)>> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        *self.world.net.listener.lock().expect("no panic while held") = Some(sender);
        let incoming = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        Box::pin(async move { Ok((on.address, Box::pin(incoming) as Incoming)) })
    }
}

/// A device's key store: a file beside the store, which is not copied back with it. A host may die at either side of
/// each write.
pub(crate) struct Keys {
    pub(crate) env: Arc<SimEnv>,
    pub(crate) path: PathBuf,
}

impl KeyStore for Keys {
    fn load(&self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        Ok(std::fs::read(&self.path).ok().map(Into::into))
    }

    fn save(&self, secret: &[u8]) -> Result<(), Error> {
        let world = &self.env.world;
        let deadly = if world.is_calm() || world.plan.death_once_in == 0 { 0 } else { 40 };
        if world.once_in(deadly) {
            world.die(self.env.host, "before its key is saved");
        }
        std::fs::write(&self.path, secret).expect("a file is written");
        if world.once_in(deadly) {
            world.die(self.env.host, "after its key was saved");
        }
        Ok(())
    }

    fn erase(&self) -> Result<(), Error> {
        let _ = std::fs::remove_file(&self.path);
        Ok(())
    }
}

/// So long after the order to power off does an orderly end take at most.
pub(crate) const ORDERLY: Duration = Duration::from_secs(20);
