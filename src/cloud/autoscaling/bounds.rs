//! The bounds of an Auto Scaling group that a destroy lowers, and the mark by which they are put back when it was stopped.
//!
//! CloudFormation doesn't do that: "UpdateStack" sets properties that the template changes, and it changes none. The mark
//! is a tag of the group: it is there as long as the group is, and no longer.

use aws_sdk_autoscaling::types::Tag;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain};

/// The tag that says what a group's bounds were before a destroy lowered them.
pub(in crate::cloud) const MARK: &str = "qfleet:bounds-before-destroy";
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
        let (min, max) = text.split_once(" to ")?;
        Some(Bounds {
            min: min.parse().ok()?,
            max: max.parse().ok()?,
        })
    }
}

impl Cloud {
    /// Marks a group that is about to be lowered
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html>).
    pub async fn mark_bounds(&self, group: &str, bounds: Bounds) -> Result<(), CloudError> {
        let marked = self.autoscaling.create_or_update_tags().tags(mark(group, bounds));
        let marked = marked.send().await;
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

    /// Takes the mark off.
    pub async fn unmark_bounds(&self, group: &str, bounds: Bounds) -> Result<(), CloudError> {
        let unmarked = self.autoscaling.delete_tags().tags(mark(group, bounds)).send().await;
        unmarked.map(drop).map_err(|error| explain("DeleteTags", error))
    }
}

fn mark(group: &str, bounds: Bounds) -> Tag {
    Tag::builder()
        .resource_id(group)
        .resource_type(GROUP)
        .key(MARK)
        .value(bounds.write())
        .propagate_at_launch(false)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_read() {
        let bounds = Bounds { min: 2, max: 40 };
        assert_eq!(Bounds::read(&bounds.write()), Some(bounds));
        assert_eq!(Bounds::read("2"), None);
    }
}
