//! How a deploy replaces the instances of a group: in batches, while the others work.
//!
//! CloudFormation replaces as many at a time as `MaxBatchSize` and `MinInstancesInService` allow, and no fewer: a group
//! that has scaled out to six of nine, with batches of six and three kept in service, was left with three
//! (<https://github.com/guardian/testing-asg-rolling-update>, observations/healthy-to-healthy-partially-scaled.md;
//! <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/467>). So the number that is kept in
//! service must be that of the instances that run, which no template knows: it is a parameter.

use serde_json::Value;

use super::template::{read, section};
use crate::environment::Instances;

/// The template's parameter that carries the number.
pub const PARAMETER: &str = "MinInstancesInService";

/// No instance boots in less than a minute.
const SHORTEST_BATCH: u64 = 60;

/// What a rolling update is bounded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingUpdate {
    pub min: u32,
    pub max: u32,
    /// The most instances that are replaced at a time (`MaxBatchSize`).
    pub batch_size: u32,
    /// About how long a batch takes until its instances work, in seconds.
    pub batch_seconds: u64,
    /// A schedule changes the group's bounds, and an update leaves them as it has set them
    /// (`IgnoreUnmodifiedGroupSizeProperties`).
    pub scheduled: bool,
}

impl RollingUpdate {
    pub(super) fn of(instances: &Instances) -> RollingUpdate {
        RollingUpdate {
            min: instances.min,
            max: instances.max,
            batch_size: batch_size(instances.max),
            batch_seconds: instances.warmup.as_secs().max(SHORTEST_BATCH),
            scheduled: !instances.capacity.is_empty(),
        }
    }

    /// That of a template that was deployed, where the number is a parameter.
    pub fn deployed(body: &str) -> Option<RollingUpdate> {
        let template = read(body).ok()?;
        let mut resources = section(&template, "Resources").map(|(_, resource)| resource);
        let group = resources.find(|resource| resource["Type"] == "AWS::AutoScaling::AutoScalingGroup")?;
        let policy = &group["UpdatePolicy"]["AutoScalingRollingUpdate"];
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let of = |value: &Value| u32::try_from(number(value)?).ok();
        let scheduled = &group["UpdatePolicy"]["AutoScalingScheduledAction"]["IgnoreUnmodifiedGroupSizeProperties"];
        let is_set_at_deploy = policy["MinInstancesInService"]["Ref"] == PARAMETER;
        let found = RollingUpdate {
            min: of(&group["Properties"]["MinSize"])?,
            max: of(&group["Properties"]["MaxSize"])?,
            batch_size: of(&policy["MaxBatchSize"])?,
            batch_seconds: number(&group["Properties"]["DefaultInstanceWarmup"])?.max(SHORTEST_BATCH),
            scheduled: *scheduled == true,
        };
        is_set_at_deploy.then_some(found)
    }

    /// The same for a group that has these bounds now. Where a schedule has set them they go on: a group that sleeps need
    /// not have instances, and one with less at night may not have more.
    pub fn within(self, min: u32, max: u32) -> RollingUpdate {
        if !self.scheduled {
            return self;
        }
        let max = max.min(self.max);
        RollingUpdate {
            min: min.min(max),
            max,
            batch_size: self.batch_size.min(batch_size(max)),
            ..self
        }
    }

    /// How many instances stay in service while a fleet of this many is replaced: all of them, and the next batch comes
    /// up beside them; or a batch less than the maximum, where that leaves no room for one. CloudFormation wants it below
    /// the maximum.
    pub fn keeps(&self, running: usize) -> u32 {
        let running = u32::try_from(running).unwrap_or(u32::MAX);
        running.max(self.min).min(self.max.saturating_sub(self.batch_size))
    }

    /// How many of `instances` are replaced at a time, when this many are kept in service.
    pub fn at_a_time(&self, instances: usize, keeps: u32) -> usize {
        let room = self.max.saturating_sub(keeps).max(1);
        instances.min(self.batch_size.min(room) as usize)
    }
}

