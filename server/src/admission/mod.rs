//! Who gets in, and how much of the server each may have: a stranger must not be able to stop anybody, an insider nobody
//! but himself.
//!
//! Callers are of three classes, each with places of its own, so that none takes another's: *strangers* have shown
//! nothing, the *sealed* have a door key, the *known* a device's certificate. What is bounded, in all and for each address
//! (each device, among the known):
//!
//! - *handshakes*, before a byte is read (`Env::listen`), and *strangers' connections*: a flood of either pushes out its
//!   own ([`pli_env::crowd`]). A connection whose requests have shown neither door key nor device in time is closed.
//! - the *rate* of handshakes, once a hello is there and before anything is computed for it ([`turns`]).
//! - *connections* of the sealed and the known, once they have shown it. Only a new one is refused, so that whoever is
//!   in stays.
//! - *bytes* of requests that are being received or answered. They count as they come, not as they are announced, and
//!   have to come in time ([`upload`]). Long requests leave a quarter to short ones.
//! - *requests* that are being answered. Such a place is taken once the whole request is there: no sender holds one.
//! - *streams*, those of health and reflection included. Starting one takes none of a request's places.
//!
//! The bounds are in [`crate::config::Limits`], beside the rates. `services::gate` asks for all this in turn.

pub(crate) mod connection;
pub(crate) mod pool;
pub(crate) mod turns;
pub(crate) mod upload;

use std::sync::Arc;

use pli_env::{Address, Bound};
use pli_proto::id::DeviceId;

use crate::config::{Limits, Places};
use pool::Pool;

/// Who has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Stranger(Address),
    Sealed(Address),
    Known(DeviceId),
}

/// The places of all classes.
pub(crate) struct Admission {
    strangers: Pools,
    sealed: Pools,
    known: Pools,
}

/// The places of one class.
pub(crate) struct Pools {
    pub(crate) connections: Arc<Pool>,
    pub(crate) streams: Arc<Pool>,
    pub(crate) requests: Arc<Pool>,
    pub(crate) bytes: Arc<Pool>,
    /// A part of these, for long requests.
    pub(crate) long: Arc<Pool>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        let [strangers, sealed, known] = [&limits.strangers, &limits.sealed, &limits.known].map(Pools::new);
        Self { strangers, sealed, known }
    }

    /// How many streams devices have: how many are here, as each has one.
    pub(crate) fn devices(&self) -> usize {
        self.known.streams.taken()
    }

    /// The places of the class of this caller.
    pub(crate) fn of(&self, who: Who) -> &Pools {
        match who {
            Who::Stranger(_) => &self.strangers,
            Who::Sealed(_) => &self.sealed,
            Who::Known(_) => &self.known,
        }
    }
}

impl Pools {
    fn new(places: &Places) -> Self {
        let Places { connections, streams, requests, bytes } = *places;
        let long = Bound::new(bytes.all / 4 * 3, bytes.each / 4 * 3);
        let [connections, streams, requests, bytes, long] =
            [connections, streams, requests, bytes, long].map(Pool::new);
        Self { connections, streams, requests, bytes, long }
    }
}
