//! What a revert would do, for people: each property as it was deployed, as it is, and as it would be.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::drift::one_line;
use super::style::{BAD, CAREFUL, FAINT, STRONG, paint};
use crate::cloud::cloudformation::change_set::{Action, Replacement};
use crate::engine::revert::{NewerValue, StackRevert};
use crate::observe::drift::Drift;

/// How wide the table is where there is no terminal.
const WIDTH: usize = 100;
/// The longest value that is shown whole; JSON has all of it.
const LONGEST_VALUE: usize = 60;

pub fn text(reverts: &[StackRevert]) -> String {
    let mut out = "\nPutting it back:\n\n".to_owned();
    for revert in reverts {
        let note = revert.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        let _ = writeln!(out, "{}{note}", paint(STRONG, &revert.stack));
        if !revert.changes.is_empty() {
            let _ = writeln!(out, "{}\n", table(revert));
        }
        if let Some(warning) = &revert.warning {
            let _ = writeln!(out, "{} {}: {warning}", paint(CAREFUL, "!"), revert.stack);
        }
    }
    for line in newer(reverts) {
        let _ = writeln!(out, "{} {line}", paint(BAD, "!"));
    }
    out
}

/// What comes with it that wasn't asked for, a line each.
pub fn newer(reverts: &[StackRevert]) -> Vec<String> {
    let all = reverts
        .iter()
        .flat_map(|revert| revert.newer.iter().map(move |newer| (revert, newer)));
    let line = |(revert, newer): (&StackRevert, &NewerValue)| {
        let deployed = newer.deployed.as_deref().unwrap_or("unknown");
        format!(
            "{}: {} is {} in the parameter store by now, and {deployed} was deployed: that comes with it, and replaces what \
             was made from it",
            revert.stack, newer.parameter, newer.becomes
        )
    };
    all.map(line).collect()
}

fn table(revert: &StackRevert) -> Table {
    let width = u16::try_from(super::width().unwrap_or(WIDTH)).unwrap_or(u16::MAX);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(["resource", "property", "deployed", "actual", "will be"].map(|heading| paint(FAINT, heading)));
    for reverted in &revert.changes {
        let change = &reverted.change;
        let what = match (&change.action, change.replacement) {
            (Action::Add, _) => paint(CAREFUL, "made again"),
            (Action::Remove, _) => paint(BAD, "DELETED"),
            (Action::Unknown(word), _) if word == "SyncWithActual" => paint(FAINT, "stays as it is"),
            (_, Replacement::Yes) => paint(BAD, "REPLACED"),
            (_, Replacement::Maybe) => paint(BAD, "may be REPLACED"),
            _ => String::new(),
        };
        if reverted.states.is_empty() || !what.is_empty() {
            table.add_row([
                change.logical_id.clone(),
                what,
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
        for state in &reverted.states {
            let value = |value: &Option<String>| {
                let text = value.as_deref().unwrap_or("(none)");
                one_line(text, LONGEST_VALUE)
            };
            table.add_row([
                change.logical_id.clone(),
                state.path.trim_start_matches("/Properties/").to_owned(),
                value(&state.deployed),
                value(&state.actual),
                value(&state.template),
            ]);
        }
        for (path, reason) in &reverted.left {
            let stays = format!("stays: {reason}");
            table.add_row([
                change.logical_id.clone(),
                path.clone(),
                stays,
                String::new(),
                String::new(),
            ]);
        }
    }
    table
}

/// What matters and isn't put back, a line each.
pub fn not_reverted(drift: &Drift, reverts: &[StackRevert]) -> Vec<String> {
    let mut lines = Vec::new();
    for stack in &drift.stacks {
        let revert = reverts.iter().find(|revert| revert.stack == stack.stack);
        for (resource, finding) in stack.findings(false) {
            if revert.is_some_and(|revert| revert.puts_back(&resource.logical_id, &finding.property)) {
                continue;
            }
            let property = match finding.property.as_str() {
                "" => "(deleted)",
                property => property,
            };
            lines.push(format!("{} {} {property}", stack.stack, resource.logical_id));
        }
    }
    lines
}
