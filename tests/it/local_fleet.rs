//! `qfleet local up` and `local down`: real workers around the emulator, and a supervisor that plays Auto Scaling.

mod place;
mod watched;

use std::collections::BTreeSet;
use std::path::Path;

use aws_sdk_autoscaling::error::ProvideErrorMetadata;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use qfleet::local::fleet::state::{LifecycleState, StatusCode};

use crate::harness::{Test, find_ministack, free_port};
use place::{Place, Plan, kill_group, lives};

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
        let groups = aws
            .autoscaling
            .describe_auto_scaling_groups()
            .send()
            .await
            .expect("groups");
        let instances = groups.auto_scaling_groups()[0].instances().iter();
        instances
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
        assert!(
            place.notes().contains(&(id.clone(), "completed 200".to_owned())),
            "{id}"
        );
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
fn a_killed_worker_is_replaced_and_its_message_comes_back() {
    let plan = Plan {
        seconds: 3.0,
        visibility_timeout: 5,
        ..Plan::new("killed", 1, 1)
    };
    let place = Place::new(plan).up();
    let before = place.in_service(1);
    let (id, pid) = before.first_key_value().expect("an instance");
    place.send(["job".to_owned()]);
    place.until("it works", || (place.noted("begins ") == 1).then_some(()));
    kill_group(*pid);

    place.until("it is done", || (place.noted("done job") == 1).then_some(()));
    let after = place.in_service(1);
    assert!(!after.contains_key(id));
    let done = place
        .notes()
        .into_iter()
        .find(|(_, text)| text == "done job")
        .expect("is there");
    assert!(after.contains_key(&done.0));
    assert_eq!(place.group().desired, 1);
    let lost = place.activity("its end", |one| {
        one.instance == *id && one.description.starts_with("Term")
    });
    assert!(
        lost.cause
            .contains("in response to an EC2 health check indicating it has been terminated or stopped.")
    );
    let launch = place.activity("its replacement", |one| after.contains_key(&one.instance));
    assert!(
        launch.cause.contains("an unhealthy instance needing to be replaced."),
        "{}",
        launch.cause
    );
}

#[test]
fn files_survive_the_example_worker_being_killed() {
    let plan = Plan {
        program: Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mover"),
        visibility_timeout: 4,
        more: "bucket: {on_destroy: empty}\n",
        ..Plan::new("files", 2, 2)
    };
    let place = Place::new(plan).up();
    let bucket = format!("files-{}-us-east-2", place.plan.account);
    let before = place.in_service(2);
    place.aws(async |aws| {
        for n in 0..80 {
            let put = aws.s3.put_object().bucket(&bucket).key(format!("uploads/{n}"));
            put.body(vec![b'x'; 100_000].into()).send().await.expect("put");
        }
    });
    kill_group(*before.first_key_value().expect("one").1);
    let keys = |prefix: &str| {
        place.aws(async |aws| {
            let listed = aws
                .s3
                .list_objects_v2()
                .bucket(&bucket)
                .prefix(prefix)
                .send()
                .await
                .expect("lists");
            listed.contents().len()
        })
    };
    place.until("all files are moved", || {
        (keys("processed/") == 80 && keys("uploads/") == 0).then_some(())
    });
    place.until("the queue is empty", || (place.depth("work") == (0, 0)).then_some(()));
    assert_eq!(place.depth("work-dlq"), (0, 0));
    assert_ne!(place.in_service(2), before);

    // The whole contract: the worker drains by itself when its instance is told to go, and completes its hook.
    let id = place.group().instances[0].id.clone();
    place
        .qfleet(&["kill-worker", "fleet.yaml", "--drain", "--instance", &id])
        .run();
    let end = place.activity("its end", |one| {
        one.instance == id && one.description.starts_with("Term")
    });
    assert!(end.cause.ends_with("in response to a user request."), "{}", end.cause);
    assert_eq!((end.status_code, end.status_message), (StatusCode::Successful, None));
    let log = std::fs::read_to_string(place.fleet_path(&format!("instances/{id}/worker.log"))).expect("a log");
    assert!(log.contains("completed the termination hook drain"), "{log}");
}

