//! x
pub mod crypto;
pub mod error;
pub mod group;
pub mod identity;
pub mod model;
pub mod store;
