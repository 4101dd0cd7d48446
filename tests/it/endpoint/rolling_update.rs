//! Rolling updates of groups: CloudFormation replaces the instances of a group in batches when what it launches changes
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>). Only groups
//! that a script knows by their name have instances.
//!
//! How large a batch is, what is launched beside, and what happens to the sizes isn't documented. It was measured on AWS:
//! <https://github.com/guardian/testing-asg-rolling-update>, observations/. There, with a maximum of nine:
//!
//! | running | kept in service | obsolete, in batches of | sizes set to | lowest in service |
//! | --- | --- | --- | --- | --- |
//! | 6 | 3 | 6 in batches of 6 | 9 | 3 (healthy-to-healthy-partially-scaled.md) |
//! | 6 | 6 | 6 in batches of 3 | 9, then 6 again | 6 (healthy-to-healthy-partially-scaled-v2.md) |
//! | 9 | 3 | 9 in batches of 6 | left at 9 | 3 (healthy-to-healthy-fully-scaled.md) |
//! | 9 | 8 | 9 in batches of 1 | left at 9 | 8 (healthy-to-healthy-fully-scaled-v2.md) |
//! | 6 and 3 that fail | 6, and 3 for the rollback | 3 in batches of 3 | left at 9 | 6 (healthy-to-unhealthy-partially-scaled-v2.md) |
//!
//! "The update completes once these instances are terminated", it says there, of groups without lifecycle hooks. An instance
//! that waits in a termination hook counts as terminated: awslabs/amazon-eks-ami issue 66 has, 3 seconds after "Terminating
//! instance(s) […]", "Successfully terminated instance(s) […] (Progress 100%).", while Auto Scaling ended the instance three
//! and a half minutes later; batches went on meanwhile. buildkite/elastic-ci-stack-for-aws issue 130 saw the same.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::diff::differing;
use super::operation::Work;
use super::template::as_text;
use super::world::{Step, World};

/// From the order to terminate the instances of a batch to the word that they are (amazon-eks-ami issue 66).
const TERMINATED: Duration = Duration::from_secs(3);

/// A group that is being rolled.
#[derive(Debug, Clone)]
pub struct Rolling {
    stack: usize,
    generation: u64,
    job: usize,
    group: String,
    /// Instances that are still to be replaced.
    obsolete: Vec<String>,
    /// How many there were at first.
    total: usize,
    batch: usize,
    /// Minimum and desired capacity, to be set back to.
    sizes: (usize, usize),
    suspended: Vec<String>,
    timeout: String,
    /// Whether new instances signal.
    signals: bool,
}

impl World {
    /// Whether a job rolls a group. Begins it then.
    pub fn rolls(&mut self, stack: usize, job: usize) -> bool {
        let it = &self.stacks[stack];
        let Some(operation) = &it.operation else { return false };
        let (id, work) = (&operation.jobs[job].resource, &operation.jobs[job].work);
        let Some(known) = it.resource(id) else { return false };
        if known.kind != "AWS::AutoScaling::AutoScalingGroup" {
            return false;
        }
        let before = operation.before.resources.iter().find(|before| before.id == *id);
        // "When CloudFormation rolls back an update, it uses the UpdatePolicy configuration specified in the template before
        // the current stack update."
        let (definition, wanted) = match work {
            Work::Apply => (&operation.wanted, self.wanted(stack, id).map(|wanted| wanted.0)),
            Work::Restore => (
                &operation.before.definition,
                before.map(|before| before.properties.clone()),
            ),
            _ => return false,
        };
        let (Some(wanted), Some(template)) = (wanted, &definition.template) else {
            return false;
        };
        let Some(name) = known.physical_id.clone() else {
            return false;
        };
        let Some(found) = self.script.groups.iter().position(|group| group.name == name) else {
            return false;
        };
        // "Change the Auto Scaling group's VPCZoneIdentifier property. … LaunchTemplate property. … Update an Auto Scaling
        // group that contains instances that don't match".
        let launched = [
            "LaunchTemplate",
            "MixedInstancesPolicy",
            "VPCZoneIdentifier",
            "AvailabilityZones",
        ];
        let changed = differing(&known.properties, &wanted);
        let launches_others = changed.iter().any(|property| launched.contains(&property.as_str()));
        let (id, restores) = (id.clone(), *work == Work::Restore);
        let policy = self.policy(stack, template, definition, &id);
        let scheduled = &template.tree["Resources"][&id]["UpdatePolicy"]["AutoScalingScheduledAction"];
        // "If true, CloudFormation ignores differences in group size properties between your current Auto Scaling group and
        // the Auto Scaling group described in the AWS::AutoScaling::AutoScalingGroup resource of your template during a
        // stack update. If you modify any of the group size property values in your template, CloudFormation uses the
        // modified values".
        let ignores = scheduled["IgnoreUnmodifiedGroupSizeProperties"] == true;
        let sets = |property: &str| !ignores || changed.iter().any(|changed| *changed == property);
        let group = &mut self.script.groups[found];
        if sets("MinSize") {
            group.min = number(&wanted["MinSize"]);
        }
        if sets("MaxSize") {
            group.max = number(&wanted["MaxSize"]);
        }
        match restores {
            true => group.launch_as_before(),
            false if launches_others => {
                self.counter += 1;
                group.launch(self.counter);
            }
            false => {}
        }
        let obsolete = group.obsolete();
        if policy.is_null() || obsolete.is_empty() {
            return false;
        }
        self.begin_rolling(stack, job, &id, found, &policy, obsolete);
        true
    }

