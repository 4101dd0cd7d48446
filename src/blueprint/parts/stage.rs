//! A stage: its queue, and what its workers have in common whatever their kind is.

use std::collections::BTreeMap;

use super::{Parts, output, scaling};
use crate::blueprint::order::Source;
use crate::blueprint::{Artifact, Stack, Value, contexts, names, outputs};
use crate::environment::problem::Problem;
use crate::environment::units::Duration;
use crate::environment::{OnDestroy, WorkersKind};

/// A stage's place among the others.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub index: usize,
    pub source: Source,
    /// The stages that its workers send jobs to, by name.
    pub feeds: &'a [&'a str],
}

/// What each kind of workers says of itself.
pub(super) struct OfKind<'a> {
    /// The user's environment variables.
    pub environment: &'a BTreeMap<String, String>,
    pub log_retention: Duration,
    pub workers: contexts::Workers<'a>,
}

impl Parts<'_> {
    /// Its stack and its program. `feeds` are the stages that its workers send jobs to.
    pub fn stage(&self, index: usize, source: Source, feeds: &[usize]) -> Result<(Stack, Artifact), Vec<Problem>> {
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
        match workers.kind() {
            Some(WorkersKind::Instances(instances)) => self.instances(place, instances),
            Some(WorkersKind::Function(lambda)) => self.function(place, lambda),
            None => {
                let pointer = format!("/stages/{index}/workers");
                Err(vec![Problem::new(pointer, "one kind of workers drains a queue")])
            }
        }
    }

    /// What every stage is given.
    pub(super) fn stage_parameters(&self, place: Place<'_>) -> BTreeMap<String, Value> {
        let mut parameters = BTreeMap::new();
        let mut add = |name: &str, value| parameters.insert(name.to_owned(), value);
        if self.environment.bucket.is_some() {
            add("BucketName", output("intake", outputs::BUCKET));
        }
        if place.source == Source::Bucket {
            add("TopicArn", output("intake", outputs::TOPIC));
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

    pub(super) fn stage_context<'b>(
        &'b self,
        place: Place<'b>,
        of_kind: OfKind<'b>,
    ) -> Result<contexts::Stage<'b>, Problem> {
        let environment = &self.environment.name;
        let stage = &self.environment.stages[place.index];
        let bucket = self.environment.bucket.as_ref();
        let variables = of_kind.environment.iter();
        Ok(contexts::Stage {
            environment,
            stage: &stage.name,
            local: self.placement.local,
            keeps_data: self.on_destroy() == OnDestroy::Keep,
            bucket: bucket.map(|bucket| contexts::BucketPrefixes {
                uploads: &bucket.uploads,
                processed: &bucket.processed,
            }),
            subscribes: place.source == Source::Bucket,
            queue_name: names::queue(environment, &stage.name),
            dead_letter_queue_name: names::dead_letter_queue(environment, &stage.name),
            queue: contexts::Queue {
                visibility_timeout_seconds: stage.queue.visibility_timeout.as_secs(),
                retention_seconds: stage.queue.retention.as_secs(),
                max_receives: stage.queue.max_receives,
            },
            next_stages: place.feeds,
            alerts: self.environment.alerts.is_some(),
            scaling: scaling::context(stage, place.index)?,
            sleeps: (stage.workers.instances.as_ref()).is_some_and(|instances| instances.schedule().sleeps()),
            messages_at_once: stage.scaling.as_ref().map_or(1, |scaling| scaling.messages_at_once),
            variables: variables
                .map(|(name, value)| contexts::Variable { name, value })
                .collect(),
            secrets: self.secrets(stage.workers.secrets()),
            log_retention_days: of_kind.log_retention.as_secs() / 86400,
            workers: of_kind.workers,
        })
    }
}
