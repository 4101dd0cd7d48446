//! Status, for people: what is to be looked into first, then stacks, then stages.

mod delivery;
pub(super) mod stage;
pub(super) mod web;

use std::fmt::Write;

use anstyle::Style;

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, mark, number, paint, seconds, sign, whole_seconds, wrapped_to};
use super::tally::tally;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::s3::replication::Destination;
use crate::observe::alerts::AlertsState;
use crate::observe::finding::Severity;
use crate::observe::operation::LastOperation;
use crate::observe::replication::Rule;
use crate::observe::status::{StackState, StageState, Status};

/// The status as text, in lines of so many columns; none for as long as they come.
pub fn text(status: &Status, width: Option<usize>) -> String {
    let mut out = String::new();
    let place = status.address.place();
    let name = paint(STRONG, &status.address.environment);
    if status.stacks.is_empty() {
        let _ = writeln!(out, "{name} is not deployed in {place}: no stack carries its name.");
        if let Some(elsewhere) = status.looked.elsewhere(&status.address.region) {
            wrapped(&mut out, &format!("{elsewhere}."), "", "", width);
        }
        unknown(&mut out, status, width);
        return out;
    }
    let stands_by = if status.stands_by { " stands by" } else { "" };
    let _ = writeln!(out, "{name} in {place}{stands_by}");
    if let Some(expires) = &status.expires {
        let word = match expires.seconds_left > 0 {
            true => "expires in".to_owned(),
            false => paint(BAD, "EXPIRED"),
        };
        let _ = writeln!(out, "{word} {}", expires.text());
    }
    if let Some(alerts) = &status.alerts {
        let _ = match alerts.state {
            AlertsState::Confirmed => writeln!(out, "alerts go to {}", alerts.email),
            AlertsState::Unconfirmed => writeln!(out, "alerts go to {}, once it has confirmed them", alerts.email),
            AlertsState::Unsubscribed => writeln!(out, "alerts don't go to {} any more", alerts.email),
        };
    }
    if let Some(replication) = &status.replication {
        let copied = match (replication.destination, replication.rule) {
            (Destination::Denied, _) | (Destination::Ready, Some(Rule::Unknown)) => {
                "it isn't known whether uploads are copied to"
            }
            (Destination::Ready, None | Some(Rule::AsDeployed)) => "uploads are copied to",
            _ => "uploads should be copied to",
        };
        let _ = writeln!(out, "{copied} {}", replication.bucket);
    }
    let _ = writeln!(out);
    findings(&mut out, status, width);
    let _ = writeln!(out, "\n{}", paint(FAINT, "stacks"));
    stacks(&mut out, &status.stacks, width);
    for stage in &status.stages {
        let _ = writeln!(out, "\n{} {}", paint(FAINT, "stage"), paint(STRONG, &stage.stage));
        stage::lines(&mut out, stage, status.local, width);
    }
    if let Some(web) = &status.web {
        let _ = writeln!(out, "\n{}", paint(FAINT, "web"));
        web::lines(&mut out, web, status.local && status.local_fleet.is_none(), width);
    }
    if let Some(delivery) = &status.delivery {
        let _ = writeln!(out, "\n{}", paint(FAINT, "delivery"));
        delivery::lines(&mut out, delivery, width);
    }
    if !status.unknown.is_empty() {
        let _ = writeln!(out);
    }
    unknown(&mut out, status, width);
    out
}

fn unknown(out: &mut String, status: &Status, width: Option<usize>) {
    for unknown in &status.unknown {
        wrapped(
            out,
            &format!("{} {unknown}", paint(CAREFUL, "unknown:")),
            "",
            "  ",
            width,
        );
    }
}

fn findings(out: &mut String, status: &Status, width: Option<usize>) {
    if status.findings.is_empty() {
        let _ = match status.unknown.is_empty() {
            true => writeln!(out, "{}nothing to look into", mark(GOOD, "✓")),
            false => writeln!(out, "nothing to look into, in what could be read"),
        };
        return;
    }
    let _ = writeln!(out, "{} {}", paint(FAINT, "findings"), tally(&status.findings));
    for finding in &status.findings {
        let word = finding.severity.as_str();
        let style = match finding.severity {
            Severity::Critical => BAD,
            Severity::Warning => CAREFUL,
            Severity::Note => FAINT,
        };
        let about = finding.about().map_or(String::new(), |about| format!("{about}: "));
        let margin = " ".repeat(MARGIN);
        let first = format!("  {}{}", paint(style, word), " ".repeat(MARGIN - 2 - word.len()));
        wrapped(out, &format!("{about}{}", finding.meaning), &first, &margin, width);
        wrapped(
            out,
            &format!("{} {}", sign(Style::new(), "→", "what to do:"), finding.action),
            &margin,
            &format!("{margin}  "),
            width,
        );
        if let Some(command) = &finding.command {
            // Never broken: it is there to be copied.
            let _ = writeln!(out, "{margin}  {}", paint(STRONG, command));
        }
    }
}

