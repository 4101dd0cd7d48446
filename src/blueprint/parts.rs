//! The stacks of an environment, part by part: what each template is given, and which values come from which stack.

use std::collections::BTreeMap;

use serde::Serialize;

use super::order::Source;
use super::rolling_update::{self, RollingUpdate};
use super::tags::StackTags;
use super::templates::Templates;
use super::{Artifact, Placement, Stack, Value, ZonesWanted, contexts, names, program, quoting};
use crate::environment::problem::Problem;
use crate::environment::units::KeptFor;
use crate::environment::{Environment, Instances, Network, OnDestroy, Scaling, Stage, Zones, architecture};

/// The path of the newest Amazon Linux 2023, without the architecture.
const AL2023: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-";

/// From when an instance waits in its hook until its watcher has told the worker, and has completed the hook afterwards
/// (`templates/worker/watch.sh`).
const WATCHER_SECONDS: u64 = 15;
/// A lifecycle hook's `HeartbeatTimeout` is two hours at most; the watcher's heartbeats keep it open for longer.
const LONGEST_HEARTBEAT: u64 = 7200;

/// The parameter that carries the zones that were chosen.
const ZONES: &str = "Zones";
/// The subnets of a network of the environment's own, each in a zone of its own.
const SUBNETS: u32 = 2;

/// Makes the parts of one environment.
pub(super) struct Parts<'a> {
    pub environment: &'a Environment,
    pub placement: &'a Placement,
    pub templates: &'a Templates,
}

impl<'a> Parts<'a> {
    /// The bucket for programs and large templates.
    pub fn artifacts(&self) -> Result<Stack, Problem> {
        let environment = &self.environment.name;
        let context = contexts::Artifacts {
            environment,
            bucket_name: names::artifacts_bucket(environment, self.placement),
        };
        // What lies in it can be made again, so it goes whatever the file says about data.
        self.stack(
            "artifacts",
            "artifacts.yaml.j2",
            &context,
            BTreeMap::new(),
            OnDestroy::Empty,
        )
    }

    /// A VPC, if any stage asks for one.
    pub fn network(&self) -> Option<Result<Stack, Problem>> {
        let asked = self.environment.stages.iter().filter(|stage| wants_network(stage));
        let mut offering: Vec<Vec<String>> = asked.map(|stage| stage.workers.instances.types.clone()).collect();
        offering.sort();
        offering.dedup();
        (!offering.is_empty()).then(|| {
            let wanted = ZonesWanted {
                offering,
                subnets: Some(SUBNETS),
            };
            let context = contexts::Network {
                environment: &self.environment.name,
                zone_count: SUBNETS,
                zones_wanted: wanted.to_string(),
            };
            let parameters = BTreeMap::from([(ZONES.to_owned(), Value::Zones(wanted))]);
            self.stack("network", "network.yaml.j2", &context, parameters, self.on_destroy())
        })
    }

    /// Bucket and topic, if the environment has a bucket.
    pub fn intake(&self) -> Option<Result<Stack, Problem>> {
        let bucket = self.environment.bucket.as_ref()?;
        let context = contexts::Intake {
            environment: &self.environment.name,
            bucket_name: names::bucket(&self.environment.name, self.placement),
            topic_name: names::topic(&self.environment.name),
            uploads: &bucket.uploads,
            // The local emulator compares keys with the filter as it is.
            uploads_filter: match self.placement.local {
                true => bucket.uploads.clone(),
                false => quoting::key_in_events(&bucket.uploads),
            },
            versioning: bucket.versioning,
            old_versions_days: match bucket.old_versions {
                KeptFor::Time(length) => Some(length.as_secs() / 86400),
                KeptFor::Forever => None,
            },
            keeps_data: self.on_destroy() == OnDestroy::Keep,
        };
        Some(self.stack("intake", "intake.yaml.j2", &context, BTreeMap::new(), self.on_destroy()))
    }

