//! What a deploy or a destroy did: the failures with their causes first, then what to know.

use std::fmt::Write;

use super::form::Output;
use super::note;
use super::style::{BAD, FAINT, STRONG, count, paint};
use crate::blueprint::outputs::{BUCKET, QUEUE_URL, URL};
use crate::deployed::address::Address;
use crate::engine::cause::Cause;
use crate::engine::event::Operation;
use crate::engine::outcome::{Failure, Outcome, Report, Unattended};
use crate::engine::plan::Outputs;
use crate::shell;

/// What happened, in the order in which it matters.
pub fn text(report: &Report, again: &str) -> String {
    failures(report, again) + &totals(report)
}

/// Failures first, then what isn't done; empty when all went well.
fn failures(report: &Report, again: &str) -> String {
    let mut out = String::new();
    for (stack, failure) in report.failures() {
        failure_text(&mut out, stack, failure);
    }
    out + &not_done(report, again)
}

/// What goes on without us and what was not begun. `again` is the command that picks it up.
fn not_done(report: &Report, again: &str) -> String {
    let mut out = String::new();
    let mut unattended = false;
    for stack in &report.stacks {
        let name = &stack.stack;
        let _ = match &stack.outcome {
            Outcome::Unknown(_) => {
                unattended = true;
                writeln!(out, "{name} goes on in CloudFormation, and how it ends is not known")
            }
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
            Outcome::Skipped { because: Some(part) } => {
                writeln!(out, "{name} was not begun: {}", what_comes_before(report, part))
            }
            Outcome::Skipped { because: None } => writeln!(out, "{name} was not begun"),
            _ => continue,
        };
    }
    if let Some(help) = after_failure(report, again) {
        let _ = writeln!(out, "  {} {help}", paint(STRONG, "help:"));
    }
    let is_told_not_to_wait = report.stacks.iter().any(|stack| {
        let (Outcome::Running { why, .. } | Outcome::Starting { why, .. }) = &stack.outcome else {
            return false;
        };
        *why == Unattended::NotWaited
    });
    if is_told_not_to_wait && !report.not_begun.is_empty() {
        let _ = writeln!(out, "to wait for what runs, and begin the rest: {again}");
    } else if unattended {
        let _ = writeln!(out, "to pick it up again: {again}");
    }
    out
}

/// What to do once a deploy has ended half-way; nothing where nothing failed, or only something else than a create or an
/// update.
fn after_failure(report: &Report, again: &str) -> Option<String> {
    let failures = report.stacks.iter().filter_map(|stack| match &stack.outcome {
        Outcome::Failed(failure) => Some(&**failure),
        _ => None,
    });
    let is_of_deploy = |failure: &&Failure| {
        let deploys = matches!(failure.operation, Some(Operation::Create | Operation::Update));
        deploys && !failure.refused && !failure.was_cancelled
    };
    let failed: Vec<&Failure> = failures.filter(is_of_deploy).collect();
    let file = failed
        .iter()
        .find_map(|failure| failure.cause.as_ref()?.template_file.as_ref());
    let file = file.map_or_else(String::new, |file| format!(" in {}", file.display()));
    let local = match shell::has_option(again, "--local") {
        true => " --local",
        false => "",
    };
    // By its name: `again` may name a file that `events` would have to be given in the same way.
    let Address {
        environment, region, ..
    } = &report.address;
    (!failed.is_empty()).then(|| {
        format!(
            "what is done stays. Mend the cause{file}, then: {again}\n        the whole story: qfleet events --name \
             {environment} --region {region}{local} --failed"
        )
    })
}

