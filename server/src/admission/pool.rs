//! Places of one kind for one class: so many in all, and so many for each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pli_env::Bound;

use super::Who;

/// Places; whoever finds none is refused.
pub(crate) struct Pool {
    bound: Bound,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    each: BTreeMap<Who, usize>,
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The caller has all that one may have.
    Each,
    All,
}

impl Pool {
    pub(crate) fn new(bound: Bound) -> Arc<Self> {
        Arc::new(Self { bound, taken: Mutex::default() })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().expect("no panic while held").all
    }

    /// Takes places, or none of them.
    pub(crate) fn take(self: &Arc<Self>, who: Who, count: usize) -> Result<Place, Full> {
        let mut place = Place { pool: self.clone(), who, count: 0 };
        place.take_more(count)?;
        Ok(place)
    }
}

/// Places that one holds, until dropped.
pub(crate) struct Place {
    pool: Arc<Pool>,
    who: Who,
    count: usize,
}

impl Place {
    /// Takes so many more, or none of them.
    pub(crate) fn take_more(&mut self, count: usize) -> Result<(), Full> {
        let mut taken = self.pool.taken.lock().expect("no panic while held");
        let own = taken.each.get(&self.who).copied().unwrap_or(0);
        let (all, own) = (taken.all.saturating_add(count), own.saturating_add(count));
        if own > self.pool.bound.each {
            return Err(Full::Each);
        }
        if all > self.pool.bound.all {
            return Err(Full::All);
        }
        taken.all = all;
        taken.each.insert(self.who, own);
        self.count += count;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.pool.taken.lock().expect("no panic while held");
        taken.all -= self.count;
        if let Some(own) = taken.each.get_mut(&self.who) {
            *own -= self.count;
            if *own == 0 {
                taken.each.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pli_proto::id::DeviceId;

    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_for_each_and_come_back() {
        let pool = Pool::new(Bound::new(5, 3));
        let who = |n| Who::Known(DeviceId([n; 16]));
        let mut one = pool.take(who(1), 2).ok().unwrap();
        assert_eq!(one.take_more(2), Err(Full::Each));
        one.take_more(1).unwrap();
        assert_eq!(pool.take(who(1), 1).err(), Some(Full::Each));
        assert_eq!(pool.take(who(2), 3).err(), Some(Full::All));
        let two = pool.take(who(2), 2).ok().unwrap();
        assert_eq!(pool.take(who(3), 1).err(), Some(Full::All));
        drop(one);
        let three = pool.take(who(3), 3).ok().unwrap();
        drop((two, three));
        let taken = pool.taken.lock().unwrap();
        assert!(taken.all == 0 && taken.each.is_empty());
    }
}
