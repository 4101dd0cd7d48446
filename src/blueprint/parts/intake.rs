//! Where files land: bucket and topic.

use std::collections::BTreeMap;

use super::{Parts, inseparable};
use crate::blueprint::contexts::{IntakeTopic, KeyFilter, ToldFiles};
use crate::blueprint::lint::LONGEST_VALUE;
use crate::blueprint::notifications::Notifications;
use crate::blueprint::{Stack, contexts, names, outputs, quoting};
use crate::environment::problem::Problem;
use crate::environment::routes::{Files, Filter, routes, wanted};
use crate::environment::{Bucket, OnDestroy};

impl Parts<'_> {
    /// `None` of an environment without a bucket.
    pub fn intake(&self) -> Option<Result<Stack, Problem>> {
        let bucket = self.environment.bucket.as_ref()?;
        Some(self.intake_stack(bucket))
    }

    /// What a bucket that is there already is to tell of; `None` where the environment has none, or one of its own.
    pub fn notifications(&self) -> Result<Option<Notifications>, Problem> {
        let Some(bucket) = &self.environment.bucket else {
            return Ok(None);
        };
        let Some(existing) = &bucket.existing else {
            return Ok(None);
        };
        let topics = self.topics(bucket)?;
        Ok(Some(Notifications::of(
            self.environment,
            self.placement,
            existing,
            &topics,
        )))
    }

    /// The ARN of the bucket that uploads are copied to. One file says it for both regions: where the bucket is the own one,
    /// it means nothing.
    fn replicates_to<'b>(&self, bucket: &'b Bucket) -> Option<&'b str> {
        let own = names::bucket(&self.environment.name, self.placement);
        bucket.replicate_to.as_deref().filter(|arn| Bucket::name_in(arn) != own)
    }

    fn intake_stack(&self, bucket: &Bucket) -> Result<Stack, Problem> {
        let existing = self.notifications()?;
        let written = existing.as_ref().map(Notifications::write);
        if let Some(length) = written
            .as_ref()
            .map(String::len)
            .filter(|length| *length > LONGEST_VALUE)
        {
            let text = format!(
                "what is to be added to the bucket's notifications takes {length} bytes in an output, and the limit is {LONGEST_VALUE}"
            );
            return Err(Problem::new("/bucket/existing", text).help("name fewer prefixes and suffixes in `only`"));
        }
        let own_name = || names::bucket(&self.environment.name, self.placement);
        let replicates_to = self.replicates_to(bucket);
        let context = contexts::Intake {
            environment: &self.environment.name,
            bucket_name: existing.as_ref().map_or_else(own_name, |of| of.bucket.clone()),
            existing: written,
            uploads: &bucket.uploads,
            topics: self.topics(bucket)?,
            processed: &bucket.processed,
            versioning: bucket.versioning,
            old_versions_days: bucket.old_versions_expire_after(),
            browsers: &bucket.browsers,
            replication: replicates_to.map(|arn| contexts::Replication {
                arn,
                bucket: Bucket::name_in(arn),
            }),
            keeps_data: self.on_destroy() == OnDestroy::Keep,
            delivery: self.environment.delivery.is_some(),
            local: self.placement.local,
        };
        let stack = self.stack("intake", "intake.yaml.j2", &context, BTreeMap::new(), self.on_destroy())?;
        Ok(Stack {
            replicates_to: replicates_to.map(str::to_owned),
            ..stack
        })
    }

    /// The local emulator's filter policies don't look into arrays, such as an event's `Records`. There, a stage that doesn't
    /// get every file has a topic of its own, which the bucket tells of the stage's files only: the emulator lets the rules of
    /// notifications overlap.
    fn topics(&self, bucket: &Bucket) -> Result<Vec<IntakeTopic>, Problem> {
        let name = names::topic(&self.environment.name);
        let topic = |number: Option<usize>, files: &[Files]| IntakeTopic {
            number,
            name: number.map_or(name.clone(), |number| format!("{name}-{number}")),
            files: files.iter().map(|files| self.told(files)).collect(),
        };
        if !self.placement.local {
            let routes = routes(self.environment).map_err(|found| inseparable(&found))?;
            return Ok(vec![topic(None, &routes.told)]);
        }
        let everything = Files {
            prefix: bucket.uploads.clone(),
            suffix: String::new(),
        };
        let indexes = 0..self.environment.stages.len();
        let choosing = indexes.filter(|index| self.environment.stages[*index].only.is_some());
        let of_stages = choosing.map(|index| topic(Some(index + 1), &wanted(self.environment, index)));
        let all = topic(None, &[everything]);
        Ok(std::iter::once(all).chain(of_stages).collect())
    }

    fn told(&self, files: &Files) -> ToldFiles {
        // The local emulator compares keys with the filter as it is. A suffix has nothing to encode.
        let prefix = match self.placement.local {
            true => files.prefix.clone(),
            false => quoting::key_in_events(&files.prefix),
        };
        ToldFiles {
            prefix,
            suffix: Some(files.suffix.clone()).filter(|suffix| !suffix.is_empty()),
        }
    }

    /// The output with the topic that a stage subscribes to.
    pub(super) fn topic_output(&self, index: usize) -> String {
        match self.placement.local && self.environment.stages[index].only.is_some() {
            true => format!("{}{}", outputs::TOPIC, index + 1),
            false => outputs::TOPIC.to_owned(),
        }
    }

    /// What the subscription of a stage asks of keys. It always asks something of them, a stage that gets every file by their
    /// prefix: CloudFormation can change a subscription's filter, but not take it away
    /// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1840>). `None` locally.
    pub(super) fn key_filter(&self, index: usize) -> Result<Option<Vec<KeyFilter>>, Problem> {
        if self.placement.local {
            return Ok(None);
        }
        let routes = routes(self.environment).map_err(|found| inseparable(&found))?;
        Ok(match routes.filters.get(index).copied().flatten() {
            None => None,
            Some(Filter::Nothing) => {
                let uploads = self.environment.bucket.iter().map(|bucket| &bucket.uploads);
                Some(
                    uploads
                        .map(|key| KeyFilter::Prefix(quoting::key_in_events(key)))
                        .collect(),
                )
            }
            Some(Filter::Prefix(prefix)) => Some(vec![KeyFilter::Prefix(quoting::key_in_events(prefix))]),
            Some(Filter::Suffix(suffixes)) => Some(suffixes.iter().cloned().map(KeyFilter::Suffix).collect()),
        })
    }
}
