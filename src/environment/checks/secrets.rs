//! Secrets: what they are called, and which can't be ones.

use std::collections::BTreeMap;

use super::Checks;
use super::tags::about_name;
use crate::environment::Secret;
use crate::environment::problem::Problem;
use crate::environment::source::child;

pub(super) fn check(checks: &mut Checks) {
    for (at, stage) in checks.stages() {
        if let Some(lambda) = &stage.workers.lambda {
            let at = format!("{at}/workers/lambda");
            secrets(checks, &at, &lambda.environment, &lambda.secrets);
        }
    }
    for (at, instances) in checks.environment.instances() {
        secrets(checks, &at, &instances.environment, &instances.secrets);
    }
}

fn secrets(checks: &mut Checks, at: &str, variables: &BTreeMap<String, String>, secrets: &BTreeMap<String, Secret>) {
    let at_secrets = format!("{at}/secrets");
    for (name, secret) in secrets {
        let here = child(&at_secrets, name);
        if let Some((message, help)) = about_name(name) {
            checks.note(Problem::new(&here, message).help(help).on_key(), &[]);
        } else if name.starts_with("AWS_") {
            let problem = Problem::new(&here, format!("`{name}` would be a setting of AWS's SDKs"));
            let help = "choose another name: workers get their role's credentials by themselves";
            checks.note(problem.help(help).on_key(), &[]);
        } else if variables.contains_key(name) {
            let problem = Problem::new(&here, format!("`{name}` is in `environment`, too"));
            let other = child(&format!("{at}/environment"), name);
            checks.note(problem.help("keep one of them").on_key(), &[&other]);
        }
        // https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-parameter-name-constraints.html
        let path = secret.0.to_ascii_lowercase();
        if ["/aws", "/ssm"].iter().any(|own| path.starts_with(own)) {
            let problem = Problem::new(&here, format!("`{}` is none of your parameters", secret.0));
            let help =
                "names that begin with `aws` or `ssm` are AWS's own; a secret of Secrets Manager is named by its ARN";
            checks.note(problem.help(help), &[]);
        }
    }
}
