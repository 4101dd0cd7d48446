//! A stage: its queue, and what its workers have in common whatever their kind is.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Parts, Place, extras, output, scaling};
use crate::blueprint::order::Source;
use crate::blueprint::{Artifact, Pause, RollingUpdate, Stack, Value, contexts, names, outputs};
use crate::environment::problem::Problem;
use crate::environment::units::Duration;
use crate::environment::{Active, JobSchedule, OnDestroy, Workers};

/// The programs of those workers that are described.
struct Programs {
    instances: Option<Artifact>,
    function: Option<Artifact>,
}

impl Parts<'_> {
    /// Its stack and its programs. `feeds` are the stages that its workers send jobs to.
    pub fn stage(&self, index: usize, source: Source, feeds: &[usize]) -> Result<(Stack, Vec<Artifact>), Vec<Problem>> {
        let name = |next: &usize| self.environment.stages[*next].name.as_str();
        let feeds: Vec<&str> = feeds.iter().map(name).collect();
        let place = Place {
            index,
            source,
            feeds: &feeds,
        };
        let workers = &self.environment.stages[index].workers;
        let elsewhere = self.secrets_elsewhere(index, workers);
        if !elsewhere.is_empty() {
            return Err(elsewhere);
        }
        let instances = workers.instances.as_ref();
        let instances = instances.map_or(Ok(None), |instances| self.instances_program(place, instances));
        let function = workers.lambda.as_ref();
        let function = function.map(|lambda| self.function_program(place, lambda));
        let programs = match (instances, function.transpose()) {
            (Ok(instances), Ok(function)) => Programs { instances, function },
            (instances, function) => {
                let problems = [instances.err(), function.err()].into_iter().flatten();
                return Err(problems.flatten().collect());
            }
        };
        let with = |active| {
            self.stage_stack(place, &programs, active)
                .map_err(|problem| vec![problem])
        };
        let active = self.active(workers);
        let mut stack = with(active)?;
        if let Some(problem) = self.variables_too_long(place, &stack) {
            return Err(vec![problem]);
        }
        if let (Active::Lambda, Some(_)) = (active, &workers.instances) {
            let before = with(Active::Instances)?;
            if let Some(problem) = self.variables_too_long(place, &before) {
                return Err(vec![problem]);
            }
            stack.before_switch = Some(Box::new(before));
        }
        let programs = [programs.instances, programs.function];
        Ok((stack, programs.into_iter().flatten().collect()))
    }

    /// Its stack, with everything that its workers need, whichever are at work: what takes messages is there for those alone.
    fn stage_stack(&self, place: Place<'_>, programs: &Programs, active: Active) -> Result<Stack, Problem> {
        let stage = &self.environment.stages[place.index];
        let Workers { instances, lambda, .. } = &stage.workers;
        let mut parameters = self.stage_parameters(place);
        let (mut rolling_update, mut in_service) = (None, None);
        if let Some(instances) = instances {
            let are_active = active == Active::Instances;
            parameters.extend(self.instance_parameters(place, instances, are_active)?);
            if are_active {
                rolling_update = Some(RollingUpdate::of(instances));
                in_service = self.in_service(instances);
            }
        }
        if programs.instances.is_some() || programs.function.is_some() {
            parameters.insert("ArtifactsBucket".to_owned(), output("artifacts", outputs::BUCKET));
        }
        if let Some(program) = &programs.instances {
            parameters.insert("ProgramKey".to_owned(), Value::Literal(program.key.clone()));
        }
        if let Some(program) = &programs.function {
            parameters.insert("FunctionProgramKey".to_owned(), Value::Literal(program.key.clone()));
        }
        let template = match lambda {
            Some(_) => "stage/function.yaml.j2",
            None => "stage/instances.yaml.j2",
        };
        let context = self.stage_context(place, active)?;
        let stack = self.stack(&stage.name, template, &context, parameters, self.on_destroy())?;
        Ok(Stack {
            rolling_update,
            in_service,
            active: Some(active),
            secrets: self.places(stage.workers.secrets_of(active)),
            pause: (active == Active::None).then(|| Pause {
                stands_by: self.stands_by(),
                schedules: stage.schedules.len(),
            }),
            ..stack
        })
    }

    /// What every stage is given.
    fn stage_parameters(&self, place: Place<'_>) -> BTreeMap<String, Value> {
        let mut parameters = self.given_parameters(&self.environment.used_by_stage(place.index));
        let mut add = |name: &str, value| parameters.insert(name.to_owned(), value);
        if self.environment.bucket.is_some() {
            add("BucketName", output("intake", outputs::BUCKET));
        }
        if place.source == Source::Bucket {
            add("TopicArn", output("intake", &self.topic_output(place.index)));
        }
        if self.environment.results.is_some() {
            add("ResultsTable", output("results", outputs::TABLE));
            add("ResultsTableArn", output("results", outputs::TABLE_ARN));
        }
        if let Some(topic) = self.alerts_topic() {
            add("AlertsTopicArn", topic);
        }
        for (position, next) in place.feeds.iter().enumerate() {
            let number = position + 1;
            add(&format!("NextQueueUrl{number}"), output(next, outputs::QUEUE_URL));
            add(&format!("NextQueueArn{number}"), output(next, outputs::QUEUE_ARN));
        }
        parameters
    }

    fn stage_context<'b>(&'b self, place: Place<'b>, active: Active) -> Result<contexts::Stage<'b>, Problem> {
        let environment = &self.environment.name;
        let stage = &self.environment.stages[place.index];
        let bucket = self.environment.bucket.as_ref();
        let Workers { instances, lambda, .. } = &stage.workers;
        // They have one log group.
        let retentions = [
            instances.as_ref().map(|instances| instances.log_retention),
            lambda.as_ref().map(|lambda| lambda.log_retention),
        ];
        let log_retention = retentions.into_iter().flatten().max().unwrap_or(Duration::days(30));
        Ok(contexts::Stage {
            environment,
            stage: &stage.name,
            local: self.placement.local,
            keeps_data: self.on_destroy() == OnDestroy::Keep,
            bucket: bucket.map(|bucket| contexts::BucketPrefixes {
                uploads: &bucket.uploads,
                processed: &bucket.processed,
            }),
            results: self.environment.results.as_ref().map(|results| contexts::ResultsTable {
                ttl_seconds: results.ttl_seconds(),
            }),
            subscribes: place.source == Source::Bucket,
            key_filter: match place.source {
                Source::Bucket => self.key_filter(place.index)?,
                _ => None,
            },
            only: stage.only.as_ref().and_then(|only| serde_json::to_string(only).ok()),
            queue_name: names::queue(environment, &stage.name),
            dead_letter_queue_name: names::dead_letter_queue(environment, &stage.name),
            queue: contexts::Queue {
                visibility_timeout_seconds: stage.queue.visibility_timeout.as_secs(),
                retention_seconds: stage.queue.retention.as_secs(),
                max_receives: stage.queue.max_receives,
            },
            replies: stage.replies.then(|| contexts::Replies {
                queue_name: names::reply_queue(environment, &stage.name),
                dead_letter_queue_name: names::reply_dead_letter_queue(environment, &stage.name),
            }),
            schedules: self.schedules(place)?,
            schedules_text: job_times(&stage.schedules),
            next_stages: place.feeds,
            extra_outputs: extras::contexts(&self.environment.used_by_stage(place.index)),
            alerts: self.environment.alerts.is_some(),
            scaling: scaling::context(stage, place.index)?,
            sleeps: active == Active::Instances
                && instances
                    .as_ref()
                    .is_some_and(|instances| instances.schedule().sleeps()),
            messages_at_once: stage.scaling.as_ref().map_or(1, |scaling| scaling.messages_at_once),
            log_retention_days: log_retention.as_secs() / 86400,
            active,
            stands_by: self.stands_by(),
            has_instances: instances.is_some(),
            has_program: lambda.is_some() || instances.as_ref().is_some_and(|instances| instances.program.is_some()),
            instances: instances
                .as_ref()
                .map(|instances| self.instance_context(place, instances)),
            function: lambda.as_ref().map(|lambda| self.function_context(place, lambda)),
        })
    }

    fn schedules<'b>(&'b self, place: Place<'b>) -> Result<Vec<contexts::JobSchedule<'b>>, Problem> {
        let schedules = self.environment.stages[place.index].schedules.iter().enumerate();
        let schedules = schedules.map(|(i, schedule)| {
            let unsaid = || {
                let at = format!("/stages/{}/schedules/{i}/cron", place.index);
                Problem::new(at, format!("`{}` can't be said in EventBridge's form", schedule.cron))
            };
            Ok(contexts::JobSchedule {
                expression: schedule.expression().ok_or_else(unsaid)?,
                time_zone: &schedule.time_zone,
                body: &schedule.body,
            })
        });
        schedules.collect()
    }
}

/// When jobs come, as `status` reads it.
fn job_times(schedules: &[JobSchedule]) -> String {
    let times = |schedule: &JobSchedule| json!({"cron": schedule.cron, "time_zone": schedule.time_zone});
    serde_json::Value::from(schedules.iter().map(times).collect::<Vec<_>>()).to_string()
}