#[test]
fn a_killed_supervisor_leaves_no_orphans_and_no_second_fleet() {
    let mut place = Place::new(Plan::new("orphans", 2, 2)).up();
    let before = place.in_service(2);
    place
        .qfleet(&["local", "up", "fleet.yaml"])
        .status(4)
        .stdout("")
        .stderr_contains("a local fleet of orphans runs already")
        .run();

    kill(Pid::from_raw(place.supervisor_pid()), Signal::SIGKILL).expect("kills");
    place.ended();
    assert!(before.values().all(|pid| lives(*pid)), "SIGKILL reached the workers");
    place.start();
    let after = place.in_service(2);
    assert!(before.values().all(|pid| !lives(*pid)), "an orphan stays");
    assert!(after.keys().all(|id| !before.contains_key(id)), "an id was used twice");
    assert!(place.said().contains("ended 2 workers"), "{}", place.said());

    // `local down` cleans up, too.
    kill(Pid::from_raw(place.supervisor_pid()), Signal::SIGKILL).expect("kills");
    place.ended();
    let down = || place.first.then().args(["local", "down"]);
    down()
        .stdout("Local fleet of orphans stopped; 2 workers had lost its supervisor\n")
        .run();
    assert!(after.values().all(|pid| !lives(*pid)), "an orphan stays");
    down().stdout("No local fleet is running\n").run();
}

#[test]
fn a_worker_that_crashes_on_start_is_reported_and_does_not_spin() {
    let place = Place::new(Plan::new("crashes", 1, 1));
    let starts = place.first.path("starts");
    let script = format!(
        "#!/bin/sh\necho x >>{}\necho 'no such table: jobs' >&2\nexit 3\n",
        starts.display()
    );
    let test = place.first.then().executable("program/run", script);
    drop(test);
    let place = place.up();
    let failed = place.activity("a failed launch", |one| one.status_code == StatusCode::Failed);
    assert!(failed.description.starts_with("Launching"), "{}", failed.description);
    let message = failed.status_message.expect("a message");
    assert!(
        message.contains("exit status: 3") && message.contains("no such table: jobs"),
        "{message}"
    );
    let count = || std::fs::read_to_string(&starts).unwrap_or_default().lines().count();
    let of_first = count();
    assert!((5..=6).contains(&of_first), "{of_first} starts of one instance");
    // The next instance gets as many, and no more; and then there is a longer pause.
    let failures = || {
        place
            .activities()
            .iter()
            .filter(|one| one.status_code == StatusCode::Failed)
            .count()
    };
    place.until("the next failure", || (failures() == 2).then_some(()));
    assert!(count() <= 11, "{} starts of two instances", count());
    assert_eq!(place.group().in_service(), 0);
}

#[test]
fn a_program_that_ends_is_started_again_on_its_instance() {
    let place = Place::new(Plan::new("ends", 1, 1)).up();
    let before = place.in_service(1);
    let (id, pid) = before.first_key_value().expect("an instance");
    kill(Pid::from_raw(*pid), Signal::SIGTERM).expect("signals");
    let ups = || {
        place
            .notes()
            .iter()
            .filter(|(who, what)| who == id && what == "up")
            .count()
    };
    place.until("it is up again", || (ups() == 2).then_some(()));
    assert_ne!(place.in_service(1)[id], *pid);
}

#[test]
fn a_poison_message_ends_in_the_dead_letter_queue() {
    let plan = Plan {
        visibility_timeout: 1,
        ..Plan::new("poison", 1, 1)
    };
    let place = Place::new(plan).up();
    place.in_service(1);
    place.send(["poison".to_owned(), "good".to_owned()]);
    place.until("the dead letter", || (place.depth("work-dlq").0 == 1).then_some(()));
    place.until("the good one", || (place.noted("done good") == 1).then_some(()));
    let deliveries = place.notes().iter().filter(|(_, text)| text == "begins poison").count();
    assert_eq!(deliveries, 2);
}

