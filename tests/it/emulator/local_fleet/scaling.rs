//! A local fleet grows, shrinks and follows deploys.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::emulator::local_fleet::place::{Place, Plan};

#[test]
fn a_backlog_is_scaled_out_and_in_again_and_nothing_is_lost() {
    let plan = Plan {
        seconds: 0.4,
        visibility_timeout: 30,
        ..Plan::new("scales", 1, 3)
    };
    let place = Place::new(plan).up();
    place.in_service(1);
    place.send((0..60).map(|n| format!("job-{n}")));

    place.in_service(3);
    let group = place.group();
    assert_eq!((group.desired, group.target), (3, Some(2.0)));
    let zones: BTreeSet<String> = group.instances.iter().map(|instance| instance.zone.clone()).collect();
    assert_eq!(zones, ["a", "b", "c"].map(|zone| format!("us-east-2{zone}")).into());
    assert!(
        group.history.iter().any(|minute| minute.visible > 10),
        "{:?}",
        group.history
    );
    let out = place.activity("a launch by the policy", |one| one.cause.contains("triggered policy"));
    assert!(
        out.cause.contains("changing the desired capacity from 1 to 3."),
        "{}",
        out.cause
    );
    assert!(
        out.cause.contains("increasing the capacity from 1 to 3."),
        "{}",
        out.cause
    );
    // The emulator's view is in step, with the same ids.
    let listed = place.aws(async |aws| {
        let groups = aws.groups().await;
        groups[0]
            .instances()
            .iter()
            .filter_map(|one| one.instance_id().map(str::to_owned))
            .collect::<BTreeSet<_>>()
    });
    assert_eq!(listed, group.instances.iter().map(|one| one.id.clone()).collect());

    place.until("all work is done", || (place.noted("done ") == 60).then_some(()));
    let left = place.in_service(1);
    assert_eq!(place.depth("work"), (0, 0));
    assert_eq!(place.depth("work-dlq"), (0, 0));
    let begun = place
        .notes()
        .iter()
        .filter(|(_, text)| text.starts_with("begins "))
        .count();
    assert_eq!(begun, 60, "scaling in interrupted work");
    // Who left was asked, and had finished when it went.
    let gone: BTreeSet<String> = listed.iter().filter(|id| !left.contains_key(*id)).cloned().collect();
    for id in &gone {
        assert!(place.notes().contains(&(id.clone(), "ended".to_owned())), "{id}");
    }
    let scale_in = place.activity("a termination", |one| {
        gone.contains(&one.instance) && one.description.starts_with("Term")
    });
    for part in [
        "AlarmLow",
        "shrinking the capacity from ",
        "was selected for termination.",
    ] {
        assert!(scale_in.cause.contains(part), "{}", scale_in.cause);
    }
    // The metrics are where `status` and dashboards look for them.
    let metrics = place.aws(async |aws| {
        let listed = aws.cloudwatch.list_metrics().send().await.expect("metrics");
        let names = listed
            .metrics()
            .iter()
            .filter_map(|metric| metric.metric_name().map(str::to_owned));
        names.collect::<BTreeSet<_>>()
    });
    for name in [
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateAgeOfOldestMessage",
        "GroupInServiceInstances",
        "GroupDesiredCapacity",
    ] {
        assert!(metrics.contains(name), "{name} is not among {metrics:?}");
    }
}

#[test]
fn a_message_wakes_a_group_of_none_once() {
    let plan = Plan {
        seconds: 2.0,
        ..Plan::new("wakes", 0, 3)
    };
    let place = Place::new(plan).up();
    place.until("three minutes", || (place.group().history.len() > 3).then_some(()));
    assert_eq!(place.group().instances, []);
    place.send(["job".to_owned()]);
    place.until("it is done", || (place.noted("done ") == 1).then_some(()));
    // One message is no reason for a second instance, however long it takes.
    let launches = place
        .activities()
        .iter()
        .filter(|one| one.description.starts_with("Launch"))
        .count();
    assert_eq!(launches, 1);
}

#[test]
fn a_stage_that_a_later_deploy_adds_gets_its_workers() {
    let place = Place::new(Plan::new("adds", 1, 2)).up();
    place.in_service(1);
    let test = place.qfleet(&["deploy", "fleet.yaml", "--yes"]);
    let notes = test.path("notes");
    let file = place.plan.file(&notes);
    let (_, stage) = file.split_once("stages:\n").expect("a stage");
    let second = stage.replace("name: work", "name: second");
    test.file("fleet.yaml", format!("{file}{second}")).run();
    place.until("its workers", || {
        let groups = place.state()?.groups;
        let second = groups.iter().find(|group| group.stage == "second")?;
        (groups.len() == 2 && second.in_service() == 1).then_some(())
    });
    place.send_to("second", ["job".to_owned()]);
    place.until("it is done", || (place.noted("done job") == 1).then_some(()));
}

/// Whoever has mended a program and sends dead letters back waits for it: not for a minute of the fleet's to be over.
#[test]
fn a_deploy_is_followed_soon_also_where_minutes_are_real() {
    let plan = Plan {
        speed: 1,
        ..Plan::new("promptly", 1, 1)
    };
    let place = Place::new(plan).up();
    let first = place.in_service(1);
    let plan = Plan {
        seconds: 0.01,
        ..place.plan.clone()
    };
    let test = place.qfleet(&["deploy", "fleet.yaml", "--yes"]);
    let notes = test.path("notes");
    test.file("fleet.yaml", plan.file(&notes)).run();
    let new = place.until("a new one is launched", || {
        let instances = place.group().instances;
        instances.into_iter().find(|one| !first.contains_key(&one.id))
    });
    let started = place.state().expect("its state").started;
    let after = new.started.duration_since(started);
    assert!(after.as_secs() < 50, "{after:?} after its start, by the minute");
}

