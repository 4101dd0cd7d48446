//! What a destroy left, for people: a table of what became of each resource, and a line that sums it up.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, count, paint};
use super::{data, note, summary};
use crate::observe::destroyed::Destroyed;
use crate::observe::leftovers::{Fate, Receipt, Row};

/// What a destroy did and left. `again` is the command that goes on with what isn't done. What isn't a result goes to
/// standard error.
pub fn destroyed(destroyed: &Destroyed, again: &str) -> String {
    let Destroyed { report, receipt } = destroyed;
    let mut out = if report.stacks.is_empty() {
        format!("{} is gone already: nothing to do.\n", report.environment)
    } else {
        note(&summary::text(report, again));
        data::left(report)
    };
    out += &receipt.as_ref().map(text).unwrap_or_default();
    out
}

/// The receipt as text.
fn text(receipt: &Receipt) -> String {
    let mut out = String::new();
    if !receipt.resources.is_empty() {
        let _ = writeln!(out, "{}", table(&receipt.resources));
    }
    let commands = receipt.resources.iter().filter_map(|row| row.remove_with.as_ref());
    let commands: Vec<&String> = commands.collect();
    if !commands.is_empty() {
        let _ = writeln!(out, "to remove what is left over:");
        for command in commands {
            let _ = writeln!(out, "  {command}");
        }
    }
    let _ = writeln!(out, "{}", total(receipt));
    out
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["", "resource", "type", "by"].map(|heading| paint(FAINT, heading)));
    for row in rows {
        let because = match (&row.evidence, &row.reason) {
            (Some(evidence), Some(reason)) => format!("{evidence}: {reason}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => String::new(),
        };
        table.add_row([
            word(row.fate),
            row.name.clone(),
            row.resource_type.clone(),
            paint(FAINT, because),
        ]);
    }
    table
}

fn word(fate: Fate) -> String {
    let (style, word) = match fate {
        Fate::LeftOver => (BAD, "left over"),
        Fate::Unknown => (CAREFUL, "not known"),
        Fate::Abandoned => (CAREFUL, "given up"),
        Fate::Kept => (STRONG, "kept"),
        Fate::Deleted => (GOOD, "deleted"),
    };
    paint(style, word)
}

fn total(receipt: &Receipt) -> String {
    let mut parts = Vec::new();
    for (fate, word) in [
        (Fate::Deleted, "deleted"),
        (Fate::Kept, "kept on purpose"),
        (Fate::Abandoned, "given up"),
        (Fate::LeftOver, "left over"),
        (Fate::Unknown, "not known"),
    ] {
        if receipt.count(fate) > 0 {
            parts.push(format!("{} {word}", receipt.count(fate)));
        }
    }
    let counted = match parts.as_slice() {
        [] => String::new(),
        parts => format!(" ({})", parts.join(", ")),
    };
    let verdict = match (receipt.clean, receipt.complete) {
        (false, _) => format!("{} left over", count(receipt.count(Fate::LeftOver), "resource")),
        (true, false) => "nothing was found that is left over, but not everything could be asked for".to_owned(),
        (true, true) => "nothing is left over".to_owned(),
    };
    format!("{}: {verdict}{counted}.", receipt.environment)
}
