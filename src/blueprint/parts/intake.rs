//! Where files land: bucket and topic.

use std::collections::BTreeMap;

use super::{Parts, inseparable};
use crate::blueprint::contexts::{IntakeTopic, KeyFilter, ToldFiles};
use crate::blueprint::{Stack, contexts, names, outputs, quoting};
use crate::environment::problem::Problem;
use crate::environment::routes::{Files, Filter, routes, wanted};
use crate::environment::units::KeptFor;
use crate::environment::{Bucket, OnDestroy};

impl Parts<'_> {
    /// `None` of an environment without a bucket.
    pub fn intake(&self) -> Option<Result<Stack, Problem>> {
        let bucket = self.environment.bucket.as_ref()?;
        Some(self.intake_stack(bucket))
    }

    fn intake_stack(&self, bucket: &Bucket) -> Result<Stack, Problem> {
        let context = contexts::Intake {
            environment: &self.environment.name,
            bucket_name: names::bucket(&self.environment.name, self.placement),
            uploads: &bucket.uploads,
            topics: self.topics(bucket)?,
            processed: &bucket.processed,
            versioning: bucket.versioning,
            old_versions_days: match bucket.old_versions {
                KeptFor::Time(length) => Some(length.as_secs() / 86400),
                KeptFor::Forever => None,
            },
            keeps_data: self.on_destroy() == OnDestroy::Keep,
        };
        self.stack("intake", "intake.yaml.j2", &context, BTreeMap::new(), self.on_destroy())
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

    /// What the subscription of a stage asks of keys; `None` where it asks nothing.
    pub(super) fn key_filter(&self, index: usize) -> Result<Option<Vec<KeyFilter>>, Problem> {
        if self.placement.local {
            return Ok(None);
        }
        let routes = routes(self.environment).map_err(|found| inseparable(&found))?;
        Ok(match routes.filters.get(index).copied().flatten() {
            None | Some(Filter::Nothing) => None,
            Some(Filter::Prefix(prefix)) => Some(vec![KeyFilter::Prefix(quoting::key_in_events(prefix))]),
            Some(Filter::Suffix(suffixes)) => Some(suffixes.iter().cloned().map(KeyFilter::Suffix).collect()),
        })
    }
}
