//! The bucket for programs and large templates.

use std::collections::BTreeMap;

use super::Parts;
use crate::blueprint::{Stack, contexts, names};
use crate::environment::OnDestroy;
use crate::environment::problem::Problem;

impl Parts<'_> {
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
}
