//! The encrypted database: its loops, its cryptography, and the end of its process.

#![allow(clippy::unwrap_used)] // in tests, a failed unwrap is a failed test

mod exit;
mod sqlcipher;
mod writer;
