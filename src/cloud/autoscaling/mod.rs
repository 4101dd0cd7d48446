//! Auto Scaling: groups with their instances, bounds and hooks, what was done to them, and what scales them.

pub mod activities;
pub(in crate::cloud) mod actual;
pub mod bounds;
pub mod draining;
pub mod groups;
pub mod policies;
pub mod refreshes;
pub mod scaling;
