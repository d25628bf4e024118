//! This device's part in groups: the kernel's verdicts, and the MLS state in the store that they move on.
//!
//! - [`join`]: founding, entering by a welcome, coming back by an external commit, and reading what is stored.
//! - [`change`]: commits of our own: add, remove, settings, update. [`schedule`]: when, unasked.

pub mod change;
pub mod join;
pub(crate) mod schedule;
