//! What an administration runs: the blind log, the directory and the authority, over gRPC.
//!
//! - [`server`]: starting and stopping; [`config`]: what may be chosen; [`error`]: why it does not start.
//! - [`authority`]: certificates, invitations, revocations. An administrator's command opens it beside the server.
//! - [`engine`]: what lasts, behind a trait; [`engine::sqlite`] is the embedded one.
//! - [`fanout`]: hints that something is new, behind a trait; [`fanout::local`] within one process.
//! - `services`: `pli.v1`, written once against engine and fan-out; `services::gate` is what every call passes first.
//! - `admission`: who gets in, and how much of the server each may have.
//! - `door`: the secret of the day. `tls`: the transport. `chores`: what the server does by itself.
//!
//! What it may know: persons, devices and their keys; logs, access keys and sealed bytes. What it must never hold
//! together: a log or an access key with a person or a device (docs/threat-model.md).
//!
//! Time, randomness, tasks, database and sockets come from [`pli_env::Env`], so that a whole system runs under one seed.

mod admission;
pub mod authority;
mod chores;
pub mod config;
mod door;
pub mod engine;
pub mod error;
pub mod fanout;
pub mod server;
mod services;
mod tls;

pub use authority::{Authority, AuthorityError, Invite, Organisation, invitation_link};
pub use config::{Config, Limits, Places, Rate};
pub use error::ServerError;
pub use pli_env::Bound;
pub use server::{Running, Server};
