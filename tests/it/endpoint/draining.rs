//! Groups that are taken down: protection, sizes, lifecycle hooks, instance refreshes.

use super::query::{Input, Refusal};
use super::world::{Step, World};
use super::xml::Fields;

/// How CloudFormation begins to say that it waited for a group in vain.
pub(super) const STAYS: &str = "Group did not stabilize.";

type Answer = Result<Fields, Refusal>;

/// Instances that scale-in may not take, hooks that instances wait in, a refresh under way.
#[derive(Debug, Clone, Default)]
pub struct Obstacles {
    /// Ids of protected instances.
    pub protected: Vec<String>,
    /// Ids of instances whose worker never completes its hook.
    pub stuck: Vec<String>,
    /// The heartbeat timeout of the hook `drain`, in seconds; no hook without it.
    pub hook: Option<u64>,
    /// The status of the newest instance refresh.
    pub refresh: Option<String>,
}

impl World {
    fn group_named(&self, input: &Input) -> Result<usize, Refusal> {
        let name = input.required("AutoScalingGroupName")?;
        let found = self.script.groups.iter().position(|group| group.name == name);
        found.ok_or_else(|| Refusal::validation("AutoScalingGroup name not found - null"))
    }

    /// "SetInstanceProtection: … This operation cannot be called on instances in a warm pool", nor on such that aren't in
    /// service (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceProtection.html>).
    pub(super) fn set_instance_protection(&mut self, input: &Input) -> Answer {
        let found = self.group_named(input)?;
        let ids = input.texts("InstanceIds");
        let group = &mut self.script.groups[found];
        for id in &ids {
            let state = group.instances.iter().find(|instance| instance.1 == *id);
            if state.is_none_or(|(_, _, state)| state != "InService") {
                return Err(Refusal::validation(format!(
                    "The instance {id} is not in InService or EnteringStandby or Standby."
                )));
            }
        }
        let protect = input.flag("ProtectedFromScaleIn") == Some(true);
        group.obstacles.protected.retain(|id| !ids.contains(id));
        if protect {
            group.obstacles.protected.extend(ids);
        }
        self.scale_in(found);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html>
    pub(super) fn update_group(&mut self, input: &Input) -> Answer {
        let found = self.group_named(input)?;
        let size = |name: &str| input.text(name).and_then(|size| size.parse::<usize>().ok());
        let group = &mut self.script.groups[found];
        group.min = size("MinSize").unwrap_or(group.min);
        group.max = size("MaxSize").unwrap_or(group.max);
        // "If a new value for MinSize is specified without setting DesiredCapacity, and the new MinSize is larger than the
        // current size of the group, this sets the group's DesiredCapacity to the new MinSize value", and the other way
        // round for MaxSize.
        let least = group.desired.clamp(group.min, group.max.max(group.min));
        group.desired = size("DesiredCapacity").unwrap_or(least);
        // "DesiredCapacity must be greater than or equal to the minimum size … and less than or equal to the maximum".
        if !(group.min..=group.max).contains(&group.desired) {
            return Err(Refusal::validation("Desired capacity must be between the limits"));
        }
        self.scale_in(found);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html> and
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteTags.html>
    pub(super) fn tag_groups(&mut self, action: &str, input: &Input) -> Answer {
        for tag in input.members("Tags") {
            let name = tag.required("ResourceId")?;
            let found = self.script.groups.iter_mut().find(|group| group.name == name);
            let tags = match found {
                Some(group) if tag.text("ResourceType") == Some("auto-scaling-group") => &mut group.tags,
                _ => return Err(Refusal::validation("AutoScalingGroup name not found - null")),
            };
            let (key, value) = (tag.required("Key")?, tag.text("Value").unwrap_or_default());
            match action {
                "DeleteTags" => drop(tags.remove(key)),
                _ => drop(tags.insert(key.to_owned(), value.to_owned())),
            }
        }
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html> and
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ResumeProcesses.html>: those that are named, or all.
    pub(super) fn suspend_processes(&mut self, action: &str, input: &Input) -> Answer {
        let found = self.group_named(input)?;
        let named = input.texts("ScalingProcesses");
        let suspended = &mut self.script.groups[found].suspended;
        suspended.retain(|process| !named.is_empty() && !named.contains(process));
        if action == "SuspendProcesses" {
            suspended.extend(named);
        }
        Ok(Fields::new())
    }

    /// Instances above the desired capacity leave, unless they are protected.
    fn scale_in(&mut self, found: usize) {
        let group = &self.script.groups[found];
        let working = || group.instances.iter().filter(|instance| instance.2 == "InService");
        let surplus = working().count().saturating_sub(group.desired);
        let leave = working().filter(|instance| !group.obstacles.protected.contains(&instance.1));
        let leave: Vec<String> = leave.take(surplus).map(|instance| instance.1.clone()).collect();
        let (drains, stuck) = (group.drains, group.obstacles.stuck.clone());
        for id in leave {
            self.instance_becomes(&id, "Terminating:Wait");
            if !stuck.contains(&id) {
                self.plan(drains, Step::InstanceLeaves { id });
            }
        }
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLifecycleHooks.html>
    pub(super) fn describe_hooks(&self, input: &Input) -> Answer {
        let group = &self.script.groups[self.group_named(input)?];
        let hooks = group.obstacles.hook.map(|seconds| {
            Fields::new()
                .text("LifecycleHookName", "drain")
                .text("AutoScalingGroupName", &group.name)
                .text("LifecycleTransition", "autoscaling:EC2_INSTANCE_TERMINATING")
                .text("HeartbeatTimeout", seconds)
                .text("DefaultResult", "CONTINUE")
        });
        Ok(Fields::new().members("LifecycleHooks", hooks))
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>
    pub(super) fn complete_action(&mut self, input: &Input) -> Answer {
        let group = &self.script.groups[self.group_named(input)?];
        let id = input.required("InstanceId")?.to_owned();
        let waits = group
            .instances
            .iter()
            .any(|(_, instance, state)| *instance == id && state.ends_with(":Wait"));
        if !waits || input.text("LifecycleHookName") != Some("drain") {
            return Err(Refusal::validation(format!(
                "No active Lifecycle Action found with instance ID {id}"
            )));
        }
        self.instance_leaves(&id);
        Ok(Fields::new())
    }

    /// Whether a refresh stands in the way of taking the group down.
    pub(super) fn is_draining(&self, input: &Input) -> bool {
        let found = self.group_named(input).ok();
        found.is_some_and(|group| self.script.groups[group].obstacles.refresh.is_some())
    }

    /// "in descending order by start time"
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html>).
    pub(super) fn describe_draining_refreshes(&self, input: &Input) -> Answer {
        let group = &self.script.groups[self.group_named(input)?];
        let refreshes = group.obstacles.refresh.as_ref().map(|status| {
            Fields::new()
                .text("InstanceRefreshId", "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b")
                .text("AutoScalingGroupName", &group.name)
                .text("Status", status)
        });
        Ok(Fields::new().members("InstanceRefreshes", refreshes))
    }

    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html>
    pub(super) fn cancel_refresh(&mut self, input: &Input) -> Answer {
        let found = self.group_named(input)?;
        let group = &mut self.script.groups[found];
        match group.obstacles.refresh.as_deref() {
            Some("Pending" | "InProgress" | "Baking" | "RollbackInProgress") => {
                group.obstacles.refresh = Some("Cancelled".to_owned());
                Ok(Fields::new().text("InstanceRefreshId", "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b"))
            }
            _ => Err(Refusal::new(
                400,
                "ActiveInstanceRefreshNotFound",
                "No in progress or pending Instance Refresh found",
            )),
        }
    }

    /// Why CloudFormation can't delete a group: it shrinks it itself, and waits in vain for instances that are protected
    /// or never leave their hook.
    pub(super) fn group_stays(&self, name: &str) -> Option<String> {
        let group = self.script.groups.iter().find(|group| group.name == name)?;
        let stays = |id: &String| group.obstacles.protected.contains(id) || group.obstacles.stuck.contains(id);
        let left = group.instances.iter().filter(|instance| stays(&instance.1)).count();
        (left > 0).then(|| format!("{STAYS} {{current/minSize/maxSize group size}} = {{{left}/0/0}}."))
    }
}
