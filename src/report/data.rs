//! What `destroy` says about data before it begins, and about what it left when it is done.

use std::fmt::Write;

use indicatif::HumanBytes;

use super::existing_bucket;
use super::jobs::queue_name;
use super::style::{BAD, GOOD, STRONG, count, many, mark, paint, wrapped_to};
use crate::deployed::Deployed;
use crate::engine::outcome::{LeftOver, Report, WhyLeft};
use crate::engine::plan::blocking::Blocking;
use crate::environment::Delivery;
use crate::observe::data::{
    BucketContents, BucketData, Counts, Data, OtherData, QueueContents, QueueData, TableContents, TableData,
};

/// What is deleted and where, what is lost with it and what is kept, in lines of so many columns.
pub fn text(deployed: &Deployed, data: &Data, width: Option<usize>) -> String {
    let mut out = String::new();
    let what = format!(
        "Destroy {} in {}: {}",
        paint(STRONG, &deployed.address.environment),
        deployed.address.place(),
        count(deployed.stacks.len(), "stack")
    );
    let _ = writeln!(out, "{}", wrapped_to(width, &what, "", ""));
    for stack in &deployed.stacks {
        let _ = writeln!(out, "  {}{}", mark(BAD, "-"), stack.stack.name);
    }
    if deployed.stacks.iter().any(|stack| stack.part == Delivery::PART) {
        let line = "CloudFront disables the distribution everywhere before it is deleted, which takes some minutes.";
        let _ = writeln!(out, "{}", wrapped_to(width, line, "", ""));
    }
    if let Some(bucket) = deployed.existing_bucket() {
        let line = format!(
            "s3://{bucket} is somebody else's, and stays with all that is in it; only what it tells this environment of is \
             taken out"
        );
        let sign = format!("  {}", mark(GOOD, "="));
        let _ = writeln!(out, "{}", wrapped_to(width, &line, &sign, "    "));
    }
    let (kept, lost): (Vec<_>, Vec<_>) = lines(data).into_iter().partition(|(kept, _)| *kept);
    for (title, style, sign, lines) in [
        ("What is in them is lost:", BAD, "-", lost),
        ("What stays, with what is in it:", GOOD, "=", kept),
    ] {
        if !lines.is_empty() {
            let _ = writeln!(out, "{}", paint(STRONG, title));
        }
        for (_, line) in lines {
            let _ = writeln!(
                out,
                "{}",
                wrapped_to(width, &line, &format!("  {}", mark(style, sign)), "    ")
            );
        }
    }
    out
}

/// What each bucket, queue and table holds, and whether it stays.
pub(super) fn lines(data: &Data) -> Vec<(bool, String)> {
    let buckets = data.buckets.iter().map(|one| (one.kept, bucket(one)));
    let queues = data.queues.iter().map(|one| (one.kept, queue(one)));
    let tables = data.tables.iter().map(|one| (one.kept, table(one)));
    let others = data.others.iter().map(|one| (one.kept, other(one)));
    buckets.chain(queues).chain(tables).chain(others).collect()
}

/// What a stack can't be deleted with, for the question whether it is to be left behind.
pub fn abandoned(stack: &str, blocking: &[Blocking]) -> String {
    let mut out =
        format!("{stack} can't be deleted. By force, these would be left behind, and nothing looks after them:\n");
    for one in blocking {
        let _ = writeln!(out, "  {}{} ({})", mark(BAD, "!"), one.physical_id, one.resource_type);
    }
    out.truncate(out.trim_end().len());
    out
}

/// What was left on purpose.
pub fn left(report: &Report) -> String {
    let mut out = String::new();
    for kept in &report.kept {
        let _ = writeln!(out, "kept: {} ({})", kept.name, kept.resource_type);
    }
    if let Some(import_with) = &report.import_with {
        let _ = writeln!(out, "to take it into a new deployment: {import_with}");
    }
    for told in &report.existing_buckets {
        let _ = writeln!(out, "{}", existing_bucket::told(told));
    }
    for left in &report.left_over {
        let _ = writeln!(out, "{}", left_over(left));
    }
    for abandoned in &report.abandoned {
        let _ = writeln!(
            out,
            "left behind: {} ({} of {})",
            abandoned.name, abandoned.resource_type, abandoned.stack
        );
    }
    out
}