    fn policy(
        &self,
        stack: usize,
        template: &super::template::Template,
        definition: &super::state::Definition,
        id: &str,
    ) -> Value {
        let it = &self.stacks[stack];
        let parameters = definition.values();
        let nothing = |_: &str, _: Option<&str>| Value::Null;
        let values = self.values(it, &parameters, &nothing);
        let declared = &template.tree["Resources"][id]["UpdatePolicy"]["AutoScalingRollingUpdate"];
        template.resolve(declared, &values)
    }

    fn begin_rolling(
        &mut self,
        stack: usize,
        job: usize,
        id: &str,
        found: usize,
        policy: &Value,
        obsolete: Vec<String>,
    ) {
        let generation = self.stacks[stack].generation;
        let group = &self.script.groups[found];
        let kept = number(&policy["MinInstancesInService"]);
        // "This value must be less than the MaxSize of the Auto Scaling group."
        if kept >= group.max {
            let failure = Some("MinInstancesInService must be less than the autoscaling group's MaxSize".to_owned());
            let (time, step) = (
                self.script.resources_take,
                Step::JobEnds {
                    stack,
                    generation,
                    job,
                    failure,
                },
            );
            return self.plan(time, step);
        }
        let most = number(&policy["MaxBatchSize"]).max(1);
        let batch = obsolete.len().min(most).min(group.max - kept);
        let sizes = (group.min, group.desired);
        let enlarged = (kept + batch).max(group.desired);
        let timeout = as_text(&policy["PauseTime"]);
        // "Specifies whether the Auto Scaling group waits on signals from new instances during an update." Without that,
        // PauseTime is "the amount of time that CloudFormation pauses after making a change to a batch of instances"
        // (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html).
        let signals = policy["WaitOnResourceSignals"] == true;
        // The second wording is that of eucalyptus/eucalyptus, AWSAutoScalingAutoScalingGroupResourceAction, which has the
        // first one, too.
        let rest = match signals {
            true => format!("Waiting on resource signals with a timeout of {timeout}"),
            false => format!("Pausing for {timeout}"),
        };
        let name = group.name.clone();
        let suspends = policy["SuspendProcesses"].as_array().into_iter().flatten();
        let suspends: Vec<String> = suspends.map(as_text).collect();
        let group = &mut self.script.groups[found];
        let suspended: Vec<String> = suspends
            .into_iter()
            .filter(|one| !group.suspended.contains(one))
            .collect();
        group.suspended.extend(suspended.clone());
        self.says(stack, id, &format!(
            "Rolling update initiated. Terminating {} obsolete instance(s) in batches of {batch}, while keeping at least {kept} \
             instance(s) in service. {rest} when new instances are added to the autoscaling group.",
            obsolete.len()
        ));
        self.rolling.push(Rolling {
            stack,
            generation,
            job,
            group: name.clone(),
            total: obsolete.len(),
            obsolete,
            batch,
            sizes,
            suspended,
            timeout,
            signals,
        });
        let group = &mut self.script.groups[found];
        let mut added = 0;
        if enlarged != group.desired {
            added = enlarged - group.instances.len().min(enlarged);
            (group.min, group.desired) = (enlarged, enlarged);
            let sizes = format!("Temporarily setting autoscaling group MinSize and DesiredCapacity to {enlarged}.");
            self.says(stack, id, &sizes);
        }
        self.launches(&name, added, Duration::ZERO);
    }

