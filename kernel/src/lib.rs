//! What decides what is believed, and nothing else: an auditor reads it in a day.
//!
//! All of it is pure. It has no SQL, network, runtime or clock; randomness is handed in. What it is given are public
//! state, entries and certificates, what it gives are verdicts, so that every honest client decides alike.
//!
//! - [`identity`]: revocation lists and ends of issuers; safety numbers.
//! - [`group`]: MLS groups: which commits count, what roles allow, seals.
//! - [`crypto`]: openmls' provider over aws-lc-rs.

pub mod crypto;
pub mod group;
pub mod identity;
