//! Workers and supervisors of a local fleet that are killed, and messages that fail.

use std::collections::BTreeSet;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use qfleet::local::fleet::state::StatusCode;

use crate::emulator::local_fleet::place::{Place, Plan, kill_group};
use crate::harness::lives;

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

    // The whole contract: the worker ends when it is told to, and its group hears of it.
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
    assert!(
        log.contains("stopping: got SIGTERM") && log.contains("stopped"),
        "{log}"
    );
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
        .status(4)
        .stderr_contains("End the local fleet of orphans?")
        .run();
    assert!(after.values().all(|pid| lives(*pid)), "ended without a yes");
    let down = || place.first.then().args(["local", "down", "--yes"]);
    down()
        .stdout("Local fleet of orphans stopped; 2 workers had lost its supervisor\n")
        .run();
    assert!(after.values().all(|pid| !lives(*pid)), "an orphan stays");
    down().stdout("No local fleet is running\n").run();
}

#[test]
fn messages_that_wait_for_a_fleet_that_was_killed_are_found() {
    let mut place = Place::new(Plan::new("dead", 1, 1)).up();
    let workers = place.in_service(1);
    kill(Pid::from_raw(place.supervisor_pid()), Signal::SIGKILL).expect("kills");
    place.ended();
    workers.values().for_each(|pid| kill_group(*pid));
    place.send(["job".to_owned()]);
    let status = place.qfleet(&["status", "fleet.yaml", "--output", "json"]).run().json();
    // The emulator lists its instance still.
    assert_eq!(status["stages"][0]["group"]["instances"], serde_json::json!([]));
    let found = &status["findings"][0];
    assert_eq!(found["id"], "no-workers", "{status:#}");
    assert_eq!(found["meaning"], "a message waits and no local fleet runs");
    let command = found["command"].as_str().unwrap_or_default();
    assert!(
        command.starts_with("qfleet local up fleet.yaml --speed 60 --local"),
        "{command}"
    );
}

#[test]
fn workers_that_are_killed_on_purpose_are_each_another_and_no_finding() {
    let place = Place::new(Plan::new("purpose", 3, 3)).up();
    place.in_service(3);
    let mut killed = BTreeSet::new();
    for _ in 0..3 {
        let kill = place.qfleet(&["kill-worker", "fleet.yaml", "--crash", "--no-wait", "--output", "json"]);
        let victim = kill.run().json()["instance"].as_str().map(str::to_owned);
        killed.extend(victim);
    }
    assert_eq!(killed.len(), 3, "one was killed twice: {killed:?}");
    for id in &killed {
        let end = place.activity("its end", |one| {
            one.instance == *id && one.description.starts_with("Term")
        });
        let said = end.status_message.unwrap_or_default();
        assert_eq!(said, "its worker was killed by `qfleet kill-worker --crash`");
    }
    place.in_service(3);
    let status = place.qfleet(&["status", "fleet.yaml", "--output", "json"]).run().json();
    assert_eq!(status["findings"], serde_json::json!([]));
}

#[test]
fn what_a_worker_logs_has_the_time_at_which_it_was_written() {
    let plan = Plan {
        seconds: 0.0,
        ..Plan::new("times", 1, 1)
    };
    let place = Place::new(plan).up();
    let workers = place.in_service(1);
    let id = workers.first_key_value().expect("a worker").0;
    let beside = |name: &str| place.fleet_path(&format!("instances/{id}/{name}"));
    let time = |line: &str| {
        let logs = place.qfleet(&["logs", "fleet.yaml", "--output", "json"]).run().json();
        let lines = logs["lines"].as_array().expect("lines").clone();
        let found = lines.into_iter().find(|one| one["message"] == line).expect("is there");
        let at: jiff::Timestamp = found["at"].as_str().unwrap_or_default().parse().expect("a time");
        at
    };
    let is_noted = |line: &str| {
        place.until(line, || {
            let log = std::fs::read_to_string(beside("worker.log")).ok()?;
            let times = std::fs::read_to_string(beside("worker.times")).ok()?;
            let seen: usize = times.lines().last()?.split(' ').next()?.parse().ok()?;
            (log.contains(line) && seen == log.len()).then_some(())
        });
    };
    place.send(["one".to_owned()]);
    is_noted("done one");
    let first = time("done one");
    place.send(["two".to_owned()]);
    is_noted("done two");
    assert_eq!(time("done one"), first, "it has the time of what came after it");
    assert!(time("done two") > first);
}

#[test]
fn a_worker_that_crashes_on_start_is_shown_with_its_reason_and_mended_by_a_deploy() {
    let place = Place::new(Plan::new("crashes", 1, 1));
    let starts = place.first.path("starts");
    // As node ends: the reason, its frames, and a line that says nothing.
    let frames = "    at packageResolve (node:internal/modules/esm/resolve:768:81)\n".repeat(20);
    let script = format!(
        "#!/bin/sh\necho x >>{}\ncat >&2 <<END\nError: Cannot find package 'sqs'\n{frames}\nNode.js v22.14.0\nEND\nexit \
         3\n",
        starts.display()
    );
    let test = place.first.then().executable("program/run", script);
    drop(test);
    let place = place.up();
    let event = place.until("it is shown", || {
        let said = place.said();
        let events = said.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut events = events.filter(|event: &serde_json::Value| event["event"] == "worker_ended");
        events.next()
    });
    assert_eq!(event["stage"], "work");
    let message = event["message"].as_str().expect("a message");
    assert!(
        message.contains("exit status: 3") && message.contains("Cannot find package 'sqs'"),
        "{message}"
    );
    let path = event["log"].as_str().expect("a path");
    let log = std::fs::read_to_string(path).expect("a log");
    assert!(log.contains("at packageResolve"), "{log}");
    // `status` shows it, too, at the launch that was given up.
    let status = place.qfleet(&["status", "fleet.yaml"]).run();
    assert!(status.stdout.contains("Cannot find package 'sqs'"), "{}", status.stdout);
    for text in ["an instance doesn't come into service", &format!("its log is {path}")] {
        assert!(status.stdout.contains(text), "{}", status.stdout);
    }
    let count = || std::fs::read_to_string(&starts).unwrap_or_default().lines().count();
    place.until("it is started again", || (count() >= 3).then_some(()));
    assert_eq!(place.said().matches("worker_ended").count(), 1, "{}", place.said());
    assert_eq!(place.group().in_service(), 0);

    place
        .qfleet(&["deploy", "fleet.yaml", "--yes"])
        .executable("program/run", "#!/bin/sh\nexec python3 -B -S worker.py\n")
        .run();
    place.in_service(1);
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
fn a_poison_message_ends_in_the_dead_letter_queue_and_is_redriven_after_a_fix() {
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

    let fixed = include_str!("worker.py").replace("!= \"poison\"", "!= \"\"");
    place
        .qfleet(&["deploy", "fleet.yaml", "--yes"])
        .file("program/worker.py", fixed)
        .run();
    place.activity("an update", |one| {
        one.cause.contains("an update of its program or settings")
    });
    place.in_service(1);
    place.qfleet(&["dlq", "redrive", "fleet.yaml"]).run();
    place.until("what was poison", || (place.noted("done poison") == 1).then_some(()));
    let left = || (place.depth("work-dlq"), place.depth("work"));
    place.until("empty queues", || (left() == ((0, 0), (0, 0))).then_some(()));
}
