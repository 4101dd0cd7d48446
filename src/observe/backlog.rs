//! The backlog per instance, as it went.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The backlog per instance at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct BacklogPoint {
    /// When the minute began that it stands for.
    pub at: Timestamp,
    /// Messages for each instance in service; all of them when there is none.
    pub messages_per_instance: f64,
}

/// Seconds from one point to the next, as most of them have it: a minute on CloudWatch, less in a local fleet's.
pub fn step(points: &[BacklogPoint]) -> f64 {
    let mut steps: Vec<f64> = points.windows(2).map(|two| seconds(two[0].at, two[1].at)).collect();
    steps.sort_by(f64::total_cmp);
    let middle = steps.get(steps.len() / 2).copied();
    middle.filter(|step| *step > 0.0).unwrap_or(60.0)
}

/// Seconds from one time to another.
pub fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
