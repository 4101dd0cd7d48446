//! What the fleet is to play, read from the emulator: stacks, groups, hooks, policies and their alarms. Not from the
//! environment file, which may say what was never deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::hook::Hook;
use crate::autoscaling::policy::{Kind, MetricStat, Policy, Query, QueryValue, Source, StepScaling};
use crate::autoscaling::series::Metric;
use crate::blueprint::{outputs, quoting, template};
use crate::cloud::autoscaling::policies::AlarmDefinition;
use crate::cloud::autoscaling::scaling::{LifecycleHook, ScalingGroup};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::stage::{self, Instances, Schedule, Workers};
use crate::deployed::web::Web;
use crate::deployed::{Deployed, DeployedStack};

const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";
/// The description of the alarm that wakes a group, as in `templates/stage/scaling.yaml.j2`.
const WAKES: &str = "Messages wait and no instance runs";
const INSTANCE_TYPE: &str = "t3.micro";

/// A stage with instances, as it is deployed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    pub name: String,
    /// What its stack puts out.
    pub outputs: Outputs,
    /// What only its stack's template tells.
    pub facts: Facts,
    pub group: ScalingGroup,
    /// The hook for instances that terminate.
    pub hook: Option<Hook>,
    /// Its scaling policies, with their alarms.
    pub policies: Vec<Policy>,
}

/// Outputs of a stage's stack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outputs {
    pub group: String,
    /// Queue and dead-letter queue: name and URL.
    pub queues: Vec<Queue>,
    /// `s3://bucket/key` of the program.
    pub program: String,
    pub settings: Vec<(String, String)>,
    /// When the group's bounds change, and to what.
    pub schedule: Schedule,
    /// The web tier's: behind a load balancer.
    pub is_web: bool,
}

/// A queue of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queue {
    pub name: String,
    pub url: String,
}

impl Outputs {
    /// None when the stack is neither that of a stage with instances nor that of the web tier.
    fn of(stack: &DeployedStack) -> Option<Outputs> {
        if Web::is_in(stack) {
            return Outputs::of_web(stack);
        }
        let stage = stage::Stage::of(stack)?;
        let Some(Workers::Instances(instances)) = stage.workers else {
            return None;
        };
        let queue = |name: Option<String>, url: Option<String>| Some(Queue { name: name?, url: url? });
        let dead_letters = queue(stage.dead_letter_queue_name, stage.dead_letter_queue_url);
        Some(Outputs {
            settings: settings(&instances),
            group: instances.group,
            queues: [queue(stage.queue_name, Some(stage.queue_url))?]
                .into_iter()
                .chain(dead_letters)
                .collect(),
            program: instances.program?,
            schedule: instances.schedule,
            is_web: false,
        })
    }

    fn of_web(stack: &DeployedStack) -> Option<Outputs> {
        let output = |key: &str| stack.stack.outputs.get(key);
        let schedule = output(outputs::CAPACITY).and_then(|text| Schedule::read(text));
        Some(Outputs {
            group: output(outputs::GROUP)?.clone(),
            queues: Vec::new(),
            program: output(outputs::PROGRAM)?.clone(),
            settings: quoting::environment_file(output(outputs::WORKER_ENVIRONMENT)?),
            schedule: schedule.unwrap_or_default(),
            is_web: true,
        })
    }

    /// Stands for the program and the settings.
    pub fn version(&self) -> String {
        version(&self.program, &self.settings)
    }
}

/// What stands for the program and the settings of a stage as it is deployed now, whatever its fleet has taken up; none
/// where it has no program.
pub fn deployed_version(instances: &Instances) -> Option<String> {
    Some(version(instances.program.as_ref()?, &settings(instances)))
}

fn settings(instances: &Instances) -> Vec<(String, String)> {
    quoting::environment_file(instances.worker_environment.as_deref().unwrap_or_default())
}

