//! What a destroy left, for people: what became of each resource, and a line that sums it up.

use std::fmt::Write;

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, count, paint, wrapped_to};
use super::{data, note, summary};
use crate::engine::destroy::destroyed::Destroyed;
use crate::engine::outcome::Report;
use crate::observe::leftovers::{Fate, Receipt, Row};
use anstyle::Style;

/// What a destroy did and left. `again` is the command that goes on with what isn't done. What isn't a result goes to
/// standard error.
pub fn destroyed(destroyed: &Destroyed, again: &str) -> String {
    let Destroyed {
        report,
        receipt,
        looked,
        ..
    } = destroyed;
    if let Some(elsewhere) = looked.elsewhere(&report.address.region) {
        return nowhere(destroyed, &elsewhere);
    }
    let mut out = if report.stacks.is_empty() {
        gone_already(report) + "\n"
    } else {
        note(&summary::text(report, again));
        data::left(report) + &data::billed(&destroyed.data)
    };
    if let Some(receipt) = receipt {
        out += &text(receipt, super::width());
    }
    // Nobody knows who made what an earlier destroy seems to have kept: only what the file names is taken in.
    if let Some(import_with) = report.import_with.as_ref().filter(|_| report.stacks.is_empty()) {
        let _ = writeln!(out, "to take what the file names into a new deployment: {import_with}");
    }
    if let Some(only) = looked.by_file_alone(&report.address.region) {
        let _ = writeln!(out, "{}", wrapped_to(super::width(), &format!("{only}."), "", ""));
    }
    if destroyed.is_unproven() {
        note(&unproven(again));
    }
    out
}

/// A name that was mistyped looks the same.
fn gone_already(report: &Report) -> String {
    format!(
        "{} is gone already, or never was in {}: nothing to do.",
        report.address.environment,
        report.address.place()
    )
}

fn unproven(again: &str) -> String {
    format!("interrupted while it looked for what is left: `{again}` looks again")
}

/// Why nothing was found, or the look for what is left has no end, on standard error: for who reads the log of a command
/// whose result is for programs.
pub fn note_nothing(destroyed: &Destroyed, again: &str) {
    let Destroyed { report, looked, .. } = destroyed;
    let region = &report.address.region;
    if let Some(elsewhere) = looked.elsewhere(region) {
        note(&nothing_there(destroyed));
        note(&format!("{elsewhere}."));
        return;
    }
    if report.stacks.is_empty() {
        note(&gone_already(report));
    }
    if let Some(only) = looked.by_file_alone(region) {
        note(&format!("{only}."));
    }
    if destroyed.is_unproven() {
        note(&unproven(again));
    }
}

/// Where nobody chose that region at all, it proves nothing.
fn nothing_there(destroyed: &Destroyed) -> String {
    let address = &destroyed.report.address;
    format!(
        "Nothing called {} was found in {}{}.",
        address.environment,
        address.place(),
        match destroyed.looked.proves_nothing() {
            true => ": whether it is gone isn't known",
            false => "",
        }
    )
}

/// Nothing was found, in a region that nobody named for it.
fn nowhere(destroyed: &Destroyed, elsewhere: &str) -> String {
    let mut out = format!("{}\n", wrapped_to(super::width(), &nothing_there(destroyed), "", ""));
    if let Some(receipt) = &destroyed.receipt {
        out += &rows(&receipt.resources, super::width());
    }
    let _ = writeln!(out, "{}", wrapped_to(super::width(), &format!("{elsewhere}."), "", ""));
    out
}

/// The receipt of what a deploy destroyed (`--prune`).
pub fn pruned(report: &Report) -> String {
    let receipt = report.pruned.as_ref();
    receipt.map_or(String::new(), |receipt| text(receipt, super::width()))
}

/// The receipt as text, in so many columns.
fn text(receipt: &Receipt, width: Option<usize>) -> String {
    let mut out = rows(&receipt.resources, width);
    let (kept, left): (Vec<&Row>, Vec<&Row>) = receipt.resources.iter().partition(|row| row.fate == Fate::Kept);
    out += &commands("to remove what is left over:", &left);
    if !kept.is_empty() {
        let _ = writeln!(out, "{}", wrapped_to(width, KEPT, "", ""));
        out += &commands(DELETE_KEPT, &kept);
    }
    let _ = writeln!(out, "{}", total(receipt));
    out
}

const KEPT: &str = "What is kept stays until somebody deletes it, and AWS bills it until then.";
const DELETE_KEPT: &str = "to delete it with all that is in it (of a bucket, older versions first):";

