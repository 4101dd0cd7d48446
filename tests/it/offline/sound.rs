//! What only a bug in qfleet's own templates can bring about, and cfn-lint doesn't look at: how stacks fit together, and
//! metric math.

use qfleet::blueprint::references::{self, Reference};
use qfleet::blueprint::template::{self, section};
use qfleet::blueprint::{Blueprint, Stack, Value};
use serde_json::{Map, Value as Json};

use crate::offline::metric_math;
use crate::offline::shipped::{SHIPPED, shipped};

/// How many of each a template may have
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const MOST: [(&str, usize); 3] = [("Resources", 500), ("Parameters", 200), ("Outputs", 200)];
/// The longest description of a template.
const LONGEST_DESCRIPTION: usize = 1024;

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

/// What is wrong with the stacks of a blueprint, each with the part and the place in its template.
pub fn faults(stacks: &[Stack]) -> Vec<String> {
    let mut faults = Faults::default();
    let mut before: Vec<(&Stack, Map<String, Json>)> = Vec::new();
    for stack in stacks {
        faults.part.clone_from(&stack.part);
        let template = template::read(&stack.body).expect("a template");
        faults.limits(&template);
        faults.inside(&template);
        faults.parameters(stack, &template, &before);
        before.push((stack, template));
    }
    faults.list
}

#[derive(Default)]
struct Faults {
    part: String,
    list: Vec<String>,
}

impl Faults {
    fn add(&mut self, place: impl std::fmt::Display, message: impl std::fmt::Display) {
        self.list.push(format!("{} {place}: {message}", self.part));
    }

    fn limits(&mut self, template: &Map<String, Json>) {
        let description = template.get("Description").and_then(Json::as_str).unwrap_or_default();
        if description.len() > LONGEST_DESCRIPTION {
            self.add("Description", format!("the limit is {LONGEST_DESCRIPTION} bytes"));
        }
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
                Value::Literal(_)
                | Value::Default(_)
                | Value::Ssm(_)
                | Value::InService(_)
                | Value::Zones(_)
                | Value::DefaultVpc
                | Value::DefaultSubnets(_) => {}
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

#[test]
fn the_shipped_files_are_sound() {
    for name in SHIPPED {
        for local in [false, true] {
            let Blueprint { stacks, .. } = shipped(name, local);
            assert_eq!(faults(&stacks), [""; 0]);
        }
    }
}

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
        faults(&[stack("a", body, &[("P", Value::Literal("x".into()))])]),
        [
            "a Resources/A: there is no parameter and no resource `Q`",
            "a Resources/A: there is no resource `R` to have `Arn`",
            "a Resources/A: there is no parameter and no resource `S`",
            "a Resources/A: it depends on `C`, which is not there",
            "a Outputs/O: there is no parameter and no resource `T`",
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
        faults(&[first, second]),
        [
            "b Parameters/R: it is given no value",
            "b Parameters/Q: the part `a` has no output `N`",
            "b Parameters/S: it is given, but the template doesn't declare it",
            "b Parameters/S: no stack before this one is the part `c`",
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
        faults(&[first, second]),
        ["b Parameters/P: it comes from the part `a`, which the stack doesn't need"]
    );
}
