//! Tags, as strict as the strictest service that gets them, and the program's environment variables.

use std::collections::BTreeMap;

use super::Checks;
use crate::environment::problem::Problem;
use crate::environment::source::child;

/// CloudFormation takes 50 tags a stack; the rest are qfleet's own.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
const MOST_TAGS: usize = 40;
/// Beside those that begin with `AWS_LAMBDA_`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>).
const RESERVED_BY_LAMBDA: [&str; 12] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub(super) fn check(checks: &mut Checks) {
    tags(checks);
    for (at, stage) in checks.stages() {
        if let Some(lambda) = &stage.workers.lambda {
            let at = format!("{at}/workers/lambda/environment");
            of_function(checks, &at, &lambda.environment);
        }
    }
    for (at, instances) in checks.environment.instances() {
        variables(checks, &format!("{at}/environment"), &instances.environment);
    }
}

fn tags(checks: &mut Checks) {
    let tags = &checks.environment.tags;
    if tags.len() > MOST_TAGS {
        checks.note(
            Problem::new("/tags", format!("{} tags are too many", tags.len())).help(format!(
                "AWS takes 50 a stack, and qfleet needs some itself: {MOST_TAGS} at most"
            )),
            &[],
        );
    }
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in tags {
        let at = child("/tags", key);
        let lower = key.to_lowercase();
        let about_key = if key.is_empty() || key.trim() != key {
            Some((
                "a tag's key can't be empty, nor start or end with a space".to_owned(),
                "remove the space",
            ))
        } else if key.chars().count() > 128 {
            Some(("a tag's key has at most 128 characters".to_owned(), "shorten it"))
        } else if let Some(prefix) = ["aws:", "qfleet:"].iter().find(|prefix| lower.starts_with(**prefix)) {
            Some((
                format!("tags that start with `{prefix}` are not for users"),
                "choose another prefix",
            ))
        } else {
            key.chars()
                .find(|c| !allowed(*c))
                .map(|c| (refused(c), "choose another key"))
        };
        if let Some((message, help)) = about_key {
            checks.note(Problem::new(&at, message).help(help).on_key(), &[]);
        }
        let about_value = if value.is_empty() || value.trim() != value {
            // An empty value is fine elsewhere, but a stack's tag needs one.
            Some((
                "a tag's value can't be empty, nor start or end with a space".to_owned(),
                "write a value",
            ))
        } else if value.chars().count() > 256 {
            Some(("a tag's value has at most 256 characters".to_owned(), "shorten it"))
        } else {
            value
                .chars()
                .find(|c| !allowed(*c))
                .map(|c| (refused(c), "choose another value"))
        };
        if let Some((message, help)) = about_value {
            checks.note(Problem::new(&at, message).help(help), &[]);
        }
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#case-sensitivity
        if let Some(other) = seen.insert(lower, key) {
            checks.note(
                Problem::new(&at, format!("the tags `{other}` and `{key}` differ only in case"))
                    .help("to IAM roles, which get all tags, they are one; remove one")
                    .on_key(),
                &[],
            );
        }
    }
}

fn refused(c: char) -> String {
    format!("AWS takes no `{c}` in a tag, only letters, digits, spaces and `_ . : / = + - @`")
}

fn variables(checks: &mut Checks, at: &str, variables: &BTreeMap<String, String>) {
    for name in variables.keys() {
        let about = about_name(name).or_else(|| {
            let is_region = ["AWS_REGION", "AWS_DEFAULT_REGION"].contains(&name.as_str());
            is_region.then(|| {
                (
                    format!("qfleet sets `{name}` itself"),
                    "remove it: workers run in the environment's region",
                )
            })
        });
        refuse(checks, at, name, about);
    }
}

fn of_function(checks: &mut Checks, at: &str, variables: &BTreeMap<String, String>) {
    for name in variables.keys() {
        let about = about_name(name).or_else(|| {
            let is_lambdas = name.starts_with("AWS_LAMBDA_") || RESERVED_BY_LAMBDA.contains(&name.as_str());
            let is_short = name.len() < 2 || name.starts_with('_');
            match (is_lambdas, is_short) {
                (true, _) => Some((
                    format!("`{name}` is reserved: Lambda sets it itself, and refuses a function that brings it"),
                    "remove it, or choose another name",
                )),
                (false, true) => Some((
                    format!("Lambda takes no variable `{name}`"),
                    "begin with a letter, and use two characters at least",
                )),
                (false, false) => None,
            }
        });
        refuse(checks, at, name, about);
    }
}

/// What is wrong with a variable's name whoever gets it, and what would be right.
pub(super) fn about_name(name: &str) -> Option<(String, &'static str)> {
    let mut chars = name.chars();
    let well_formed = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !well_formed {
        return Some((
            format!("`{name}` can't be the name of an environment variable"),
            "use letters, digits and `_`, and no digit first",
        ));
    }
    name.starts_with("QFLEET_").then(|| {
        (
            "variables that start with `QFLEET_` come from qfleet".to_owned(),
            "choose another prefix",
        )
    })
}

fn refuse(checks: &mut Checks, at: &str, name: &str, about: Option<(String, &str)>) {
    if let Some((message, help)) = about {
        checks.note(Problem::new(child(at, name), message).help(help).on_key(), &[]);
    }
}
