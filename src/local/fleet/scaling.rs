//! A group's metrics, minute by minute, and what its policies make of them.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::group::Group;
use super::instance::Instance;
use super::pace::Pace;
use super::sources::Stage;
use super::state::{LifecycleState, MinuteState};
use crate::autoscaling::controller;
use crate::autoscaling::controller::{Decision, Model};
use crate::autoscaling::policy::{AlarmState, Kind, Policy};
use crate::autoscaling::series::{Metric, Metrics, Minute};
use crate::cloud::cloudwatch::put_metrics::{Datum, Unit};
use crate::cloud::sqs::queues::QueueDepth;

/// As many minutes are kept: for the alarms far more than they look at.
const KEPT: Minute = 60;
/// With one value a minute, every statistic of the minute is that value.
const STATS: [&str; 4] = ["Average", "Maximum", "Minimum", "Sum"];
pub(super) const SQS: &str = "AWS/SQS";
pub(super) const AUTO_SCALING: &str = "AWS/AutoScaling";

/// What is in one queue, and for how long the oldest of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub depth: QueueDepth,
    pub age_seconds: Option<f64>,
}

/// The metrics that SQS would publish.
pub(super) fn of_queue(name: &str, seen: &Seen) -> Vec<Datum> {
    let QueueDepth {
        visible,
        in_flight,
        delayed,
    } = seen.depth;
    let datum = |metric, value: f64, unit| Datum {
        name: metric,
        dimension: ("QueueName", name.to_owned()),
        value,
        unit,
    };
    let mut data = vec![
        datum("ApproximateNumberOfMessagesVisible", visible as f64, Unit::Count),
        datum("ApproximateNumberOfMessagesNotVisible", in_flight as f64, Unit::Count),
        datum("ApproximateNumberOfMessagesDelayed", delayed as f64, Unit::Count),
    ];
    if let Some(age) = seen.age_seconds {
        data.push(datum("ApproximateAgeOfOldestMessage", age, Unit::Seconds));
    }
    data
}

/// The metrics that Auto Scaling would publish of a group.
pub(super) fn of_group(group: &Group) -> Vec<Datum> {
    let in_state = |wanted: &[LifecycleState]| group.count(|instance| wanted.contains(&instance.state)) as f64;
    let values = [
        ("GroupMinSize", f64::from(group.shape.min)),
        ("GroupMaxSize", f64::from(group.shape.max)),
        ("GroupDesiredCapacity", f64::from(group.desired)),
        ("GroupInServiceInstances", in_state(&[LifecycleState::InService])),
        ("GroupPendingInstances", in_state(&[LifecycleState::Pending])),
        (
            "GroupTerminatingInstances",
            in_state(&[LifecycleState::TerminatingWait, LifecycleState::TerminatingProceed]),
        ),
        ("GroupTotalInstances", group.instances.len() as f64),
    ];
    values
        .map(|(name, value)| Datum {
            name,
            dimension: ("AutoScalingGroupName", group.name.clone()),
            value,
            unit: Unit::None,
        })
        .to_vec()
}

/// Puts a minute's values where the policies look.
pub(super) fn record(metrics: &mut Metrics, namespace: &str, data: &[Datum], minute: Minute) {
    for datum in data {
        let dimensions = [(datum.dimension.0, datum.dimension.1.as_str())];
        for stat in STATS {
            metrics.put(
                &Metric::new(namespace, datum.name, &dimensions, stat),
                minute,
                datum.value,
            );
        }
    }
    metrics.forget_before(minute - KEPT);
}

/// What a group's policies remember from minute to minute.
#[derive(Debug)]
pub(super) struct Scaling {
    pub policies: Vec<Policy>,
    warmup_seconds: Option<u32>,
    cooldown_seconds: u32,
    alarms: BTreeMap<String, AlarmState>,
    last_scale_in: Option<Minute>,
    /// The last minutes, oldest first.
    pub history: VecDeque<MinuteState>,
}

impl Scaling {
    pub fn of(stage: &Stage) -> Scaling {
        Scaling {
            policies: stage.policies.clone(),
            warmup_seconds: stage.group.warmup_seconds.or(stage.facts.warmup_seconds),
            cooldown_seconds: stage.group.cooldown_seconds,
            alarms: BTreeMap::new(),
            last_scale_in: None,
            history: VecDeque::new(),
        }
    }

    /// The policies are these from now on. What alarms said and when the group shrank stays.
    pub fn follow(&mut self, stage: &Stage) {
        self.policies.clone_from(&stage.policies);
        self.warmup_seconds = stage.group.warmup_seconds.or(stage.facts.warmup_seconds);
        self.cooldown_seconds = stage.group.cooldown_seconds;
    }