    /// A stage, with its program. `feeds` are the stages that its workers send jobs to.
    pub fn stage(&self, index: usize, source: Source, feeds: &[usize]) -> Result<(Stack, Artifact), Vec<Problem>> {
        let stage = &self.environment.stages[index];
        let instances = &stage.workers.instances;
        let pointer = format!("/stages/{index}/workers/instances");
        let folder = self.environment.program_folder(&instances.program);
        let program = program::pack(&folder, &format!("{pointer}/program"))?;
        let artifact = Artifact {
            stage: stage.name.clone(),
            key: format!("programs/{}/{}.tar.gz", stage.name, program.hash),
            bytes: program.archive,
        };

        let feeds: Vec<&str> = feeds
            .iter()
            .map(|next| self.environment.stages[*next].name.as_str())
            .collect();
        let stack = || {
            let parameters = self.stage_parameters(instances, source, &feeds, &artifact.key, &pointer)?;
            let context = self.stage_context(index, source, &feeds)?;
            let stack = self.stack(&stage.name, "stage.yaml.j2", &context, parameters, self.on_destroy())?;
            Ok(Stack {
                rolling_update: Some(RollingUpdate::of(instances)),
                ..stack
            })
        };
        Ok((stack().map_err(|problem| vec![problem])?, artifact))
    }

    /// What is going on, on one page.
    pub fn dashboard(&self) -> Result<Stack, Problem> {
        let json = |text: String| serde_json::Value::String(text).to_string();
        let mut parameters = BTreeMap::new();
        let mut stages = Vec::new();
        for (index, stage) in self.environment.stages.iter().enumerate() {
            parameters.insert(format!("GroupName{}", index + 1), output(&stage.name, "GroupName"));
            stages.push(contexts::DashboardStage {
                name: &stage.name,
                heading_json: json(format!("## {}", stage.name)),
                queue_name_json: json(names::queue(&self.environment.name, &stage.name)),
                dead_letter_queue_name_json: json(names::dead_letter_queue(&self.environment.name, &stage.name)),
                scaling: scaling(stage, index)?,
            });
        }
        let environment = &self.environment.name;
        let context = contexts::Dashboard {
            environment,
            dashboard_name: names::dashboard(environment, &self.placement.region),
            title_json: json(names::dashboard_title(environment)),
            stages,
        };
        self.stack(
            "dashboard",
            "dashboard.yaml.j2",
            &context,
            parameters,
            self.on_destroy(),
        )
    }

    fn stage_parameters(
        &self,
        instances: &Instances,
        source: Source,
        feeds: &[&str],
        program_key: &str,
        pointer: &str,
    ) -> Result<BTreeMap<String, Value>, Problem> {
        let mut parameters = BTreeMap::from([
            ("ArtifactsBucket".to_owned(), output("artifacts", "BucketName")),
            ("ProgramKey".to_owned(), Value::Literal(program_key.to_owned())),
            ("ImageId".to_owned(), image(instances, self.placement.local, pointer)?),
            (
                rolling_update::PARAMETER.to_owned(),
                Value::InService(RollingUpdate::of(instances).keeps(0)),
            ),
        ]);
        let mut add = |name: &str, value| parameters.insert(name.to_owned(), value);
        if self.environment.bucket.is_some() {
            add("BucketName", output("intake", "BucketName"));
        }
        if source == Source::Bucket {
            add("TopicArn", output("intake", "TopicArn"));
        }
        if instances.network == Some(Network::Create) {
            add("VpcId", output("network", "VpcId"));
            add("SubnetIds", output("network", "SubnetIds"));
        } else if let (Some(vpc), Some(subnets)) = (&instances.vpc, &instances.subnets) {
            add("VpcId", Value::Literal(vpc.clone()));
            add("SubnetIds", Value::Literal(subnets.join(",")));
        } else if let Some(wanted) = default_zones(instances) {
            add(ZONES, Value::Zones(wanted));
        }
        for (position, next) in feeds.iter().enumerate() {
            let number = position + 1;
            add(&format!("NextQueueUrl{number}"), output(next, "QueueUrl"));
            add(&format!("NextQueueArn{number}"), output(next, "QueueArn"));
        }
        Ok(parameters)
    }

