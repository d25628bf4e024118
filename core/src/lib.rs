//! Pli's core: what runs on a phone.
//!
//! ```text
//!  app → client → store → outbox → server → log → sync → store → app
//! ```
//!
//! Its face is small: [`Client`], [`Conversation`], [`Timeline`], the plain values of [`model`], and one [`Error`] that
//! says what to do. Below it:
//!
//! - [`client`]: the face.
//! - [`identity`]: who this device is; invitation links.
//! - `conversations`: what persons see of groups and pairs.
//! - [`membership`]: this device's part in groups, by the verdicts of `pli-kernel`.
//! - `content`: what a message says, checked when it comes out of its seal.
//! - [`store`]: the encrypted database, with one writer.
//! - `sync`: the outbox goes out, logs come in.
//! - `clock`, `timers`: what time it is, and what is due by it.
//! - [`transport`]: gRPC over TLS.
//!
//! The lower layers are public for those who write another client, and for tests that attack this one.

pub mod client;
mod clock;
mod content;
mod conversations;
pub mod error;
#[cfg(feature = "uniffi")]
pub mod ffi;
pub mod identity;
pub mod membership;
pub mod model;
pub mod store;
mod sync;
pub mod text;
mod timers;
pub mod transport;

pub use client::{Client, Conversation, MessageNotice, Since, SyncResult, Timeline};
pub use error::{Advice, Error};
pub use eyeball_im::VectorDiff;
pub use store::key::{FileKeyStore, KeyStore};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("pli");
