//! What an operator, or a test, may choose.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pli_env::Bound;
use pli_proto::limits;

/// Milliseconds in an hour.
pub(crate) const HOUR_MS: u64 = 60 * 60 * 1000;
/// Milliseconds in a day.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Where and how a server runs. The organisation's name and keys are in the data folder (`Authority::create`).
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of an authority.
    pub data: PathBuf,
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The name in the server's TLS certificate. Clients verify it whatever address they dial, so that the server can
    /// move.
    pub server_name: String,
    /// Whether anybody may ask for the descriptions of all services (gRPC reflection).
    pub reflection: bool,
    /// Bounds that tests make narrower.
    pub limits: Limits,
}

impl Config {
    /// A server for the authority in `data`, with the usual bounds.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            listen,
            server_name: SERVER_NAME.into(),
            reflection: false,
            limits: Limits::default(),
        }
    }
}

/// The usual name in the server's TLS certificate.
pub const SERVER_NAME: &str = "pli.internal";

/// Bounds on what one device, row or address may ask, and on what is kept.
#[derive(Clone, Debug)]
pub struct Limits {
    /// There is another door key after that long; the one before serves on for a 24th of it.
    pub door_lifetime: Duration,
    /// Door keys, and what came in by them, serve that long after a revocation.
    pub door_grace: Duration,
    /// Commits a day by a guest's or member's row; admins' and owners' have ten times as many.
    pub commits_per_day: u64,
    /// Messages are kept that long; `None` for ever. Commits and snapshots are always kept.
    pub keep_messages: Option<Duration>,
    /// Requests on one row: appends, snapshots.
    pub row_rate: Rate,
    /// Requests by one device on the known connection.
    pub device_rate: Rate,
    /// Requests from one address. Behind one address may be a whole organisation.
    pub address_rate: Rate,
    /// Key packages taken from one address. Founding a group takes one for each device.
    pub take_rate: Rate,
    /// Logs made from one address.
    pub create_rate: Rate,
    /// KiB kept for one row: what one member may write into one log.
    pub row_kib_rate: Rate,
    /// KiB kept for one address, in all logs.
    pub address_kib_rate: Rate,
    /// Requests from one address by who shows neither door key nor device: they come to enrol, or to renew.
    pub stranger_rate: Rate,
    /// Places of who shows neither door key nor device, in all and for each address. Connections beyond push out others.
    pub strangers: Places,
    /// Places of who has the door key, in all and for each address.
    pub sealed: Places,
    /// Places of devices, in all and for each of them.
    pub known: Places,
    /// TLS handshakes under way at once, in all and of one address.
    pub handshakes: Bound,
    /// TLS handshakes of all: each takes half a millisecond of a processor before anything is known of who asks.
    pub handshake_rate: Rate,
    /// And of one address, behind which may be a whole organisation.
    pub address_handshake_rate: Rate,
    /// A TLS handshake ends after that long.
    pub handshake_timeout: Duration,
    /// A connection ends if its requests have shown neither door key nor device after that long.
    pub proof_timeout: Duration,
    /// A request has to be received within that long, if it is small,
    pub upload_grace: Duration,
    /// and a second more for so many bytes that came.
    pub upload_rate: u32,
    /// Bytes held of pages and answers that clients have not taken yet, but for what is small (`engine::SMALL_BYTES`).
    pub held_bytes: usize,
    /// A connection is cut on which a client takes nothing for that long of a page that is there.
    pub patience: Duration,
    /// A unary request ends after that long, its upload included.
    pub request_timeout: Duration,
    /// How often streams look by themselves, hint or none.
    pub reread: Duration,
    /// How often the server looks for what another process changed in the directory.
    pub poll: Duration,
    /// How long a shutdown waits for requests under way.
    pub grace: Duration,
}

/// How many places there are for one class of callers.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Connections at once.
    pub connections: Bound,
    /// Streams at once. Of a device's inbox: one, and those whose end was not noticed yet.
    pub streams: Bound,
    /// Unary requests that are being answered at once.
    pub requests: Bound,
    /// Bytes of requests that are being received or answered, and of their headers as many as those may have.
    pub bytes: Bound,
}

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Tokens that come each second.
    pub per_second: u32,
    /// Tokens that gather while nothing is asked.
    pub burst: u32,
}

impl Rate {
    /// So many a second, and so many at once.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            door_lifetime: Duration::from_millis(DAY_MS),
            door_grace: Duration::from_secs(10),
            commits_per_day: limits::COMMITS_PER_DAY,
            keep_messages: None,
            row_rate: Rate::new(50, 1_000),
            device_rate: Rate::new(20, 500),
            address_rate: Rate::new(2_000, 20_000),
            take_rate: Rate::new(50, 5_000),
            create_rate: Rate::new(5, 500),
            row_kib_rate: Rate::new(64, 128 << 10),
            address_kib_rate: Rate::new(2 << 10, 2 << 20),
            stranger_rate: Rate::new(100, 5_000),
            strangers: Places {
                connections: Bound::new(1_024, 512),
                streams: Bound::new(128, 8),
                requests: Bound::new(32, 16),
                bytes: Bound::new(16 << 20, 4 << 20),
            },
            sealed: Places {
                connections: Bound::new(10_000, 4_000),
                streams: Bound::new(10_000, 4_000),
                requests: Bound::new(320, 160),
                bytes: Bound::new(256 << 20, 128 << 20),
            },
            known: Places {
                connections: Bound::new(10_000, 32),
                streams: Bound::new(10_000, 4),
                requests: Bound::new(160, 16),
                bytes: Bound::new(64 << 20, 4 << 20),
            },
            handshakes: Bound::new(1_024, 512),
            handshake_rate: Rate::new(1_000, 2_000),
            address_handshake_rate: Rate::new(250, 2_000),
            handshake_timeout: Duration::from_secs(3),
            proof_timeout: Duration::from_secs(10),
            upload_grace: Duration::from_secs(5),
            upload_rate: 4 << 10,
            held_bytes: 256 << 20,
            patience: Duration::from_secs(60),
            request_timeout: Duration::from_secs(30),
            reread: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(5),
        }
    }
}
