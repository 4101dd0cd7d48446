//! The bounds of an Auto Scaling group that a destroy lowers, and the mark by which they are put back when it was stopped.
//!
//! CloudFormation doesn't do that: "UpdateStack" sets properties that the template changes, and it changes none. The mark
//! is a tag of the group: it is there as long as the group is, and no longer.

use aws_sdk_autoscaling::types::Tag;
use aws_sdk_autoscaling::types::builders::TagBuilder;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain};

/// The tag that says what a group's bounds were before a destroy lowered them.
pub(in crate::cloud) const MARK: &str = "qfleet:bounds-before-destroy";
/// What the tag says more where the group's scheduled actions were suspended, too.
const STOPPED: &str = " by schedule";
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

    fn write(self) -> String {
        format!("{} to {}", self.min, self.max)
    }

    pub(in crate::cloud) fn read(text: &str) -> Option<Bounds> {
        let text = text.strip_suffix(STOPPED).unwrap_or(text);
        let (min, max) = text.split_once(" to ")?;
        Some(Bounds {
            min: min.parse().ok()?,
            max: max.parse().ok()?,
        })
    }
}

/// Whether a mark says that the group's scheduled actions were suspended.
pub(in crate::cloud) fn schedule_was_stopped(mark: &str) -> bool {
    mark.ends_with(STOPPED)
}

impl Cloud {
    /// Marks a group that is about to be lowered; with `stops_schedule`, one whose scheduled actions are about to be
    /// suspended, too (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html>).
    pub async fn mark_bounds(&self, group: &str, bounds: Bounds, stops_schedule: bool) -> Result<(), CloudError> {
        let value = bounds.write() + if stops_schedule { STOPPED } else { "" };
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
        assert_eq!(Bounds::read(&bounds.write()), Some(bounds));
        let stopped = bounds.write() + STOPPED;
        assert_eq!(Bounds::read(&stopped), Some(bounds));
        assert!(schedule_was_stopped(&stopped) && !schedule_was_stopped(&bounds.write()));
        assert_eq!(Bounds::read("2"), None);
    }
}
