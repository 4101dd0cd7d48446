//! The local AWS emulator: [ministack](https://github.com/ministackorg/ministack), a process on loopback that speaks
//! the protocols of the services qfleet uses. One a user, found again by every command.

pub mod diagnosis;
mod emulator;
mod endpoint;
mod executable;
pub mod fleet;
mod home;
mod inherited;
pub mod python;
pub mod tools;

pub use emulator::{DEFAULT_PORT, Emulator, ensure_running, found_running, runs, start, status, stop};
pub use endpoint::check_loopback;
pub use executable::{VERSION, is_installed};
pub use inherited::{let_go as let_go_of_inherited, note as note_inherited};
