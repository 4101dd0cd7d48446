//! Notifications of a bucket that isn't the environment's own, for people.

use std::fmt::Write;

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, many, mark, paint, sign, wrapped};
use crate::blueprint::notifications::Rule;
use crate::cloud::s3::notification_document::{Entry, keys};
use crate::engine::plan::existing_bucket::BucketPlan;
use crate::engine::told::Told;

/// What a deploy would do to it.
pub fn plan(out: &mut String, plan: &BucketPlan) {
    let BucketPlan { bucket, merge, .. } = plan;
    let (style, word) = match (plan.refusal(), plan.changes_anything()) {
        (Some(_), _) => (BAD, "refused"),
        (None, true) => (CAREFUL, "notifications change"),
        (None, false) => (FAINT, "unchanged"),
    };
    let _ = writeln!(
        out,
        "{} {}",
        paint(STRONG, format!("s3://{bucket}")),
        paint(style, word)
    );
    if let Some(problem) = &plan.problem {
        let _ = writeln!(out, "{}", wrapped(problem, "    ", "    "));
    }
    for conflict in &plan.conflicts {
        let Rule { prefix, suffix, .. } = &conflict.rule;
        let text = format!("{} is in the way of {}", conflict.with, keys(prefix, suffix));
        let sign = format!("  {} ", sign(BAD, "!", "conflict:"));
        let _ = writeln!(out, "{}", wrapped(&text, &sign, "      "));
    }
    for warning in &plan.warnings {
        let line = wrapped(warning, "    warning: ", "    ");
        let _ = writeln!(out, "{}", line.replacen("warning:", &paint(CAREFUL, "warning:"), 1));
    }
    for Rule {
        id,
        topic,
        prefix,
        suffix,
    } in &merge.added
    {
        let sign = format!("  {} ", sign(GOOD, "+", "add:"));
        let _ = writeln!(out, "{}", wrapped(&line(id, topic, prefix, suffix), &sign, "      "));
    }
    for entry in &merge.removed {
        let Entry {
            id,
            destination,
            prefix,
            suffix,
            ..
        } = entry;
        let sign = format!("  {} ", sign(BAD, "-", "take out:"));
        let _ = writeln!(
            out,
            "{}",
            wrapped(&line(id, destination, prefix, suffix), &sign, "      ")
        );
    }
    if plan.changes_anything() && merge.others > 0 {
        let _ = writeln!(out, "  {}{}", mark(FAINT, "="), others(merge.others));
    }
}

/// As in `new objects at uploads/… tell the topic lab-uploads (qfleet-lab-1a2b3c4d)`.
fn line(id: &str, topic: &str, prefix: &str, suffix: &str) -> String {
    let topic = topic.rsplit(':').next().unwrap_or_default();
    let keys = keys(prefix, suffix);
    format!(
        "new objects at {keys} are told to the topic {topic}  {}",
        paint(FAINT, id)
    )
}

fn others(count: usize) -> String {
    match count {
        1 => "1 notification of others stays as it is".to_owned(),
        several => format!("{several} notifications of others stay as they are"),
    }
}

/// What was done to it, in a line.
pub(super) fn told(told: &Told) -> String {
    let Told {
        bucket,
        added,
        removed,
        others: count,
    } = told;
    let done = match (added, removed) {
        (0, taken) => format!("{} taken out", many(*taken as u64, "notification")),
        (added, 0) => format!("{} added", many(*added as u64, "notification")),
        (added, taken) => format!("{} added, {taken} taken out", many(*added as u64, "notification")),
    };
    let others = match count {
        0 => String::new(),
        count => format!("; {}", others(*count)),
    };
    let soon = match added {
        0 => "",
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html
        _ => {
            ". S3 takes about five minutes until it tells of new files: `qfleet backfill` then sends what came in between"
        }
    };
    format!("s3://{bucket}: {done}{others}{soon}")
}
