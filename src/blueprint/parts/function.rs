//! Workers that are a Lambda function.

use super::{Parts, Place};
use crate::blueprint::program::Recipe;
use crate::blueprint::{Artifact, contexts, resource_schema};
use crate::environment::Lambda;
use crate::environment::problem::Problem;

impl Parts<'_> {
    pub(super) fn function_program(&self, place: Place<'_>, lambda: &Lambda) -> Result<Artifact, Vec<Problem>> {
        let stage = &self.environment.stages[place.index];
        runtime(&lambda.runtime, place.index).map_err(|problem| vec![problem])?;
        let program = Recipe::of(self.environment, place.index, lambda, self.placement.local).pack(|_| ())?;
        Ok(Artifact {
            stage: stage.name.clone(),
            key: format!("programs/{}/{}.zip", stage.name, program.hash),
            bytes: program.archive,
        })
    }

    pub(super) fn function_context<'b>(&'b self, lambda: &'b Lambda) -> contexts::Function<'b> {
        contexts::Function {
            handler: &lambda.handler,
            runtime: &lambda.runtime,
            architecture: lambda.architecture.to_string(),
            memory_mib: lambda.memory.as_bytes() >> 20,
            timeout_seconds: lambda.timeout.as_secs(),
            batch: lambda.batch,
            batch_window_seconds: lambda.batch_window.as_secs(),
            max_concurrency: lambda.max_concurrency,
            function_variables: contexts::variables(&lambda.environment),
            function_secrets: self.secrets(&lambda.secrets),
            function_policies: &lambda.policies,
        }
    }
}

/// Whether Lambda knows it. Which ones it won't take much longer, cfn-lint says.
fn runtime(runtime: &str, index: usize) -> Result<(), Problem> {
    let known = resource_schema::values("AWS::Lambda::Function", "Runtime");
    if known.is_empty() || known.iter().any(|one| one == runtime) {
        return Ok(());
    }
    let family = |name: &str| -> String { name.chars().take_while(|c| c.is_ascii_alphabetic()).collect() };
    let of_family = known.iter().filter(|one| family(one) == family(runtime));
    let names: Vec<&str> = of_family.map(String::as_str).collect();
    let problem = Problem::new(
        format!("/stages/{index}/workers/lambda/runtime"),
        format!("`{runtime}` is not a runtime of Lambda"),
    );
    Err(match names.as_slice() {
        [] => problem.help("its runtimes: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"),
        names => problem.help(format!("it can be {}", names.join(", "))),
    })
}