    /// The backlog per instance that target tracking holds the group at.
    pub fn target(&self) -> Option<f64> {
        self.policies.iter().find_map(|policy| match &policy.kind {
            Kind::TargetTracking(tracking) => Some(tracking.target),
            _ => None,
        })
    }

    /// What would happen to the group in this minute.
    pub fn decide(&mut self, group: &Group, metrics: &Metrics, minute: Minute, pace: Pace) -> Decision {
        let instances = group
            .instances
            .iter()
            .map(|instance: &Instance| match (instance.state, instance.in_service) {
                (LifecycleState::Pending, _) => controller::Instance::Pending,
                (LifecycleState::InService, Some(since)) => controller::Instance::InService(pace.second(since)),
                _ => controller::Instance::Terminating,
            });
        let seen = controller::Group {
            name: group.name.clone(),
            min: group.shape.min,
            max: group.shape.max.max(group.shape.min),
            desired: group.desired,
            default_warmup_seconds: self.warmup_seconds,
            default_cooldown_seconds: self.cooldown_seconds,
            instances: instances.collect(),
            last_scale_in: self.last_scale_in,
            alarms: std::mem::take(&mut self.alarms),
        };
        let decision = controller::decide(&self.policies, metrics, &seen, minute, &Model::default());
        self.alarms = decision.states();
        if decision.desired.is_some_and(|desired| desired < group.desired) {
            self.last_scale_in = Some(minute);
        }
        decision
    }

    /// Remembers a minute, for those who watch.
    pub fn remember(&mut self, group: &Group, depth: QueueDepth, decision: &Decision, at: Timestamp) {
        self.history.push_back(MinuteState {
            at,
            visible: depth.visible,
            in_flight: depth.in_flight,
            running: u32::try_from(group.in_service()).unwrap_or(u32::MAX),
            backlog_per_instance: self.tracked(decision),
        });
        while self.history.len() > 60 {
            self.history.pop_front();
        }
    }

    /// What target tracking saw in this minute.
    fn tracked(&self, decision: &Decision) -> Option<f64> {
        let tracking = self
            .policies
            .iter()
            .find(|policy| matches!(policy.kind, Kind::TargetTracking(_)))?;
        let said = decision.policies.iter().find(|said| said.policy == tracking.name)?;
        *said.alarms.first()?.recent.last()?
    }
}

/// Why policies can't be played.
pub(super) fn problems(decision: &Decision) -> impl Iterator<Item = String> {
    decision.policies.iter().filter_map(|said| {
        let problem = said.problem.as_ref()?;
        Some(format!("policy {} can't be played here: {problem}", said.policy))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::fleet::group::Shape;
    use crate::local::fleet::pace::Now;
    use std::time::Duration;

    #[test]
    fn what_is_recorded_is_found_under_aws_names() {
        let shape = Shape {
            min: 1,
            max: 4,
            zones: vec!["za".into()],
            hook: None,
            version: String::new(),
            batch: 1,
        };
        let mut group = Group::new("lab-move", shape, 2, Pace { speed: 1 });
        let now = Now {
            at: Duration::ZERO,
            wall: Timestamp::UNIX_EPOCH,
        };
        group.reconcile(&mut super::super::ids::Ids::default(), now);
        let seen = Seen {
            depth: QueueDepth {
                visible: 7,
                in_flight: 2,
                delayed: 1,
            },
            age_seconds: Some(12.0),
        };
        let mut metrics = Metrics::default();
        record(&mut metrics, SQS, &of_queue("q", &seen), 3);
        record(&mut metrics, AUTO_SCALING, &of_group(&group), 3);
        let value = |namespace: &str, name: &str, dimension: (&str, &str), stat: &str| {
            let metric = Metric::new(namespace, name, &[dimension], stat);
            metrics.get(&metric).and_then(|series| series.get(3))
        };
        let queue = ("QueueName", "q");
        assert_eq!(
            value(SQS, "ApproximateNumberOfMessagesVisible", queue, "Average"),
            Some(7.0)
        );
        assert_eq!(
            value(SQS, "ApproximateNumberOfMessagesNotVisible", queue, "Maximum"),
            Some(2.0)
        );
        assert_eq!(
            value(SQS, "ApproximateAgeOfOldestMessage", queue, "Maximum"),
            Some(12.0)
        );
        let of = ("AutoScalingGroupName", "lab-move");
        assert_eq!(value(AUTO_SCALING, "GroupDesiredCapacity", of, "Average"), Some(2.0));
        assert_eq!(value(AUTO_SCALING, "GroupPendingInstances", of, "Average"), Some(2.0));
        assert_eq!(value(AUTO_SCALING, "GroupInServiceInstances", of, "Average"), Some(0.0));
    }
}
