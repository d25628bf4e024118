//! A second client of Pli, written from docs/protocol.md and `proto/pli/v1` alone, over another implementation of MLS.
//!
//! It shares nothing with `core` and nothing that `proto` computes, only the generated messages: where it and the client
//! understand each other, the page says enough. It keeps nothing on disk and asks rather than follows streams, stores no
//! snapshots, and knows neither gaps in a log nor the ends of issuers.

mod bound;
mod bytes;
mod certificate;
mod commit;
mod connection;
mod device;
mod evidence;
mod found;
mod group;
mod hpke;
mod judge;
mod keys;
mod mls;
mod path;
mod provider;
mod seal;
mod state;

pub use bound::{conversation_id, message_id, of_commit, of_message};
pub use bytes::{content, join};
pub use device::Device;
pub use group::Group;
pub use keys::{DeviceKey, access_key};
pub use provider::{Awslc, SUITE};
pub use seal::{Head, bucket, rows_digest, rows_hash};

/// What goes wrong, said in words.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// What this client gives back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error in words if something does not hold.
fn ensure(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(what.into()) }
}
