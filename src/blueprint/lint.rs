//! Limits of size that a rendered template may exceed by what an environment file says.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::template::{self, section};
use super::{Blueprint, Stack, Value};

/// The longest template that S3 may hold for CloudFormation.
pub(super) const LONGEST_TEMPLATE: usize = 1_000_000;
/// The longest value of a parameter; an output that is longer couldn't be handed to a stack. For outputs themselves
/// CloudFormation's documents name no limit
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub(super) const LONGEST_VALUE: usize = 4096;
/// EC2's limit for user data, before it is encoded.
const LONGEST_USER_DATA: usize = 16_384;
/// Lambda's limit for a function's environment variables
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub(super) const LONGEST_VARIABLES: usize = 4096;
/// What is reckoned for a value that AWS will only know: a queue's URL, a name, an ARN.
pub(super) const UNKNOWN_VALUE: usize = 128;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A deploy would fail.
    Error,
    /// It may work, and should be looked at.
    Warning,
}

/// One thing that is wrong with a rendered template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule of cfn-lint that found it; none for our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub stack: String,
    /// The file of the template, where it is one of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// In that file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Where in its template, e.g. `Resources/Queue`; empty for the whole.
    pub place: String,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stack)?;
        if !self.place.is_empty() {
            write!(f, " {}", self.place)?;
        }
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({}:{line})", file.display())?,
            (Some(file), None) => write!(f, " ({})", file.display())?,
            (None, _) => {}
        }
        write!(f, ": {}", self.message)?;
        match &self.rule {
            Some(rule) => write!(f, " ({rule})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with the stacks of a blueprint.
pub fn lint(blueprint: &Blueprint) -> Vec<Finding> {
    let mut findings = Findings::default();
    for stack in &blueprint.stacks {
        findings.stack.clone_from(&stack.name);
        findings.file.clone_from(&stack.file);
        match template::read(&stack.body) {
            Ok(template) => findings.sizes(stack, &template),
            Err(error) => findings.add("", format!("the template can't be read: {error}")),
        }
    }
    findings.list
}

#[derive(Default)]
struct Findings {
    stack: String,
    file: Option<PathBuf>,
    list: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.list.push(Finding {
            severity: Severity::Error,
            rule: None,
            stack: self.stack.clone(),
            file: self.file.clone(),
            line: None,
            place: place.into(),
            message: message.into(),
        });
    }

    fn too_long(&mut self, place: impl Into<String>, what: &str, length: usize, limit: usize) {
        if length > limit {
            self.add(place, format!("{what} has {length} bytes, and the limit is {limit}"));
        }
    }

    fn sizes(&mut self, stack: &Stack, template: &Map<String, Json>) {
        self.too_long("", "the template", stack.body.len(), LONGEST_TEMPLATE);
        for (id, output) in section(template, "Outputs") {
            self.too_long(
                format!("Outputs/{id}"),
                "the value",
                longest(&output["Value"]),
                LONGEST_VALUE,
            );
        }
        for (name, value) in &stack.parameters {
            if let Value::Literal(text) = value {
                self.too_long(format!("Parameters/{name}"), "the value", text.len(), LONGEST_VALUE);
            }
        }
        for (id, resource) in section(template, "Resources") {
            let user_data = &resource["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"];
            let place = format!("Resources/{id}/Properties/LaunchTemplateData/UserData");
            self.too_long(place, "the user data", longest(user_data), LONGEST_USER_DATA);
            let variables = resource["Properties"]["Environment"]["Variables"].as_object();
            let variables = variables.into_iter().flatten();
            let bytes = longest_variables(variables.map(|(name, value)| (name.as_str(), value)));
            let place = format!("Resources/{id}/Properties/Environment/Variables");
            self.too_long(place, "the function's environment", bytes, LONGEST_VARIABLES);
        }
    }
}

/// How many bytes a function's variables have. Lambda counts them as JSON, `"name":"value",`, and shows that when they are too
/// many: "String measured: {"FOO":"…"}".
pub(super) fn longest_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a Json)>) -> usize {
    let value = |value: &Json| match value {
        Json::String(_) => value.to_string().len(),
        function => longest(function) + 2,
    };
    let all = variables.into_iter();
    all.map(|(name, found)| name.len() + value(found) + 4).sum()
}

/// How many bytes a text has once CloudFormation has put it together, reckoned generously.
pub(super) fn longest(value: &Json) -> usize {
    match value {
        Json::Null => 0,
        Json::String(text) => text.len(),
        Json::Object(function) => match function.iter().next().map(|(name, value)| (name.as_str(), value)) {
            Some(("Fn::Join", Json::Array(arguments))) => match arguments.as_slice() {
                [Json::String(between), Json::Array(items)] => {
                    items.iter().map(longest).sum::<usize>() + between.len() * items.len().saturating_sub(1)
                }
                _ => UNKNOWN_VALUE,
            },
            Some(("Fn::Sub", Json::String(text))) => text.len() + text.matches("${").count() * UNKNOWN_VALUE,
            _ => UNKNOWN_VALUE,
        },
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(part: &str, body: &str, parameters: &[(&str, Value)]) -> Stack {
        Stack {
            part: part.into(),
            name: format!("lab-{part}"),
            body: body.into(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            ..Stack::default()
        }
    }

    fn findings(stacks: Vec<Stack>) -> Vec<String> {
        let blueprint = Blueprint {
            environment: "lab".into(),
            parts: Vec::new(),
            stacks,
            notifications: None,
            artifacts: Vec::new(),
        };
        lint(&blueprint).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn limits_of_size() {
        let long = "x".repeat(LONGEST_VALUE);
        let body = format!("Outputs: {{O: {{Value: !Join ['', [{long}, y]]}}}}");
        assert_eq!(
            findings(vec![stack("a", &body, &[])]),
            ["lab-a Outputs/O: the value has 4097 bytes, and the limit is 4096"]
        );
        let script = "x".repeat(LONGEST_USER_DATA - UNKNOWN_VALUE + 1);
        let body = format!(
            "Resources: {{L: {{Properties: {{LaunchTemplateData: {{UserData: {{'Fn::Base64': {{'Fn::Join': ['', [{script}, !Ref L]]}}}}}}}}}}}}"
        );
        assert_eq!(findings(vec![stack("a", &body, &[])]).len(), 1);
        assert_eq!(findings(vec![stack("a", &"#".repeat(1_000_001), &[])]).len(), 1);
    }

    #[test]
    fn what_is_no_yaml_says_so() {
        assert!(findings(vec![stack("a", "a: [", &[])])[0].starts_with("lab-a: the template can't be read"));
    }
}
