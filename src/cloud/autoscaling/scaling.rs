//! Auto Scaling groups as whoever scales them sees them: their bounds, their hook, their capacity.

use std::time::Duration;

use crate::cloud::autoscaling::groups::Group;
use crate::cloud::{Cloud, CloudError, explain};

/// What scaling needs to know of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingGroup {
    pub name: String,
    pub min: u32,
    /// How many there should be now.
    pub desired: u32,
    pub max: u32,
    /// `DefaultCooldown`, in seconds.
    pub cooldown_seconds: u32,
    /// `DefaultInstanceWarmup`, in seconds, when it is set.
    pub warmup_seconds: Option<u32>,
    pub zones: Vec<String>,
    /// The ids of its instances, in the order of the list.
    pub instances: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleHook {
    pub name: String,
    /// E.g. `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: String,
    /// How long an instance waits without a heartbeat.
    pub heartbeat_timeout: Duration,
    /// `CONTINUE` or `ABANDON`.
    pub default_result: String,
}

impl From<Group> for ScalingGroup {
    fn from(group: Group) -> Self {
        ScalingGroup {
            name: group.name,
            min: natural(Some(group.min)),
            desired: natural(Some(group.desired)),
            max: natural(Some(group.max)),
            cooldown_seconds: natural(group.cooldown_seconds),
            warmup_seconds: group.warmup_seconds.and_then(|seconds| seconds.try_into().ok()),
            zones: group.zones,
            instances: group.instances.into_iter().map(|instance| instance.id).collect(),
        }
    }
}

impl Cloud {
    /// The groups of these names, as far as they are there.
    pub async fn scaling_groups(&self, names: &[String]) -> Result<Vec<ScalingGroup>, CloudError> {
        Ok(self.groups(names).await?.into_iter().map(ScalingGroup::from).collect())
    }

    /// The lifecycle hooks of a group.
    pub async fn lifecycle_hooks(&self, group: &str) -> Result<Vec<LifecycleHook>, CloudError> {
        // Not paged: the service answers with all of them
        // (https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLifecycleHooks.html).
        let answer = self
            .autoscaling
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group)
            .send()
            .await
            .map_err(|error| explain("DescribeLifecycleHooks", error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(answer
            .lifecycle_hooks()
            .iter()
            .map(|hook| LifecycleHook {
                name: text(hook.lifecycle_hook_name()),
                transition: text(hook.lifecycle_transition()),
                // The service's default (https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html).
                heartbeat_timeout: Duration::from_secs(
                    hook.heartbeat_timeout().map_or(3600, |n| natural(Some(n)).into()),
                ),
                default_result: text(hook.default_result()),
            })
            .collect())
    }

    /// How many instances a group should have from now on.
    pub async fn set_desired_capacity(&self, group: &str, desired: u32) -> Result<(), CloudError> {
        self.autoscaling
            .set_desired_capacity()
            .auto_scaling_group_name(group)
            .desired_capacity(i32::try_from(desired).unwrap_or(i32::MAX))
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("SetDesiredCapacity", error))
    }
}

/// A count of the SDK, which has signs.
pub(in crate::cloud) fn natural(count: Option<i32>) -> u32 {
    count.and_then(|count| count.try_into().ok()).unwrap_or_default()
}
