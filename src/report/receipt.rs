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
    let Destroyed { report, receipt, .. } = destroyed;
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

/// What needs attention is a row each; the rest, of one type and known in one way, share one.
fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["", "type", "known by", "resource"].map(|heading| paint(FAINT, heading)));
    let alike = |one: &Row, other: &Row| {
        let of = |row: &Row| {
            (
                row.fate,
                row.resource_type.clone(),
                row.evidence.clone(),
                row.reason.clone(),
            )
        };
        of(one) == of(other)
    };
    for rows in rows.chunk_by(alike) {
        let Some(first) = rows.first() else { continue };
        let because = match (&first.evidence, &first.reason) {
            (Some(evidence), Some(reason)) => format!("{evidence}: {reason}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => String::new(),
        };
        let names: Vec<&str> = rows.iter().map(short).collect();
        table.add_row([
            word(first.fate),
            first.resource_type.clone(),
            paint(FAINT, because),
            names.join(", "),
        ]);
    }
    table
}

/// A stack's name in its ARN, a queue's in its URL, the last word of any other ARN.
fn short(row: &Row) -> &str {
    let name = row.name.as_str();
    let short = match row.resource_type.as_str() {
        "AWS::CloudFormation::Stack" => name.split('/').nth(1),
        "AWS::SQS::Queue" => name.rsplit('/').next(),
        _ if name.starts_with("arn:") => name.rsplit([':', '/']).next(),
        _ => None,
    };
    short.unwrap_or(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fate: Fate, resource_type: &str, name: &str, evidence: &str) -> Row {
        Row {
            resource_type: resource_type.into(),
            name: name.into(),
            stack: None,
            fate,
            evidence: Some(evidence.into()),
            reason: None,
            remove_with: None,
        }
    }

    #[test]
    fn what_is_alike_shares_a_row_and_the_last_line_sums_it_up() {
        let queue = |name: &str| format!("https://sqs.us-east-2.amazonaws.com/1/{name}");
        let left = Row {
            remove_with: Some("aws logs delete-log-group --log-group-name x".into()),
            ..row(Fate::LeftOver, "AWS::Logs::LogGroup", "x", "DescribeLogGroups")
        };
        let mut receipt = Receipt {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-east-2".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            clean: false,
            complete: true,
            resources: vec![
                left,
                row(
                    Fate::Deleted,
                    "AWS::CloudFormation::Stack",
                    "arn:aws:cloudformation:r:1:stack/lab-work/6f",
                    "A",
                ),
                row(Fate::Deleted, "AWS::SNS::Topic", "arn:aws:sns:r:1:lab-uploads", "B"),
                row(Fate::Deleted, "AWS::SQS::Queue", &queue("lab-work"), "C"),
                row(Fate::Deleted, "AWS::SQS::Queue", &queue("lab-work-dlq"), "C"),
            ],
        };
        let said = anstream::adapter::strip_str(&text(&receipt)).to_string();
        let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            ["left", "over", "AWS::Logs::LogGroup", "DescribeLogGroups", "x"]
        );
        assert_eq!(lines[2], ["deleted", "AWS::CloudFormation::Stack", "A", "lab-work"]);
        assert_eq!(lines[3], ["deleted", "AWS::SNS::Topic", "B", "lab-uploads"]);
        assert_eq!(
            lines[4],
            ["deleted", "AWS::SQS::Queue", "C", "lab-work,", "lab-work-dlq"]
        );
        assert_eq!(
            lines[5..7].concat().join(" "),
            "to remove what is left over: aws logs delete-log-group --log-group-name x"
        );
        assert!(
            said.ends_with("lab: 1 resource left over (4 deleted, 1 left over).\n"),
            "{said}"
        );
        receipt.resources.remove(0);
        receipt.clean = true;
        assert!(text(&receipt).ends_with("lab: nothing is left over (4 deleted).\n"));
        receipt.complete = false;
        assert!(text(&receipt).contains("not everything could be asked for"));
    }
}