fn left_over(left: &LeftOver) -> String {
    let LeftOver {
        stack,
        resource_type,
        name,
        why,
        reason,
        delete_with,
        once_unneeded,
    } = left;
    let delete = |when: &str, command: &Option<String>| {
        let command = command.as_ref();
        command.map_or(String::new(), |command| format!("\n{when}: {command}"))
    };
    match why {
        WhyLeft::NotDeleted => format!(
            "left behind: {name} ({resource_type} of {stack}) could not be deleted, and no stack has it any more{}{}",
            reason.as_ref().map_or(String::new(), |reason| format!(": {reason}")),
            delete("once nothing uses it", delete_with)
        ),
        WhyLeft::Retained => format!(
            "kept: {name} ({resource_type} of {stack}), as its policy says; no stack has it any more{}",
            delete("once nobody needs what is in it", once_unneeded)
        ),
        WhyLeft::Snapshot => {
            format!(
                "left over: a snapshot of {name} ({resource_type}) is billed by its size, until somebody deletes it"
            )
        }
    }
}

fn bucket(data: &BucketData) -> String {
    let contents = match &data.contents {
        BucketContents::Counted(counts) if *counts == Counts::default() => "empty".to_owned(),
        BucketContents::Counted(counts) => format!("{}, counted", counted(*counts)),
        BucketContents::AtLeast(counts) => format!("more than {}: too many to count", counted(*counts)),
        BucketContents::Estimated { versions, bytes, as_of } => {
            let bytes = bytes.map_or(String::new(), |bytes| format!(" ({})", HumanBytes(bytes)));
            let date = as_of.strftime("%Y-%m-%d");
            format!("about {versions} objects and older versions{bytes}, as CloudWatch estimated on {date}")
        }
        BucketContents::Gone => "gone already".to_owned(),
        BucketContents::Unknown { reason } => format!("unknown: {reason}"),
    };
    format!("s3://{}: {contents}", data.bucket)
}

/// As in `12 objects (1.20 MiB), 3 older versions`.
fn counted(counts: Counts) -> String {
    let mut text = format!("{} ({})", many(counts.objects, "object"), HumanBytes(counts.bytes));
    for (number, what) in [
        (counts.noncurrent_versions, "older version"),
        (counts.delete_markers, "delete marker"),
        (counts.open_uploads, "unfinished upload"),
    ] {
        if number > 0 {
            text += &format!(", {}", many(number, what));
        }
    }
    text
}

fn queue(data: &QueueData) -> String {
    let contents = match &data.contents {
        QueueContents::Estimated {
            visible_messages: visible,
            in_flight_messages: in_flight,
            delayed_messages: delayed,
        } => match visible + in_flight + delayed {
            0 => "no messages, as SQS estimates".to_owned(),
            all => format!(
                "about {} ({visible} waiting, {in_flight} in flight, {delayed} delayed), as SQS estimates",
                many(all, "message")
            ),
        },
        QueueContents::Gone => "gone already".to_owned(),
        QueueContents::Unknown { reason } => format!("unknown: {reason}"),
    };
    let kind = if data.dead_letters {
        "dead-letter queue"
    } else {
        "queue"
    };
    format!("{kind} {}: {contents}", queue_name(&data.queue))
}

fn other(data: &OtherData) -> String {
    let becomes = match (data.kept, data.snapshot) {
        (true, _) => "it stays, and is billed as before",
        (_, true) => "deleted, after a last snapshot, which stays and is billed",
        _ => "deleted, with no copy",
    };
    format!("{} ({}): {becomes}", data.name, data.resource_type)
}

/// What is billed on after a destroy.
pub fn billed(data: &Data) -> String {
    let mut out = String::new();
    for one in &data.others {
        let what = match (one.kept, one.snapshot) {
            (true, _) => format!(
                "{} ({}) is billed as before, until somebody deletes it",
                one.name, one.resource_type
            ),
            (_, true) => format!(
                "a snapshot of {} ({}) is billed by its size, until somebody deletes it",
                one.name, one.resource_type
            ),
            _ => continue,
        };
        let _ = writeln!(out, "left over: {what}");
    }
    out
}

