//! The local fleet: real worker processes for the groups that the emulator only keeps records of. It plays Auto
//! Scaling and EC2 around them.

pub mod crash;
mod home;
pub mod state;