/// The columns before what is said of something.
pub(super) const MARGIN: usize = 12;
/// A text in lines that fit, the first of them behind `first`, the others behind `later`.
pub(super) fn wrapped(out: &mut String, text: &str, first: &str, later: &str, width: Option<usize>) {
    let _ = writeln!(out, "{}", wrapped_to(width, text, first, later));
}

fn stacks(out: &mut String, stacks: &[StackState], width: Option<usize>) {
    let longest = |of: fn(&StackState) -> &str| stacks.iter().map(|stack| of(stack).len()).max().unwrap_or_default();
    let names = longest(|stack| &stack.stack);
    let statuses = longest(|stack| stack.status.as_str());
    let margin = " ".repeat(4);
    for stack in stacks {
        let word = stack.status.as_str();
        let gap = " ".repeat(statuses - word.len());
        let operation = operation(stack);
        let used = 2 + names + 2 + statuses + 2 + operation.len();
        let fits = width.is_none_or(|width| used <= width);
        let line = format!("  {:names$}  {}", stack.stack, paint(color(&stack.status), word));
        let _ = match fits {
            true => writeln!(out, "{line}{gap}  {operation}"),
            false => writeln!(out, "{line}"),
        };
        let mut more = Vec::new();
        if !fits {
            more.push(operation);
        }
        match stack.termination_protection {
            Some(true) => more.push("protected".to_owned()),
            Some(false) => {}
            None => more.push("protection unknown".to_owned()),
        }
        more.extend(drift(stack));
        if !more.is_empty() {
            wrapped(out, &more.join(", "), &margin, &margin, width);
        }
        if let Some(reason) = stack.reason.as_ref().filter(|_| !stack.status.is_well()) {
            wrapped(out, reason, &margin, &margin, width);
        }
    }
}

/// As in "updated 2026-01-02 09:58Z in 3m 05s", "update of 2026-01-02 09:58Z, 3m 05s".
fn operation(stack: &StackState) -> String {
    let LastOperation {
        kind,
        started_at,
        length_seconds,
        ..
    } = &stack.last_operation;
    let at = started_at.map_or("?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%MZ").to_string());
    match (stack.status.is_well(), length_seconds) {
        (true, Some(length)) => format!("{} {at} in {}", kind.done(), seconds(*length)),
        (true, None) => format!("{} {at}", kind.done()),
        (false, Some(length)) => format!("{} of {at}, {}", kind.noun(), seconds(*length)),
        (false, None) => format!("{} of {at}", kind.noun()),
    }
}

/// A drift detection that nobody ever started isn't worth a line.
fn drift(stack: &StackState) -> Option<String> {
    let checked = stack.drift.checked_at?.strftime("%Y-%m-%d %H:%MZ").to_string();
    let word = match stack.drift.status.as_str() {
        "IN_SYNC" => "in sync".to_owned(),
        "DRIFTED" => paint(CAREFUL, "drifted"),
        "NOT_CHECKED" => return None,
        other => format!("drift {other}"),
    };
    Some(format!("{word} when checked {checked}"))
}

/// How long the oldest message has waited.
pub(super) fn oldest(stage: &StageState) -> String {
    stage.oldest_message_age_seconds.map_or("?".into(), whole_seconds)
}

/// As in "41.2 of 60": the backlog per instance and its target, in messages.
pub(super) fn backlog(stage: &StageState) -> String {
    let Some(backlog) = &stage.backlog else {
        return "-".into();
    };
    let now = backlog.messages_per_instance.map_or("?".into(), number);
    format!("{now} of {}", number(backlog.target_messages_per_instance))
}

pub(super) fn color(status: &StackStatus) -> anstyle::Style {
    match status {
        status if status.is_well() => GOOD,
        status if status.is_in_progress() => CAREFUL,
        StackStatus::ReviewInProgress => FAINT,
        _ => BAD,
    }
}
