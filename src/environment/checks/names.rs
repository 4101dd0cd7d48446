//! Names: unique, not taken, and fit for all that is derived from them.

use super::Checks;
use crate::environment::name;
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
    if let Some(problem) = name::problem(&checks.environment.name) {
        checks.note(problem, &[]);
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
        queues_of_others(checks, &at, &stage.name);
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

/// No stage's queue has the name of a queue that another stage has beside its own.
fn queues_of_others(checks: &mut Checks, at: &str, name: &str) {
    for (other, stage) in checks.environment.stages.iter().enumerate() {
        let rest = name.strip_prefix(stage.name.as_str()).unwrap_or_default();
        let (what, called, follows) = match (rest, stage.replies) {
            ("-dlq", _) => (
                "dead-letter queue",
                "a stage's dead-letter queue is called `<environment>-<stage>-dlq`",
                None,
            ),
            // The dead-letter queue of `<stage>-replies` is that of the replies, too.
            ("-replies" | "-replies-dlq", true) => (
                "queue for replies",
                "with `replies`, a stage has the queues `<environment>-<stage>-replies` and `…-replies-dlq`",
                Some(format!("/stages/{other}/replies")),
            ),
            _ => continue,
        };
        let problem = Problem::new(
            at,
            format!("the queue of `{name}` would be the {what} of `{}`", stage.name),
        );
        let follows: Vec<String> = follows.into_iter().chain([format!("/stages/{other}/name")]).collect();
        let follows: Vec<&str> = follows.iter().map(String::as_str).collect();
        checks.note(problem.help(format!("{called}; choose another name")), &follows);
    }
}