    fn stage_context<'b>(
        &'b self,
        index: usize,
        source: Source,
        next_stages: &'b [&'b str],
    ) -> Result<contexts::Stage<'b>, Problem> {
        let environment = &self.environment.name;
        let stage = &self.environment.stages[index];
        let instances = &stage.workers.instances;
        let bucket = self.environment.bucket.as_ref();
        let variables = || instances.environment.iter();
        let prefixes = bucket
            .iter()
            .flat_map(|bucket| [bucket.uploads.as_str(), &bucket.processed]);
        let texts = [environment.as_str(), &stage.name].into_iter().chain(prefixes);
        Ok(contexts::Stage {
            environment,
            stage: &stage.name,
            local: self.placement.local,
            keeps_data: self.on_destroy() == OnDestroy::Keep,
            bucket: bucket.map(|bucket| contexts::BucketPrefixes {
                uploads: &bucket.uploads,
                processed: &bucket.processed,
            }),
            subscribes: source == Source::Bucket,
            queue_name: names::queue(environment, &stage.name),
            dead_letter_queue_name: names::dead_letter_queue(environment, &stage.name),
            queue: contexts::Queue {
                visibility_timeout_seconds: stage.queue.visibility_timeout.as_secs(),
                retention_seconds: stage.queue.retention.as_secs(),
                max_receives: stage.queue.max_receives,
            },
            next_stages,
            scaling: scaling(stage, index)?,
            messages_at_once: stage.scaling.as_ref().map_or(1, |scaling| scaling.messages_at_once),
            end_mark: quoting::end_mark(texts.chain(variables().flat_map(|(name, value)| [name.as_str(), value]))),
            variables: variables()
                .map(|(name, value)| contexts::Variable { name, value })
                .collect(),
            instance_name: names::stack(environment, &stage.name),
            instance_types: &instances.types,
            mixed: instances.types.len() > 1 || instances.spot,
            spot: instances.spot,
            image_from_ssm: !instances.image.starts_with("ami-"),
            own_subnets: instances.vpc.is_some() || instances.network.is_some(),
            zones: match &instances.zones {
                Some(Zones::Named(names)) => names,
                Some(Zones::All) | None => &[],
            },
            zones_wanted: default_zones(instances).map(|wanted| wanted.to_string()),
            min: instances.min,
            max: instances.max,
            min_in_service: RollingUpdate::of(instances).keeps(0),
            batch_size: RollingUpdate::of(instances).batch_size,
            start_timeout: iso8601(instances.start_timeout.as_secs()),
            warmup_seconds: instances.warmup.as_secs(),
            // Twice the alarm's three minutes, and some for what it looks at beyond them when data is missing.
            wake_warmup_seconds: instances.warmup.as_secs().max(600),
            drain_seconds: instances.drain_timeout.as_secs(),
            hook_seconds: (instances.drain_timeout.as_secs() + WATCHER_SECONDS).min(LONGEST_HEARTBEAT),
            volume_gib: instances.volume.as_gib(),
            log_retention_days: instances.log_retention.as_secs() / 86400,
            session_manager: instances.session_manager,
            managed_policies: &instances.policies,
        })
    }

    fn on_destroy(&self) -> OnDestroy {
        self.environment
            .bucket
            .as_ref()
            .map(|bucket| bucket.on_destroy)
            .unwrap_or_default()
    }

    fn stack(
        &self,
        part: &str,
        template: &str,
        context: &impl Serialize,
        parameters: BTreeMap<String, Value>,
        on_destroy: OnDestroy,
    ) -> Result<Stack, Problem> {
        let mut body = self.templates.render(template, context).map_err(broken)?;
        let mut needs: Vec<String> = Vec::new();
        for value in parameters.values() {
            if let Value::Output { part, .. } = value
                && !needs.contains(part)
            {
                needs.push(part.clone());
            }
        }
        needs.sort();
        let tags = StackTags {
            environment: self.environment.name.clone(),
            part: part.to_owned(),
            needs: needs.clone(),
            protect: self.environment.protect,
            on_destroy,
        };
        let tags = tags.write(&self.environment.tags);
        if let Some(hash) = quoting::hash_beyond_ascii(&tags) {
            // They may be read back with a `?` for each such character: by this, a change of one is seen all the same.
            let end = if body.ends_with('\n') { "" } else { "\n" };
            body.push_str(&format!("{end}# The stack's tags: {hash}\n"));
        }
        Ok(Stack {
            part: part.to_owned(),
            name: names::stack(&self.environment.name, part),
            makes_roles: body.contains("AWS::IAM::"),
            rolling_update: None,
            body,
            parameters,
            tags,
            needs,
            protect: self.environment.protect,
        })
    }
}

