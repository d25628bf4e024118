//! What people go through, as stories: real clients, a real server, real TLS, real encrypted stores.

#![allow(clippy::unwrap_used)] // in tests, a failed unwrap is a failed test

mod clock;
mod foreign;
mod full_disk;
mod groups;
mod guests;
mod issuers;
mod lifetime;
mod outbox;
mod pairs;
mod put_back;
mod reads;
mod removal;
mod screens;
mod servers;
mod survival;
mod two_people;