fn version(program: &str, settings: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    let settings = settings.iter().flat_map(|(name, value)| [name.as_str(), value]);
    for text in [program].into_iter().chain(settings) {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the emulator's Auto Scaling and EC2 don't tell of a group, from the template that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// `DefaultInstanceWarmup`, in seconds.
    pub warmup_seconds: Option<u32>,
    /// The first instance type.
    pub instance_type: String,
    /// `MinSize` and `MaxSize`, where they are numbers.
    pub bounds: Option<(u32, u32)>,
    /// `MaxBatchSize`: how many instances an update replaces at once.
    pub batch: u32,
    /// The group's own hook for instances that terminate.
    pub hook: Option<Hook>,
}

impl Facts {
    fn of(body: &str) -> Facts {
        // A template that was deployed can be read; one that can't tells nothing.
        let template = template::read(body).unwrap_or_default();
        let resource = |kind: &str| -> Option<&Value> {
            let mut resources = template::section(&template, "Resources").map(|(_, resource)| resource);
            resources.find(|resource| resource["Type"] == kind)
        };
        let none = Value::Object(Map::new());
        let group = resource("AWS::AutoScaling::AutoScalingGroup").unwrap_or(&none);
        let launch = resource("AWS::EC2::LaunchTemplate").unwrap_or(&none);
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let number = |value: &Value| number(value).and_then(|number| u32::try_from(number).ok());
        let hooks = group["Properties"]["LifecycleHookSpecificationList"].as_array();
        let hook = hooks
            .into_iter()
            .flatten()
            .find(|hook| hook["LifecycleTransition"] == TERMINATING);
        Facts {
            warmup_seconds: number(&group["Properties"]["DefaultInstanceWarmup"]),
            instance_type: launch["Properties"]["LaunchTemplateData"]["InstanceType"]
                .as_str()
                .unwrap_or(INSTANCE_TYPE)
                .to_owned(),
            bounds: number(&group["Properties"]["MinSize"]).zip(number(&group["Properties"]["MaxSize"])),
            batch: number(&group["UpdatePolicy"]["AutoScalingRollingUpdate"]["MaxBatchSize"]).unwrap_or(1),
            hook: hook.map(|hook| Hook {
                name: hook["LifecycleHookName"].as_str().unwrap_or_default().to_owned(),
                // The defaults
                // (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-autoscaling-autoscalinggroup-lifecyclehookspecification.html).
                heartbeat_timeout: Duration::from_secs(number(&hook["HeartbeatTimeout"]).unwrap_or(3600).into()),
            }),
        }
    }
}

/// Reads it all, again and again; templates only when they have changed.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// By the stack's id.
    known: BTreeMap<String, Known>,
    /// The stages that were deployed at the last read, whoever works on them.
    deployed: BTreeSet<String>,
    /// Whether instances were described for a stage that others work on, or nobody: a deploy may switch to them. Also while a
    /// stack still names a group that is gone.
    may_come: bool,
}

/// What only changes with the stack.
#[derive(Debug, Clone)]
struct Known {
    /// When it was last updated.
    updated: Option<jiff::Timestamp>,
    facts: Facts,
    /// The names of its alarms. The emulator's policies don't name them.
    alarms: Vec<String>,
    /// It has what instances need, whether or not it has a group.
    describes_instances: bool,
}

