//! The controller: what Auto Scaling makes of a group's policies, minute by minute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::policy::{AlarmState, Comparison};
use super::series::{Minute, Second};

/// A group as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name, for the alarms' names.
    pub name: String,
    /// `MinSize`, in instances.
    pub min: u32,
    /// `MaxSize`, in instances.
    pub max: u32,
    /// `DesiredCapacity`, in instances.
    pub desired: u32,
    /// `DefaultInstanceWarmup` in seconds; `None` when it isn't set, and then the cooldown counts for it.
    pub default_warmup_seconds: Option<u32>,
    /// `DefaultCooldown` in seconds. AWS's default is 300.
    pub default_cooldown_seconds: u32,
    /// All instances that aren't gone yet.
    pub instances: Vec<Instance>,
    /// The minute of the last decision that made the group smaller, when there was one.
    pub last_scale_in: Option<Minute>,
    /// What each alarm said the last time ([`Decision::states`]): an alarm may keep its state. One that isn't in here is
    /// new, and begins as INSUFFICIENT_DATA.
    pub alarms: BTreeMap<String, AlarmState>,
}

/// An instance, as far as scaling looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// On its way into service.
    Pending,
    /// In service since this second. Its warm-up begins there.
    InService(Second),
    /// On its way out, waiting for a hook or not.
    Terminating,
}

/// What AWS doesn't publish about target tracking, as we take it to be. The numbers come from what users report; none
/// of them is a promise of AWS's.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// So many data points in a row strictly above the target start a scale-out.
    pub high_periods: u32,
    /// So many data points in a row below the low threshold start a scale-in.
    pub low_periods: u32,
    /// The low threshold, as a share of the target.
    pub low_share: f64,
    /// How much of what is too much one scale-in takes, from 0 to 1: rounded down, but one instance at least where one
    /// or more is too many.
    pub scale_in_share: f64,
    /// So many minutes after a scale-in there is none: the data points until then still tell of the instances that left.
    pub scale_in_pause: u32,
    /// How many data points beyond its evaluation periods an alarm retrieves, in case some are missing. AWS shows two
    /// for three periods, and says that it depends
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>).
    pub extra_points: u32,
}

impl Default for Model {
    fn default() -> Self {
        Model {
            high_periods: 3,
            low_periods: 15,
            low_share: 0.9,
            scale_in_share: 0.5,
            scale_in_pause: 1,
            extra_points: 2,
        }
    }
}

/// What would happen now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The new desired capacity, in instances, within the group's bounds and other than the one it has; `None` when
    /// nothing changes.
    pub desired: Option<u32>,
    /// The policy that asked for it; `None` when nothing changes, or when the group's bounds asked for it.
    pub policy: Option<String>,
    /// Why, as the cause of a scaling activity says it after its "At 2026-01-31T12:00:00Z ": "a monitor alarm … in state
    /// ALARM triggered policy … changing the desired capacity from 2 to 4.". `None` when nothing changes.
    pub cause: Option<String>,
    /// What each policy that is enabled said, in the order they came in.
    pub policies: Vec<Said>,
}

impl Decision {
    /// What each alarm said, by its name: the next [`Group::alarms`].
    pub fn states(&self) -> BTreeMap<String, AlarmState> {
        self.policies
            .iter()
            .flat_map(|policy| &policy.alarms)
            .map(|alarm| (alarm.name.clone(), alarm.state.clone()))
            .collect()
    }
}

/// What one policy said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The policy's name.
    pub policy: String,
    /// What it asks for.
    pub wants: Wants,
    /// Its alarms: of target tracking the high one and then the low one, which is left out with `DisableScaleIn`.
    pub alarms: Vec<Looked>,
    /// Why it can't be evaluated, when it can't. Such a policy asks for nothing, and one of target tracking keeps the
    /// group from scaling in.
    pub problem: Option<String>,
}

/// What a policy asks for, in instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// As many as this, which are more.
    Out(u32),
    /// As few as this, which are fewer.
    In(u32),
    /// As many as there are, and no fewer.
    Keep,
    /// It has no say: a step policy without an alarm, or target tracking that doesn't scale in and needn't scale out.
    Nothing,
}

/// What an alarm saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// The alarm's name.
    pub name: String,
    /// What it made of it.
    pub state: AlarmState,
    /// How a data point is compared with the threshold.
    pub comparison: Comparison,
    /// In the metric's unit.
    pub threshold: f64,
    /// The metric's recent values, oldest first, the last one of this minute; `None` is a missing data point.
    pub recent: Vec<Option<f64>>,
}
