//! Looks at what is deployed.

pub mod events;
pub mod status;
