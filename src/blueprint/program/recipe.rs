//! What a function's program is to be packed from, and for.

use std::path::PathBuf;

use crate::blueprint::resource_schema;
use crate::environment::problem::Problem;
use crate::environment::{Environment, Lambda};

/// A function's program, as it is to be packed.
#[derive(Debug)]
pub struct Recipe<'a> {
    pub lambda: &'a Lambda,
    /// Where its source is.
    pub folder: PathBuf,
    /// For the emulator, which runs functions on this machine.
    pub local: bool,
    /// Where the file names the function.
    pub pointer: String,
}

impl<'a> Recipe<'a> {
    /// That of a stage, by its place in the file.
    pub fn of(environment: &Environment, index: usize, lambda: &'a Lambda, local: bool) -> Self {
        Recipe {
            lambda,
            folder: environment.program_folder(&lambda.program),
            local,
            pointer: format!("/stages/{index}/workers/lambda"),
        }
    }
    /// Whether Lambda knows its runtime. Which ones it won't take much longer, cfn-lint says.
    pub(super) fn has_a_runtime(&self) -> Result<(), Problem> {
        let runtime = &self.lambda.runtime;
        let known = resource_schema::values("AWS::Lambda::Function", "Runtime");
        if known.is_empty() || known.contains(runtime) {
            return Ok(());
        }
        let family = |name: &str| -> String { name.chars().take_while(|c| c.is_ascii_alphabetic()).collect() };
        let of_family = known.iter().filter(|one| family(one) == family(runtime));
        let names: Vec<&str> = of_family.map(String::as_str).collect();
        let problem = Problem::new(
            format!("{}/runtime", self.pointer),
            format!("`{runtime}` is not a runtime of Lambda"),
        );
        Err(match names.as_slice() {
            [] => problem.help("its runtimes: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"),
            names => problem.help(format!("it can be {}", names.join(", "))),
        })
    }
}
