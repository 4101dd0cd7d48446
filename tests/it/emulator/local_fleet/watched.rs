//! `qfleet status`, once and with `--watch`, and `qfleet kill-worker` where a local fleet plays Auto Scaling.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::harness::{Following, lives};

#[test]
fn a_crash_is_shown_and_what_was_in_hand_is_done_by_another() {
    let plan = Plan {
        seconds: 2.0,
        ..Plan::new("crashes", 2, 2)
    };
    let place = Place::new(plan).up();
    let before = place.in_service(2);
    let watching = Following::start(place.qfleet(&["status", "fleet.yaml", "--watch", "--interval", "1"]));
    watching.until("2 of 2 in service");
    let reading = Following::start(place.qfleet(&["logs", "fleet.yaml", "--follow"]));

    place.send(["job".to_owned()]);
    let begun = || place.notes().into_iter().find(|(_, text)| text == "begins job");
    let (victim, _) = place.until("a worker is at it", begun);
    let killed = place
        .qfleet(&["kill-worker", "fleet.yaml", "--crash", "--instance", &victim])
        .stderr_contains(format!("killed {victim} in us-east-2"))
        .stderr_contains("comes back to the queue when its visibility timeout of 5s has passed")
        .stderr_contains(format!("{victim} is gone"))
        .stderr_contains("comes up: Pending")
        .stdout_contains(format!("took the place of {victim} in "))
        .run();
    assert!(!lives(before[&victim]), "its process");
    let after = place.in_service(2);
    assert!(!after.contains_key(&victim));
    let successor = after.keys().find(|id| !before.contains_key(*id)).expect("another one");
    assert!(killed.stdout.contains(successor.as_str()), "{}", killed.stdout);
    place.until("another worker has done it", || {
        let done = place.notes().into_iter().find(|(_, text)| text == "done job");
        done.filter(|(who, _)| *who != victim)
    });

    // What the dead one said is kept, and the living are followed.
    let followed = reading.until("/worker  done job");
    let begun = format!("work {victim}/worker  begins job");
    assert_eq!(
        followed.iter().filter(|line| line.contains(&begun)).count(),
        1,
        "{followed:#?}"
    );
    reading.signal(Signal::SIGINT);
    assert_eq!(reading.end().0, 130);
    let of_victim = [
        "logs",
        "fleet.yaml",
        "--instance",
        &victim,
        "--filter",
        "job",
        "--output",
        "json",
    ];
    let document = place.qfleet(&of_victim).run().json();
    let lines = document["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 1, "{document}");
    assert_eq!(lines[0]["message"], "begins job");
    assert_eq!(lines[0]["stage"], "work");

    let lines = watching.until(&format!("Launching a new EC2 instance: {successor}"));
    assert!(
        lines
            .iter()
            .any(|line| line.contains(&format!("Terminating EC2 instance: {victim}"))),
        "{lines:#?}"
    );
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.end().0, 130);
}

#[test]
fn a_spot_instance_is_warned_finishes_its_work_and_is_replaced() {
    let plan = Plan {
        seconds: 2.0,
        visibility_timeout: 30,
        // Ten seconds from the notice to the end.
        speed: 12,
        ..Plan::new("spot", 1, 2)
    };
    let place = Place::new(plan).up();
    let before = place.in_service(1);
    place.send(["job".to_owned()]);
    let begun = || place.notes().into_iter().find(|(_, text)| text == "begins job");
    let (victim, _) = place.until("the worker is at it", begun);
    let watching = Following::start(place.qfleet(&["status", "fleet.yaml", "--watch", "--interval", "1"]));
    watching.until("1 of 1 in service");
    let document = place
        .qfleet(&["kill-worker", "fleet.yaml", "--spot", "--output", "json"])
        .stderr_contains(format!("{victim} in us-east-2"))
        .stderr_contains("has a spot notice: EC2 takes it back at ")
        .stderr_contains(format!("{victim} is gone"))
        .run()
        .json();
    assert_eq!(document["how"], "spot");
    watching.until("1 of 1 in service, 1 with a spot notice");
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.end().0, 130);
    assert!(document["seconds"].as_f64() >= Some(8.0), "{document}");
    let after = place.in_service(1);
    let successor = after.keys().next().expect("another one");
    assert_eq!(document["replacement"], successor.as_str());
    let of_victim: Vec<String> = place
        .notes()
        .into_iter()
        .filter(|(who, _)| *who == victim)
        .map(|(_, text)| text)
        .collect();
    // It isn't started again on an instance that goes away.
    assert_eq!(of_victim, ["up", "begins job", "done job", "was warned", "ended"]);
    assert!(!lives(before[&victim]));
    let end = place.activity("its end", |one| {
        one.instance == victim && one.description.starts_with("Term")
    });
    assert!(
        end.cause.contains("EC2 health check indicating it has been terminated"),
        "{}",
        end.cause
    );
    let launch = place.activity("the launch", |one| one.instance == *successor);
    assert!(
        launch.cause.contains("an unhealthy instance needing to be replaced"),
        "{}",
        launch.cause
    );
}

