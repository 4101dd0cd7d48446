//! Auto Scaling's actions, on the groups that a script puts there: their instances come and go in time
//! (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Operations.html>).

use std::time::Duration;

use tokio::time::Instant;

use super::model::Model;
use super::query::{Input, Refusal};
use super::scripted_group::ScriptedGroup;
use super::world::{Step, World};
use super::xml::Fields;

fn template(version: &str) -> Fields {
    Fields::new()
        .text("LaunchTemplateId", "lt-0123456789abcdef0")
        .text("LaunchTemplateName", "lab")
        .text("Version", version)
}

/// Something that Auto Scaling did.
#[derive(Debug, Clone)]
pub struct Activity {
    id: String,
    group: String,
    description: String,
    cause: String,
    began: Instant,
    ended: Option<Instant>,
}

type Answer = Result<Fields, Refusal>;

impl World {
    /// An action of Auto Scaling.
    pub fn auto_scaling(&mut self, action: &str, input: &Input) -> Answer {
        let wrong = Model::auto_scaling().complaints(action, input);
        if !wrong.is_empty() {
            self.complaints.push(format!("{action}: {}", wrong.join("; ")));
            return Err(Refusal::validation(wrong.join("; ")));
        }
        match action {
            "DescribeAutoScalingGroups" => self.describe_groups(input),
            "DescribeScalingActivities" => self.describe_activities(input),
            "DescribePolicies" => self.describe_policies(input),
            "DescribeInstanceRefreshes" => match self.is_draining(input) {
                true => self.describe_draining_refreshes(input),
                false => self.describe_refreshes(input),
            },
            "TerminateInstanceInAutoScalingGroup" => self.terminate_instance(input),
            "SetInstanceProtection" => self.set_instance_protection(input),
            "UpdateAutoScalingGroup" => self.update_group(input),
            "SetDesiredCapacity" => self.set_desired_capacity(input),
            "CreateOrUpdateTags" | "DeleteTags" => self.tag_groups(action, input),
            "DescribeLifecycleHooks" => self.describe_hooks(input),
            "CompleteLifecycleAction" => self.complete_action(input),
            "CancelInstanceRefresh" => self.cancel_refresh(input),
            "SuspendProcesses" | "ResumeProcesses" => self.suspend_processes(action, input),
            _ => {
                self.complaints.push(format!("{action}: the endpoint doesn't know it"));
                Err(Refusal::new(
                    400,
                    "InvalidAction",
                    format!("Could not find operation {action}"),
                ))
            }
        }
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html>: within the group's bounds. The
    /// instances of a script come and go only by what a test says.
    fn set_desired_capacity(&mut self, input: &Input) -> Answer {
        let name = input.text("AutoScalingGroupName").unwrap_or_default();
        let wanted: usize = input
            .text("DesiredCapacity")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) else {
            let message = format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found");
            return Err(Refusal::validation(message));
        };
        if wanted < group.min || wanted > group.max {
            let (bound, what) = if wanted < group.min {
                (group.min, "below min")
            } else {
                (group.max, "above max")
            };
            let message =
                format!("New SetDesiredCapacity value {wanted} is {what} value {bound} for the AutoScalingGroup.");
            return Err(Refusal::validation(message));
        }
        group.desired = wanted;
        Ok(Fields::new())
    }

