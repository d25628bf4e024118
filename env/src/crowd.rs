//! A room for those of whom nothing is known but an address. When it is full, the address that has the most in it makes
//! room, so that a flood from some addresses keeps nobody else out.
//!
//! It is the one that came first who goes, if it had its time: who is slow must not be there for ever. Where all had less,
//! the newest goes, or does not come in: of many who are honest and come at once, some get through.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::Address;

/// What has to be done in the room takes less, over any usable network.
const STAY: Duration = Duration::from_secs(1);

/// A bound on the whole, and on what one address (or device, where those are counted) may have of it.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Of everyone together.
    pub all: usize,
    /// Of each.
    pub each: usize,
}

impl Bound {
    /// So many in all, and so many of each.
    pub const fn new(all: usize, each: usize) -> Self {
        Self { all, each }
    }
}

/// A bounded room.
#[derive(Debug)]
pub struct Crowd {
    bound: Bound,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// How many ever came: a number for each.
    came: u64,
    count: usize,
    guests: BTreeMap<Address, Own>,
}

/// Those of one address, the first first.
type Own = BTreeMap<u64, Staying>;

#[derive(Debug)]
struct Staying {
    since: Instant,
    /// Dropped, it tells that the place is another's.
    _place: oneshot::Sender<()>,
}

impl Crowd {
    /// An empty room.
    pub fn new(bound: Bound) -> Arc<Self> {
        Arc::new(Self { bound, inside: Mutex::default() })
    }

    /// Lets one in, for whom another may have to leave; or does not.
    pub fn enter(self: &Arc<Self>, address: Address) -> Option<Guest> {
        self.enter_at(address, Instant::now())
    }

    fn enter_at(self: &Arc<Self>, address: Address, now: Instant) -> Option<Guest> {
        let mut inside = self.inside.lock().expect("no panic while held");
        let own = inside.guests.get(&address).map_or(0, BTreeMap::len);
        let from = if own >= self.bound.each {
            Some(address)
        } else if inside.count >= self.bound.all {
            inside.greediest()
        } else {
            None
        };
        if let Some(from) = from {
            let leaves = inside.who_leaves(from, own, now)?;
            inside.remove(from, leaves);
        }
        let (place, leaving) = oneshot::channel();
        let number = inside.came;
        inside.came += 1;
        inside.count += 1;
        inside.guests.entry(address).or_default().insert(number, Staying { since: now, _place: place });
        Some(Guest { crowd: self.clone(), address, number, leaving })
    }
}

impl Inside {
    /// The address that has the most; of several, the one whose first came before the others'.
    fn greediest(&self) -> Option<Address> {
        let first = |own: &Own| Reverse(own.keys().next().copied());
        self.guests.iter().max_by_key(|(_, own)| (own.len(), first(own))).map(|(address, _)| *address)
    }

    /// Who of an address makes room for one of an address that has `own`.
    fn who_leaves(&self, from: Address, own: usize, now: Instant) -> Option<u64> {
        let theirs = self.guests.get(&from)?;
        let (first, staying) = theirs.first_key_value()?;
        if now.saturating_duration_since(staying.since) >= STAY {
            return Some(*first);
        }
        // For one who would then have as many as they, nobody goes.
        theirs.last_key_value().filter(|_| theirs.len() > own + 1).map(|(last, _)| *last)
    }

    fn remove(&mut self, address: Address, number: u64) {
        let Some(own) = self.guests.get_mut(&address) else { return };
        if own.remove(&number).is_some() {
            self.count -= 1;
        }
        if own.is_empty() {
            self.guests.remove(&address);
        }
    }
}

/// One in the room, until dropped.
#[derive(Debug)]
pub struct Guest {
    crowd: Arc<Crowd>,
    address: Address,
    number: u64,
    leaving: oneshot::Receiver<()>,
}

impl Guest {
    /// Completes when the place is another's.
    pub async fn shown_out(&mut self) {
        // The other end is dropped, never used.
        let _ = (&mut self.leaving).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.crowd.inside.lock().expect("no panic while held").remove(self.address, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(host: u8) -> Address {
        Some(IpAddr::from([10, 0, 0, host])).into()
    }

    fn is_out(guest: &mut Guest) -> bool {
        !matches!(guest.leaving.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }

    fn count(crowd: &Crowd) -> usize {
        let inside = crowd.inside.lock().unwrap();
        assert_eq!(inside.count, inside.guests.values().map(BTreeMap::len).sum::<usize>());
        inside.count
    }

    #[test]
    fn a_flood_keeps_nobody_else_out() {
        let (crowd, now) = (Crowd::new(Bound::new(8, 8)), Instant::now());
        let mut flood: Vec<_> = (0..100).filter_map(|n| crowd.enter_at(address(n % 2), now)).collect();
        assert_eq!((flood.len(), count(&crowd)), (8, 8), "the rest of the flood did not come in");
        let mut honest: Vec<_> = (2..6).map(|host| crowd.enter_at(address(host), now).unwrap()).collect();
        for n in 0..100 {
            flood.extend(crowd.enter_at(address(n % 2), now + STAY * u32::from(n)));
        }
        assert!(honest.iter_mut().all(|guest| !is_out(guest)));
        assert_eq!(flood.iter_mut().filter_map(|guest| (!is_out(guest)).then_some(())).count(), 4);
        drop((honest, flood));
        assert_eq!(count(&crowd), 0);
    }

    #[test]
    fn who_had_its_time_goes_before_who_had_less() {
        let (crowd, now) = (Crowd::new(Bound::new(10, 2)), Instant::now());
        let mut first = crowd.enter_at(address(1), now).unwrap();
        let mut second = crowd.enter_at(address(1), now).unwrap();
        assert!(crowd.enter_at(address(1), now).is_none(), "an address has its share");
        let third = crowd.enter_at(address(1), now + STAY).unwrap();
        assert!(is_out(&mut first) && !is_out(&mut second));
        drop(third);
        let _fourth = crowd.enter_at(address(1), now + STAY).unwrap();
        assert!(!is_out(&mut second), "there was room");
    }

    #[test]
    fn where_all_have_one_the_first_goes_once_it_had_its_time() {
        let (crowd, now) = (Crowd::new(Bound::new(3, 3)), Instant::now());
        let mut guests: Vec<_> = (0..3).map(|host| crowd.enter_at(address(host), now).unwrap()).collect();
        assert!(crowd.enter_at(address(3), now).is_none());
        let _fourth = crowd.enter_at(address(3), now + STAY).unwrap();
        assert_eq!(guests.iter_mut().map(is_out).collect::<Vec<_>>(), [true, false, false]);
    }
}
