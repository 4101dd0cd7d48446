//! Functions: what Lambda refuses, and what means nothing to one.

use super::{Checks, image};
use crate::environment::problem::Problem;
use crate::environment::units::Duration;
use crate::environment::{Lambda, Queue, Scaling};

/// The most messages that Lambda puts into a batch without gathering them
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>).
const AT_ONCE: u32 = 10;

pub(super) fn check(checks: &mut Checks) {
    for (at, stage) in checks.stages() {
        let Some(lambda) = &stage.workers.lambda else { continue };
        let at_lambda = format!("{at}/workers/lambda");
        image::program(checks, &at_lambda, &lambda.program);
        handler(checks, &at_lambda, lambda);
        batch(checks, &at_lambda, lambda);
        visibility(checks, &format!("{at}/queue"), &at_lambda, &stage.queue, lambda);
        if let (Some(scaling), None) = (&stage.scaling, &stage.workers.instances) {
            unscaled(checks, &format!("{at}/scaling"), scaling);
        }
    }
}

/// In these languages a handler names a file and a function in it. The others' forms differ from program to program.
fn handler(checks: &mut Checks, at: &str, lambda: &Lambda) {
    let example = match lambda.runtime.trim_end_matches(|c: char| !c.is_ascii_alphabetic()) {
        "python" => "`mover.function.handler`: the function `handler` in `mover/function.py`",
        "nodejs" => "`src/index.handler`: what `src/index.mjs` exports as `handler`",
        "ruby" => "`lib/worker.handler`: the method `handler` in `lib/worker.rb`",
        _ => return,
    };
    let Lambda { handler, runtime, .. } = lambda;
    let parts = handler.rsplit_once('.');
    if parts.is_none_or(|(file, function)| file.is_empty() || function.is_empty()) {
        let problem = Problem::new(
            format!("{at}/handler"),
            format!("`{handler}` is no handler for {runtime}: a file and a function in it, with a dot between, are"),
        );
        checks.note(problem.help(format!("such as {example}")), &[&format!("{at}/runtime")]);
    }
}

fn batch(checks: &mut Checks, at: &str, lambda: &Lambda) {
    if lambda.batch > AT_ONCE && lambda.batch_window < Duration::seconds(1) {
        let problem = Problem::new(
            format!("{at}/batch"),
            format!("a batch of {} needs a `batch_window`", lambda.batch),
        );
        let help =
            format!("more than {AT_ONCE} messages come together only over time: add `batch_window: 1s` or longer");
        checks.note(problem.help(help), &[&format!("{at}/batch_window")]);
    }
}

/// "Queue visibility timeout: 10 seconds is less than Function timeout: 30 seconds", says Lambda.
fn visibility(checks: &mut Checks, at_queue: &str, at: &str, queue: &Queue, lambda: &Lambda) {
    if queue.visibility_timeout >= lambda.timeout {
        return;
    }
    let at_visibility = format!("{at_queue}/visibility_timeout");
    let at_timeout = format!("{at}/timeout");
    // At whichever of the two is in the file.
    let place = match checks.environment.source.written(&at_visibility) {
        Some(_) => &at_visibility,
        None => &at_timeout,
    };
    let problem = Problem::new(
        place,
        format!(
            "the queue's `visibility_timeout` is {}, and the function's `timeout` {}: Lambda refuses that",
            queue.visibility_timeout, lambda.timeout
        ),
    );
    let help = format!(
        "messages would come back while it works on them: AWS recommends a `visibility_timeout` of {}",
        lambda.recommended_visibility_timeout()
    );
    checks.note(problem.help(help), &[&at_visibility, &at_timeout]);
}

/// Lambda runs a function as often as there are messages for it, up to `max_concurrency`: what bounds a group means nothing
/// to it.
fn unscaled(checks: &mut Checks, at: &str, scaling: &Scaling) {
    let of_groups = [
        ("messages_per_instance", scaling.messages_per_instance.is_some()),
        ("messages_at_once", scaling.messages_at_once != 1),
        ("count_in_flight", !scaling.count_in_flight),
    ];
    for (key, _) in of_groups.into_iter().filter(|(_, is_set)| *is_set) {
        let problem = Problem::new(
            format!("{at}/{key}"),
            format!("`{key}` is for instances: Lambda runs a function as often as there are messages for it"),
        );
        let help = "remove it: `max_concurrency` says how many runs there may be, `batch` how many messages each gets";
        checks.note(problem.help(help).on_key(), &[]);
    }
}
