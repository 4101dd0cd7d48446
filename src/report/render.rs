//! Shows rendered templates.

use std::io::{self, Write};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::written::written;
use crate::blueprint::{Blueprint, Stack, Value};

/// A stack in JSON, its template as the text that is sent.
#[derive(Serialize, JsonSchema)]
struct StackWithTemplate<'a> {
    #[serde(flatten)]
    stack: &'a Stack,
    template: &'a str,
}

/// The document of `qfleet render --output json`.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    environment: &'a str,
    stacks: Vec<StackWithTemplate<'a>>,
}

fn with_templates(blueprint: &Blueprint) -> impl Iterator<Item = StackWithTemplate<'_>> {
    blueprint.stacks.iter().map(|stack| StackWithTemplate {
        stack,
        template: &stack.body,
    })
}

/// All templates as one stream of YAML documents, each under its stack's name and parameters.
pub fn text(blueprint: &Blueprint) {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut all = || {
        for stack in &blueprint.stacks {
            writeln!(out, "--- # stack {}", stack.name)?;
            if !stack.needs.is_empty() {
                writeln!(out, "# needs: {}", stack.needs.join(", "))?;
            }
            for (name, value) in &stack.parameters {
                match value {
                    Value::Literal(text) => writeln!(out, "# parameter {name}: {text}"),
                    Value::Default(text) => writeln!(out, "# parameter {name}: {text}, as the template says"),
                    Value::Output { part, key } => writeln!(out, "# parameter {name}: output {key} of {part}"),
                    Value::Ssm(path) => writeln!(out, "# parameter {name}: SSM parameter {path}"),
                    Value::Zones(wanted) => writeln!(out, "# parameter {name}: {wanted}"),
                    Value::DefaultVpc => writeln!(out, "# parameter {name}: the default VPC"),
                    Value::DefaultSubnets(wanted) => writeln!(out, "# parameter {name}: subnets in {wanted}"),
                    Value::InService(at_first) => {
                        writeln!(out, "# parameter {name}: {at_first}, later as many as run")
                    }
                }?;
            }
            out.write_all(stack.body.as_bytes())?;
            if !stack.body.ends_with('\n') {
                writeln!(out)?;
            }
        }
        out.flush()
    };
    written(all());
}

pub fn json(blueprint: &Blueprint) {
    super::json(&Document {
        environment: &blueprint.environment,
        stacks: with_templates(blueprint).collect(),
    });
}

/// One line a stack.
pub fn jsonl(blueprint: &Blueprint) {
    with_templates(blueprint).for_each(|stack| super::json_line(&stack));
}

/// What had to be made up.
pub fn notes(notes: &[String]) {
    for note in notes {
        anstream::eprintln!("note: {note}");
    }
}

/// The files that were written.
pub fn files(paths: &[PathBuf]) {
    for path in paths {
        anstream::eprintln!("wrote {}", path.display());
    }
}
