//! Tags, as strict as the strictest service that gets them, and the program's environment variables.

use std::collections::BTreeMap;

use super::Checks;
use crate::environment::problem::Problem;
use crate::environment::source::child;

/// CloudFormation takes 50 tags a stack; the rest are qfleet's own.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
const MOST_TAGS: usize = 40;
/// Variables travel in the launch template's user data, which ends at 16 KiB as a whole.
const MOST_VARIABLE_BYTES: usize = 4096;

pub(super) fn check(checks: &mut Checks) {
    tags(checks);
    for (at, stage) in checks.stages() {
        if let Some(instances) = &stage.workers.instances {
            variables(
                checks,
                &format!("{at}/workers/instances/environment"),
                &instances.environment,
            );
        }
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
        let mut chars = name.chars();
        let well_formed = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        let about = if !well_formed {
            Some((
                format!("`{name}` can't be the name of an environment variable"),
                "use letters, digits and `_`, and no digit first",
            ))
        } else if name.starts_with("QFLEET_") {
            Some((
                "variables that start with `QFLEET_` come from qfleet".to_owned(),
                "choose another prefix",
            ))
        } else if ["AWS_REGION", "AWS_DEFAULT_REGION"].contains(&name.as_str()) {
            Some((
                format!("qfleet sets `{name}` itself"),
                "remove it: workers run in the environment's region",
            ))
        } else {
            None
        };
        if let Some((message, help)) = about {
            checks.note(Problem::new(child(at, name), message).help(help).on_key(), &[]);
        }
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    if bytes > MOST_VARIABLE_BYTES {
        checks.note(
            Problem::new(at, format!("{bytes} bytes of environment variables are too many"))
                .help("4096 at most, names and values: put more into a file of the program's folder"),
            &[],
        );
    }
}
