//! The controller: what Auto Scaling makes of a group's policies, minute by minute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::autoscaling::alarm;
use crate::autoscaling::alarm::Look;
use crate::autoscaling::policy::{Alarm, AlarmState, Comparison, Kind, Policy};
use crate::autoscaling::series::{Metrics, Minute, Second};

mod step_scaling;
mod target_tracking;

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
    /// How many data points in a row strictly above the target start a scale-out.
    pub high_periods: u32,
    /// How many data points in a row below the low threshold start a scale-in.
    pub low_periods: u32,
    /// The low threshold, as a share of the target. For its sibling, AWS says that it is usually more than 10 % lower
    /// (<https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>).
    pub low_share: f64,
    /// Which share of the surplus one scale-in takes, from 0 to 1: rounded down, but one instance at least where one or
    /// more is too many.
    pub scale_in_share: f64,
    /// How many minutes after a scale-in there is no other: until then data points still count the instances that left.
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
    /// This many, which is more than there are.
    Out(u32),
    /// This many, which is fewer than there are.
    In(u32),
    /// No fewer than there are.
    Keep,
    /// Nothing: a step policy without an alarm, or target tracking that doesn't scale in and needn't scale out.
    Nothing,
}

/// What an alarm saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
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

/// Decides for a group at the end of a minute, from the data points up to it. Nothing is remembered between two
/// decisions but what [`Group`] carries, so that an alarm that stays on asks again each minute, as it does at AWS
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>).
///
/// Of several policies, the largest capacity that any asks for is taken when one scales out. When none does, target
/// tracking scales in only if all policies of that kind (that do scale in) are ready to, to the largest capacity they ask
/// for; a step policy isn't held up by them
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html>,
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html>).
pub fn decide(policies: &[Policy], metrics: &Metrics, group: &Group, now: Minute, model: &Model) -> Decision {
    let scene = Scene {
        metrics,
        group,
        now,
        model,
    };
    let asked: Vec<(&Policy, Asked)> = policies
        .iter()
        .filter(|policy| policy.enabled)
        .map(|policy| (policy, ask(policy, &scene)))
        .collect();
    let chosen = out_to(&asked).or_else(|| in_to(&asked));
    let change = match chosen {
        Some((policy, asked, desired)) => {
            let alarm = asked.trigger.as_deref().unwrap_or_default();
            let cause = format!(
                "a monitor alarm {alarm} in state ALARM triggered policy {}",
                policy.name
            );
            Some((desired, Some(policy.name.clone()), cause))
        }
        None if scene.desired() != group.desired => {
            let (min, max, desired) = (group.min, group.max, scene.desired());
            let cause = format!(
                "a user request update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired}"
            );
            Some((desired, None, cause))
        }
        None => None,
    };
    let policies = asked
        .into_iter()
        .map(|(policy, asked)| Said {
            policy: policy.name.clone(),
            wants: asked.wants,
            alarms: asked.alarms,
            problem: asked.problem,
        })
        .collect();
    match change {
        Some((desired, policy, cause)) => Decision {
            desired: Some(desired),
            policy,
            cause: Some(format!(
                "{cause} changing the desired capacity from {} to {desired}.",
                group.desired
            )),
            policies,
        },
        None => Decision {
            desired: None,
            policy: None,
            cause: None,
            policies,
        },
    }
}

