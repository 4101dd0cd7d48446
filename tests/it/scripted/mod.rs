//! The real binary, or the code behind it, against the scripted endpoint, over HTTP.

pub mod alerts;
pub mod backfill;
pub mod conformance;
pub mod credentials;
mod delivery;
pub mod deploy;
pub mod destroy;
pub mod drift;
pub mod ending;
pub mod events;
pub mod existing_bucket;
pub mod extend;
pub mod files;
mod filters;
mod functions;
pub mod kill_worker;
pub mod leftovers;
pub mod logs;
pub mod named;
pub mod no_answer;
pub mod progress;
pub mod recover;
pub mod regions;
mod results;
pub mod rules;
pub mod surplus;
pub mod watch;
