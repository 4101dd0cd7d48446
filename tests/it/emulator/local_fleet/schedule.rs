//! A local fleet follows the schedule of its group.

use qfleet::cloud::autoscaling::bounds::Bounds;

use crate::emulator::local_fleet::place::{Place, Plan};

/// The bounds of the group as the emulator has them.
fn bounds(place: &Place) -> Bounds {
    place.aws(async |aws| {
        let group = &aws.groups().await[0];
        Bounds {
            min: group.min_size().expect("a size"),
            max: group.max_size().expect("a size"),
        }
    })
}

#[test]
fn bounds_change_when_the_clock_of_the_fleet_says_so() {
    let plan = Plan {
        speed: 100,
        // Every five of the fleet's minutes: three seconds.
        capacity: "{cron: '*/10 * * * *', min: 0, max: 0}, {cron: '5-59/10 * * * *'}",
        ..Plan::new("tides", 1, 2)
    };
    let place = Place::new(plan).up();
    place.in_service(1);
    let goes = place.activity("one goes by the schedule", |one| {
        one.description.starts_with("Terminating") && one.cause.contains("the scheduled action of")
    });
    let cause = "Setting min size from 1 to 0. Setting max size from 2 to 0. Setting desired capacity from 1 to 0.";
    assert!(goes.cause.contains(cause), "{}", goes.cause);
    let comes = place.activity("one comes by the schedule", |one| {
        one.description.starts_with("Launching") && one.cause.contains("the scheduled action of")
    });
    let cause = "Setting min size from 0 to 1. Setting max size from 0 to 2. Setting desired capacity from 0 to 1.";
    assert!(comes.cause.contains(cause), "{}", comes.cause);
    // Whichever it has now.
    place.qfleet(&["drift", "fleet.yaml"]).run();
}

#[test]
fn a_deploy_leaves_a_fleet_asleep() {
    let plan = Plan {
        speed: 100,
        // It wakes at New Year.
        capacity: "{cron: '*/10 * * * *', min: 0, max: 0}, {cron: '1 0 1 1 *'}",
        ..Plan::new("sleeps", 1, 2)
    };
    let mut place = Place::new(plan).up();
    place.until("it sleeps", || {
        (place.group().instances.is_empty() && place.group().max == 0).then_some(())
    });
    assert_eq!(bounds(&place), Bounds::NONE);
    place.send(["job".to_owned()]);
    place
        .qfleet(&["status", "fleet.yaml"])
        .stdout_contains("a message waits, and the fleet sleeps by its schedule until ")
        .stdout_contains("0 of 0 in service; min 0, max 0")
        .run();
    // Another template, with the same bounds; the emulator gives the group those.
    place.plan.visibility_timeout += 1;
    let file = place.plan.file(&place.first.path("notes"));
    std::fs::write(place.first.path("fleet.yaml"), file).expect("written");
    place.qfleet(&["deploy", "fleet.yaml", "--yes"]).run();
    place.until("it sleeps on", || (bounds(&place) == Bounds::NONE).then_some(()));
    place.qfleet(&["drift", "fleet.yaml"]).run();
    // Other bounds hold at once, until it sleeps again: that may be in the next moment.
    let is_done = |place: &Place| place.noted("done ") == 1;
    for _ in 0..20 {
        place.plan.max += 1;
        let file = place.plan.file(&place.first.path("notes"));
        std::fs::write(place.first.path("fleet.yaml"), file).expect("written");
        place.qfleet(&["deploy", "fleet.yaml", "--yes"]).run();
        place.until("the message is done, or it sleeps again", || {
            (is_done(&place) || bounds(&place) == Bounds::NONE).then_some(())
        });
        if is_done(&place) {
            return;
        }
    }
    panic!("the message is never done\n{}", place.said());
}
