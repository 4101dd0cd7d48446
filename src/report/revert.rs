//! What a revert would do, for people: each property as it was deployed, as it is, and as it would be.

use std::fmt::Write;

use super::drift::one_line;
use super::existing_bucket;
use super::style::{BAD, CAREFUL, FAINT, STRONG, paint, sign};
use crate::cloud::cloudformation::change_set::{Action, Replacement};
use crate::engine::revert::StackRevert;
use crate::engine::revert::put_back::{Reverted, newer};

/// The longest value that is shown whole; JSON has all of it.
const LONGEST_VALUE: usize = 60;

pub fn text(reverted: &Reverted) -> String {
    let reverts = &reverted.plans;
    let mut out = "\nPutting it back:\n\n".to_owned();
    for revert in reverts {
        let note = revert.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        let _ = writeln!(out, "{}{note}", paint(STRONG, &revert.stack));
        if !revert.changes.is_empty() {
            let _ = writeln!(out, "{}", super::table::text(&HEADINGS, &rows(revert), super::width()));
        }
        if let Some(warning) = &revert.warning {
            let _ = writeln!(out, "{} {}: {warning}", sign(CAREFUL, "!", "warning:"), revert.stack);
        }
    }
    if let Some(bucket) = &reverted.existing_bucket {
        existing_bucket::plan(&mut out, bucket);
    }
    for line in newer(reverts) {
        let _ = writeln!(out, "{} {line}", sign(BAD, "!", "warning:"));
    }
    out
}

const HEADINGS: [&str; 5] = ["resource", "property", "deployed", "actual", "will be"];

fn rows(revert: &StackRevert) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
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
            rows.push(vec![
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
            rows.push(vec![
                change.logical_id.clone(),
                state.path.trim_start_matches("/Properties/").to_owned(),
                value(&state.deployed),
                value(&state.actual),
                value(&state.template),
            ]);
        }
        for (path, reason) in &reverted.left {
            let stays = format!("stays: {reason}");
            rows.push(vec![
                change.logical_id.clone(),
                path.clone(),
                stays,
                String::new(),
                String::new(),
            ]);
        }
    }
    rows
}
