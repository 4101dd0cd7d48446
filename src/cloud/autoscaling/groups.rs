//! Auto Scaling groups and their instances.

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, LaunchTemplateSpecification};
use serde::Serialize;

use crate::cloud::autoscaling::activities;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::{Cloud, CloudError, explain};

/// How many names one call takes without asking for larger pages
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>).
const NAMES_A_CALL: usize = 50;
/// How many groups one page holds at most (the same).
const MOST_A_PAGE: i32 = 100;

/// An Auto Scaling group as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The fewest instances.
    pub min: i32,
    /// How many there should be now.
    pub desired: i32,
    /// The most instances.
    pub max: i32,
    /// The zones that it launches instances in.
    pub zones: Vec<String>,
    /// The version of the launch template that it launches instances from: a number, `$Latest` or `$Default`.
    pub launch_template_version: Option<String>,
    /// What somebody, or a stack's update, told it not to do: `Launch`, `Terminate`, `AlarmNotification`, …
    pub suspended_processes: Vec<String>,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// The bounds that it had before a destroy took its instances away, until that has ended or a deploy has put them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_destroy: Option<Bounds>,
}

impl Group {
    /// The bounds that a destroy took away, unless somebody has given it others since.
    pub fn taken_down_from(&self) -> Option<Bounds> {
        self.before_destroy.filter(|_| self.min == 0 && self.max == 0)
    }

    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.lifecycle_state == "InService")
            .count()
    }

    /// How many instances were launched from another version of the launch template than the group launches now; `None`
    /// when the group names no number, because what `$Latest` and `$Default` mean now isn't said.
    pub fn on_another_version(&self) -> Option<usize> {
        let version = self.launch_template_version.as_ref()?;
        if version.starts_with('$') {
            return None;
        }
        let launched = self
            .instances
            .iter()
            .filter_map(|one| one.launch_template_version.as_ref());
        Some(launched.filter(|launched| *launched != version).count())
    }

    /// How many instances scaling in leaves alone.
    pub fn protected_from_scale_in(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.protected_from_scale_in)
            .count()
    }

    /// How many instances EC2 has announced to take back.
    pub fn with_spot_notice(&self) -> usize {
        let announced = self.instances.iter().filter(|one| one.spot_notice.is_some());
        announced.count()
    }
}

/// One instance of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// `Pending`, `InService`, `Terminating:Wait`, …
    pub lifecycle_state: String,
    /// `Healthy` or `Unhealthy`.
    pub health: String,
    /// The version of the launch template that it was launched from.
    pub launch_template_version: Option<String>,
    /// Whether scaling in leaves it alone.
    pub protected_from_scale_in: bool,
    /// When EC2 takes it back, once it has announced that. A local fleet tells; Auto Scaling doesn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_notice: Option<jiff::Timestamp>,
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

    /// Every group of the region that carries a tag of this key: of those that a stack with such a tag made, which hands
    /// its tags on
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>).
    pub async fn groups_tagged(&self, key: &str) -> Result<Vec<Group>, CloudError> {
        let mut pages = self
            .autoscaling
            .describe_auto_scaling_groups()
            .filters(Filter::builder().name("tag-key").values(key).build())
            .max_records(MOST_A_PAGE)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            all.push(read(
                &group.map_err(|error| explain("DescribeAutoScalingGroups", error))?,
            ));
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

/// What a group launches instances from, whether of one type or of several.
pub(in crate::cloud) fn launch_template(group: &AutoScalingGroup) -> Option<&LaunchTemplateSpecification> {
    group.launch_template().or_else(|| {
        let mixed = group.mixed_instances_policy()?.launch_template()?;
        mixed.launch_template_specification()
    })
}

fn read(group: &AutoScalingGroup) -> Group {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Group {
        name: text(group.auto_scaling_group_name()),
        min: group.min_size().unwrap_or_default(),
        desired: group.desired_capacity().unwrap_or_default(),
        max: group.max_size().unwrap_or_default(),
        zones: group.availability_zones().to_vec(),
        launch_template_version: launch_template(group)
            .and_then(|template| template.version())
            .map(str::to_owned),
        suspended_processes: group
            .suspended_processes()
            .iter()
            .filter_map(|process| process.process_name())
            .map(str::to_owned)
            .collect(),
        instances: group
            .instances()
            .iter()
            .map(|instance| Instance {
                id: text(instance.instance_id()),
                zone: text(instance.availability_zone()),
                lifecycle_state: instance.lifecycle_state().map_or("", |state| state.as_str()).to_owned(),
                health: text(instance.health_status()),
                launch_template_version: instance
                    .launch_template()
                    .and_then(|template| template.version())
                    .map(str::to_owned),
                protected_from_scale_in: instance.protected_from_scale_in().unwrap_or_default(),
                spot_notice: None,
            })
            .collect(),
        before_destroy: Bounds::before_destroy(group),
    }
}