/// A quarter of the fleet at a time; 100 is CloudFormation's limit.
fn batch_size(max: u32) -> u32 {
    max.div_ceil(4).clamp(1, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(min: u32, max: u32) -> RollingUpdate {
        RollingUpdate {
            min,
            max,
            batch_size: batch_size(max),
            batch_seconds: 180,
            scheduled: false,
        }
    }

    #[test]
    fn bounds_that_a_schedule_has_set_go_before_the_templates() {
        let scheduled = RollingUpdate {
            scheduled: true,
            ..fleet(2, 20)
        };
        // Bounds now, running; kept, replaced at a time.
        for ((min, max), running, keeps, at_a_time) in [
            // It sleeps.
            ((0, 0), 0, 0, 0),
            // Still finishing what it had.
            ((0, 0), 1, 0, 1),
            ((1, 2), 2, 1, 1),
            ((0, 1), 1, 0, 1),
            ((2, 20), 10, 10, 5),
            // The file's own maximum was lowered.
            ((2, 40), 30, 15, 5),
        ] {
            let update = scheduled.within(min, max);
            let found = (update.keeps(running), update.at_a_time(running, update.keeps(running)));
            assert_eq!(found, (keeps, at_a_time), "{running} of {min} to {max}");
        }
        assert_eq!(fleet(2, 20).within(0, 0), fleet(2, 20));
    }

    #[test]
    fn as_many_stay_in_service_as_run() {
        for (min, max, running, keeps) in [
            (2, 20, 2, 2),
            (2, 20, 10, 10),
            (2, 20, 15, 15),
            // No room for a whole batch.
            (2, 20, 16, 15),
            (2, 20, 20, 15),
            // Of one, with and without room.
            (1, 4, 1, 1),
            (1, 1, 1, 0),
            // Nothing runs, and nothing should; or something should.
            (0, 10, 0, 0),
            (2, 10, 0, 2),
            // As many as there may be.
            (2, 2, 2, 1),
            (4, 4, 4, 3),
            (100, 100, 100, 75),
            // The maximum was lowered in the file: the group has to shrink in any case.
            (2, 4, 10, 3),
            (10_000, 10_000, 10_000, 9_900),
        ] {
            assert_eq!(fleet(min, max).keeps(running), keeps, "{running} of {min} to {max}");
        }
    }

    #[test]
    fn what_was_deployed_is_read_back() {
        let body = "Resources:\n  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    UpdatePolicy:\n      \
                    AutoScalingRollingUpdate:\n        MinInstancesInService: !Ref MinInstancesInService\n        \
                    MaxBatchSize: 5\n    Properties:\n      MinSize: \"2\"\n      MaxSize: \"20\"\n      \
                    DefaultInstanceWarmup: 180\n";
        assert_eq!(RollingUpdate::deployed(body), Some(fleet(2, 20)));
        // No instance boots that quickly.
        let quick = body.replace("DefaultInstanceWarmup: 180", "DefaultInstanceWarmup: 30");
        let quick = RollingUpdate::deployed(&quick).map(|found| found.batch_seconds);
        assert_eq!(quick, Some(60));
        let policy =
            "    UpdatePolicy:\n      AutoScalingScheduledAction: {IgnoreUnmodifiedGroupSizeProperties: true}\n";
        let scheduled = body.replace("    UpdatePolicy:\n", policy);
        assert!(RollingUpdate::deployed(&scheduled).is_some_and(|found| found.scheduled));
        let fixed = body.replace("!Ref MinInstancesInService", "1");
        assert_eq!(RollingUpdate::deployed(&fixed), None);
        assert_eq!(RollingUpdate::deployed("no template"), None);
    }

    #[test]
    fn never_more_than_a_batch_less_and_always_below_the_maximum() {
        for max in 1..60 {
            for min in 0..=max {
                for running in 0..=max {
                    let fleet = fleet(min, max);
                    let keeps = fleet.keeps(running as usize);
                    assert!(keeps < max, "{running} of {min} to {max}");
                    assert!(keeps + fleet.batch_size >= running, "{running} of {min} to {max}");
                    let room = running + fleet.batch_size <= max;
                    assert!(!room || keeps >= running, "{running} of {min} to {max}");
                }
            }
        }
    }
}
