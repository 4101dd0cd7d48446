//! A group that has the bounds of its schedule while its stack is put back: a drift-aware change set gives it those of its
//! template, and wakes a fleet that sleeps
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>).

use jiff::Timestamp;

use super::StackRevert;
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::DeployedStack;
use crate::deployed::stage::Stage;
use crate::engine::operation::Context;
use crate::environment::schedule::Schedule;

/// What the schedule had set when the revert began.
pub(super) struct ScheduledBounds {
    group: String,
    bounds: Bounds,
    schedule: Schedule,
    began: Timestamp,
}

impl ScheduledBounds {
    /// None where the revert leaves the group alone, or where the group has no bounds of a schedule.
    pub async fn of(
        cloud: &Cloud,
        deployed: &DeployedStack,
        revert: &StackRevert,
    ) -> Result<Option<ScheduledBounds>, CloudError> {
        let of_group = |resource_type: &str| resource_type == "AWS::AutoScaling::AutoScalingGroup";
        let stage = Stage::of(deployed);
        let instances = stage.as_ref().and_then(Stage::instances);
        let Some(instances) = instances.filter(|instances| !instances.schedule.is_empty()) else {
            return Ok(None);
        };
        if !revert
            .changes
            .iter()
            .any(|reverted| of_group(&reverted.change.resource_type))
        {
            return Ok(None);
        }
        let began = Timestamp::now();
        let Some(group) = cloud.group(&instances.group).await? else {
            return Ok(None);
        };
        let bounds = group.bounds();
        let is_scheduled = match (u32::try_from(bounds.min), u32::try_from(bounds.max)) {
            (Ok(min), Ok(max)) => instances.schedule.sets(min, max),
            _ => false,
        };
        Ok(is_scheduled.then(|| ScheduledBounds {
            group: instances.group.clone(),
            bounds,
            schedule: instances.schedule.clone(),
            began,
        }))
    }

    /// Puts them back, unless the schedule has set others meanwhile.
    pub async fn keep(&self, context: Context<'_>, stack: &str) {
        let ScheduledBounds { group, bounds, .. } = self;
        let went_on = self
            .schedule
            .last(Timestamp::now())
            .is_some_and(|last| last.at > self.began);
        let kept = async {
            match context.cloud.group(group).await? {
                Some(now) if now.bounds() != *bounds && !went_on => context.cloud.put_bounds(group, *bounds).await,
                _ => Ok(()),
            }
        };
        if let Err(error) = kept.await {
            let Bounds { min, max } = bounds;
            context.tell.warn(format!(
                "{stack}: {group} had {min} to {max} instances by its schedule, and could not be given them back: {error}; \
                 the schedule's next time sets its own"
            ));
        }
    }
}
