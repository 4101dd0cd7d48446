//! Workers that are a Lambda function.

use super::{Parts, Place};
use crate::blueprint::program::Recipe;
use crate::blueprint::{Artifact, contexts};
use crate::environment::Lambda;
use crate::environment::problem::Problem;

impl Parts<'_> {
    pub(super) fn function_program(&self, place: Place<'_>, lambda: &Lambda) -> Result<Artifact, Vec<Problem>> {
        let stage = &self.environment.stages[place.index];
        let program = Recipe::of(self.environment, place.index, lambda, self.placement.local).pack(|_| ())?;
        Ok(Artifact {
            stage: stage.name.clone(),
            key: format!("programs/{}/{}.zip", stage.name, program.hash),
            bytes: program.archive,
        })
    }

    pub(super) fn function_context<'b>(&'b self, place: Place<'_>, lambda: &'b Lambda) -> contexts::Function<'b> {
        let used = self.environment.used_by_stage(place.index);
        contexts::Function {
            handler: &lambda.handler,
            runtime: &lambda.runtime,
            architecture: lambda.architecture.to_string(),
            memory_mib: lambda.memory.as_bytes() >> 20,
            timeout_seconds: lambda.timeout.as_secs(),
            batch: lambda.batch,
            batch_window_seconds: lambda.batch_window.as_secs(),
            max_concurrency: lambda.max_concurrency,
            function_variables: self.variables(&lambda.environment, &used),
            function_secrets: self.secrets(&lambda.secrets, &used),
            function_policies: &lambda.policies,
        }
    }
}
