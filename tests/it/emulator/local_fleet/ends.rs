//! A local fleet is ended, by its user or with its emulator.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use qfleet::local::fleet::state::LifecycleState;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::harness::{find_ministack, free_port, lives};

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
    assert!(up.stdout.contains("qfleet local down --name detached"), "{}", up.stdout);
    let instances = place.group().instances;
    place
        .qfleet(&["local", "up", "fleet.yaml", "--detach"])
        .status(4)
        .stderr_contains("watch it with `qfleet status --name detached --local --watch`")
        .run();

    place.send(["job".to_owned()]);
    place.until("it works", || (place.noted("begins ") == 1).then_some(()));
    let down = place
        .first
        .then()
        .args(["local", "down", "fleet.yaml", "--output", "json"])
        .stderr_contains(format!(
            "detached: waiting for 1 worker to end, for up to 30 s: {}. What is in hand is finished",
            instances[0].id
        ))
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
        .stdout("No local fleet of detached is running, and none of another environment\n")
        .run();
    // What it logged stays as long as its environment does.
    assert!(place.fleet_path("instances").join(&instances[0].id).exists());
    place.qfleet(&["destroy", "fleet.yaml", "--yes"]).run();
    assert!(!place.fleet_path("").exists());
}

/// Stopped before it has seen that its environment is gone, it leaves nothing behind all the same.
#[test]
fn a_fleet_that_is_stopped_after_a_destroy_leaves_nothing() {
    let place = Place::new(Plan::new("late", 1, 1)).up();
    place.in_service(1);
    let supervisor = Pid::from_raw(place.supervisor_pid());
    kill(supervisor, Signal::SIGSTOP).expect("stops");
    place
        .qfleet(&["destroy", "fleet.yaml", "--yes"])
        .stderr_contains("the local fleet of late ends by itself in some seconds")
        .run();
    assert!(place.fleet_path("").exists(), "it is a fleet's that runs");
    kill(supervisor, Signal::SIGTERM).expect("signals");
    kill(supervisor, Signal::SIGCONT).expect("goes on");
    place.until("nothing is left", || (!place.fleet_path("").exists()).then_some(()));
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
    place.until("it says so", || {
        place.said().contains("once more kills them").then_some(())
    });
    place.until("it drains", || {
        let state = place.group().instances[0].lifecycle_state;
        (state == LifecycleState::TerminatingWait).then_some(())
    });
    assert!(pids.values().all(|pid| lives(*pid)));
    kill(supervisor, Signal::SIGINT).expect("signals");
    assert_eq!(place.ended().code(), Some(130));
    assert!(place.said().contains("killing the workers; "), "{}", place.said());
    assert!(pids.values().all(|pid| !lives(*pid)));
    // Not lost: it comes back when its visibility timeout has passed.
    place.until("it is back", || (place.depth("work") == (1, 0)).then_some(()));
}

/// Also while its stage is paused, and there is no group to ask about.
#[test]
fn a_fleet_ends_when_its_emulator_does() {
    for is_paused in [false, true] {
        let place = Place::new(Plan::new("alone", 1, 1));
        let own = |args: &[&str]| {
            let test = place.first.then().env("QFLEET_MINISTACK", find_ministack());
            test.args(args.iter().copied())
        };
        let port = free_port().to_string();
        own(&["local", "start", "--port", &port]).run();
        let endpoint = format!("http://127.0.0.1:{port}");
        own(&[
            "local",
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
        if is_paused {
            let file = place.plan.file(&place.first.path("notes"));
            let paused = file.replace("workers:\n", "workers:\n      active: none\n");
            own(&["deploy", "fleet.yaml", "--local", "--yes"])
                .file("fleet.yaml", paused)
                .run();
            place.until("its workers end", || {
                pids.values().all(|pid| !lives(*pid)).then_some(())
            });
        }
        own(&["local", "stop"])
            .status(4)
            .stderr_contains("with everything that was deployed to it, and end the local fleet of ")
            .run();
        own(&["local", "stop", "--yes"]).run();
        place.until("it ends", || place.state().is_none().then_some(()));
        assert!(pids.values().all(|pid| !lives(*pid)));
        // Its state is dropped before its last line is printed.
        let says = "the local emulator doesn't answer any more";
        place.until(says, || place.said().contains(says).then_some(()));
    }
}