impl Sources {
    /// The stages with instances that are deployed now. A group that is just being deleted is left out.
    pub async fn read(&mut self, cloud: &Cloud, environment: &str) -> Result<Vec<Stage>, CloudError> {
        let deployed = Deployed::find(cloud, environment).await?;
        let (mut names, mut may_come) = (BTreeSet::new(), false);
        for stack in &deployed.stacks {
            if stage::Stage::is_in(&stack.stack) {
                names.insert(stack.part.clone());
                may_come |= Outputs::of(stack).is_none() && self.known(cloud, stack).await?.describes_instances;
            }
        }
        (self.deployed, self.may_come) = (names, may_come);
        let stacks: Vec<(&DeployedStack, Outputs)> = deployed
            .stacks
            .iter()
            .filter_map(|stack| Some((stack, Outputs::of(stack)?)))
            .collect();
        let names: Vec<String> = stacks.iter().map(|(_, outputs)| outputs.group.clone()).collect();
        let mut groups = cloud.scaling_groups(&names).await?;
        let mut stages = Vec::new();
        for (stack, outputs) in stacks {
            let Some(place) = groups.iter().position(|group| group.name == outputs.group) else {
                // A switch or a destroy is under way, and its stack doesn't say yet which of them: it is read again.
                self.may_come = true;
                continue;
            };
            let policies = cloud.scaling_policies(&outputs.group).await?;
            let hooks = cloud.lifecycle_hooks(&outputs.group).await?;
            let Known { facts, alarms, .. } = self.known(cloud, stack).await?;
            let alarms = cloud.alarm_definitions(&alarms).await?;
            let hook = hooks
                .into_iter()
                .find(|hook| hook.transition == TERMINATING)
                .map(Hook::from);
            stages.push(Stage {
                name: stack.part.clone(),
                group: groups.swap_remove(place),
                hook: hook.or_else(|| facts.hook.clone()),
                facts,
                policies: policies
                    .into_iter()
                    .map(|found| with_alarms(found.policy, &found.arn, &alarms, &outputs))
                    .collect(),
                outputs,
            });
        }
        Ok(stages)
    }

    /// Whether a deploy may switch to instances where there are none now.
    pub fn may_come(&self) -> bool {
        self.may_come
    }

    /// Whether a stage is deployed, whoever works on it.
    pub fn has(&self, stage: &str) -> bool {
        self.deployed.contains(stage)
    }

    async fn known(&mut self, cloud: &Cloud, stack: &DeployedStack) -> Result<Known, CloudError> {
        let (id, updated) = (&stack.stack.id, stack.stack.updated);
        if let Some(known) = self.known.get(id).filter(|known| known.updated == updated) {
            return Ok(known.clone());
        }
        let body = cloud.template(id).await?.unwrap_or_default();
        let resources = cloud.stack_resources(id).await?;
        let describes_instances = resources
            .iter()
            .any(|one| one.resource_type == "AWS::EC2::LaunchTemplate");
        let alarms = resources
            .into_iter()
            .filter(|one| one.resource_type == "AWS::CloudWatch::Alarm" && !one.physical_id.is_empty());
        let known = Known {
            updated,
            facts: Facts::of(&body),
            alarms: alarms.map(|alarm| alarm.physical_id).collect(),
            describes_instances,
        };
        self.known.insert(id.clone(), known.clone());
        Ok(known)
    }
}

impl From<LifecycleHook> for Hook {
    fn from(hook: LifecycleHook) -> Hook {
        Hook {
            name: hook.name,
            heartbeat_timeout: hook.heartbeat_timeout,
        }
    }
}

fn with_alarms(mut policy: Policy, arn: &str, alarms: &[AlarmDefinition], outputs: &Outputs) -> Policy {
    if let Kind::StepScaling(StepScaling { alarms: of_policy, .. }) = &mut policy.kind {
        let triggers = alarms
            .iter()
            .filter(|alarm| alarm.actions.iter().any(|action| action == arn));
        *of_policy = triggers
            .map(|definition| {
                let mut alarm = definition.alarm.clone();
                if definition.description == WAKES && matches!(alarm.metric, Source::Stat(_)) {
                    alarm.metric = waiting(outputs);
                }
                alarm
            })
            .collect();
    }
    policy
}

