//! What scaling activities say, in the manner of Auto Scaling's own
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-verify-scaling-activity.html>).

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::state::{Activity, StatusCode};
use crate::deployed::stage::Change;

/// In the status message of an activity whose instance was taken away on purpose.
pub const KILL_WORKER: &str = "`qfleet kill-worker";
pub(super) const CRASHED: &str = "its worker was killed by `qfleet kill-worker --crash`";
pub(super) const TAKEN_BACK: &str = "EC2 took it back, as `qfleet kill-worker --spot` asked for";
/// How many of a worker's last lines a message shows.
const LINES: usize = 8;
/// How much of a line.
const LINE: usize = 200;

/// An activity that has just begun.
pub(super) fn activity(group: &str, instance: &str, what: &str, cause: String, at: Timestamp) -> Activity {
    Activity {
        activity_id: uuid::Uuid::new_v4().to_string(),
        group: group.to_owned(),
        instance: instance.to_owned(),
        description: format!("{what}: {instance}"),
        cause: cause.trim_end().to_owned(),
        start_time: at,
        end_time: None,
        status_code: StatusCode::InProgress,
        status_message: None,
    }
}

fn at(time: Timestamp, what: std::fmt::Arguments<'_>) -> String {
    format!("At {time:.0} {what}.  ")
}

pub(super) fn request(min: u32, max: u32, from: u32, to: u32, time: Timestamp) -> String {
    let bounds = format_args!(
        "a user request update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {to} changing the \
         desired capacity from {from} to {to}"
    );
    at(time, bounds)
}

/// "At … the scheduled action … executed. Setting min size from 1 to 0. Setting max size from 4 to 0. Setting desired
/// capacity from 2 to 0."
pub(super) fn schedule(change: &Change, (min, max): (u32, u32), time: Timestamp) -> String {
    let mut cause = format!("At {time:.0} the scheduled action of {} executed.", change.when());
    for (what, from, to) in [("min", min, change.min), ("max", max, change.max)] {
        if from != to {
            let _ = write!(cause, " Setting {what} size from {from} to {to}.");
        }
    }
    cause
}

/// What follows from [`schedule`].
pub(super) fn desired(from: u32, to: u32) -> String {
    format!(" Setting desired capacity from {from} to {to}.  ")
}

/// `cause` is the controller's, a sentence without its time.
pub(super) fn policy(cause: &str, time: Timestamp) -> String {
    at(time, format_args!("{}", cause.trim_end_matches('.')))
}

pub(super) fn grow(from: usize, to: usize, time: Timestamp) -> String {
    let why = "an instance was started in response to a difference between desired and actual capacity";
    at(time, format_args!("{why}, increasing the capacity from {from} to {to}"))
}

pub(super) fn shrink(from: usize, to: usize, time: Timestamp) -> String {
    let why = "an instance was taken out of service in response to a difference between desired and actual capacity";
    at(time, format_args!("{why}, shrinking the capacity from {from} to {to}"))
}

pub(super) fn selected(id: &str, time: Timestamp) -> String {
    at(time, format_args!("instance {id} was selected for termination"))
}

pub(super) fn replace(time: Timestamp) -> String {
    at(
        time,
        format_args!("an instance was launched in response to an unhealthy instance needing to be replaced"),
    )
}

pub(super) fn health_check(time: Timestamp) -> String {
    let why = "an EC2 health check indicating it has been terminated or stopped";
    at(
        time,
        format_args!("an instance was taken out of service in response to {why}"),
    )
}

pub(super) fn update(time: Timestamp) -> String {
    let why = "an update of its program or settings";
    at(
        time,
        format_args!("an instance was taken out of service in response to {why}"),
    )
}

pub(super) fn user_request(shrunk: Option<(u32, u32)>, time: Timestamp) -> String {
    let why = "an instance was taken out of service in response to a user request";
    match shrunk {
        Some((from, to)) => at(time, format_args!("{why}, shrinking the capacity from {from} to {to}")),
        None => at(time, format_args!("{why}")),
    }
}

/// The fleet ends, for this reason.
pub(super) fn end(why: &str, time: Timestamp) -> String {
    at(time, format_args!("an instance was taken out of service because {why}"))
}

/// The worker was told to end, and had to be killed.
pub(super) fn killed(within: Duration) -> String {
    format!("its worker hadn't ended within {} s and was killed", within.as_secs())
}

/// How a worker ended, and what it had to say. The frames of a stack trace are left out, as by the boot script: in some
/// languages the cause stands before them.
pub(super) fn last_words(how: &str, said: &str) -> String {
    let is_frame = |line: &str| {
        let text = line.trim_start();
        text.len() < line.len() && ["at ", "from "].iter().any(|begin| text.starts_with(begin))
    };
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty() && !is_frame(line))
        .collect();
    if lines.is_empty() {
        return format!("its worker ended without a word ({how})");
    }
    let mut text = format!("its worker ended ({how}); it said:");
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        text.push_str("\n    ");
        for c in line.chars().take(LINE) {
            // What a program says must not steer the terminal.
            let _ = text.write_char(if c.is_control() && c != '\t' { '\u{fffd}' } else { c });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_shown_though_a_long_stack_trace_follows_it() {
        let frame = "    at packageResolve (node:internal/modules/esm/resolve:768:81)\n";
        let said = format!(
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'sqs' imported from /worker.mjs\n{}  code: \
             'ERR_MODULE_NOT_FOUND'\n}}\n\nNode.js v22.14.0\n",
            frame.repeat(10)
        );
        assert!(last_words("exit status: 1", &said).contains("Cannot find package 'sqs'"));
    }

    #[test]
    fn the_last_lines_are_shown_without_steering_the_terminal() {
        let said = (0..9).map(|n| format!("line {n}\x1b[31m\n")).collect::<String>();
        let words = last_words("exit status: 1", &said);
        assert!(
            words.starts_with("its worker ended (exit status: 1); it said:\n    line 1"),
            "{words}"
        );
        assert!(words.ends_with("line 8\u{fffd}[31m"), "{words}");
        assert!(last_words("exit status: 0", " \n").contains("without a word"));
    }

    #[test]
    fn causes_are_sentences_with_their_time() {
        let time = Timestamp::UNIX_EPOCH;
        assert_eq!(
            policy(
                "a monitor alarm A in state ALARM triggered policy P changing the desired capacity from 2 to 4.",
                time
            ),
            "At 1970-01-01T00:00:00Z a monitor alarm A in state ALARM triggered policy P changing the desired capacity \
             from 2 to 4.  "
        );
        assert!(
            request(1, 4, 2, 3, time)
                .contains("to min: 1, max: 4, desired: 3 changing the desired capacity from 2 to 3.")
        );
    }
}
