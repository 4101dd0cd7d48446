//! What can be known about rendered templates without AWS, and what cfn-lint doesn't look at: how stacks fit together,
//! limits of size, metric math.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::references::{self, Reference};
use super::template::{self, section};
use super::{Blueprint, Stack, Value, metric_math};

/// The longest template that S3 may hold for CloudFormation.
const LONGEST_TEMPLATE: usize = 1_000_000;
/// The longest description of a template.
const LONGEST_DESCRIPTION: usize = 1024;
/// The longest value of a parameter; an output that is longer couldn't be handed to a stack.
const LONGEST_VALUE: usize = 4096;
/// EC2's limit for user data, before it is encoded.
const LONGEST_USER_DATA: usize = 16_384;
/// What is reckoned for a value that AWS will only know: a queue's URL, a name, an ARN.
const UNKNOWN_VALUE: usize = 128;

/// How many of each a template may have
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const MOST: [(&str, usize); 3] = [("Resources", 500), ("Parameters", 200), ("Outputs", 200)];

/// What CloudFormation knows in every template.
const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A deploy would fail.
    Error,
    /// It may work, and should be looked at.
    Warning,
}

/// One thing that is wrong with a rendered template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule of cfn-lint that found it; none for our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The stack's name.
    pub stack: String,
    /// Where in its template, e.g. `Resources/Queue`; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stack)?;
        if !self.place.is_empty() {
            write!(f, " {}", self.place)?;
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
    let mut before: Vec<(&Stack, Map<String, Json>)> = Vec::new();
    for stack in &blueprint.stacks {
        findings.stack.clone_from(&stack.name);
        match template::read(&stack.body) {
            Ok(template) => {
                findings.sizes(stack, &template);
                findings.inside(&template);
                findings.parameters(stack, &template, &before);
                before.push((stack, template));
            }
            Err(error) => findings.add("", format!("the template can't be read: {error}")),
        }
    }
    findings.list
}

#[derive(Default)]
struct Findings {
    stack: String,
    list: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.list.push(Finding {
            severity: Severity::Error,
            rule: None,
            stack: self.stack.clone(),
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
        let description = template.get("Description").and_then(Json::as_str).unwrap_or_default();
        self.too_long("Description", "it", description.len(), LONGEST_DESCRIPTION);
        for (name, most) in MOST {
            let count = section(template, name).count();
            if count > most {
                self.add(name, format!("{count} of them, and the limit is {most}"));
            }
            for (id, _) in section(template, name) {
                if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    self.add(format!("{name}/{id}"), "its name is not made of letters and digits");
                }
            }
        }
        for (id, output) in section(template, "Outputs") {
            self.too_long(
                format!("Outputs/{id}"),
                "the value",
                longest(&output["Value"]),
                LONGEST_VALUE,
            );
        }
        for (id, resource) in section(template, "Resources") {
            let user_data = &resource["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"];
            let place = format!("Resources/{id}/Properties/LaunchTemplateData/UserData");
            self.too_long(place, "the user data", longest(user_data), LONGEST_USER_DATA);
        }
    }

    /// Names that lead nowhere, and metric math.
    fn inside(&mut self, template: &Map<String, Json>) {
        let has = |name: &str, id: &str| section(template, name).any(|(known, _)| known == id);
        for name in ["Resources", "Outputs"] {
            for (id, value) in section(template, name) {
                let place = format!("{name}/{id}");
                for reference in references::of(value) {
                    match reference {
                        Reference::Name(name)
                            if !has("Parameters", &name)
                                && !has("Resources", &name)
                                && !PSEUDO_PARAMETERS.contains(&name.as_str()) =>
                        {
                            self.add(&place, format!("there is no parameter and no resource `{name}`"));
                        }
                        Reference::Attribute(resource, attribute) if !has("Resources", &resource) => {
                            self.add(
                                &place,
                                format!("there is no resource `{resource}` to have `{attribute}`"),
                            );
                        }
                        _ => {}
                    }
                }
                if name == "Resources" {
                    let needed = match &value["DependsOn"] {
                        Json::String(id) => vec![id.as_str()],
                        Json::Array(ids) => ids.iter().filter_map(Json::as_str).collect(),
                        _ => Vec::new(),
                    };
                    for id in needed.into_iter().filter(|id| !has("Resources", id)) {
                        self.add(&place, format!("it depends on `{id}`, which is not there"));
                    }
                    for fault in metric_math::faults_of_resource(value) {
                        self.add(&place, fault);
                    }
                }
            }
        }
    }