fn table(data: &TableData) -> String {
    let contents = match &data.contents {
        TableContents::Counted { records } => format!("{}, counted", many(*records, "record")),
        TableContents::AtLeast { records } => format!("more than {}: too many to count", many(*records, "record")),
        TableContents::Gone => "gone already".to_owned(),
        TableContents::Unknown { reason } => format!("unknown: {reason}"),
    };
    format!("table {}: {contents}", data.table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tables_records_are_told() {
        let of = |contents| {
            table(&TableData {
                table: "lab-results".into(),
                logical_id: "Table".into(),
                stack: "lab-results".into(),
                kept: false,
                contents,
            })
        };
        let counted = |records| of(TableContents::Counted { records });
        assert_eq!(counted(0), "table lab-results: 0 records, counted");
        assert_eq!(counted(1), "table lab-results: 1 record, counted");
        let more = of(TableContents::AtLeast { records: 100_000 });
        assert_eq!(more, "table lab-results: more than 100000 records: too many to count");
        let reason = "AccessDenied".into();
        assert_eq!(
            of(TableContents::Unknown { reason }),
            "table lab-results: unknown: AccessDenied"
        );
    }

    fn of_bucket(contents: BucketContents) -> String {
        bucket(&BucketData {
            bucket: "lab".into(),
            logical_id: "Bucket".into(),
            stack: "lab-intake".into(),
            kept: false,
            contents,
        })
    }

    #[test]
    fn what_was_counted_estimated_or_not_read_is_told_apart() {
        let counts = Counts {
            objects: 1,
            noncurrent_versions: 2,
            delete_markers: 1,
            bytes: 2048,
            open_uploads: 3,
        };
        let all = "1 object (2.00 KiB), 2 older versions, 1 delete marker, 3 unfinished uploads";
        let as_of = "2026-01-02T00:00:00Z".parse().expect("a time");
        let estimated = |bytes| BucketContents::Estimated {
            versions: 1_200_000,
            bytes,
            as_of,
        };
        let about = "s3://lab: about 1200000 objects and older versions";
        let reason = "AccessDenied".into();
        for (contents, line) in [
            (BucketContents::Counted(counts), format!("s3://lab: {all}, counted")),
            (
                BucketContents::AtLeast(counts),
                format!("s3://lab: more than {all}: too many to count"),
            ),
            (
                estimated(Some(1 << 30)),
                format!("{about} (1.00 GiB), as CloudWatch estimated on 2026-01-02"),
            ),
            (
                estimated(None),
                format!("{about}, as CloudWatch estimated on 2026-01-02"),
            ),
            (BucketContents::Counted(Counts::default()), "s3://lab: empty".into()),
            (BucketContents::Gone, "s3://lab: gone already".into()),
            (
                BucketContents::Unknown { reason },
                "s3://lab: unknown: AccessDenied".into(),
            ),
        ] {
            assert_eq!(of_bucket(contents), line);
        }
    }

    #[test]
    fn an_upload_alone_is_no_empty_bucket() {
        let counts = Counts {
            open_uploads: 1,
            ..Counts::default()
        };
        let line = of_bucket(BucketContents::Counted(counts));
        assert_eq!(line, "s3://lab: 0 objects (0 B), 1 unfinished upload, counted");
    }

    #[test]
    fn messages_of_every_kind_are_named() {
        let of = |visible, in_flight, delayed| {
            queue(&QueueData {
                queue: "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work-dlq".into(),
                logical_id: "DeadLetterQueue".into(),
                stack: "lab-work".into(),
                dead_letters: true,
                kept: true,
                contents: QueueContents::Estimated {
                    visible_messages: visible,
                    in_flight_messages: in_flight,
                    delayed_messages: delayed,
                },
            })
        };
        let name = "dead-letter queue lab-work-dlq";
        assert_eq!(of(0, 0, 0), format!("{name}: no messages, as SQS estimates"));
        let some = "about 6 messages (1 waiting, 2 in flight, 3 delayed), as SQS estimates";
        assert_eq!(of(1, 2, 3), format!("{name}: {some}"));
    }
}
