//! Templates of the user's own: their parameters, and what others take from them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Parts, output};
use crate::blueprint::own_template::{OwnTemplate, label};
use crate::blueprint::template::{self, section, truth};
use crate::blueprint::{Stack, Value, ZonesWanted, contexts, outputs};
use crate::environment::given::{Given, Text, text};
use crate::environment::problem::Problem;
use crate::environment::{Extra, Place, nearest};

const NETWORK: &str = "network";

/// Their types are the paths of SSM parameters, which CloudFormation reads.
const READ_FROM_SSM: &str = "AWS::SSM::Parameter::Value<";

impl Parts<'_> {
    /// The stack of an extra. `made` are those of the parts before it.
    pub fn extra(&self, index: usize, own: &OwnTemplate, made: &[Stack]) -> Result<Stack, Vec<Problem>> {
        let extra = &self.environment.extras[index];
        let at = format!("/extras/{index}");
        let given = Giving {
            parts: self,
            extra,
            at: &at,
            made,
        };
        let mut problems = given.outputs_that_are_missing(own);
        for nested in own.nested() {
            let why = format!(
                "{} makes the nested stack {nested}, and nobody sees what is in that",
                label(extra)
            );
            problems.push(
                Problem::new(format!("{at}/template"), why)
                    .help("make an extra of the nested template too, and hand its outputs on"),
            );
        }
        let mut parameters = BTreeMap::new();
        for (name, declared) in section(&own.template, "Parameters") {
            match given.parameter(name, declared) {
                Ok(value) => _ = parameters.insert(name.clone(), value),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(given.parameters_too_many(own));
        if !problems.is_empty() {
            return Err(problems);
        }
        let needs = extra
            .needs
            .iter()
            .filter(|part| made.iter().any(|stack| stack.part == **part));
        let stack = self.assemble(
            &extra.name,
            own.body.clone(),
            parameters,
            needs.cloned().collect(),
            super::Origin::Users,
            self.on_destroy(),
        );
        let acknowledged = own.acknowledged();
        Ok(Stack {
            makes_roles: acknowledged.roles,
            names_roles: acknowledged.names,
            expands: own.expands(),
            file: Some(own.file.clone()),
            ..stack
        })
    }

    /// The parameters by which a stack gets what extras give, and what they are set to.
    pub(super) fn given_parameters(&self, used: &[Given<'_>]) -> BTreeMap<String, Value> {
        let numbered = used.iter().enumerate();
        numbered
            .map(|(i, given)| (name(i), output(given.part, given.output)))
            .collect()
    }
}

/// The parameter for the so-manieth that is used.
fn name(index: usize) -> String {
    format!("ExtraOutput{}", index + 1)
}

/// The parameter by which a stack gets it.
pub(super) fn parameter(used: &[Given<'_>], given: Given<'_>) -> Option<String> {
    used.iter().position(|one| *one == given).map(name)
}

/// For the templates: what each parameter is.
pub(super) fn contexts(used: &[Given<'_>]) -> Vec<contexts::ExtraOutput> {
    let numbered = used.iter().enumerate();
    numbered
        .map(|(i, given)| contexts::ExtraOutput {
            parameter: name(i),
            description: format!("{} of the extra {}", given.output, given.part),
        })
        .collect()
}

/// Where an extra's parameters come from.
struct Giving<'a> {
    parts: &'a Parts<'a>,
    extra: &'a Extra,
    at: &'a str,
    made: &'a [Stack],
}

impl Giving<'_> {
    fn outputs_that_are_missing(&self, own: &OwnTemplate) -> Vec<Problem> {
        let names = || section(&own.template, "Outputs").map(|(name, _)| name.as_str());
        let gives = self.extra.gives.iter().enumerate();
        let missing = gives.filter(|(_, wanted)| !names().any(|name| name == *wanted));
        let problem = |(i, wanted): (usize, &String)| {
            let message = format!("{} has no output `{wanted}`", label(self.extra));
            let help = instead(wanted, names(), "add it to the template's `Outputs`, or remove it here");
            Problem::new(format!("{}/gives/{i}", self.at), message).help(help)
        };
        missing.map(problem).collect()
    }

    fn parameters_too_many(&self, own: &OwnTemplate) -> Vec<Problem> {
        let names = || section(&own.template, "Parameters").map(|(name, _)| name.as_str());
        let unknown = self.extra.parameters.keys();
        let unknown = unknown.filter(|wanted| !names().any(|name| name == *wanted));
        let problem = |wanted: &String| {
            let message = format!("{} has no parameter `{wanted}`", label(self.extra));
            let help = instead(wanted, names(), "remove it, or add it to the template's `Parameters`");
            Problem::new(self.at_parameter(wanted), message).help(help).on_key()
        };
        unknown.map(problem).collect()
    }

    fn at_parameter(&self, name: &str) -> String {
        format!("{}/parameters/{name}", self.at)
    }

    fn parameter(&self, name: &str, declared: &Json) -> Result<Value, Problem> {
        let kind = declared["Type"].as_str().unwrap_or_default();
        let from_ssm = kind.starts_with(READ_FROM_SSM);
        let is_secret = truth(&declared["NoEcho"]);
        let at = self.at_parameter(name);
        if let Some(said) = self.extra.parameters.get(name) {
            return match text(said) {
                Text::Given(given) if is_secret => Err(readable(&at, name, given)),
                Text::Given(given) => self.output(given, &at, from_ssm),
                Text::Plain(said) => {
                    if is_secret {
                        let message = format!("`{name}` is a secret (`NoEcho`), and this file isn't");
                        return Err(Problem::new(at, message).help(HAVE_IT_MADE));
                    }
                    allowed(&at, name, declared, &said)?;
                    Ok(match from_ssm {
                        true => Value::Ssm(said.into_owned()),
                        false => Value::Literal(said.into_owned()),
                    })
                }
            };
        }
        let needed = self.extra.needs.iter().filter(|part| self.puts_out(part, name));
        let needed: Vec<&String> = needed.collect();
        match (needed.as_slice(), &declared["Default"]) {
            ([part], _) => {
                let needs = self
                    .extra
                    .needs
                    .iter()
                    .position(|need| need == *part)
                    .unwrap_or_default();
                let given = Given { part, output: name };
                let at = format!("{}/needs/{needs}", self.at);
                match is_secret {
                    true => Err(readable(&at, name, given)),
                    false => self.output(given, &at, from_ssm),
                }
            }
            ([_, ..], _) => {
                let parts: Vec<String> = needed.iter().map(|part| format!("`{part}`")).collect();
                let message = format!("`{name}` could come from {}", parts.join(" or "));
                let help = format!(
                    "say from which: `parameters: {{{name}: \"${{{}.{name}}}\"}}`",
                    needed[0]
                );
                Err(Problem::new(format!("{}/needs", self.at), message).help(help))
            }
            ([], Json::Null) => Err(self.without_value(name)),
            ([], default) => Ok(match (from_ssm, as_text(default)) {
                (true, path) => Value::Ssm(path),
                (false, text) => Value::Default(text),
            }),
        }
    }

    fn without_value(&self, name: &str) -> Problem {
        let others = self.made.iter().map(|stack| stack.part.as_str()).chain([NETWORK]);
        let givers: BTreeSet<String> = others
            .filter(|part| !self.extra.needs.iter().any(|need| need == part))
            .filter(|part| self.puts_out(part, name))
            .map(|part| format!("`{part}`"))
            .collect();
        let givers: Vec<String> = givers.into_iter().collect();
        let help = match givers.is_empty() {
            false => format!(
                "add {} to `needs`, which gives it; or set it in `parameters`",
                givers.join(" or ")
            ),
            true => format!(
                "set it in `parameters`, or give it a `Default` in {}",
                self.extra.template
            ),
        };
        let message = format!("the parameter `{name}` of {} has no value", self.extra.template);
        Problem::new(self.at, message).help(help)
    }

    /// Whether a part before it puts something out by this name.
    fn puts_out(&self, part: &str, name: &str) -> bool {
        match self.made.iter().find(|stack| stack.part == part) {
            // Of another extra, what it gives.
            Some(_) if let Some(extra) = self.parts.environment.extra(part) => {
                extra.gives.iter().any(|given| given == name)
            }
            Some(stack) => {
                let template = template::read(&stack.body).unwrap_or_default();
                section(&template, "Outputs").any(|(output, _)| output == name)
            }
            None => part == NETWORK && [outputs::VPC, outputs::SUBNETS].contains(&name),
        }
    }

    /// The output of a part before it, for what stands at `at`.
    fn output(&self, given: Given<'_>, at: &str, from_ssm: bool) -> Result<Value, Problem> {
        let Given { part, output: name } = given;
        if from_ssm {
            let message =
                format!("`{given}` can't be the path of an SSM parameter: nobody would see when that changes");
            return Err(Problem::new(at, message).help("have the template take the value itself, as a `String`"));
        }
        if !self.puts_out(part, name) {
            let message = format!("`{part}` puts out no `{name}`");
            return Err(Problem::new(at, message).help("`qfleet render` shows what each stack puts out"));
        }
        if part != NETWORK {
            return Ok(output(part, name));
        }
        let is_vpc = name == outputs::VPC;
        match self.parts.environment.place() {
            Place::Created => Ok(output(part, name)),
            Place::DefaultVpc if is_vpc => Ok(Value::DefaultVpc),
            Place::DefaultVpc => Ok(Value::DefaultSubnets(ZonesWanted {
                offering: Vec::new(),
                subnets: None,
            })),
            Place::Named { vpc, .. } if is_vpc => Ok(Value::Literal(vpc.to_owned())),
            Place::Named { subnets, .. } => Ok(Value::Literal(subnets.join(","))),
            Place::Several => Err(
                Problem::new(at, "the instances of this file aren't all in the same subnets")
                    .help("say which: `parameters: {VpcId: vpc-…, SubnetIds: \"subnet-…,subnet-…\"}`"),
            ),
        }
    }
}

/// What a stack puts out, everybody can read who may read stacks.
fn readable(at: &str, name: &str, given: Given<'_>) -> Problem {
    let message = format!("`{name}` is a secret (`NoEcho`), and `{given}` can be read in the outputs of a stack");
    Problem::new(at, message).help(HAVE_IT_MADE)
}

const HAVE_IT_MADE: &str = "have it made or read where it is used, so that nobody needs to know it: \
`ManageMasterUserPassword` of RDS, `GenerateSecretString` of a secret, or `{{resolve:secretsmanager:…}}` in the template";

/// A name that was meant, or what else to do.
fn instead<'a>(wanted: &str, names: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(wanted, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => otherwise.to_owned(),
    }
}

fn as_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the template takes this value. Its patterns are CloudFormation's to try.
fn allowed(at: &str, name: &str, declared: &Json, value: &str) -> Result<(), Problem> {
    let refused = |expected: String| {
        let problem = Problem::new(at, format!("`{name}` can't be `{value}`"));
        Err(problem.help(format!("the template takes {expected}")))
    };
    let choices = declared["AllowedValues"].as_array().into_iter().flatten();
    let choices: Vec<String> = choices.map(as_text).collect();
    if !choices.is_empty() && !choices.iter().any(|choice| choice == value) {
        return refused(choices.join(", "));
    }
    if declared["Type"] == "Number" && value.parse::<f64>().is_err() {
        return refused("a number".to_owned());
    }
    Ok(())
}