fn out_to<'a>(asked: &'a [(&'a Policy, Asked)]) -> Option<(&'a Policy, &'a Asked, u32)> {
    let outs = asked.iter().filter_map(|(policy, asked)| match asked.wants {
        Wants::Out(desired) => Some((*policy, asked, desired)),
        _ => None,
    });
    // The first of equals, as in_to does: max_by_key would take the last.
    outs.rev().max_by_key(|(_, _, desired)| *desired)
}

fn in_to<'a>(asked: &'a [(&'a Policy, Asked)]) -> Option<(&'a Policy, &'a Asked, u32)> {
    let is_tracking = |policy: &Policy| matches!(policy.kind, Kind::TargetTracking(_));
    let keeps = |tracking| {
        asked
            .iter()
            .any(|(policy, asked)| asked.wants == Wants::Keep && is_tracking(policy) == tracking)
    };
    if keeps(false) {
        return None;
    }
    let tracking_is_ready = !keeps(true);
    let ins = asked.iter().filter_map(|(policy, asked)| match asked.wants {
        Wants::In(desired) if tracking_is_ready || !is_tracking(policy) => Some((*policy, asked, desired)),
        _ => None,
    });
    ins.rev().max_by_key(|(_, _, desired)| *desired)
}

/// What a policy asks for, before it is combined with what others ask for.
struct Asked {
    wants: Wants,
    /// The alarm that made it ask.
    trigger: Option<String>,
    alarms: Vec<Looked>,
    problem: Option<String>,
}

fn ask(policy: &Policy, scene: &Scene) -> Asked {
    let capacity = Capacity::of(policy, scene);
    let mut asked = Asked {
        wants: Wants::Nothing,
        trigger: None,
        alarms: Vec::new(),
        problem: None,
    };
    let problem = match &policy.kind {
        Kind::TargetTracking(tracking) => {
            // Until it is known to be ready, it keeps the group from scaling in.
            if !tracking.disable_scale_in {
                asked.wants = Wants::Keep;
            }
            target_tracking::ask(&policy.name, tracking, &capacity, scene, &mut asked).err()
        }
        Kind::StepScaling(scaling) => step_scaling::ask(scaling, &capacity, scene, &mut asked).err(),
        Kind::Other(kind) => Some(format!("policies of the type {kind} can't be evaluated here")),
    };
    asked.problem = problem;
    asked
}

/// All that a policy looks at.
struct Scene<'a> {
    metrics: &'a Metrics,
    group: &'a Group,
    now: Minute,
    model: &'a Model,
}

impl Scene<'_> {
    /// A capacity within the group's bounds.
    fn bounded(&self, capacity: u32) -> u32 {
        // Not clamp(), which panics when there is nothing between the bounds. AWS refuses such a group.
        capacity.min(self.group.max).max(self.group.min)
    }

    /// The desired capacity, which a group has within its bounds as soon as they change.
    fn desired(&self) -> u32 {
        self.bounded(self.group.desired)
    }

    fn look(&self, alarm: &Alarm, looked: &mut Vec<Looked>) -> Result<Look, String> {
        let before = self
            .group
            .alarms
            .get(&alarm.name)
            .unwrap_or(&AlarmState::InsufficientData);
        let look = alarm::look(alarm, self.metrics, self.now, before, self.model.extra_points)
            .map_err(|problem| problem.to_string())?;
        looked.push(Looked {
            name: alarm.name.clone(),
            state: look.state.clone(),
            comparison: alarm.comparison.clone(),
            threshold: alarm.threshold,
            recent: look.retrieved.clone(),
        });
        Ok(look)
    }
}

/// A group's instances as a policy counts them
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html>).
struct Capacity {
    /// Those in service whose warm-up is over: the current capacity for scaling out.
    warm: u32,
    /// Whether any is still on its way or warming up. Until none is, no policy scales in.
    is_growing: bool,
    /// Those in service and those on their way out: the current capacity for scaling in.
    with_leaving: u32,
}

impl Capacity {
    fn of(policy: &Policy, scene: &Scene) -> Capacity {
        let group = scene.group;
        let warmup = policy
            .warmup_seconds
            .or(group.default_warmup_seconds)
            .unwrap_or(group.default_cooldown_seconds);
        let end_of_minute = scene.now.saturating_add(1).saturating_mul(60);
        let is_warm = |since: Second| end_of_minute.saturating_sub(since) >= i64::from(warmup);
        let mut capacity = Capacity {
            warm: 0,
            is_growing: false,
            with_leaving: 0,
        };
        for instance in &group.instances {
            match instance {
                Instance::InService(since) if is_warm(*since) => {
                    capacity.warm += 1;
                    capacity.with_leaving += 1;
                }
                Instance::InService(_) => {
                    capacity.is_growing = true;
                    capacity.with_leaving += 1;
                }
                Instance::Pending => capacity.is_growing = true,
                Instance::Terminating => capacity.with_leaving += 1,
            }
        }
        capacity
    }
}

#[cfg(test)]
mod tests;
