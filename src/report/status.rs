//! Status, for people.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, paint, whole_seconds};
use crate::cloud::stack_status::StackStatus;
use crate::observe::status::{StageState, Status};

/// The status as text.
pub fn text(status: &Status) -> String {
    let mut out = String::new();
    let place = format!("account {}, {}", status.account, status.region);
    if status.stacks.is_empty() {
        let _ = writeln!(
            out,
            "{} is not deployed in {place}: no stack carries its name.",
            paint(STRONG, &status.environment)
        );
        return out;
    }
    let _ = writeln!(out, "{} in {place}", paint(STRONG, &status.environment));
    if let Some(expires) = &status.expires {
        let _ = writeln!(
            out,
            "{} {}",
            if expires.seconds_left > 0 {
                "expires in"
            } else {
                "EXPIRED"
            },
            expires.text()
        );
    }
    let _ = writeln!(out);
    let mut stacks = table(&["stack", "status", "since", ""]);
    for stack in &status.stacks {
        let since = stack
            .since
            .map_or(String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let note = match (&stack.reason, stack.termination_protection) {
            (Some(reason), _) if !stack.status.is_well() => reason.clone(),
            (_, true) => "protected".into(),
            _ => String::new(),
        };
        stacks.add_row([
            stack.stack.clone(),
            paint(color(&stack.status), &stack.status),
            since,
            note,
        ]);
    }
    let _ = writeln!(out, "{stacks}");
    if !status.stages.is_empty() {
        let _ = writeln!(out, "\n{}", stages(status));
    }
    for unknown in &status.unknown {
        let _ = writeln!(out, "{} {unknown}", paint(CAREFUL, "unknown:"));
    }
    out
}

fn stages(status: &Status) -> Table {
    let mut stages = table(&[
        "stage",
        "waiting",
        "in flight",
        "oldest",
        "dead letters",
        "backlog",
        "workers",
        "min",
        "desired",
        "max",
    ]);
    for stage in &status.stages {
        let number = |n: Option<u64>| n.map_or("?".into(), |n| n.to_string());
        let dead = stage.dead_letters.map(|depth| depth.visible + depth.in_flight);
        let dead = match dead {
            Some(0) => paint(GOOD, 0),
            Some(n) => paint(BAD, n),
            None => "?".into(),
        };
        let group = stage.group.as_ref();
        let of_group = |n: Option<i32>| n.map_or("?".into(), |n| n.to_string());
        stages.add_row([
            stage.stage.clone(),
            number(stage.queue.map(|depth| depth.visible + depth.delayed)),
            number(stage.queue.map(|depth| depth.in_flight)),
            oldest(stage),
            dead,
            backlog(stage),
            group.map_or("?".into(), |group| group.in_service().to_string()),
            of_group(group.map(|group| group.min)),
            of_group(group.map(|group| group.desired)),
            of_group(group.map(|group| group.max)),
        ]);
    }
    stages
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

/// One digit after the point, where it says something.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

pub(super) fn color(status: &StackStatus) -> anstyle::Style {
    match status {
        status if status.is_well() => GOOD,
        status if status.is_in_progress() => CAREFUL,
        StackStatus::ReviewInProgress => FAINT,
        _ => BAD,
    }
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().map(|heading| paint(FAINT, heading)));
    table
}