#[test]
fn a_deploy_is_followed() {
    let mut place = Place::new(Plan::new("follows", 1, 4)).up();
    place.in_service(1);
    let deploy = |plan: &Plan| {
        let test = place.qfleet(&["deploy", "fleet.yaml", "--yes"]);
        let notes = test.path("notes");
        test.file("fleet.yaml", plan.file(&notes)).run();
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
    let desired = || {
        place.aws(async |aws| {
            let groups = aws
                .autoscaling
                .describe_auto_scaling_groups()
                .send()
                .await
                .expect("groups");
            groups.auto_scaling_groups()[0].desired_capacity()
        })
    };
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

    // Whoever asks the emulator for another capacity gets it.
    place.aws(async |aws| {
        let name = place.group().group;
        let asked = aws.autoscaling.set_desired_capacity().auto_scaling_group_name(name);
        asked.desired_capacity(4).send().await.expect("is set");
    });
    place.in_service(4);

    place.qfleet(&["destroy", "fleet.yaml", "--yes"]).run();
    let ended = place.ended();
    assert_eq!(ended.code(), Some(0), "{}", place.said());
    assert!(
        place.said().contains("follows is gone: its groups were deleted"),
        "{}",
        place.said()
    );
    assert_eq!(place.state(), None);
}

#[test]
fn the_api_that_the_emulator_lacks_is_answered() {
    let place = Place::new(Plan::new("api", 1, 2)).up();
    let before = place.in_service(1);
    let id = before.first_key_value().expect("an instance").0;
    let state = place.state().expect("a state");
    place.aws(async |aws| {
        let config = aws
            .autoscaling
            .config()
            .to_builder()
            .endpoint_url(&state.autoscaling_endpoint);
        let client = aws_sdk_autoscaling::Client::from_conf(config.build());
        let listed = client
            .describe_auto_scaling_instances()
            .instance_ids(id)
            .send()
            .await
            .expect("instances");
        let instance = &listed.auto_scaling_instances()[0];
        assert_eq!(instance.instance_id(), Some(id.as_str()));
        assert_eq!(instance.lifecycle_state(), Some("InService"));
        assert_eq!(instance.auto_scaling_group_name(), Some(state.groups[0].group.as_str()));
        // Everything else is the emulator's.
        let groups = client.describe_auto_scaling_groups().send().await.expect("groups");
        assert_eq!(groups.auto_scaling_groups()[0].max_size(), Some(2));

        let end = |id: &str, decrement| {
            let call = client.terminate_instance_in_auto_scaling_group().instance_id(id);
            call.should_decrement_desired_capacity(decrement).send()
        };
        let unknown = end("i-0123456789abcdef0", false).await.expect_err("is unknown");
        assert_eq!(unknown.code(), Some("ValidationError"));
        assert!(
            unknown
                .message()
                .is_some_and(|message| message.contains("No managed instance found"))
        );
        let too_few = end(id, true).await.expect_err("is refused");
        assert!(
            too_few
                .message()
                .is_some_and(|message| message.contains("violate group's min size"))
        );
        let hook = client
            .complete_lifecycle_action()
            .lifecycle_hook_name("drain")
            .lifecycle_action_result("CONTINUE");
        let hook = hook
            .auto_scaling_group_name(&state.groups[0].group)
            .instance_id(id)
            .send();
        let hook = hook.await.expect_err("is not waiting");
        assert!(
            hook.message()
                .is_some_and(|message| message.contains("No active Lifecycle Action found"))
        );

        let begun = end(id, false).await.expect("begins");
        let activity = begun.activity().expect("an activity");
        assert!(activity.description().is_some_and(|text| text.contains(id.as_str())));
        assert!(
            activity
                .cause()
                .is_some_and(|text| text.contains("in response to a user request."))
        );
    });
    place.until("it is replaced", || {
        let group = place.group();
        (group.in_service() == 1 && group.instances.iter().all(|one| one.id != *id)).then_some(())
    });
    assert!(place.notes().contains(&(id.clone(), "completed 200".to_owned())));

    // A page in a browser can send this, but can't sign it.
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .build()
        .new_agent();
    let form = "Action=TerminateInstanceInAutoScalingGroup&InstanceId=i-1&ShouldDecrementDesiredCapacity=false";
    let answer = agent.post(&state.autoscaling_endpoint).send(form).expect("answers");
    assert_eq!(answer.status(), 403);
}

#[test]
fn a_detached_fleet_says_where_its_log_is_and_drains_at_its_end() {
    let plan = Plan {
        seconds: 1.0,
        ..Plan::new("detached", 1, 1)
    };
    let place = Place::new(plan);
    let up = place
        .qfleet(&["local", "up", "fleet.yaml", "--speed", "60", "--detach"])
        .run();
    let log = place.fleet_path("supervisor.log");
    assert!(
        up.stdout.contains("Local fleet of detached runs in the background"),
        "{}",
        up.stdout
    );
    assert!(up.stdout.contains(&log.display().to_string()), "{}", up.stdout);
    assert!(up.stdout.contains("qfleet local down detached"), "{}", up.stdout);
    let instances = place.group().instances;
    place.qfleet(&["local", "up", "fleet.yaml", "--detach"]).status(4).run();

    place.send(["job".to_owned()]);
    place.until("it works", || (place.noted("begins ") == 1).then_some(()));
    let down = place
        .first
        .then()
        .args(["local", "down", "fleet.yaml", "--output", "json"])
        .run();
    assert_eq!(
        down.json(),
        serde_json::json!({"stopped": [{"environment": "detached", "supervised": true, "orphans": 0}]})
    );
    assert_eq!(place.noted("done job"), 1, "it didn't finish what it had in hand");
    assert_eq!(place.depth("work"), (0, 0));
    assert!(instances.iter().all(|one| one.pid.is_none_or(|pid| !lives(pid))));
    let said = std::fs::read_to_string(log).expect("a log");
    assert!(said.contains("because the local fleet was stopped"), "{said}");
    place
        .first
        .then()
        .args(["local", "down", "fleet.yaml"])
        .stdout("No local fleet is running\n")
        .run();
}

#[test]
fn a_signal_drains_and_a_second_one_kills() {
    let plan = Plan {
        seconds: 600.0,
        ..Plan::new("signals", 1, 1)
    };
    let mut place = Place::new(plan).up();
    let pids = place.in_service(1);
    place.send(["long".to_owned()]);
    place.until("it works", || (place.noted("begins ") == 1).then_some(()));
    let supervisor = Pid::from_raw(place.supervisor_pid());
    kill(supervisor, Signal::SIGINT).expect("signals");
    place.until("it drains", || {
        let state = place.group().instances[0].lifecycle_state;
        (state == LifecycleState::TerminatingWait).then_some(())
    });
    assert!(pids.values().all(|pid| lives(*pid)));
    kill(supervisor, Signal::SIGINT).expect("signals");
    assert_eq!(place.ended().code(), Some(130));
    assert!(pids.values().all(|pid| !lives(*pid)));
    // Not lost: it comes back when its visibility timeout has passed.
    place.until("it is back", || (place.depth("work") == (1, 0)).then_some(()));
}

#[test]
fn a_fleet_ends_when_its_emulator_does() {
    let place = Place::new(Plan::new("alone", 1, 1));
    let local = |args: &[&str]| {
        let test = place.first.then().env("QFLEET_MINISTACK", find_ministack());
        test.args(["local"]).args(args.iter().copied())
    };
    let port = free_port().to_string();
    local(&["start", "--port", &port]).run();
    let endpoint = format!("http://127.0.0.1:{port}");
    local(&[
        "up",
        "fleet.yaml",
        "--endpoint-url",
        &endpoint,
        "--speed",
        "60",
        "--detach",
    ])
    .run();
    let pids = place.in_service(1);
    local(&["stop"]).run();
    place.until("it ends", || place.state().is_none().then_some(()));
    assert!(pids.values().all(|pid| !lives(*pid)));
    assert!(
        place.said().contains("the local emulator doesn't answer any more"),
        "{}",
        place.said()
    );
}

#[test]
fn what_cannot_be_run_is_said_before_anything_is_touched() {
    let file = Plan::new("bad", 1, 1).file(Path::new("/dev/null"));
    let refused = |args: &[&str], message: &str| {
        Test::new()
            .file("fleet.yaml", &file)
            .executable("program/run", "#!/bin/sh\n")
            .args(["local"])
            .args(args.iter().copied())
            .status(2)
            .stderr_contains(message)
            .run();
    };
    let elsewhere = ["--endpoint-url", "https://autoscaling.us-east-2.amazonaws.com"];
    refused(&["up", "fleet.yaml", elsewhere[0], elsewhere[1]], "is not http://");
    refused(&["down", elsewhere[0], elsewhere[1]], "is not http://");
    refused(
        &["up", "fleet.yaml", "--endpoint-url", "http://10.0.0.1:4566"],
        "is another machine's",
    );
    refused(&["up", "fleet.yaml", "--profile", "production"], "never reaches AWS");
    refused(&["up", "fleet.yaml", "--output", "json"], "--output jsonl");
    refused(&["up", "fleet.yaml", "--speed", "0"], "--speed");
    refused(&["up", "fleet.yaml", "--speed", "101"], "--speed");
    refused(&["up", "nowhere"], "no environment `nowhere`");
    refused(&["down", "nowhere"], "no environment `nowhere`");
    refused(&["up"], "<ENV>");
}

#[test]
fn without_an_emulator_or_its_program_it_says_what_is_missing() {
    let file = Plan::new("bare", 1, 1).file(Path::new("/dev/null"));
    let up = |test: Test| {
        test.file("fleet.yaml", &file)
            .executable("program/run", "#!/bin/sh\n")
            .args(["local", "up", "fleet.yaml"])
            .status(1)
            .stdout("")
    };
    up(Test::new())
        .env("QFLEET_MINISTACK", "/nowhere/ministack")
        .stderr_contains("/nowhere/ministack, which is no program")
        .run();
}

#[test]
fn a_program_that_is_missing_or_has_no_run_is_said() {
    let place = Place::new(Plan::new("program", 1, 1));
    let deployed = place
        .qfleet(&["deploy", "fleet.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    let uri = deployed["outputs"]["work"]["Program"]
        .as_str()
        .expect("a program")
        .to_owned();
    let (bucket, key) = uri.trim_start_matches("s3://").split_once('/').expect("an address");
    let up = |message: &str| {
        let failed = place
            .qfleet(&["local", "up", "fleet.yaml"])
            .status(1)
            .stdout("")
            .stderr_contains(message);
        failed.run();
        let detached = place
            .qfleet(&["local", "up", "fleet.yaml", "--detach"])
            .status(1)
            .stderr_contains(message);
        detached.stdout("").run();
    };
    place.aws(async |aws| {
        // An archive without an entry: nothing but zeros.
        let empty = tar_gz();
        aws.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(empty.into())
            .send()
            .await
            .expect("put");
    });
    up(&format!("the program {uri} has no `run`"));
    place.aws(async |aws| {
        aws.s3
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .expect("deleted")
    });
    up(&format!("the program {uri} is not in its bucket"));
    assert!(!place.fleet_path("instances").exists(), "an instance was launched");
}

/// An archive without an entry.
fn tar_gz() -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[0; 1024]).expect("writes");
    gzip.finish().expect("finishes")
}
