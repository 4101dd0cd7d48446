//! Workers, messages and supervisors of a local fleet that come to an end they didn't choose.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use qfleet::local::fleet::state::StatusCode;

use super::place::{Place, Plan, kill_group, lives};

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
