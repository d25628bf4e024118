//! What people and scripts do with the built program, as stories: with a server, profiles and terminals of their own.

// Nothing outside reaches into a test binary; and its helpers are tests too, which clippy does not know.
#![allow(unreachable_pub, clippy::unwrap_used)]

mod common;

mod chat;
mod demo;
mod names;
mod once;
mod outcome;
mod root;
mod secret_service;
mod serve;
mod talk;
mod wrong;
