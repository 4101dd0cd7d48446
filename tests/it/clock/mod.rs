//! The scripted endpoint in memory, on a clock that stands still until everybody waits.

pub mod engine;
pub mod files;
pub mod kill_worker;
pub mod logs;
pub mod sending;
pub mod watch;
