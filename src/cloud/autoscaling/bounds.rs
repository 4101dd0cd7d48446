//! The bounds of an Auto Scaling group that a destroy lowers, and the mark by which they are put back when it was stopped.
//!
//! CloudFormation doesn't do that: "UpdateStack" sets properties that the template changes, and it changes none. The mark
//! is a tag of the group: it is there as long as the group is, and no longer.

use aws_sdk_autoscaling::types::Tag;
use aws_sdk_autoscaling::types::builders::TagBuilder;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain};

/// The tag that says what a group's bounds were before a destroy lowered them.
pub(in crate::cloud) const MARK: &str = "qfleet:bounds-before-destroy";
/// What the tag says more where the group's scheduled actions were suspended, too; then follows when.
const STOPPED: &str = " by schedule until ";
/// What Auto Scaling calls them
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>).
pub const SCHEDULED_ACTIONS: &str = "ScheduledActions";
/// The type of a tagged group (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Tag.html>).
const GROUP: &str = "auto-scaling-group";

/// The fewest and the most instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bounds {
    pub min: i32,
    pub max: i32,
}

impl Bounds {
    /// Those that a destroy gives a group.
    pub const NONE: Bounds = Bounds { min: 0, max: 0 };

    pub(in crate::cloud) fn read(text: &str) -> Option<Bounds> {
        let text = text.split_once(STOPPED).map_or(text, |(bounds, _)| bounds);
        let (min, max) = text.split_once(" to ")?;
        Some(Bounds {
            min: min.parse().ok()?,
            max: max.parse().ok()?,
        })
    }
}

/// When the group's scheduled actions were suspended, if a mark says so.
pub(in crate::cloud) fn schedule_was_stopped(mark: &str) -> Option<Timestamp> {
    mark.split_once(STOPPED)?.1.parse().ok()
}

/// What the tag says of a group with these bounds.
fn written(bounds: Bounds, schedule_stopped: Option<Timestamp>) -> String {
    let stopped = schedule_stopped.map_or(String::new(), |at| format!("{STOPPED}{at:.0}"));
    format!("{} to {}{stopped}", bounds.min, bounds.max)
}

impl Cloud {
    /// Marks a group that is about to be lowered, and whose scheduled actions are suspended, too, from this time on
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html>).
    pub async fn mark_bounds(
        &self,
        group: &str,
        bounds: Bounds,
        schedule_stopped: Option<Timestamp>,
    ) -> Result<(), CloudError> {
        let value = written(bounds, schedule_stopped);
        let tag = mark(group).value(value).propagate_at_launch(false).build();
        let marked = self.autoscaling.create_or_update_tags().tags(tag).send().await;
        marked.map(drop).map_err(|error| explain("CreateOrUpdateTags", error))
    }

    /// Puts the bounds of a group back. Its desired capacity rises with its minimum
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html>).
    pub async fn put_bounds(&self, group: &str, bounds: Bounds) -> Result<(), CloudError> {
        let update = self.autoscaling.update_auto_scaling_group();
        let update = update.auto_scaling_group_name(group);
        let updated = update.min_size(bounds.min).max_size(bounds.max).send().await;
        updated
            .map(drop)
            .map_err(|error| explain("UpdateAutoScalingGroup", error))
    }

    /// Takes the mark off, whatever it says.
    pub async fn unmark_bounds(&self, group: &str) -> Result<(), CloudError> {
        let unmarked = self.autoscaling.delete_tags().tags(mark(group).build()).send().await;
        unmarked.map(drop).map_err(|error| explain("DeleteTags", error))
    }

    /// Keeps a group's scheduled actions from changing its bounds: those whose time comes meanwhile are left out
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>).
    pub async fn stop_schedule(&self, group: &str) -> Result<(), CloudError> {
        let suspend = self.autoscaling.suspend_processes().auto_scaling_group_name(group);
        let suspended = suspend.scaling_processes(SCHEDULED_ACTIONS).send().await;
        suspended.map(drop).map_err(|error| explain("SuspendProcesses", error))
    }

    /// Lets them again (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ResumeProcesses.html>).
    pub async fn follow_schedule(&self, group: &str) -> Result<(), CloudError> {
        let resume = self.autoscaling.resume_processes().auto_scaling_group_name(group);
        let resumed = resume.scaling_processes(SCHEDULED_ACTIONS).send().await;
        resumed.map(drop).map_err(|error| explain("ResumeProcesses", error))
    }
}

fn mark(group: &str) -> TagBuilder {
    Tag::builder().resource_id(group).resource_type(GROUP).key(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_read() {
        let bounds = Bounds { min: 2, max: 40 };
        let at: Timestamp = "2026-11-24T17:00:00Z".parse().expect("a time");
        for stopped in [None, Some(at)] {
            let mark = written(bounds, stopped);
            assert_eq!(
                (Bounds::read(&mark), schedule_was_stopped(&mark)),
                (Some(bounds), stopped),
                "{mark}"
            );
        }
        assert_eq!(Bounds::read("2"), None);
    }
}
