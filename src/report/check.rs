//! Shows what a check found.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::form::Output;
use super::{problems, style};
use crate::blueprint::lint::{Finding, Severity};
use crate::environment::Throughput;
use crate::environment::problem::{Located, Problems};

/// The result of a check; the document of `qfleet check --output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked<'a> {
    pub environment: &'a str,
    /// How many stacks were rendered.
    pub stacks: usize,
    /// What the file may say, but probably shouldn't.
    #[serde(serialize_with = "located")]
    #[schemars(with = "Vec<Located>")]
    pub advice: Problems,
    /// What is wrong with their templates.
    pub findings: Vec<Finding>,
    /// What became of cfn-lint.
    pub cfn_lint: CfnLint,
    /// How much work the stages' functions can do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionFact<'a>>,
}

/// How much work a function can do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FunctionFact<'a> {
    pub stage: &'a str,
    pub max_concurrency: u32,
    /// How many messages `max_concurrency` allows in a second.
    pub messages_per_second: f64,
    /// How long one takes, as the file says. Without it, the figure is for runs that take all of their `timeout` for a full
    /// batch: the least there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_per_message: Option<f64>,
}

impl<'a> FunctionFact<'a> {
    pub fn new(stage: &'a str, max_concurrency: u32, throughput: Throughput) -> Self {
        let (messages_per_second, seconds_per_message) = match throughput {
            Throughput::AsSaid {
                a_second,
                seconds_per_message,
            } => (a_second, Some(seconds_per_message)),
            Throughput::AtWorst { a_second } => (a_second, None),
        };
        FunctionFact {
            stage,
            max_concurrency,
            messages_per_second,
            seconds_per_message,
        }
    }

    fn text(&self) -> String {
        let FunctionFact {
            stage,
            max_concurrency,
            messages_per_second,
            ..
        } = self;
        match self.seconds_per_message {
            Some(seconds) => format!(
                "{stage}: {max_concurrency} runs at the same time do up to {} messages a second, at {seconds} s each\n",
                figure(*messages_per_second)
            ),
            None => format!(
                "{stage}: {max_concurrency} runs at the same time do at least {} messages a second, if each takes its whole \
                 timeout for a full batch\n",
                figure(*messages_per_second)
            ),
        }
    }
}

/// As many digits as say something.
fn figure(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

/// What became of cfn-lint.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum CfnLint {
    /// Its findings are among the others.
    Ran,
    Missing,
    /// It could not do its work.
    Failed {
        message: String,
    },
}

impl Checked<'_> {
    /// How many of the findings would make a deploy fail.
    pub fn errors(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count()
    }

    /// Neither findings nor advice.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.advice.list.is_empty()
    }
}

fn located<S: Serializer>(advice: &Problems, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(advice.located())
}

pub fn show(checked: &Checked<'_>, output: Output) {
    match output {
        Output::Text => super::prose(&text(checked)),
        Output::Json => super::json(checked),
        Output::Jsonl => super::json_line(checked),
    }
}

fn text(checked: &Checked<'_>) -> String {
    let mut text = problems::for_people(&checked.advice, miette::Severity::Advice);
    for finding in &checked.findings {
        let word = match finding.severity {
            Severity::Error => style::paint(style::BAD, "error:"),
            Severity::Warning => style::paint(style::CAREFUL, "warning:"),
        };
        text.push_str(&format!("{word} {finding}\n"));
    }
    for fact in &checked.functions {
        text.push_str(&fact.text());
    }
    match &checked.cfn_lint {
        CfnLint::Ran | CfnLint::Failed { .. } => {}
        CfnLint::Missing => text.push_str(
            "cfn-lint is not installed, so the templates were not checked against AWS's schemas: `qfleet local install` brings it\n",
        ),
    }
    let verdict = match checked.errors() {
        0 => style::paint(style::GOOD, "no errors"),
        errors => style::paint(style::BAD, style::count(errors, "error")),
    };
    let advice = match checked.advice.list.len() {
        0 => String::new(),
        1 => ", 1 piece of advice".to_owned(),
        pieces => format!(", {pieces} pieces of advice"),
    };
    let stacks = style::count(checked.stacks, "stack");
    text.push_str(&format!(
        "{}: {stacks} checked, {verdict}{advice}\n",
        checked.environment
    ));
    text
}
