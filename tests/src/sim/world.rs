//! What all hosts share: the clock, the dice, the trace, who is powered, and what was promised.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pli_core::Client;
use pli_server::Authority;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Options;
use super::book::Book;
use super::dice::Dice;
use super::net::Net;
use super::screens;

/// The server is host 0. Then five people's devices, a second device of the first person, and one that replaces a
/// revoked one.
pub(crate) const HOSTS: usize = 8;
pub(crate) const SERVER: usize = 0;
pub(crate) const FIRST: usize = 1;
pub(crate) const SECOND_DEVICE: usize = 6;
pub(crate) const REPLACEMENT: usize = 7;
pub(crate) const NAMES: [&str; HOSTS] =
    ["server", "Anne Nguyễn", "Bảo Đỗ", "Chloé Martin", "Dalia Haddad", "Émile Roux", "Anne, 2nd", "replacement"];

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A fault on the test's side: the checks must notice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Fault {
    /// A disk that says "written" and has not: a crash loses the last transactions.
    LyingDisk,
    /// Randomness that begins anew after each crash.
    RepeatedRandomness,
    /// One acknowledged text is taken out of a store behind the client's back.
    DoctoredStore,
    /// The last item on each screen is missing.
    StaleScreen,
}

/// How rough a seed is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Active rounds, with nights between.
    pub(crate) rounds: u64,
    /// An active round lasts that long.
    pub(crate) active: Duration,
    /// At a step, a host dies once in so many; zero for never.
    pub(crate) death_once_in: u64,
    /// Seconds between the acts of a person, at most.
    pub(crate) pace_ms: u64,
    /// The clock at the start.
    pub(crate) epoch_ms: u64,
    /// Links fail, hosts are killed from outside.
    pub(crate) faults: bool,
    /// Who is revoked, if anybody.
    pub(crate) revoke: Option<usize>,
    /// Stores are copied back from earlier.
    pub(crate) copies: bool,
    /// Whose software lies now and then.
    pub(crate) insider: Option<usize>,
    /// Who is a guest of the organisation, if anybody.
    pub(crate) guest: Option<usize>,
    /// How wrong the hosts' clocks are.
    pub(crate) skew_ms: [i64; HOSTS],
}

impl Plan {
    fn new(seed: u64, options: &Options) -> (Self, Dice) {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(7));
        // Its own dice, so that the others fall alike with and without.
        let mut other = Dice::new(!seed);
        let insider = (!options.honest && other.once_in(3)).then(|| FIRST + other.below(5) as usize);
        let guest = other.once_in(2).then(|| FIRST + 1 + other.below(4) as usize);
        let crashes = !options.no_crashes && !options.calm;
        let deaths = [0, 2_000, 600, 250][dice.below(4) as usize];
        let at = [DAY_MS / 2, DAY_MS - 5 * 60_000, DAY_MS - 15 * 60_000][dice.below(3) as usize];
        let mut skew_ms = [0; HOSTS];
        if dice.once_in(3) {
            skew_ms.iter_mut().skip(1).for_each(|skew| *skew = dice.below(240_000) as i64 - 120_000);
        }
        let plan = Self {
            rounds: 2 + dice.below(3),
            active: Duration::from_secs(60 * (4 + dice.below(12))),
            death_once_in: if crashes { deaths } else { 0 },
            pace_ms: [4_000, 12_000, 30_000][dice.below(3) as usize],
            epoch_ms: 20_800 * DAY_MS + at,
            faults: !options.calm,
            revoke: dice.once_in(2).then(|| 2 + dice.below(5) as usize),
            copies: crashes && dice.once_in(3),
            insider,
            guest,
            skew_ms,
        };
        (plan, dice)
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) steps: u64,
    pub(crate) events: u64,
    pub(crate) crashes: u64,
    pub(crate) actions: u64,
    pub(crate) messages: u64,
    pub(crate) commits: u64,
    pub(crate) rejoins: u64,
    pub(crate) copies: u64,
    pub(crate) lies: u64,
    pub(crate) virtual_s: u64,
}

