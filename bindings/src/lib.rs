//! Pli's core for Kotlin, Swift and Python, by UniFFI.
//!
//! Values, enums and errors cross as the core defines them (its feature `uniffi`). Here are the objects, which each
//! language's hand-written face wraps: a client, its conversations and timelines, and streams that are pulled.
//!
//! - [`client`], [`conversation`], [`timeline`]: calls.
//! - [`stream`]: what changes, pulled batch by batch.
//! - [`threads`]: Pli's own threads. All work is done there; exported futures only wait.
//! - [`diagnostics`]: the newest lines of the log.
//!
//! Nothing here panics into another language: a panic becomes [`pli_core::Error::Internal`], and the client says that it
//! must be opened again.

pub mod client;
pub mod conversation;
pub mod diagnostics;
pub mod stream;
pub mod threads;
pub mod timeline;

use pli_core::model::{ConversationId, DeviceId, ItemId, PersonId, Role};

uniffi::setup_scaffolding!("pli_native");
uniffi::use_remote_type!(pli_core::PersonId);
uniffi::use_remote_type!(pli_core::DeviceId);
uniffi::use_remote_type!(pli_core::ConversationId);
uniffi::use_remote_type!(pli_core::ItemId);
uniffi::use_remote_type!(pli_core::Role);
pli_core::uniffi_reexport_scaffolding!();