/// Why a stack was not begun: the part before it that stands in the way, however far before, and what became of that.
fn what_comes_before(report: &Report, part: &str) -> String {
    let of = |part: &str| {
        let found = report.stacks.iter().find(|stack| stack.part == part);
        found.map(|stack| &stack.outcome)
    };
    let mut part = part;
    while let Some(Outcome::Skipped { because: Some(before) }) = of(part) {
        part = before;
    }
    let became = match of(part) {
        Some(Outcome::Failed(failure)) if failure.refused => " and was refused".to_owned(),
        Some(Outcome::Failed(failure)) => match failure.cause.as_ref().and_then(|cause| cause.root.as_ref()) {
            Some(root) => format!(" and failed on {}", root.logical_id),
            None => " and failed".to_owned(),
        },
        Some(Outcome::Unknown(_)) => ", and how it ends is not known".to_owned(),
        Some(Outcome::Running { .. }) => " and is not done yet".to_owned(),
        Some(Outcome::Starting { .. }) => ", and its instances are not in service yet".to_owned(),
        Some(Outcome::Skipped { .. }) => " and was not begun".to_owned(),
        Some(Outcome::Done { .. } | Outcome::Unchanged) | None => String::new(),
    };
    format!("`{part}` comes before it{became}")
}

fn because(why: Unattended) -> &'static str {
    match why {
        Unattended::Interrupted => "interrupted",
        Unattended::TimedOut => "the time for it is up",
        Unattended::NotWaited => "as told",
    }
}

/// A line for each stack that failed, with its first cause, and what isn't done, on standard error: for who reads the log of a
/// command whose result is for programs. `again` is the command that picks it up.
pub fn note_causes(report: &Report, again: &str, output: Output) {
    if output == Output::Text {
        return;
    }
    causes(report).iter().for_each(|line| note(line));
    let rest = not_done(report, again);
    if !rest.is_empty() {
        note(rest.trim_end());
    }
}

fn causes(report: &Report) -> Vec<String> {
    let line = |(stack, failure): (&str, &Failure)| format!("{} {}", paint(BAD, "error:"), failure.in_a_line(stack));
    report.failures().map(line).collect()
}

fn failure_text(out: &mut String, stack: &str, failure: &Failure) {
    let _ = writeln!(out, "{} {}", paint(BAD, "error:"), failure.message(stack));
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
        (
            n(|outcome| matches!(outcome, Outcome::Failed(failure) if !failure.was_cancelled)),
            "failed",
        ),
        (
            n(|outcome| matches!(outcome, Outcome::Failed(failure) if failure.was_cancelled)),
            "cancelled",
        ),
        (n(|outcome| matches!(outcome, Outcome::Unknown(_))), "not known"),
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

/// Those of the outputs that a person copies: where files go in, where messages go in, and addresses for a browser.
pub fn to_copy(outputs: &Outputs) -> Outputs {
    let mut outputs = outputs.clone();
    // The bucket for programs is qfleet's own.
    outputs.remove("artifacts");
    for of_part in outputs.values_mut() {
        of_part.retain(|key, _| [BUCKET, QUEUE_URL, URL].contains(&key.as_str()));
    }
    outputs
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outcome::{Failed, StackReport};
    use crate::error::Error;

    #[test]
    fn what_was_not_begun_says_what_stands_in_the_way_and_why() {
        let needs = |part: &str| Outcome::Skipped {
            because: Some(part.into()),
        };
        let ended = |error: Error| Outcome::from(Failed::from(error));
        let running = Outcome::Running {
            operation: Operation::Create,
            why: Unattended::NotWaited,
        };
        for (first, said) in [
            (ended(Error::failed("no")), " and failed"),
            (ended(Error::refused("no")), " and was refused"),
            (ended(Error::Interrupted), " and was not begun"),
            (running, " and is not done yet"),
        ] {
            let stack = |part: &str, outcome| StackReport {
                part: part.into(),
                stack: format!("lab-{part}"),
                outcome,
            };
            let address = Address {
                environment: "lab".into(),
                account: "111122223333".into(),
                region: "us-east-2".into(),
            };
            // The page waits for the work, and that for the database.
            let stacks = vec![
                stack("db", first),
                stack("work", needs("db")),
                stack("page", needs("work")),
            ];
            let shown = text(&Report::new(address, stacks), "qfleet deploy lab");
            for stack in ["lab-work", "lab-page"] {
                let line = format!("{stack} was not begun: `db` comes before it{said}\n");
                assert!(shown.contains(&line), "{line}{shown}");
            }
        }
    }
}