    /// "Activities are sorted by start time. Activities still in progress are described first"
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html>).
    fn describe_activities(&self, input: &Input) -> Answer {
        let name = input.text("AutoScalingGroupName");
        if let Some(name) = name
            && !self.script.groups.iter().any(|group| group.name == name)
        {
            let message = format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found");
            return Err(Refusal::validation(message));
        }
        let most = input
            .text("MaxRecords")
            .and_then(|most| most.parse().ok())
            .unwrap_or(100);
        let mut of_group: Vec<&Activity> = self
            .activities
            .iter()
            .rev()
            .filter(|activity| name.is_none_or(|name| activity.group == name))
            .collect();
        of_group.sort_by_key(|activity| activity.ended.is_some());
        let before = self.script.activities.iter().rev();
        let before = before.filter(|activity| name.is_none_or(|name| activity.group == name));
        let before = before.map(|activity| {
            let began = self.clock.wall_before(activity.ago);
            Fields::new()
                .text("ActivityId", format!("{:?}", activity.ago))
                .text("AutoScalingGroupName", activity.group)
                .text("Description", activity.description)
                .text("Cause", activity.cause)
                .text("StartTime", &began)
                .text("EndTime", &began)
                .text("StatusCode", activity.status)
                .maybe("StatusMessage", activity.message)
                .text("Progress", 100)
        });
        let members = of_group.into_iter().map(|activity| {
            Fields::new()
                .text("ActivityId", &activity.id)
                .text("AutoScalingGroupName", &activity.group)
                .text("Description", &activity.description)
                .text("Cause", &activity.cause)
                .text("StartTime", self.clock.wall(activity.began))
                .maybe("EndTime", activity.ended.map(|ended| self.clock.wall(ended)))
                .text(
                    "StatusCode",
                    if activity.ended.is_some() {
                        "Successful"
                    } else {
                        "InProgress"
                    },
                )
                .text("Progress", if activity.ended.is_some() { 100 } else { 50 })
        });
        let members: Vec<Fields> = members.chain(before).take(most).collect();
        let (page, next) = self.page(members, input)?;
        Ok(Fields::new().members("Activities", page).maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>: "The default value is
    /// 50 and the maximum value is 100."
    fn describe_groups(&self, input: &Input) -> Answer {
        let names = input.texts("AutoScalingGroupNames");
        // The only filter that anybody uses here: of groups that carry a tag of this key.
        let filters = input.members("Filters");
        let by_tag = filters.iter().find(|filter| filter.text("Name") == Some("tag-key"));
        let keys = by_tag.map(|filter| filter.texts("Values"));
        // Of its stack's tags a test says only whether it has any.
        let has_tag = |group: &ScriptedGroup, key: &String| match key.as_str() {
            "qfleet:environment" => group.tagged,
            key => group.tags.contains_key(key),
        };
        let wanted = self.script.groups.iter().filter(|group| {
            let is_named = names.is_empty() || names.contains(&group.name);
            let is_tagged = keys
                .as_ref()
                .is_none_or(|keys| keys.iter().any(|key| has_tag(group, key)));
            is_named && is_tagged
        });
        let most = input
            .text("MaxRecords")
            .and_then(|most| most.parse().ok())
            .unwrap_or(50);
        let (page, next) = self.page_of(wanted.collect(), input, self.script.page.min(most).min(100))?;
        let members = page.into_iter().map(|group| {
            let instances = group.instances.iter().map(|(zone, id, state)| {
                Fields::new()
                    .text("InstanceId", id)
                    .text("AvailabilityZone", zone)
                    .text("LifecycleState", state)
                    .text(
                        "HealthStatus",
                        if group.unhealthy.contains(id) {
                            "Unhealthy"
                        } else {
                            "Healthy"
                        },
                    )
                    .fields(
                        "LaunchTemplate",
                        template(group.versions.get(id).unwrap_or(&group.version)),
                    )
                    .text(
                        "ProtectedFromScaleIn",
                        group.obstacles.protected.contains(id) || group.protected.contains(id),
                    )
            });
            let suspended = group.suspended.iter().map(|process| {
                Fields::new()
                    .text("ProcessName", process)
                    .text("SuspensionReason", "User suspended")
            });
            // What a stack makes carries its ARN ("aws:cloudformation:stack-id"; AWSCloudFormation/latest/TemplateReference/
            // aws-properties-resource-tags.html). A group that failed to be created is anybody's, unless the test says so.
            let made_by = self.stacks.iter().find(|stack| {
                let resources = stack.resources.iter();
                let mut made = resources.filter(|one| one.status != "CREATE_FAILED" || group.did_not_start);
                made.any(|one| one.physical_id.as_deref() == Some(&*group.name))
            });
            let mut tags = group.tags.clone();
            if let Some(stack) = made_by {
                tags.entry("aws:cloudformation:stack-id".into())
                    .or_insert(stack.id.clone());
            }
            let tags = tags.into_iter().map(|(key, value)| {
                Fields::new()
                    .text("ResourceId", &group.name)
                    .text("ResourceType", "auto-scaling-group")
                    .text("Key", key)
                    .text("Value", value)
                    .text("PropagateAtLaunch", false)
            });
            let launches = match group.mixed {
                false => Fields::new().fields("LaunchTemplate", template(&group.version)),
                true => {
                    let of = Fields::new().fields("LaunchTemplateSpecification", template(&group.version));
                    Fields::new().fields("MixedInstancesPolicy", Fields::new().fields("LaunchTemplate", of))
                }
            };
            launches
                .text("AutoScalingGroupName", &group.name)
                .text("MinSize", group.min)
                .text("MaxSize", group.max)
                .text("DesiredCapacity", group.desired)
                .text("DefaultCooldown", 300)
                .texts("AvailabilityZones", ["us-east-2a", "us-east-2b"])
                .text("HealthCheckType", "EC2")
                .text("CreatedTime", self.clock.wall(self.clock.started))
                .members("SuspendedProcesses", suspended)
                .members("Tags", tags)
                .members("Instances", instances)
        });
        Ok(Fields::new()
            .members("AutoScalingGroups", members)
            .maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribePolicies.html>
    fn describe_policies(&self, input: &Input) -> Answer {
        let name = input.text("AutoScalingGroupName");
        let groups = self
            .script
            .groups
            .iter()
            .filter(|group| name.is_none_or(|name| name == group.name));
        let all = groups.flat_map(|group| group.policies.iter().map(move |policy| (group, policy)));
        let (page, next) = self.page(all.collect(), input)?;
        let members = page.into_iter().map(|(group, (name, kind, alarms))| {
            let path = format!("scalingPolicy:0:autoScalingGroupName/{}:policyName/{name}", group.name);
            let alarms = alarms.iter().map(|alarm| {
                Fields::new()
                    .text("AlarmName", alarm)
                    .text("AlarmARN", self.arn("cloudwatch", &format!("alarm:{alarm}")))
            });
            Fields::new()
                .text("AutoScalingGroupName", &group.name)
                .text("PolicyName", name)
                .text("PolicyARN", self.arn("autoscaling", &path))
                .text("PolicyType", kind)
                .text("Enabled", true)
                .members("Alarms", alarms)
        });
        Ok(Fields::new()
            .members("ScalingPolicies", members)
            .maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html>
    fn describe_refreshes(&self, input: &Input) -> Answer {
        let name = input.required("AutoScalingGroupName")?;
        let found = self.script.groups.iter().find(|group| group.name == name);
        let refresh = found.and_then(|group| group.refresh.as_ref());
        let members = refresh.into_iter().map(|(status, reason, done)| {
            Fields::new()
                .text("InstanceRefreshId", "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b")
                .text("AutoScalingGroupName", name)
                .text("Status", status)
                .maybe("StatusReason", reason.as_ref())
                .text("StartTime", self.clock.wall_before(Duration::from_secs(600)))
                .text("PercentageComplete", done)
                .text("InstancesToUpdate", 1)
        });
        Ok(Fields::new().members("InstanceRefreshes", members.collect::<Vec<_>>()))
    }

    /// "If you do not specify the option to decrement the desired capacity, Amazon EC2 Auto Scaling launches instances to
    /// replace the ones that are terminated"
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html>).
    fn terminate_instance(&mut self, input: &Input) -> Answer {
        let id = input.required("InstanceId")?.to_owned();
        let decrement = input.flag("ShouldDecrementDesiredCapacity").unwrap_or_default();
        let not_found = || {
            Refusal::validation(format!(
                "Instance Id not found - No managed instance found for instance ID: {id}"
            ))
        };
        let now = self.now;
        let found = self
            .script
            .groups
            .iter_mut()
            .find(|group| group.instances.iter().any(|instance| instance.1 == id));
        let group = found.ok_or_else(not_found)?;
        let (name, drains) = (group.name.clone(), group.drains);
        if decrement {
            group.desired = group.desired.saturating_sub(1);
        }
        self.instance_becomes(&id, "Terminating:Wait");
        let activity = self.begin_activity(
            &name,
            format!("Terminating EC2 instance: {id}"),
            format!("instance {id} was taken out of service in response to a user request."),
        );
        self.plan(drains, Step::InstanceLeaves { id });
        if !decrement {
            self.plan(drains / 2, Step::InstanceIsLaunched { group: name.clone() });
        }
        let answer = Fields::new()
            .text("ActivityId", activity)
            .text("AutoScalingGroupName", name)
            .text(
                "Cause",
                "At … instance was taken out of service in response to a user request.",
            )
            .text("StartTime", self.clock.wall(now))
            .text("StatusCode", "InProgress");
        Ok(Fields::new().fields("Activity", answer))
    }

    /// An instance is gone.
    pub(super) fn instance_leaves(&mut self, id: &str) {
        for group in &mut self.script.groups {
            group.instances.retain(|instance| instance.1 != id);
        }
        self.end_activity(&format!("Terminating EC2 instance: {id}"));
    }

    /// A group that lacks an instance gets one.
    pub(super) fn instance_is_launched(&mut self, name: &str) {
        self.counter += 1;
        let id = format!("i-{:017x}", self.counter);
        let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) else {
            return;
        };
        let zone = group
            .instances
            .first()
            .map_or("us-east-2a".into(), |instance| instance.0.clone());
        group.instances.push((zone, id.clone(), "Pending".into()));
        let comes_up = group.comes_up;
        self.begin_activity(
            name,
            format!("Launching a new EC2 instance: {id}"),
            "an instance was started in response to a difference between desired and actual capacity.".into(),
        );
        self.plan(comes_up, Step::InstanceIsUp { id });
    }

    /// An instance whose worker never starts.
    pub(super) fn instance_never_starts(&mut self, name: &str) {
        self.counter += 1;
        let id = format!("i-{:017x}", self.counter);
        if let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) {
            group.instances.push(("us-east-2a".into(), id, "Pending".into()));
        }
    }

    /// An instance is in service.
    pub(super) fn instance_is_up(&mut self, id: &str) {
        self.instance_becomes(id, "InService");
        self.end_activity(&format!("Launching a new EC2 instance: {id}"));
    }

    pub(super) fn instance_becomes(&mut self, id: &str, state: &str) {
        let instances = self.script.groups.iter_mut().flat_map(|group| &mut group.instances);
        for instance in instances.filter(|instance| instance.1 == id) {
            instance.2 = state.to_owned();
        }
    }

    fn begin_activity(&mut self, group: &str, description: String, cause: String) -> String {
        let id = self.unique();
        let cause = format!("At {} {cause}", self.clock.wall(self.now));
        self.activities.push(Activity {
            id: id.clone(),
            group: group.to_owned(),
            description,
            cause,
            began: self.now,
            ended: None,
        });
        id
    }

    fn end_activity(&mut self, description: &str) {
        let now = self.now;
        let ended = self
            .activities
            .iter_mut()
            .filter(|activity| activity.description == description);
        ended.for_each(|activity| activity.ended = Some(now));
    }
}
