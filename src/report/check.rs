//! Shows what a check found.

use miette::GraphicalTheme;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::form::Output;
use super::{problems, style};
use crate::blueprint::lint::{Finding, Severity};
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
}

fn located<S: Serializer>(advice: &Problems, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(advice.located())
}

pub fn show(checked: &Checked<'_>, output: Output) {
    match output {
        Output::Text => super::text(&text(checked)),
        Output::Json => super::json(checked),
        Output::Jsonl => super::json_line(checked),
    }
}

fn text(checked: &Checked<'_>) -> String {
    let mut text = problems::text(&checked.advice, miette::Severity::Advice, GraphicalTheme::unicode());
    for finding in &checked.findings {
        let word = match finding.severity {
            Severity::Error => style::paint(style::BAD, "error:"),
            Severity::Warning => style::paint(style::CAREFUL, "warning:"),
        };
        text.push_str(&format!("{word} {finding}\n"));
    }
    match &checked.cfn_lint {
        CfnLint::Ran | CfnLint::Failed { .. } => {}
        CfnLint::Missing => text.push_str(
            "cfn-lint is not installed, so the templates were not checked against AWS's schemas: pip install cfn-lint\n",
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
