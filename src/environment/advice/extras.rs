//! What looks like an output of an extra, in a file that has none.

use std::collections::BTreeMap;

use crate::environment::Environment;
use crate::environment::given::Given;
use crate::environment::problem::Problem;
use crate::environment::source::child;

/// Whoever takes the last extra out of a file makes texts of what stands for its outputs.
pub(super) fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    if !environment.extras.is_empty() {
        return;
    }
    for (at, instances) in environment.instances() {
        texts(&at, &instances.environment, advice);
    }
    for (i, stage) in environment.stages.iter().enumerate() {
        if let Some(lambda) = &stage.workers.lambda {
            texts(&format!("/stages/{i}/workers/lambda"), &lambda.environment, advice);
        }
    }
}

fn texts(at: &str, variables: &BTreeMap<String, String>, advice: &mut Vec<Problem>) {
    for (name, value) in variables {
        if let Some(given) = Given::whole(value) {
            let at = child(&format!("{at}/environment"), name);
            let message = format!("the program gets the text `${{{given}}}` as it is: the file has no `extras`");
            let help = format!(
                "fine if the program knows what to do with it; if an output is meant, add an extra `{}` that gives `{}`",
                given.part, given.output
            );
            advice.push(Problem::new(at, message).help(help));
        }
    }
}
