//! Work for the workers: files and messages sent, objects told of once more, dead letters looked at and sent back; and
//! what they made, fetched.
//!
//! ```text
//! files ──▶ upload ──▶ bucket ──(S3's events)──▶ queue ──▶ workers
//! bodies ─▶ messages ────────────────────────────▶  │  ▲
//! bucket ─▶ backfill ─▶ messages ────────────────▶  ▼  │ redrive
//!                                        dead-letter queue ──▶ sample
//! ```

pub mod backfill;
pub mod bodies;
pub mod destinations;
pub mod download;
pub mod event;
pub mod files;
pub mod messages;
mod pace;
pub mod redrive;
pub mod replies;
pub mod sample;
mod told_files;
pub mod upload;
pub mod upload_link;

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Result, exit_code};

/// After so many failures nothing more is begun: they will have one cause, and a list of thousands helps nobody.
const FAILURES: usize = 10;

/// What could not be sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failed {
    /// A key, or where a message came from.
    pub what: String,
    pub message: String,
}

/// How a job ends; the reasons were shown before. One that isn't done although nothing failed was interrupted.
fn result(succeeded: bool, failed: &[Failed]) -> Result<()> {
    match (succeeded, failed.is_empty()) {
        (true, _) => Ok(()),
        (false, false) => Err(Error::Shown(exit_code::FAILED)),
        (false, true) => Err(Error::Shown(exit_code::INTERRUPTED)),
    }
}

/// How many problems of an input are named. The others are only counted.
const NAMED: usize = 20;

/// Everything that is wrong with what was to be sent, in one refusal.
fn refused(problems: &[String]) -> Error {
    let mut text = "nothing was sent, because of what was to be sent:".to_owned();
    for problem in problems.iter().take(NAMED) {
        text += "\n  ";
        text += problem;
    }
    if problems.len() > NAMED {
        text += &format!("\n  and {} more", problems.len() - NAMED);
    }
    Error::usage(text)
}
