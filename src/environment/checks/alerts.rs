//! Who is told: one mailbox or one topic, where alarms reach it.

use super::Checks;
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    let Some(alerts) = &checks.environment.alerts else {
        return;
    };
    match (&alerts.email, &alerts.topic) {
        (Some(_), Some(_)) => checks.note(
            Problem::new("/alerts/topic", "`email` and `topic` exclude each other")
                .help("keep one; a mailbox can be subscribed to a topic of yours, too")
                .on_key(),
            &["/alerts/email"],
        ),
        (None, None) => checks.note(
            Problem::new("/alerts", "`alerts` tells nobody").help("add `email: …`, or `topic: arn:…`"),
            &["/alerts/email", "/alerts/topic"],
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
}
