//! What a deploy or a destroy did: the failures with their causes first, then what to know.

use std::fmt::Write;

use super::style::{BAD, FAINT, STRONG, count, paint};
use crate::engine::cause::Cause;
use crate::engine::outcome::{Failure, Outcome, Report, Unattended};
use crate::engine::plan::Outputs;

/// What happened, in the order in which it matters.
pub fn text(report: &Report, again: &str) -> String {
    failures(report, again) + &totals(report)
}

/// Failures first, then what goes on without us and what was not begun; empty when all went well. `again` is the
/// command that picks it up.
fn failures(report: &Report, again: &str) -> String {
    let mut out = String::new();
    for stack in &report.stacks {
        if let Outcome::Failed(failure) = &stack.outcome {
            failure_text(&mut out, &stack.stack, failure);
        }
    }
    let mut unattended = false;
    for stack in &report.stacks {
        let name = &stack.stack;
        let _ = match &stack.outcome {
            Outcome::Running { operation, why } => {
                unattended = true;
                writeln!(
                    out,
                    "{} {name} goes on in CloudFormation, and is not waited for ({})",
                    operation.doing(),
                    because(*why)
                )
            }
            Outcome::Starting { awaits_instances, why } => {
                unattended = true;
                let instances = count(*awaits_instances as usize, "instance");
                writeln!(
                    out,
                    "{name} is deployed, but was not waited for until {instances} came into service ({})",
                    because(*why)
                )
            }
            Outcome::Skipped { because: Some(part) } => writeln!(out, "{name} was not begun: `{part}` comes before it"),
            Outcome::Skipped { because: None } => writeln!(out, "{name} was not begun"),
            _ => continue,
        };
    }
    if unattended {
        let _ = writeln!(out, "to pick it up again: {again}");
    }
    out
}

fn because(why: Unattended) -> &'static str {
    match why {
        Unattended::Interrupted => "interrupted",
        Unattended::TimedOut => "the time for it is up",
        Unattended::NotWaited => "as told",
    }
}

fn failure_text(out: &mut String, stack: &str, failure: &Failure) {
    let message = match failure.operation {
        Some(_) => failure.message.clone(),
        // Some say themselves which stack they are about.
        None if failure.message.starts_with(stack) => failure.message.clone(),
        None => format!("{stack}: {}", failure.message),
    };
    let _ = writeln!(out, "{} {message}", paint(BAD, "error:"));
    if let Some(help) = &failure.help {
        let _ = writeln!(out, "  {} {help}", paint(STRONG, "help:"));
    }
    if let Some(cause) = &failure.cause {
        cause_text(out, cause);
    }
}

fn cause_text(out: &mut String, cause: &Cause) {
    if let Some(root) = &cause.root {
        let physical = if root.physical_id.is_empty() {
            String::new()
        } else {
            format!(", {}", root.physical_id)
        };
        let _ = writeln!(
            out,
            "  cause: {} ({}{physical}) {}",
            paint(STRONG, &root.logical_id),
            root.resource_type,
            root.status
        );
        if let Some(line) = cause.template_line {
            let _ = match &cause.template_file {
                Some(file) => writeln!(out, "         {}:{line}", file.display()),
                None => writeln!(out, "         line {line} of the rendered template (qfleet render)"),
            };
        }
        if let Some(reason) = &root.reason {
            let _ = writeln!(out, "         {reason}");
        }
    }
    if let Some(hint) = cause.hint {
        let _ = writeln!(out, "  {} {hint}", paint(STRONG, "help:"));
    }
    if !cause.log.is_empty() {
        let _ = writeln!(out, "  the instance's last lines:");
        for line in &cause.log {
            let _ = writeln!(out, "    | {}", paint(FAINT, line));
        }
    }
    if !cause.cancelled.is_empty() {
        let _ = writeln!(out, "  cancelled because of it: {}", cause.cancelled.join(", "));
    }
}

/// What was done, in a line.
fn totals(report: &Report) -> String {
    let n = |test: fn(&Outcome) -> bool| report.stacks.iter().filter(|stack| test(&stack.outcome)).count();
    let mut parts = Vec::new();
    for (number, word) in [
        (n(|outcome| matches!(outcome, Outcome::Done { .. })), "done"),
        (n(|outcome| matches!(outcome, Outcome::Unchanged)), "unchanged"),
        (n(|outcome| matches!(outcome, Outcome::Failed(_))), "failed"),
        (n(|outcome| matches!(outcome, Outcome::Running { .. })), "still running"),
        (
            n(|outcome| matches!(outcome, Outcome::Starting { .. })),
            "not in service",
        ),
        (n(|outcome| matches!(outcome, Outcome::Skipped { .. })), "not begun"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", count(number, "stack")));
        }
    }
    format!("{}: {}.", report.address.environment, parts.join(", "))
}

/// Outputs as text, a part a block.
pub fn outputs(outputs: &Outputs) -> String {
    let mut out = String::new();
    let widest = outputs
        .values()
        .flat_map(|of_part| of_part.keys())
        .map(String::len)
        .max()
        .unwrap_or_default();
    for (part, of_part) in outputs.iter().filter(|(_, of_part)| !of_part.is_empty()) {
        let _ = writeln!(out, "{}", paint(STRONG, part));
        for (key, value) in of_part {
            // A value of several lines goes on under its first one.
            let value = value.trim_end().replace('\n', &format!("\n  {:widest$}  ", ""));
            let _ = writeln!(out, "  {key:widest$}  {value}");
        }
    }
    out
}
