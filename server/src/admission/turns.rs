//! Turns at what costs the processor before anything is known of who asks: TLS handshakes. They are given at a rate, to
//! one address after another, so that whoever hammers waits for its own alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pli_env::Address;
use tokio::sync::{Notify, oneshot};

use crate::config::Rate;
use crate::services::rates::Buckets;

/// Who waits, and how fast turns are given.
pub(crate) struct Turns {
    all: Buckets<()>,
    each: Buckets<Address>,
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    /// How many ever came: a number for each.
    came: u64,
    of: BTreeMap<Address, BTreeMap<u64, oneshot::Sender<()>>>,
    /// Whose turn was last.
    last: Option<Address>,
}

/// One that waits, until dropped.
struct Waiter<'a>(&'a Turns, Address, u64);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().expect("no panic while held").take(self.1, self.2);
    }
}

impl Turns {
    pub(crate) fn new(all: Rate, each: Rate) -> Arc<Self> {
        let (all, each) = (Buckets::new(all), Buckets::new(each));
        Arc::new(Self { all, each, waiting: Mutex::default(), news: Notify::new() })
    }

    /// Waits for one's turn.
    pub(crate) async fn turn(&self, address: Address) {
        let (give, given) = oneshot::channel();
        let number = {
            let mut waiting = self.waiting.lock().expect("no panic while held");
            waiting.came += 1;
            let number = waiting.came;
            waiting.of.entry(address).or_default().insert(number, give);
            number
        };
        let _until_dropped = Waiter(self, address, number);
        self.news.notify_one();
        // Nobody gives turns any more once the server is gone.
        let _ = given.await;
    }

    /// Gives turns for as long as it is polled.
    pub(crate) async fn give(&self) -> Infallible {
        loop {
            match self.next() {
                Ok(give) => {
                    while let Err(wait_ms) = self.all.take((), 1) {
                        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    }
                    // Who has left meanwhile loses its turn.
                    let _ = give.send(());
                }
                Err(None) => self.news.notified().await,
                Err(Some(wait)) => tokio::select! { biased;
                    () = self.news.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                },
            }
        }
    }

    /// The first of the next address that may have a turn now; else how long to wait for one, if anybody does.
    fn next(&self) -> Result<oneshot::Sender<()>, Option<Duration>> {
        let mut waiting = self.waiting.lock().expect("no panic while held");
        let after = waiting.last.map_or(Unbounded, Excluded);
        let later = waiting.of.range((after, Unbounded)).map(|(address, _)| *address);
        let earlier = waiting.of.keys().copied().take_while(|address| Some(*address) <= waiting.last);
        let mut wait: Option<u64> = None;
        let found = later.chain(earlier).find(|address| match self.each.take(*address, 1) {
            Ok(()) => true,
            Err(wait_ms) => {
                wait = Some(wait.map_or(wait_ms, |least| least.min(wait_ms)));
                false
            }
        });
        let first = found.and_then(|address| Some((address, *waiting.of.get(&address)?.first_key_value()?.0)));
        let Some((address, number)) = first else { return Err(wait.map(Duration::from_millis)) };
        waiting.last = Some(address);
        waiting.take(address, number).ok_or(None)
    }
}

impl Waiting {
    fn take(&mut self, address: Address, number: u64) -> Option<oneshot::Sender<()>> {
        let own = self.of.get_mut(&address)?;
        let taken = own.remove(&number);
        if own.is_empty() {
            self.of.remove(&address);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;

    fn address(host: u8) -> Address {
        Some(IpAddr::from([10, 0, 0, host])).into()
    }

    /// A hundred that wait from one address, again as soon as they had their turn; and how many turns they had.
    fn hammer(turns: &Arc<Turns>, host: u8, attack: &mut JoinSet<()>) -> Arc<Mutex<usize>> {
        let count = Arc::new(Mutex::new(0));
        for _ in 0..100 {
            let (turns, count) = (turns.clone(), count.clone());
            attack.spawn(async move {
                loop {
                    turns.turn(address(host)).await;
                    *count.lock().unwrap() += 1;
                }
            });
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hammers_waits_for_its_own_alone() {
        let turns = Turns::new(Rate::new(100, 10), Rate::new(50, 5));
        let mut attack = JoinSet::new();
        let giving = turns.clone();
        attack.spawn(async move { match giving.give().await {} });
        let counts: Vec<_> = (2..6).map(|host| hammer(&turns, host, &mut attack)).collect();
        let mut longest = Duration::ZERO;
        let began = Instant::now();
        for _ in 0..100 {
            let asked = Instant::now();
            turns.turn(address(1)).await;
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(longest <= Duration::from_millis(60), "{longest:?}: one of each of the others at most goes before");
        let theirs: usize = counts.iter().map(|count| *count.lock().unwrap()).sum();
        let most = 10 + (began.elapsed().as_secs_f64() * 100.0) as usize;
        assert!(theirs <= most && theirs > most / 2, "{theirs} of {most}");
        drop(counts);
        attack.shutdown().await;
        assert!(turns.waiting.lock().unwrap().of.is_empty(), "who leaves waits no longer");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_alone_has_no_more_than_its_rate() {
        let turns = Turns::new(Rate::new(1_000, 1_000), Rate::new(50, 5));
        let mut attack = JoinSet::new();
        let giving = turns.clone();
        attack.spawn(async move { match giving.give().await {} });
        let count = hammer(&turns, 2, &mut attack);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let count = *count.lock().unwrap();
        assert!((450..=505).contains(&count), "{count}");
    }
}
