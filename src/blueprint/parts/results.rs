//! What became of each job: the table that workers write to.

use std::collections::BTreeMap;

use super::Parts;
use crate::blueprint::{Stack, contexts, names};
use crate::environment::OnDestroy;
use crate::environment::problem::Problem;

impl Parts<'_> {
    /// `None` of an environment that keeps no results.
    pub fn results(&self) -> Option<Result<Stack, Problem>> {
        self.environment.results.as_ref()?;
        let context = contexts::Results {
            environment: &self.environment.name,
            table_name: names::table(&self.environment.name),
            keeps_data: self.on_destroy() == OnDestroy::Keep,
        };
        Some(self.stack(
            "results",
            "results.yaml.j2",
            &context,
            BTreeMap::new(),
            self.on_destroy(),
        ))
    }
}
