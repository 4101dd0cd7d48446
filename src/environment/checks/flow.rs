//! Which stage feeds which, and where files go in the bucket.

use super::Checks;
use super::names::RESERVED;
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    sources(checks);
    cycles(checks);
    prefixes(checks);
    copies(checks);
}

/// "Both source and destination buckets must have versioning enabled"
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html#replication-requirements>).
fn copies(checks: &mut Checks) {
    let Some(bucket) = &checks.environment.bucket else {
        return;
    };
    if bucket.replicate_to.is_some() && !bucket.versioning && bucket.existing.is_none() {
        let message = "S3 copies the files of a bucket with `versioning` only";
        let help = "add `versioning: true`; the bucket that they are copied to needs it, too";
        checks.note(
            Problem::new("/bucket/replicate_to", message).help(help),
            &["/bucket/versioning"],
        );
    }
}

/// Every `from` names something that's there.
fn sources(checks: &mut Checks) {
    let stages = &checks.environment.stages;
    for (at, stage) in checks.stages() {
        let Some(from) = &stage.from else { continue };
        let at = format!("{at}/from");
        if from == "bucket" {
            if checks.environment.bucket.is_none() {
                checks.note(
                    Problem::new(&at, "there is no `bucket` in this file").help(
                        "add `bucket: {}` at the top, or remove `from`: jobs are then sent to the queue directly",
                    ),
                    &["/bucket"],
                );
            }
        } else if *from == stage.name {
            checks.note(
                Problem::new(&at, format!("the stage `{from}` can't feed itself"))
                    .help("remove `from`: a worker may send messages to its own queue without it"),
                &[&at.replace("/from", "/name")],
            );
        } else if !stages.iter().any(|other| other.name == *from) {
            let names = stages.iter().map(|other| other.name.as_str());
            let names = names.filter(|name| *name != stage.name && !RESERVED.contains(name));
            let names = names.chain(["bucket"]);
            let help = match nearest(from, names.clone()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "it can be {}",
                    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                ),
            };
            checks.note(
                Problem::new(&at, format!("there is no stage `{from}`")).help(help),
                &every_name(stages.len()).iter().map(String::as_str).collect::<Vec<_>>(),
            );
        }
    }
}

fn every_name(stages: usize) -> Vec<String> {
    (0..stages).map(|i| format!("/stages/{i}/name")).collect()
}

/// No stage feeds itself by way of others. Each circle is named once, at its first stage in the file.
fn cycles(checks: &mut Checks) {
    let stages = &checks.environment.stages;
    let feeder = |i: usize| -> Option<usize> {
        let from = stages[i].from.as_ref()?;
        stages.iter().position(|other| other.name == *from)
    };
    for start in 0..stages.len() {
        let mut circle = vec![start];
        let mut at = start;
        let closed = loop {
            match feeder(at) {
                Some(next) if next == start => break circle.len() > 1,
                // Into a circle that this stage isn't part of, or that an earlier stage has named.
                Some(next) if circle.contains(&next) || next < start => break false,
                Some(next) => {
                    circle.push(next);
                    at = next;
                }
                None => break false,
            }
        };
        if !closed {
            continue;
        }
        let names: Vec<String> = circle
            .iter()
            .chain([&start])
            .map(|i| format!("`{}`", stages[*i].name))
            .collect();
        let follows: Vec<String> = circle
            .iter()
            .flat_map(|i| [format!("/stages/{i}/name"), format!("/stages/{i}/from")])
            .collect();
        checks.note(
            Problem::new(
                format!("/stages/{start}/from"),
                format!(
                    "stages feed each other in a circle: {} gets from {}",
                    names[0],
                    names[1..].join(", that from ")
                ),
            )
            .help("messages would go round for ever, and no stack could be made first: remove one `from`"),
            &follows.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
}

fn prefixes(checks: &mut Checks) {
    let Some(bucket) = &checks.environment.bucket else {
        return;
    };
    for (key, prefix) in [("uploads", &bucket.uploads), ("processed", &bucket.processed)] {
        if prefix.split('/').any(|step| step == "." || step == "..") {
            checks.note(
                Problem::new(format!("/bucket/{key}"), format!("`{prefix}` has a step `.` or `..`"))
                    .help("keys in a bucket aren't paths: write the prefix out"),
                &[],
            );
        }
    }
    if bucket.uploads.starts_with(&bucket.processed) || bucket.processed.starts_with(&bucket.uploads) {
        // At whichever of the two is in the file.
        let source = &checks.environment.source;
        let at = match source.written("/bucket/processed") {
            Some(_) => "/bucket/processed",
            None => "/bucket/uploads",
        };
        checks.note(
            Problem::new(
                at,
                format!(
                    "`uploads` ({}) and `processed` ({}) overlap",
                    bucket.uploads, bucket.processed
                ),
            )
            .help("a result would be an upload again, and go round for ever: neither may begin with the other"),
            &["/bucket/uploads", "/bucket/processed"],
        );
    }
}
