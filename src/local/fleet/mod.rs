//! The local fleet: real worker processes for the groups that the emulator only keeps records of. It plays Auto
//! Scaling and EC2 around them.

mod autoscaling;
mod causes;
mod group;
mod home;
mod hook;
mod ids;
mod instance;
mod metadata;
mod pace;
mod place;
mod process;
mod program;
mod restarts;
pub mod state;
mod surroundings;
mod zones;
