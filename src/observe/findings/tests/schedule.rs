//! Of groups with a schedule.

use super::*;

#[test]
fn a_fleet_that_sleeps_by_its_schedule_is_meant_to() {
    let asleep = |change: fn(&mut StageState)| {
        in_stage(|stage| {
            scheduled(stage, true);
            sleeps(stage);
            change(stage);
        })
    };
    let waits = asleep(|_| {});
    only(&waits, "asleep", Severity::Note);
    assert_eq!(
        waits[0].meaning,
        "20 messages wait, and the fleet sleeps by its schedule until Fri 2026-01-02 14:00 UTC"
    );
    let command = waits[0].command.as_deref().unwrap_or_default();
    assert!(command.contains("--min-size 1 --max-size 4"), "{command}");
    nothing(&asleep(|stage| stage.queue = Some(depth(0))));
    // Nothing wakes it.
    only(
        &asleep(|stage| instances(stage).schedule.as_mut().expect("one").wakes = None),
        "no-workers",
        Severity::Critical,
    );
    let suspended = asleep(|stage| group(stage).suspended_processes = vec!["ScheduledActions".into()]);
    let ids: Vec<&str> = suspended.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["no-workers", "processes-suspended"]);
    // By a destroy, not by the schedule.
    let taken_down = asleep(|stage| group(stage).before_destroy = Some(Bounds { min: 1, max: 4 }));
    only(&taken_down, "destroy-stopped", Severity::Critical);
    // By hand, in the middle of the day.
    let by_hand = in_stage(|stage| {
        scheduled(stage, false);
        sleeps(stage);
    });
    assert_eq!(by_hand[0].id, "no-workers");
}

#[test]
fn bounds_that_the_schedule_should_have_set_and_did_not() {
    // The stack was updated so long before 14:00 and 10:00 UTC.
    let missed = |updated: i64, change: fn(&mut StageState)| {
        let mut stage = stage();
        scheduled(&mut stage, true);
        change(&mut stage);
        let mut stack = stack("move", "UPDATE_COMPLETE");
        stack.last_operation.started_at = Some(at(updated));
        found(&status(vec![stack], vec![stage]))
    };
    // Woken for what waits, as `asleep` advises: nobody is to put it back to sleep meanwhile.
    let woken = missed(-600, |_| {});
    only(&woken, "schedule-missed", Severity::Note);
    assert_eq!(
        woken[0].meaning,
        "its schedule had it sleep from Fri 2026-01-02 10:00 UTC on, and it may have 1 to 4 instances: somebody woke it, or an \
         update was under way then"
    );
    assert!(
        woken[0].action.starts_with("nothing, if it was woken on purpose"),
        "{woken:?}"
    );
    let idle = missed(-600, |stage| stage.queue = Some(depth(0)));
    only(&idle, "schedule-missed", Severity::Warning);
    let command = idle[0].command.as_deref().unwrap_or_default();
    assert!(command.contains("--min-size 0 --max-size 0"), "{command}");
    let at_work = missed(-600, |stage| {
        scheduled(stage, false);
        group(stage).max = 3;
    });
    only(&at_work, "schedule-missed", Severity::Warning);
    assert_eq!(
        at_work[0].meaning,
        "its schedule gave the group 1 to 4 instances on Fri 2026-01-02 10:00 UTC, and it has 1 to 3: somebody set that, or \
         an update was under way then"
    );
    // Updated after that: it may have changed the bounds.
    nothing(&missed(-60, |_| {}));
    nothing(&missed(-600, |stage| {
        sleeps(stage);
        stage.queue = Some(depth(0));
    }));
    only(
        &missed(-600, |stage| {
            group(stage).suspended_processes = vec!["ScheduledActions".into()]
        }),
        "processes-suspended",
        Severity::Warning,
    );
}