#[test]
fn a_worker_drains_and_status_knows_the_fleet() {
    let plan = Plan {
        seconds: 2.0,
        visibility_timeout: 30,
        ..Plan::new("drains", 1, 2)
    };
    let mut place = Place::new(plan).up();
    place.in_service(1);
    place.send(["job".to_owned()]);
    let begun = || place.notes().into_iter().find(|(_, text)| text == "begins job");
    let (victim, _) = place.until("the worker is at it", begun);
    let document = place
        .qfleet(&["kill-worker", "fleet.yaml", "--drain", "--output", "json"])
        .stderr_contains(format!("{victim} InService → Terminating:Wait"))
        .run()
        .json();
    assert_eq!(document["instance"], victim);
    assert_eq!(document["how"], "drain");
    for text in ["done job", "ended"] {
        let note = (victim.clone(), text.to_owned());
        assert!(place.notes().contains(&note), "{text}: {:?}", place.notes());
    }
    let after = place.in_service(1);
    assert_eq!(
        document["replacement"].as_str(),
        after.keys().next().map(String::as_str)
    );

    let history = || {
        place
            .group()
            .history
            .iter()
            .any(|minute| minute.backlog_per_instance.is_some())
    };
    place.until("a minute has passed", || history().then_some(()));
    let status = place.qfleet(&["status", "fleet.yaml", "--output", "json"]).run().json();
    assert_eq!(status["local"], true);
    assert_eq!(status["local_fleet"]["speed"], 60);
    let stage = &status["stages"][0];
    let instances = stage["group"]["instances"].as_array().expect("instances");
    let ids: BTreeSet<&str> = instances.iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, after.keys().map(String::as_str).collect());
    assert_eq!(stage["backlog"]["target_messages_per_instance"], 2.0);
    assert!(
        stage["backlog"]["history"]
            .as_array()
            .is_some_and(|points| !points.is_empty())
    );
    let activities = stage["activities"].as_array().expect("activities");
    assert_eq!(activities.len(), 3, "two launches and a termination: {activities:#?}");
    assert!(status.get("unknown").is_none(), "{status}");

    place
        .qfleet(&["kill-worker", "fleet.yaml", "--crash", "--instance", "i-unknown"])
        .status(2)
        .stderr_contains(format!(
            "{} (work, us-east-2",
            after.keys().next().expect("an instance")
        ))
        .run();

    // Whoever watches keeps the picture of a fleet that has ended; where its backlog goes isn't told any more.
    let stage = |line: String| serde_json::from_str::<serde_json::Value>(&line).expect("JSON")["stages"][0].clone();
    let watch = [
        "status",
        "fleet.yaml",
        "--watch",
        "--interval",
        "1",
        "--output",
        "jsonl",
    ];
    let watching = Following::start(place.qfleet(&watch));
    let running = watching.until("\"trend\":\"").pop().expect("a line");
    place.qfleet(&["local", "down", "fleet.yaml"]).run();
    place.ended();
    let mut lines = std::iter::repeat_with(|| watching.until("{").pop().expect("a line")).take(60);
    lines.find(|line| !line.contains("\"local_fleet\":{")).expect("an end");
    // Metrics are read at every other look.
    let ended = lines.nth(2).expect("a line");
    let (running, ended) = (stage(running), stage(ended));
    let points = |stage: &serde_json::Value| stage["backlog"]["history"].as_array().map(Vec::len);
    assert!(points(&ended) >= points(&running), "{ended:#}");
    assert_eq!(ended["backlog"]["trend"], serde_json::Value::Null, "{ended:#}");
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.end().0, 130);

    place
        .qfleet(&["kill-worker", "fleet.yaml", "--crash"])
        .status(1)
        .stderr_contains("no local fleet of drains runs")
        .stderr_contains("qfleet local up fleet.yaml")
        .run();
}