/// The commands that remove these, to be copied.
fn commands(title: &str, rows: &[&Row]) -> String {
    let mut commands = rows.iter().filter_map(|row| row.remove_with.as_ref()).peekable();
    if commands.peek().is_none() {
        return String::new();
    }
    let commands: String = commands.map(|command| format!("  {command}\n")).collect();
    format!("{title}\n{commands}")
}

/// Of one type, one fate and known in one way, they share an entry: fate, type, names, and how that is known.
fn rows(rows: &[Row], width: Option<usize>) -> String {
    const MARGIN: usize = 11;
    let indent = " ".repeat(MARGIN);
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
    let mut out = String::new();
    for rows in rows.chunk_by(alike) {
        let Some(first) = rows.first() else { continue };
        let because = [first.evidence.as_deref(), first.reason.as_deref()];
        let because: Vec<&str> = because.into_iter().flatten().collect();
        let because = match because.as_slice() {
            [] => String::new(),
            because => paint(FAINT, format!(" ({})", because.join(": "))),
        };
        let names: Vec<&str> = rows.iter().map(short).collect();
        let (style, word) = word(first.fate);
        let entry = format!(
            "{}{}  {}{because}",
            paint(style, format!("{word:MARGIN$}")),
            first.resource_type,
            names.join(", ")
        );
        // Names are copied: they stay whole.
        out += &wrapped_to(width, &entry, "", &indent);
        out.push('\n');
    }
    out
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

fn word(fate: Fate) -> (Style, &'static str) {
    match fate {
        Fate::LeftOver => (BAD, "left over"),
        Fate::Unknown => (CAREFUL, "not known"),
        Fate::Abandoned => (CAREFUL, "given up"),
        Fate::Kept => (STRONG, "kept"),
        Fate::Deleted => (GOOD, "deleted"),
    }
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
        (true, true) if receipt.count(Fate::Kept) > 0 => "nothing is left over but what is kept".to_owned(),
        (true, true) => "nothing is left over".to_owned(),
    };
    // Of other regions it says nothing.
    format!(
        "{}: {verdict}{counted} in {}.",
        receipt.address.environment, receipt.address.region
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::address::Address;

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
    fn what_is_alike_shares_an_entry_and_the_last_line_sums_it_up() {
        let queue = |name: &str| format!("https://sqs.us-east-2.amazonaws.com/1/{name}");
        let left = Row {
            remove_with: Some("aws logs delete-log-group --log-group-name x".into()),
            ..row(Fate::LeftOver, "AWS::Logs::LogGroup", "x", "DescribeLogGroups")
        };
        let mut receipt = Receipt {
            address: Address {
                environment: "lab".into(),
                account: "111122223333".into(),
                region: "us-east-2".into(),
            },
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
        let said = |width| anstream::adapter::strip_str(&text(&receipt, width)).to_string();
        assert_eq!(
            said(None),
            "\
left over  AWS::Logs::LogGroup  x (DescribeLogGroups)
deleted    AWS::CloudFormation::Stack  lab-work (A)
deleted    AWS::SNS::Topic  lab-uploads (B)
deleted    AWS::SQS::Queue  lab-work, lab-work-dlq (C)
to remove what is left over:
  aws logs delete-log-group --log-group-name x
lab: 1 resource left over (4 deleted, 1 left over) in us-east-2.
"
        );
        let narrow = said(Some(40));
        let queues = "deleted    AWS::SQS::Queue  lab-work,\n           lab-work-dlq (C)\n";
        assert!(narrow.contains(queues), "{narrow}");
        receipt.resources.remove(0);
        receipt.clean = true;
        assert!(text(&receipt, None).ends_with("lab: nothing is left over (4 deleted) in us-east-2.\n"));
        receipt.resources.push(Row {
            remove_with: Some("aws s3 rb --force s3://lab".into()),
            ..row(Fate::Kept, "AWS::S3::Bucket", "lab", "HeadBucket")
        });
        let kept = text(&receipt, None);
        let billed = format!("{KEPT}\n{DELETE_KEPT}\n  aws s3 rb --force s3://lab\n");
        assert!(kept.contains(&billed), "{kept}");
        let total = "lab: nothing is left over but what is kept (4 deleted, 1 kept on purpose) in us-east-2.\n";
        assert!(kept.ends_with(total), "{kept}");
        receipt.complete = false;
        assert!(text(&receipt, None).contains("not everything could be asked for"));
    }
}
