//! Whom to trust.
//!
//! - [`trust`]: revocation lists and ends of issuers.
//! - [`safety`]: safety numbers.

pub mod safety;
pub mod trust;