/// Whether a stage asks for a VPC.
pub(super) fn wants_network(stage: &Stage) -> bool {
    stage.workers.instances.network == Some(Network::Create)
}

/// A template that doesn't fit its context: nothing that the user could mend.
pub(super) fn broken(error: minijinja::Error) -> Problem {
    Problem::new("", format!("a template of qfleet's own is broken: {error:#}")).help("this is a bug in qfleet")
}

/// The zones of the default VPC, for instances that run there and name none.
fn default_zones(instances: &Instances) -> Option<ZonesWanted> {
    let elsewhere = instances.network.is_some() || instances.vpc.is_some();
    let named = matches!(instances.zones, Some(Zones::Named(_)));
    (!elsewhere && !named).then(|| ZonesWanted {
        offering: vec![instances.types.clone()],
        subnets: None,
    })
}

fn output(part: &str, key: &str) -> Value {
    Value::Output {
        part: part.to_owned(),
        key: key.to_owned(),
    }
}

fn image(instances: &Instances, local: bool, pointer: &str) -> Result<Value, Problem> {
    if instances.image != "al2023" {
        return Ok(match instances.image.starts_with("ami-") {
            true => Value::Literal(instances.image.clone()),
            false => Value::Ssm(instances.image.clone()),
        });
    }
    if local {
        // The local emulator knows this one only, and boots no machine from it.
        return Ok(Value::Ssm(format!("{AL2023}x86_64")));
    }
    let pointer = format!("{pointer}/types");
    let Some(first) = instances.types.first() else {
        return Err(Problem::new(pointer, "no instance type is named"));
    };
    match architecture(first) {
        Ok(architecture) => Ok(Value::Ssm(format!("{AL2023}{architecture}"))),
        Err(unusable) => Err(Problem::new(pointer, unusable.message).help(unusable.help)),
    }
}

fn scaling(stage: &Stage, index: usize) -> Result<Option<contexts::Scaling>, Problem> {
    let Some(scaling) = &stage.scaling else { return Ok(None) };
    let target = number(scaling.target());
    let seconds_per_message = number(scaling.seconds_per_message);
    let (Some(target), Some(seconds_per_message)) = (target, seconds_per_message) else {
        return Err(Problem::new(
            format!("/stages/{index}/scaling"),
            "the target backlog per instance is not a number",
        ));
    };
    let Scaling {
        acceptable_latency,
        count_in_flight,
        ..
    } = scaling;
    Ok(Some(contexts::Scaling {
        target_text: target.to_string(),
        target,
        acceptable_latency_seconds: acceptable_latency.as_secs(),
        seconds_per_message,
        count_in_flight: *count_in_flight,
        count_in_flight_text: if *count_in_flight { "true" } else { "false" },
    }))
}

/// A number as people write it: `30`, not `30.0`; six digits after the point are plenty.
fn number(value: f64) -> Option<serde_json::Number> {
    let rounded = (value * 1e6).round() / 1e6;
    // Below, every whole number has an f64 of its own.
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Some(serde_json::Number::from(rounded as i64));
    }
    serde_json::Number::from_f64(rounded)
}

/// `PT1H30M`: a duration as CloudFormation reads it.
fn iso8601(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::from("PT");
    for (count, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text == "PT" {
        text.push_str("0S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_cloudformation_reads_them() {
        assert_eq!(iso8601(0), "PT0S");
        assert_eq!(iso8601(90), "PT1M30S");
        assert_eq!(iso8601(900), "PT15M");
        assert_eq!(iso8601(3600), "PT1H");
        assert_eq!(iso8601(43_261), "PT12H1M1S");
    }

    #[test]
    fn numbers_as_people_write_them() {
        let text = |value| number(value).map(|number| number.to_string());
        assert_eq!(text(30.0).as_deref(), Some("30"));
        assert_eq!(text(100.0 / 3.0).as_deref(), Some("33.333333"));
        assert_eq!(text(0.5).as_deref(), Some("0.5"));
        assert_eq!(text(f64::INFINITY), None);
        assert_eq!(text(f64::NAN), None);
    }
}
