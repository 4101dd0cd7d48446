//! Whether the variables that workers are told have room where they are put.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Parts, Place};
use crate::blueprint::lint::{LONGEST_VALUE, LONGEST_VARIABLES, UNKNOWN_VALUE, longest, longest_variables};
use crate::blueprint::quoting::environment_file_value;
use crate::blueprint::template::{self, section};
use crate::blueprint::{Stack, outputs};
use crate::environment::given::{Given, Text};
use crate::environment::problem::Problem;
use crate::environment::{Active, Secret};

/// How many bytes a place has for all variables, and what they have.
struct Room {
    limit: usize,
    all: usize,
    /// Those of the file's `environment`.
    environment: usize,
    /// What `secrets` adds.
    secrets: usize,
    /// Some of it is what extras give, and reckoned.
    is_reckoned: bool,
    whose: &'static str,
}

impl Room {
    fn missing(&self) -> usize {
        self.all.saturating_sub(self.limit)
    }

    /// At the larger of the file's two keys.
    fn problem(&self, at: &str) -> Problem {
        let (key, bytes) = match self.secrets > self.environment {
            true => ("secrets", self.secrets),
            false => ("environment", self.environment),
        };
        let left = bytes.saturating_sub(self.missing());
        Problem::new(
            format!("{at}/{key}"),
            format!("`{key}` has {bytes} bytes, and there is room for {left} in this stage"),
        )
        .help(format!(
            "{} {} bytes, with qfleet's own variables{}: put more into a file of the program's folder",
            self.whose,
            self.limit,
            match self.is_reckoned {
                true => format!(", and {UNKNOWN_VALUE} are reckoned for what an extra gives"),
                false => String::new(),
            }
        ))
    }
}

impl Parts<'_> {
    /// What is too long in a stage's stack, for those that are at work in it.
    pub(super) fn variables_too_long(&self, place: Place<'_>, stack: &Stack) -> Option<Problem> {
        let workers = &self.environment.stages[place.index].workers;
        let (key, environment, secrets) = match stack.active? {
            Active::Instances => {
                let instances = workers.instances.as_ref()?;
                ("instances", &instances.environment, &instances.secrets)
            }
            Active::Lambda => {
                let lambda = workers.lambda.as_ref()?;
                ("lambda", &lambda.environment, &lambda.secrets)
            }
            Active::None => return None,
        };
        let at = format!("/stages/{}/workers/{key}", place.index);
        self.too_long_at(&at, stack, environment, secrets)
    }

    /// The same of variables and secrets at `at`.
    pub(super) fn too_long_at(
        &self,
        at: &str,
        stack: &Stack,
        environment: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Option<Problem> {
        let template = template::read(&stack.body).ok()?;
        let output = section(&template, "Outputs").find(|(id, _)| *id == outputs::WORKER_ENVIRONMENT);
        let output = output.map(|(_, output)| self.in_output(output, environment, secrets));
        let function =
            section(&template, "Resources").find(|(_, resource)| resource["Type"] == "AWS::Lambda::Function");
        let function = function.map(|(_, function)| self.in_function(function, environment, secrets));
        let tightest = output.into_iter().chain(function).max_by_key(Room::missing)?;
        (tightest.missing() > 0).then(|| tightest.problem(at))
    }

    fn in_output(
        &self,
        output: &Json,
        environment: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Room {
        let line = |name: &str, value: &str| match self.environment.text(value) {
            Text::Plain(value) => format!("\n{name}={}", environment_file_value(&value)).len(),
            Text::Given(_) => name.len() + 2 + UNKNOWN_VALUE,
        };
        Room {
            limit: LONGEST_VALUE,
            all: longest(&output["Value"]),
            environment: environment.iter().map(|(name, value)| line(name, value)).sum(),
            secrets: self
                .secrets_told(secrets)
                .map_or(0, |bytes| "\nQFLEET_SECRETS=\"\"".len() + bytes),
            is_reckoned: self.is_reckoned(environment, secrets),
            whose: "the stack's output WorkerEnvironment holds",
        }
    }

    fn in_function(
        &self,
        function: &Json,
        environment: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Room {
        let one = |name: &str, value: &str| match self.environment.text(value) {
            Text::Plain(value) => longest_variables([(name, &Json::from(value))]),
            Text::Given(_) => longest_variables([(name, &json!({"Ref": ""}))]),
        };
        Room {
            limit: LONGEST_VARIABLES,
            all: longest_variables(variables_of(function)),
            environment: environment.iter().map(|(name, value)| one(name, value)).sum(),
            secrets: self.secrets_told(secrets).map_or(0, |bytes| {
                longest_variables([("QFLEET_SECRETS", &Json::from(""))]) + bytes
            }),
            is_reckoned: self.is_reckoned(environment, secrets),
            whose: "Lambda takes",
        }
    }

    /// How many bytes tell where they are. None of them needs an escape.
    fn secrets_told(&self, secrets: &BTreeMap<String, Secret>) -> Option<usize> {
        let told = self.secrets(secrets, &[]);
        let pieces = told.pieces.iter();
        let pieces = pieces.map(|piece| piece.known().map_or(UNKNOWN_VALUE, str::len));
        (!secrets.is_empty()).then(|| told.text.len() + pieces.sum::<usize>())
    }

    fn is_reckoned(&self, environment: &BTreeMap<String, String>, secrets: &BTreeMap<String, Secret>) -> bool {
        let is_given = |value: &String| matches!(self.environment.text(value), Text::Given(_));
        let mut secrets = secrets.values();
        environment.values().any(is_given) || secrets.any(|secret| Given::whole(&secret.0).is_some())
    }
}

fn variables_of(function: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let variables = function["Properties"]["Environment"]["Variables"].as_object();
    variables
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}
