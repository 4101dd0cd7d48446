//! An alarm, and what it is there for.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudwatch::alarms::Alarm;

/// An alarm of a stage, or of the web tier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StageAlarm {
    /// The alarm. One that should be there and isn't has the state `MISSING`.
    #[serde(flatten)]
    pub alarm: Alarm,
    /// Whether the group is scaled by it; else it is there to tell somebody.
    pub scales: bool,
}

/// The state of an alarm that isn't there.
pub const MISSING: &str = "MISSING";
