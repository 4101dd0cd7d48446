//! Environments that have expired: whether they go, and what came of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::Cloud;
use crate::deployed::expiry_parameter;
use crate::deployed::looked::Looked;
use crate::engine::destroy::destroyed::Destroyed;
use crate::error::{Error, Result, exit_code};
use crate::interrupt::Interrupt;
use crate::observe::expired::{Expired, Verdict};
use crate::observe::expiry::Recorded;
use crate::observe::list::Unknown;

/// What was found, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reaped {
    pub account: String,
    /// The region that was asked; none when several were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(flatten)]
    pub looked: Looked,
    /// When it was looked at.
    pub at: Timestamp,
    pub dry_run: bool,
    /// What had expired, by region and name.
    pub environments: Vec<Outcome>,
    /// Regions that could not be asked.
    pub unknown: Vec<Unknown>,
}

/// What came of one environment.
#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Done {
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

/// Takes an expired environment down, unless nothing is to be begun or its expiry was moved since it was looked at.
pub async fn reap(
    cloud: &Cloud,
    interrupt: &Interrupt,
    expired: Expired,
    dry_run: bool,
    now: fn() -> Timestamp,
    take_down: impl AsyncFnOnce() -> Result<Destroyed>,
) -> Outcome {
    let ended = |outcome, message: Option<String>, destroyed| Outcome {
        expired: expired.clone(),
        outcome,
        message,
        destroyed,
    };
    if expired.verdict != Verdict::MayGo {
        return ended(Done::LeftAlone, None, None);
    }
    if dry_run || interrupt.asked() {
        return ended(Done::NotBegun, None, None);
    }
    match still_expired(cloud, &expired.environment, now()).await {
        Ok(true) => {}
        Ok(false) => {
            return ended(
                Done::LeftAlone,
                Some("its expiry was moved or taken away meanwhile".to_owned()),
                None,
            );
        }
        Err(error) => return ended(Done::Failed, Some(error.to_string()), None),
    }
    match take_down().await {
        Ok(destroyed) if destroyed.result().is_ok() => ended(Done::Destroyed, None, Some(destroyed)),
        Ok(destroyed) => ended(Done::Failed, None, Some(destroyed)),
        Err(error) => {
            let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
            ended(Done::Failed, Some(format!("{error}{help}")), None)
        }
    }
}

/// Whether it is past its time even now: destroying the ones before it may have taken long.
async fn still_expired(cloud: &Cloud, environment: &str, now: Timestamp) -> Result<bool> {
    let kept = cloud.parameter(&expiry_parameter(environment)).await?;
    Ok(kept.is_some_and(|kept| Recorded::read(&kept).is_past(now)))
}
