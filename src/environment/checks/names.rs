//! Names: unique, not taken, and fit for all that is derived from them.

use super::Checks;
use crate::environment::problem::Problem;

/// Names of parts that aren't stages, whose stacks are named `<environment>-<part>` too, and the one source of files.
pub const RESERVED: [&str; 9] = [
    "artifacts",
    "network",
    "intake",
    "results",
    "alerts",
    "dashboard",
    "web",
    "delivery",
    "bucket",
];

pub(super) fn check(checks: &mut Checks) {
    let name = &checks.environment.name;
    if name.ends_with("-artifacts") {
        checks.note(
            Problem::new("/name", "an environment's name can't end in `-artifacts`")
                .help("the bucket of another environment could be called the same; choose another ending"),
            &[],
        );
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    for prefix in ["sthree-", "amzn-s3-demo-"] {
        if format!("{name}-").starts_with(prefix) {
            checks.note(
                Problem::new("/name", format!("S3 refuses buckets whose names start with `{prefix}`"))
                    .help("the name is the beginning of the buckets' names; choose another"),
                &[],
            );
        }
    }
    for (i, (at, stage)) in checks.stages().enumerate() {
        let at = format!("{at}/name");
        if RESERVED.contains(&stage.name.as_str()) {
            let taken = RESERVED.map(|name| format!("`{name}`")).join(", ");
            checks.note(
                Problem::new(&at, format!("`{}` can't be the name of a stage", stage.name))
                    .help(format!("qfleet uses {taken} itself; choose another name")),
                &[],
            );
        }
        let with_this_dead_letter_queue = stage.name.strip_suffix("-dlq");
        let others = &checks.environment.stages;
        if let Some(other) = others
            .iter()
            .position(|other| Some(other.name.as_str()) == with_this_dead_letter_queue)
        {
            checks.note(
                Problem::new(
                    &at,
                    format!(
                        "the queue of `{}` would be the dead-letter queue of `{}`",
                        stage.name, others[other].name
                    ),
                )
                .help("a stage's dead-letter queue is called `<environment>-<stage>-dlq`; choose another name"),
                &[&format!("/stages/{other}/name")],
            );
        }
        if let Some(first) = checks.environment.stages[..i]
            .iter()
            .position(|other| other.name == stage.name)
        {
            checks.note(
                Problem::new(&at, format!("two stages are called `{}`", stage.name)).help(format!(
                    "`stages[{first}]` has this name already; each stage needs its own"
                )),
                &[&format!("/stages/{first}/name")],
            );
        }
    }
}