    /// Parameters are declared and given, and what other stacks must give them is there by then.
    fn parameters(&mut self, stack: &Stack, template: &Map<String, Json>, before: &[(&Stack, Map<String, Json>)]) {
        for (name, declared) in section(template, "Parameters") {
            if !stack.parameters.contains_key(name) {
                self.add(format!("Parameters/{name}"), "it is given no value");
            }
            let from_ssm = declared["Type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::"));
            if from_ssm != matches!(stack.parameters.get(name), Some(Value::Ssm(_))) {
                self.add(
                    format!("Parameters/{name}"),
                    "its type and its value disagree about an SSM parameter",
                );
            }
        }
        for (name, value) in &stack.parameters {
            let place = format!("Parameters/{name}");
            if !section(template, "Parameters").any(|(known, _)| known == name) {
                self.add(&place, "it is given, but the template doesn't declare it");
            }
            match value {
                Value::Literal(text) => self.too_long(&place, "the value", text.len(), LONGEST_VALUE),
                Value::Ssm(_) | Value::InService(_) | Value::Zones(_) => {}
                Value::Output { part, key } => {
                    match before.iter().find(|(stack, _)| stack.part == *part) {
                        None => self.add(&place, format!("no stack before this one is the part `{part}`")),
                        Some((_, other)) if !section(other, "Outputs").any(|(known, _)| known == key) => {
                            self.add(&place, format!("the part `{part}` has no output `{key}`"));
                        }
                        Some(_) => {}
                    }
                    if !stack.needs.contains(part) {
                        self.add(
                            &place,
                            format!("it comes from the part `{part}`, which the stack doesn't need"),
                        );
                    }
                }
            }
        }
    }
}

/// How many bytes a text has once CloudFormation has put it together, reckoned generously.
fn longest(value: &Json) -> usize {
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
    use std::collections::BTreeMap;

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
            tags: BTreeMap::new(),
            needs: Vec::new(),
            protect: false,
            makes_roles: false,
            rolling_update: None,
        }
    }

    fn findings(stacks: Vec<Stack>) -> Vec<String> {
        let blueprint = Blueprint {
            environment: "lab".into(),
            parts: Vec::new(),
            stacks,
            artifacts: Vec::new(),
        };
        lint(&blueprint).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn names_must_lead_somewhere() {
        let body = "
Parameters: {P: {Type: String}}
Resources:
  A: {Type: 'X', DependsOn: [B, C], Properties: [!Ref P, !Ref Q, !GetAtt A.Arn, !GetAtt R.Arn, !Sub '${S}${AWS::Region}']}
  B: {Type: 'X'}
Outputs:
  O: {Value: !Ref T}
";
        assert_eq!(
            findings(vec![stack("a", body, &[("P", Value::Literal("x".into()))])]),
            [
                "lab-a Resources/A: there is no parameter and no resource `Q`",
                "lab-a Resources/A: there is no resource `R` to have `Arn`",
                "lab-a Resources/A: there is no parameter and no resource `S`",
                "lab-a Resources/A: it depends on `C`, which is not there",
                "lab-a Outputs/O: there is no parameter and no resource `T`",
            ]
        );
    }

    #[test]
    fn parameters_are_declared_and_given_by_stacks_that_come_before() {
        let output = |part: &str, key: &str| Value::Output {
            part: part.into(),
            key: key.into(),
        };
        let first = stack("a", "Outputs: {O: {Value: x}}", &[]);
        let body = "Parameters: {P: {Type: String}, Q: {Type: String}, R: {Type: String}}";
        let mut second = stack(
            "b",
            body,
            &[
                ("P", output("a", "O")),
                ("Q", output("a", "N")),
                ("S", output("c", "O")),
            ],
        );
        second.needs = vec!["a".into(), "c".into()];
        assert_eq!(
            findings(vec![first, second]),
            [
                "lab-b Parameters/R: it is given no value",
                "lab-b Parameters/Q: the part `a` has no output `N`",
                "lab-b Parameters/S: it is given, but the template doesn't declare it",
                "lab-b Parameters/S: no stack before this one is the part `c`",
            ]
        );
    }

    #[test]
    fn a_need_that_is_not_said_is_found() {
        let first = stack("a", "Outputs: {O: {Value: x}}", &[]);
        let given = Value::Output {
            part: "a".into(),
            key: "O".into(),
        };
        let second = stack("b", "Parameters: {P: {Type: String}}", &[("P", given)]);
        assert_eq!(
            findings(vec![first, second]),
            ["lab-b Parameters/P: it comes from the part `a`, which the stack doesn't need"]
        );
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
        let outputs: String = (0..201).map(|n| format!("O{n}: {{Value: x}}, ")).collect();
        assert_eq!(
            findings(vec![stack("a", &format!("Outputs: {{{outputs}}}"), &[])]),
            ["lab-a Outputs: 201 of them, and the limit is 200"]
        );
        let description = "x".repeat(1025);
        assert_eq!(
            findings(vec![stack("a", &format!("Description: {description}"), &[])]).len(),
            1
        );
        assert_eq!(findings(vec![stack("a", &"#".repeat(1_000_001), &[])]).len(), 1);
    }

    #[test]
    fn what_is_no_yaml_says_so() {
        assert!(findings(vec![stack("a", "a: [", &[])])[0].starts_with("lab-a: the template can't be read"));
    }
}
