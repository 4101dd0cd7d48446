//! Auto Scaling groups and their instances.

use aws_sdk_autoscaling::types::AutoScalingGroup;
use serde::Serialize;

use super::activities::{self, Activity};
use super::{Cloud, CloudError, explain};

/// How many names one call takes without asking for larger pages
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>).
const NAMES_A_CALL: usize = 50;

/// An Auto Scaling group as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The fewest instances.
    pub min: i32,
    /// How many there should be now.
    pub desired: i32,
    /// The most instances.
    pub max: i32,
    /// Its instances.
    pub instances: Vec<Instance>,
}

impl Group {
    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.lifecycle_state == "InService")
            .count()
    }
}

/// One instance of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// `Pending`, `InService`, `Terminating:Wait`, …
    pub lifecycle_state: String,
    /// `Healthy` or `Unhealthy`.
    pub health: String,
}

impl Cloud {
    /// The group of this name, if there is one.
    pub async fn group(&self, name: &str) -> Result<Option<Group>, CloudError> {
        Ok(self.groups(&[name.to_owned()]).await?.pop())
    }

    /// The groups of these names; those that aren't there are left out.
    pub async fn groups(&self, names: &[String]) -> Result<Vec<Group>, CloudError> {
        let mut all = Vec::new();
        for names in names.chunks(NAMES_A_CALL) {
            let mut pages = self
                .autoscaling
                .describe_auto_scaling_groups()
                .set_auto_scaling_group_names(Some(names.to_vec()))
                .into_paginator()
                .items()
                .send();
            while let Some(group) = pages.next().await {
                all.push(read(
                    &group.map_err(|error| explain("DescribeAutoScalingGroups", error))?,
                ));
            }
        }
        Ok(all)
    }

    /// Terminates an instance of a group, which launches another one in its place. The instance passes the group's
    /// termination hook, so its worker drains
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html>).
    ///
    /// # Errors
    /// When there is no such instance in a group, or Auto Scaling refuses.
    pub async fn replace_instance(&self, instance: &str) -> Result<Option<Activity>, CloudError> {
        let answer = self
            .autoscaling
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance)
            .should_decrement_desired_capacity(false)
            .send()
            .await
            .map_err(|error| explain("TerminateInstanceInAutoScalingGroup", error))?;
        Ok(answer.activity().map(activities::read))
    }
}

fn read(group: &AutoScalingGroup) -> Group {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Group {
        name: text(group.auto_scaling_group_name()),
        min: group.min_size().unwrap_or_default(),
        desired: group.desired_capacity().unwrap_or_default(),
        max: group.max_size().unwrap_or_default(),
        instances: group
            .instances()
            .iter()
            .map(|instance| Instance {
                id: text(instance.instance_id()),
                zone: text(instance.availability_zone()),
                lifecycle_state: instance.lifecycle_state().map_or("", |state| state.as_str()).to_owned(),
                health: text(instance.health_status()),
            })
            .collect(),
    }
}
