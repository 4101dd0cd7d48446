//! Jobs by the clock: whether their times can be read, and said in EventBridge's form.

use super::Checks;
use super::capacity::time;
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    for (at, stage) in checks.stages() {
        for (i, schedule) in stage.schedules.iter().enumerate() {
            let at = format!("{at}/schedules/{i}");
            let at_cron = format!("{at}/cron");
            if checks.broken.covers(&at_cron) || checks.broken.covers(&format!("{at}/time_zone")) {
                continue;
            }
            if let Some(problem) = time(&at, &schedule.times()) {
                checks.note(problem, &[]);
            } else if schedule.names_both_kinds_of_days() {
                let message = format!("`{}` names days of the month and days of the week", schedule.cron);
                let help = "EventBridge takes one kind of them: make two entries of it, one with `*` for the days of the week \
                            and one with `*` for those of the month";
                checks.note(Problem::new(&at_cron, message).help(help), &[]);
            }
        }
    }
}
