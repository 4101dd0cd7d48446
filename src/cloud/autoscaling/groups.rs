//! Auto Scaling groups and their instances.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::builders::DescribeAutoScalingGroupsFluentBuilder;
use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::autoscaling::activities;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::bounds::{self, Bounds};
use crate::cloud::{Cloud, CloudError, explain};

/// How many names one call takes without asking for larger pages
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>).
const NAMES_A_CALL: usize = 50;
/// How many groups one page holds at most (the same).
const MOST_A_PAGE: i32 = 100;

/// An Auto Scaling group as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    pub name: String,
    pub min: i32,
    /// How many there should be now.
    pub desired: i32,
    pub max: i32,
    /// The zones that it launches instances in.
    pub zones: Vec<String>,
    /// The version of the launch template that it launches instances from: a number, `$Latest` or `$Default`.
    pub launch_template_version: Option<String>,
    /// What somebody, or a stack's update, told it not to do: `Launch`, `Terminate`, `AlarmNotification`, …
    pub suspended_processes: Vec<String>,
    pub instances: Vec<Instance>,
    /// The bounds that it had before a destroy took its instances away, until that has ended or a deploy has put them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_destroy: Option<Bounds>,
    /// When that destroy suspended its scheduled actions, if it did.
    #[serde(skip)]
    pub schedule_stopped: Option<Timestamp>,
    /// `DefaultCooldown`, in seconds.
    #[serde(skip)]
    pub cooldown_seconds: Option<i32>,
    /// `DefaultInstanceWarmup`, in seconds, when it is set.
    #[serde(skip)]
    pub warmup_seconds: Option<i32>,
    #[serde(skip)]
    pub tags: BTreeMap<String, String>,
}

impl Group {
    /// The bounds that a destroy took away, unless somebody has given it others since.
    pub fn taken_down_from(&self) -> Option<Bounds> {
        self.before_destroy.filter(|_| self.bounds() == Bounds::NONE)
    }

    /// The emulator keeps its list of instances by their number alone: it can't take a certain one away. So after a local
    /// fleet has replaced its instances, those that are gone are listed still, with the version that they were launched
    /// from.
    fn of_emulator(mut self) -> Group {
        for instance in &mut self.instances {
            instance.launch_template_version = None;
        }
        self
    }

    pub fn bounds(&self) -> Bounds {
        let Group { min, max, .. } = *self;
        Bounds { min, max }
    }

    /// The ARN of the stack that made it: CloudFormation tags what it makes
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html>).
    pub fn made_by(&self) -> Option<&str> {
        self.tags.get("aws:cloudformation:stack-id").map(String::as_str)
    }

    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.lifecycle_state == "InService")
            .count()
    }

    /// How many of those were launched as the group launches them now, as far as is known.
    pub fn in_service_as_launched_now(&self) -> usize {
        let in_service = self.instances.iter().filter(|one| one.lifecycle_state == "InService");
        in_service.filter(|one| !self.is_on_another_version(one)).count()
    }

    /// Whether one of them was launched from another version than the group launches now, as far as is known.
    pub fn is_on_another_version(&self, instance: &Instance) -> bool {
        let of = instance.launch_template_version.as_deref();
        self.version().zip(of).is_some_and(|(now, of)| of != now)
    }

    /// The version that it launches, where that is a number.
    fn version(&self) -> Option<&str> {
        let version = self.launch_template_version.as_deref()?;
        (!version.starts_with('$')).then_some(version)
    }

    /// How many instances were launched from another version of the launch template than the group launches now; `None`
    /// when the group names no number, because what `$Latest` and `$Default` mean now isn't said.
    pub fn on_another_version(&self) -> Option<usize> {
        self.version()?;
        let others = self.instances.iter().filter(|one| self.is_on_another_version(one));
        Some(others.count())
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instance {
    pub id: String,
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
    pub spot_notice: Option<Timestamp>,
}

impl Instance {
    /// Whether it wasn't told to go.
    pub fn stays(&self) -> bool {
        !self.lifecycle_state.starts_with("Terminat")
    }

    /// Whether its protection can be changed: "you can't set protection on an instance that isn't InService,
    /// EnteringStandby or Standby", as the service puts its refusal.
    pub fn can_be_unprotected(&self) -> bool {
        self.protected_from_scale_in
            && matches!(
                self.lifecycle_state.as_str(),
                "InService" | "EnteringStandby" | "Standby"
            )
    }
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
            let names = Some(names.to_vec());
            all.extend(
                self.described(|asked| asked.set_auto_scaling_group_names(names))
                    .await?,
            );
        }
        Ok(all)
    }

    /// Every group of the region that carries a tag of this key: of those that a stack with such a tag made, which hands
    /// its tags on
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>).
    pub async fn groups_tagged(&self, key: &str) -> Result<Vec<Group>, CloudError> {
        let filter = Filter::builder().name("tag-key").values(key).build();
        self.described(|asked| asked.filters(filter).max_records(MOST_A_PAGE))
            .await
    }

    /// The groups of the region that a destroy lowered that hasn't come to its end. Usually none, so one call.
    pub async fn lowered_groups(&self) -> Result<Vec<Group>, CloudError> {
        self.groups_tagged(bounds::MARK).await
    }

    /// The groups of the region that carry this tag. The local emulator answers with all groups that there are.
    pub async fn groups_with_tag(&self, key: &str, value: &str) -> Result<Vec<Group>, CloudError> {
        let filter = Filter::builder().name(format!("tag:{key}")).values(value);
        self.described(|asked| asked.filters(filter.build()).max_records(MOST_A_PAGE))
            .await
    }

    async fn described(
        &self,
        ask: impl FnOnce(DescribeAutoScalingGroupsFluentBuilder) -> DescribeAutoScalingGroupsFluentBuilder,
    ) -> Result<Vec<Group>, CloudError> {
        let asked = ask(self.autoscaling.describe_auto_scaling_groups());
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| explain("DescribeAutoScalingGroups", error))?;
            all.push(match self.local {
                true => read(&group).of_emulator(),
                false => read(&group),
            });
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
    // Whether it launches instances of one type or of several.
    let template = group.launch_template().or_else(|| {
        let mixed = group.mixed_instances_policy()?.launch_template()?;
        mixed.launch_template_specification()
    });
    let tags = group.tags().iter();
    let tags: BTreeMap<_, _> = tags
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect();
    Group {
        name: text(group.auto_scaling_group_name()),
        min: group.min_size().unwrap_or_default(),
        desired: group.desired_capacity().unwrap_or_default(),
        max: group.max_size().unwrap_or_default(),
        zones: group.availability_zones().to_vec(),
        launch_template_version: template.and_then(|template| template.version()).map(str::to_owned),
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
        schedule_stopped: tags
            .get(bounds::MARK)
            .and_then(|mark| bounds::schedule_was_stopped(mark)),
        before_destroy: tags.get(bounds::MARK).and_then(|mark| Bounds::read(mark)),
        cooldown_seconds: group.default_cooldown(),
        warmup_seconds: group.default_instance_warmup(),
        tags,
    }
}
