//! Where files land: bucket and topic.

use std::collections::BTreeMap;

use super::Parts;
use crate::blueprint::{Stack, contexts, names, quoting};
use crate::environment::OnDestroy;
use crate::environment::problem::Problem;
use crate::environment::units::KeptFor;

impl Parts<'_> {
    /// `None` of an environment without a bucket.
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
            processed: &bucket.processed,
            versioning: bucket.versioning,
            old_versions_days: match bucket.old_versions {
                KeptFor::Time(length) => Some(length.as_secs() / 86400),
                KeptFor::Forever => None,
            },
            keeps_data: self.on_destroy() == OnDestroy::Keep,
        };
        Some(self.stack("intake", "intake.yaml.j2", &context, BTreeMap::new(), self.on_destroy()))
    }
}