/// One host, over all its lives.
pub(crate) struct Slot {
    pub(crate) power: watch::Sender<bool>,
    /// "Crash now."
    pub(crate) orders: mpsc::UnboundedSender<()>,
    pub(crate) life: AtomicU64,
    /// The image of the present life is taken: whatever it still does is lost.
    pub(crate) dead: AtomicBool,
    /// The next end is an orderly one.
    pub(crate) gently: AtomicBool,
    pub(crate) client: Mutex<Option<Client>>,
    pub(crate) screen: Mutex<Option<screens::Shared>>,
    pub(crate) link: Mutex<Option<String>>,
    /// An earlier image of the store, and when it was taken.
    pub(crate) backup: Mutex<Option<(PathBuf, u64)>>,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) options: Options,
    pub(crate) plan: Plan,
    pub(crate) dir: PathBuf,
    pub(crate) net: Net,
    pub(crate) slots: Vec<Slot>,
    pub(crate) receivers: Mutex<Vec<mpsc::UnboundedReceiver<()>>>,
    pub(crate) authority: Mutex<Option<Authority>>,
    /// From when on nothing fails any more.
    pub(crate) calm: AtomicBool,
    /// The operator revokes the device of the plan.
    pub(crate) revoking: AtomicBool,
    /// People act.
    pub(crate) acting: AtomicBool,
    start: Instant,
    state: Mutex<State>,
    book: Mutex<Book>,
}

struct State {
    dice: Dice,
    hash: u64,
    counts: Counts,
    violations: Vec<String>,
    kinds: BTreeMap<String, u64>,
}

impl World {
    pub(crate) fn new(seed: u64, options: Options, dir: PathBuf) -> Arc<Self> {
        let (plan, dice) = Plan::new(seed, &options);
        let (orders, receivers): (Vec<_>, Vec<_>) = (0..HOSTS).map(|_| mpsc::unbounded_channel()).unzip();
        let slot = |orders| Slot {
            power: watch::channel(false).0,
            orders,
            life: AtomicU64::new(0),
            dead: AtomicBool::new(true),
            gently: AtomicBool::new(false),
            client: Mutex::default(),
            screen: Mutex::default(),
            link: Mutex::default(),
            backup: Mutex::default(),
        };
        let state = State {
            dice,
            hash: 0xcbf2_9ce4_8422_2325,
            counts: Counts::default(),
            violations: Vec::new(),
            kinds: BTreeMap::new(),
        };
        Arc::new(Self {
            seed,
            options,
            plan,
            dir,
            net: Net::default(),
            slots: orders.into_iter().map(slot).collect(),
            receivers: Mutex::new(receivers),
            authority: Mutex::default(),
            calm: AtomicBool::new(false),
            revoking: AtomicBool::new(false),
            acting: AtomicBool::new(false),
            start: Instant::now(),
            state: Mutex::new(state),
            book: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while held")
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic while held")
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.plan.epoch_ms + self.start.elapsed().as_millis() as u64
    }

    /// Notes what happened; the hash of all of it is the seed's trace.
    pub(crate) fn event(&self, host: usize, what: &str) {
        let line = format!("{:>10} {host} {what}", self.start.elapsed().as_millis());
        if self.options.trace {
            println!("{line}");
        }
        let mut state = self.state();
        state.counts.events += 1;
        state.hash = line.bytes().fold(state.hash, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)); // FNV
    }

    /// A promise was broken.
    pub(crate) fn violation(&self, host: usize, what: &str) {
        let line = format!("{:>10} {} ({host}): {what}", self.start.elapsed().as_millis(), NAMES[host]);
        self.event(host, &format!("VIOLATION {what}"));
        let mut state = self.state();
        // A defect that shows once a second would drown the others.
        let kind = what.split('"').next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit());
        let kind: String = kind.take(30).collect();
        let seen = state.kinds.entry(kind).or_default();
        *seen += 1;
        if *seen <= 3 {
            state.violations.push(line);
        }
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    pub(crate) fn dice<R>(&self, roll: impl FnOnce(&mut Dice) -> R) -> R {
        roll(&mut self.state().dice)
    }

    pub(crate) fn below(&self, n: u64) -> u64 {
        self.dice(|dice| dice.below(n))
    }

    pub(crate) fn once_in(&self, n: u64) -> bool {
        self.dice(|dice| dice.once_in(n))
    }

    pub(crate) fn ms(&self, max: u64) -> Duration {
        self.dice(|dice| dice.ms(max))
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.book().revoked.is_some()
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    pub(crate) fn client(&self, host: usize) -> Option<Client> {
        self.slots[host].client.lock().expect("no panic while held").clone()
    }

    /// The folder of a host's present life.
    pub(crate) fn folder(&self, host: usize) -> PathBuf {
        self.dir.join(format!("h{host}.{}", self.slots[host].life.load(Ordering::SeqCst)))
    }

    pub(crate) fn outcome(&self) -> super::Outcome {
        let state = self.state();
        let mut counts = state.counts;
        counts.virtual_s = self.start.elapsed().as_secs();
        super::Outcome { hash: state.hash, counts, violations: state.violations.clone() }
    }
}
