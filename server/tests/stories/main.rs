//! The server's rules as stories, over real TLS on loopback with real SQLite files.

// Nothing outside reaches into a test binary; and its helpers are tests too, which clippy does not know.
#![allow(unreachable_pub, clippy::unwrap_used)]

mod admission;
mod common;

mod directory;
mod disk;
mod door;
mod enrolment;
mod held;
mod inbox;
mod issuers;
mod key_packages;
mod limits;
mod logs;
mod restart;
mod rows;
mod seams;
mod streams;
mod thief;
mod tls;
mod tls_key;
mod together;
mod virtual_time;
mod writer;

// As the whole-system tests have it.
#[path = "../../../tests/src/disk.rs"]
mod small_disk;