#[test]
fn a_deploy_is_followed() {
    // Slow: an idle fleet shrinks after a quarter of an hour, and the deploys are to be over by then on a busy machine, too.
    let plan = Plan {
        speed: 6,
        ..Plan::new("follows", 1, 4)
    };
    let mut place = Place::new(plan).up();
    place.in_service(1);
    let deploy = |plan: &Plan| {
        let test = place.qfleet(&["deploy", "fleet.yaml", "--yes"]);
        let notes = test.path("notes");
        test.file("fleet.yaml", plan.file(&notes))
            .stderr_contains("The local fleet of follows takes it up in a few seconds")
            .stderr_contains("qfleet status fleet.yaml --watch --local")
            .run();
    };
    let plan = Plan {
        min: 3,
        max: 3,
        ..place.plan.clone()
    };
    deploy(&plan);
    let three = place.in_service(3);
    let cause = place.activity("a launch", |one| one.cause.contains("constraints"));
    assert!(cause.cause.contains("to min: 3, max: 3, desired: 3"), "{}", cause.cause);

    // A lower minimum is no reason to shrink, though the emulator sets the desired capacity back to it.
    let plan = Plan { min: 1, max: 4, ..plan };
    deploy(&plan);
    place.until("the new bounds", || (place.group().max == 4).then_some(()));
    let desired = || place.aws(async |aws| aws.groups().await[0].desired_capacity());
    place.until("the emulator's view", || (desired() == Some(3)).then_some(()));
    assert_eq!(place.group().desired, 3);

    // New settings roll the workers.
    let plan = Plan { seconds: 0.01, ..plan };
    deploy(&plan);
    place.until("all are new", || {
        let group = place.group();
        let new = group.instances.iter().all(|one| !three.contains_key(&one.id));
        (new && group.in_service() >= 3).then_some(())
    });
    let update = place.activity("an update", |one| {
        one.cause.contains("an update of its program or settings")
    });
    assert!(three.contains_key(&update.instance));

    // Whoever asks the emulator for another capacity gets it. The fleet is idle, so the policy may ask for fewer at the
    // same moment: then it is asked for again.
    let ask = || {
        place.aws(async |aws| {
            let name = place.group().group;
            let asked = aws.autoscaling.set_desired_capacity().auto_scaling_group_name(name);
            asked.desired_capacity(4).send().await.expect("is set");
        });
    };
    place.until("4 instances in service", || {
        if desired() != Some(4) {
            ask();
        }
        (place.group().in_service() == 4).then_some(())
    });

    place.qfleet(&["destroy", "fleet.yaml", "--yes"]).run();
    let ended = place.ended();
    assert_eq!(ended.code(), Some(0), "{}", place.said());
    assert!(
        place.said().contains("follows is gone: its groups were deleted"),
        "{}",
        place.said()
    );
    assert_eq!(place.state(), None);
    assert!(!place.fleet_path("").exists(), "it left something behind");
}

/// Who has mended a worker and sends dead letters back at once is told that old workers would get them. Once all are
/// replaced, nothing tells of old ones any more, though the emulator lists them still.
#[test]
fn old_workers_are_told_of_until_they_are_replaced_and_by_nothing_afterwards() {
    let place = Place::new(Plan::new("rolled", 1, 1)).up();
    let first = place.in_service(1);
    let file = |plan: &Plan| plan.file(&place.first.path("notes"));
    let redrive = || place.qfleet(&["dlq", "redrive", "fleet.yaml"]);
    redrive().stderr_lacks("before its last deploy").run();
    let supervisor = Pid::from_raw(place.supervisor_pid());
    kill(supervisor, Signal::SIGSTOP).expect("stops");
    let plan = Plan {
        seconds: 0.01,
        ..place.plan.clone()
    };
    let deploy = place.qfleet(&["deploy", "fleet.yaml", "--yes"]);
    deploy.file("fleet.yaml", file(&plan)).run();
    redrive()
        .stderr_contains("the only instance of work is older than its last deploy")
        .stderr_contains("qfleet status fleet.yaml --watch --local")
        .stderr_contains("qfleet dlq redrive fleet.yaml --stage work --local")
        .run();
    kill(supervisor, Signal::SIGCONT).expect("goes on");
    place.until("a new one works", || {
        let group = place.group();
        let new = group.instances.iter().all(|one| !first.contains_key(&one.id));
        (new && group.in_service() == 1).then_some(())
    });
    redrive().stderr_lacks("before its last deploy").run();

    let larger = file(&Plan { max: 2, ..plan });
    let planned = place.qfleet(&["plan", "fleet.yaml", "--output", "json"]);
    let planned = planned.file("fleet.yaml", larger).run().json();
    let of_work = |shown: &serde_json::Value| {
        let mut stacks = shown["stacks"].as_array().expect("stacks").iter();
        stacks.find(|stack| stack["part"] == "work").expect("the stage").clone()
    };
    let work = of_work(&planned);
    assert_eq!(work["action"], "update", "{work:#}");
    assert!(
        work["rolls_instances"].is_null() && work["rolling_update"].is_null(),
        "{work:#}"
    );
    let drift = place.qfleet(&["drift", "fleet.yaml", "--output", "json"]).run().json();
    assert_eq!(drift["verdict"], "in_sync", "{drift:#}");
    let status = place.qfleet(&["status", "fleet.yaml", "--output", "json"]).run().json();
    let old = |finding: &serde_json::Value| finding["id"] == "old-launch-template";
    let findings = status["findings"].as_array().expect("findings");
    assert!(!findings.iter().any(old), "{findings:#?}");
}