    /// New instances, whose signals are waited for; and at least so long.
    fn launches(&mut self, name: &str, count: usize, at_least: Duration) {
        let Some(rolling) = self.rolling.iter().find(|rolling| rolling.group == name).cloned() else {
            return;
        };
        let id = self.job_of(&rolling);
        let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) else {
            return;
        };
        let (comes_up, fails) = (group.comes_up, group.fails_to_start(count));
        for _ in 0..count {
            match fails {
                true => self.instance_never_starts(name),
                false => self.instance_is_launched(name),
            }
        }
        if count > 0 && rolling.signals {
            let waiting = format!(
                "New instance(s) added to autoscaling group - Waiting on {count} resource signal(s) with a timeout of {}.",
                rolling.timeout
            );
            self.says(rolling.stack, &id, &waiting);
        }
        let failure = (fails && rolling.signals).then(|| {
            format!(
                "Failed to receive {count} resource signal(s) for the current batch.  Each resource signal timeout is counted \
                 as a FAILURE."
            )
        });
        let group = name.to_owned();
        let rested = match (count, rolling.signals) {
            (0, _) => Duration::ZERO,
            (_, true) => comes_up,
            (_, false) => comes_up + pause(&rolling.timeout),
        };
        self.plan(rested.max(at_least), Step::BatchIsUp { group, failure });
    }

    /// The signals of a batch are there, or won't come; the next one, if there is one.
    pub fn batch_is_up(&mut self, name: &str, failure: Option<String>) {
        let Some(place) = self.rolling.iter().position(|rolling| rolling.group == name) else {
            return;
        };
        let mut rolling = self.rolling[place].clone();
        if self.stacks[rolling.stack].generation != rolling.generation {
            self.rolling.remove(place);
            return;
        }
        if failure.is_some() || rolling.obsolete.is_empty() {
            self.rolling.remove(place);
            if let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) {
                group.suspended.retain(|process| !rolling.suspended.contains(process));
            }
            return self.job_ends(rolling.stack, rolling.job, failure);
        }
        let is_last = rolling.obsolete.len() <= rolling.batch;
        let leave: Vec<String> = rolling
            .obsolete
            .drain(..rolling.batch.min(rolling.obsolete.len()))
            .collect();
        let id = self.job_of(&rolling);
        self.rolling[place] = rolling.clone();
        let Some(group) = self.script.groups.iter_mut().find(|group| group.name == name) else {
            return;
        };
        let (mut added, drains) = (leave.len(), group.drains);
        if is_last {
            // "now set back to original size", as the last of the observations have it.
            (group.min, group.desired) = rolling.sizes;
            let left = group
                .instances
                .iter()
                .filter(|instance| !instance.2.starts_with("Terminat"));
            let left = left.count() - leave.len();
            added = group.desired.saturating_sub(left);
        }
        let terminating = format!(
            "Terminating instance(s) [{}]; replacing with {added} new instance(s).",
            leave.join(",")
        );
        self.says(rolling.stack, &id, &terminating);
        let terminated = format!(
            "Successfully terminated instance(s) [{}] (Progress {}%).",
            leave.join(","),
            100 * (rolling.total - rolling.obsolete.len()) / rolling.total
        );
        for id in leave {
            self.instance_becomes(&id, "Terminating:Wait");
            self.plan(drains, Step::InstanceLeaves { id });
        }
        self.says(rolling.stack, &id, &terminated);
        self.launches(name, added, TERMINATED);
    }

    fn job_of(&self, rolling: &Rolling) -> String {
        let operation = self.stacks[rolling.stack].operation.as_ref();
        let job = operation.and_then(|operation| operation.jobs.get(rolling.job));
        job.map(|job| job.resource.clone()).unwrap_or_default()
    }

    fn says(&mut self, stack: usize, id: &str, reason: &str) {
        self.set_resource_status(stack, id, "UPDATE_IN_PROGRESS", Some(reason));
    }

    /// How many instances of the group were in service at each time since it was first changed.
    pub fn in_service(&self, name: &str) -> Vec<(Instant, usize)> {
        let of_group = self.counts.iter().filter(|(_, group, _)| group == name);
        of_group.map(|(at, _, count)| (*at, *count)).collect()
    }

    /// Writes down how many instances are in service now.
    pub(super) fn count_in_service(&mut self) {
        for group in &self.script.groups {
            let count = group
                .instances
                .iter()
                .filter(|instance| instance.2 == "InService")
                .count();
            let last = self.counts.iter().rev().find(|(_, name, _)| *name == group.name);
            if last.is_none_or(|(_, _, last)| *last != count) {
                self.counts.push((self.now, group.name.clone(), count));
            }
        }
    }
}

fn number(value: &Value) -> usize {
    as_text(value).parse().unwrap_or_default()
}

/// `PT1H2M3S`.
fn pause(text: &str) -> Duration {
    let (mut seconds, mut digits) = (0, String::new());
    for c in text.trim_start_matches("PT").chars() {
        let unit = match c {
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            digit => {
                digits.push(digit);
                continue;
            }
        };
        seconds += unit * digits.parse::<u64>().expect("a number");
        digits.clear();
    }
    Duration::from_secs(seconds)
}