/// What the alarm that wakes a group looks at on AWS. The emulator refuses alarms on metric math, so that the one it
/// has would drive the group to its maximum.
fn waiting(outputs: &Outputs) -> Source {
    let queue = outputs.queues.first().map_or("", |queue| &queue.name);
    let stat = |id: &str, namespace: &str, name: &str, dimension: (&str, &str)| Query {
        id: id.to_owned(),
        return_data: false,
        value: QueryValue::Stat(MetricStat {
            metric: Metric::new(namespace, name, &[dimension], "Maximum"),
            period_seconds: 60,
        }),
    };
    Source::Math(vec![
        Query {
            id: "waiting".to_owned(),
            return_data: true,
            value: QueryValue::Expression("IF(running < 1, visible, 0)".to_owned()),
        },
        stat(
            "visible",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            ("QueueName", queue),
        ),
        stat(
            "running",
            "AWS/AutoScaling",
            "GroupInServiceInstances",
            ("AutoScalingGroupName", &outputs.group),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscaling::policy::{AdjustmentType, Aggregation, Alarm, Comparison, MissingData};

    #[test]
    fn the_template_tells_what_the_emulator_does_not() {
        let body = "Resources:\n  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    UpdatePolicy: \
                    {AutoScalingRollingUpdate: {MaxBatchSize: 2}}\n    Properties: {MinSize: \"1\", MaxSize: 4, \
                    DefaultInstanceWarmup: 90, LifecycleHookSpecificationList: [{LifecycleHookName: drain, \
                    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING', HeartbeatTimeout: 60}]}\n  Launch:\n    Type: AWS::EC2::LaunchTemplate\n    Properties: \
                    {LaunchTemplateData: {InstanceType: t4g.small}}\n";
        let facts = Facts {
            warmup_seconds: Some(90),
            instance_type: "t4g.small".into(),
            bounds: Some((1, 4)),
            batch: 2,
            hook: Some(Hook {
                name: "drain".into(),
                heartbeat_timeout: Duration::from_secs(60),
            }),
        };
        assert_eq!(Facts::of(body), facts);
        assert_eq!(Facts::of("no template").warmup_seconds, None);
    }

    #[test]
    fn the_alarm_that_wakes_a_group_looks_at_what_it_looks_at_on_aws() {
        let template = include_str!("../../../templates/stage/scaling.yaml.j2");
        assert!(template.contains(&format!("AlarmDescription: {WAKES}\n")));
        let metrics = include_str!("../../../templates/partials/nobody_works.yaml.j2");
        assert!(template.contains("{% include \"partials/nobody_works.yaml.j2\" %}"));
        assert!(metrics.contains("Expression: IF(running < 1, visible, 0)\n"));
        // As the tests of `autoscaling` have it, and as the emulator is told.
        assert!(template.contains("EvaluationPeriods: 3\n      DatapointsToAlarm: 1\n"));
        assert!(template.contains("MetricAggregationType: Maximum\n"));
        let outputs = Outputs {
            group: "lab-move".into(),
            queues: vec![Queue {
                name: "lab-queue".into(),
                url: "http://127.0.0.1/lab-queue".into(),
            }],
            program: String::new(),
            settings: Vec::new(),
            schedule: Schedule::default(),
            is_web: false,
        };
        let alarm = |description: &str| AlarmDefinition {
            description: description.into(),
            actions: vec!["arn:policy".into()],
            alarm: Alarm {
                name: "wakes".into(),
                metric: Source::Stat(MetricStat {
                    metric: Metric::new("AWS/SQS", "ApproximateNumberOfMessagesVisible", &[], "Maximum"),
                    period_seconds: 60,
                }),
                comparison: Comparison::AtLeast,
                threshold: 1.0,
                evaluation_periods: 1,
                datapoints_to_alarm: None,
                missing: MissingData::NotBreaching,
            },
        };
        let policy = Policy {
            name: "StartFromZero".into(),
            enabled: true,
            warmup_seconds: None,
            kind: Kind::StepScaling(StepScaling {
                adjustment: AdjustmentType::ChangeInCapacity,
                min_magnitude: None,
                aggregation: Aggregation::Average,
                steps: Vec::new(),
                alarms: Vec::new(),
            }),
        };
        let looks_at = |alarms: &[AlarmDefinition], arn: &str| {
            let Kind::StepScaling(step) = with_alarms(policy.clone(), arn, alarms, &outputs).kind else {
                panic!("another kind");
            };
            step.alarms.into_iter().map(|alarm| alarm.metric).collect::<Vec<_>>()
        };
        assert_eq!(looks_at(&[alarm(WAKES)], "arn:policy"), [waiting(&outputs)]);
        assert_eq!(looks_at(&[alarm("mine")], "arn:policy"), [alarm("mine").alarm.metric]);
        assert_eq!(looks_at(&[alarm(WAKES)], "arn:other"), []);
    }
}
