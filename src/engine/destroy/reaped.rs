//! What came of environments that had expired.

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::destroy::destroyed::Destroyed;
use crate::error::{Error, Result, exit_code};
use crate::observe::expired::{Expired, Verdict};
use crate::observe::list::Unknown;

/// What was found, and what came of it.
#[derive(Debug, Serialize)]
pub struct Reaped {
    pub account: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// Nothing was changed.
    pub dry_run: bool,
    /// What had expired, by region and name.
    pub environments: Vec<Outcome>,
    /// Regions that could not be asked.
    pub unknown: Vec<Unknown>,
}

/// What came of one environment.
#[derive(Debug, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub expired: Expired,
    pub outcome: Done,
    /// Why that, if not for its verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was destroyed, and what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroyed: Option<Destroyed>,
}

/// What was done with an expired environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It is gone.
    Destroyed,
    /// It is not, or something of it is left.
    Failed,
    /// It was left alone.
    LeftAlone,
    /// It was not begun: the command was interrupted, or nothing was to be changed.
    NotBegun,
}

impl Reaped {
    /// What the command ends with; why is shown already.
    pub fn result(&self, interrupted: bool) -> Result<()> {
        if interrupted {
            return Err(Error::Shown(exit_code::INTERRUPTED));
        }
        let is_bad =
            |one: &Outcome| one.outcome == Done::Failed || matches!(one.expired.verdict, Verdict::Unreadable { .. });
        match self.environments.iter().any(is_bad) || !self.unknown.is_empty() {
            true => Err(Error::Shown(exit_code::FAILED)),
            false => Ok(()),
        }
    }
}
