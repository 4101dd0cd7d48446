//! Looks at what is deployed.

pub mod status;
