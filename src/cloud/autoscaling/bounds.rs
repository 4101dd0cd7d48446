//! The bounds of an Auto Scaling group that a destroy lowers, and the mark by which they are put back when it was stopped.
//!
//! CloudFormation doesn't do that: "UpdateStack" sets properties that the template changes, and it changes none. The mark
//! is a tag of the group: it is there as long as the group is, and no longer.

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, Tag};
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain};

/// The tag that says what a group's bounds were before a destroy lowered them.
const MARK: &str = "qfleet:bounds-before-destroy";
/// The type of a tagged group (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Tag.html>).
const GROUP: &str = "auto-scaling-group";

/// The fewest and the most instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// The fewest.
    pub min: i32,
    /// The most.
    pub max: i32,
}

impl Bounds {
    /// Those that a destroy gives a group.
    pub const NONE: Bounds = Bounds { min: 0, max: 0 };

    pub(in crate::cloud) fn of(group: &AutoScalingGroup) -> Bounds {
        Bounds {
            min: group.min_size().unwrap_or_default(),
            max: group.max_size().unwrap_or_default(),
        }
    }

    /// Those that it had before a destroy lowered them, by its mark.
    pub(in crate::cloud) fn before_destroy(group: &AutoScalingGroup) -> Option<Bounds> {
        let mark = group.tags().iter().find(|tag| tag.key() == Some(MARK))?;
        Bounds::read(mark.value()?)
    }

    fn write(self) -> String {
        format!("{} to {}", self.min, self.max)
    }

    fn read(text: &str) -> Option<Bounds> {
        let (min, max) = text.split_once(" to ")?;
        Some(Bounds {
            min: min.parse().ok()?,
            max: max.parse().ok()?,
        })
    }
}

/// A group that carries the mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    /// Its name.
    pub group: String,
    /// What its bounds were.
    pub before: Bounds,
    /// What they are.
    pub now: Bounds,
}

impl Cloud {
    /// The groups of the region that carry the mark: those whose destroy hasn't come to its end. Usually none, so one call.
    pub async fn lowered_groups(&self) -> Result<Vec<Lowered>, CloudError> {
        let asked = self.autoscaling.describe_auto_scaling_groups();
        let marked = Filter::builder().name("tag-key").values(MARK).build();
        let mut pages = asked.filters(marked).into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| explain("DescribeAutoScalingGroups", error))?;
            if let Some(before) = Bounds::before_destroy(&group) {
                all.push(Lowered {
                    group: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
                    before,
                    now: Bounds::of(&group),
                });
            }
        }
        Ok(all)
    }

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
