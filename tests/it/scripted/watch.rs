//! `qfleet status`, once and with `--watch`, against the scriptable endpoint: on a terminal's screen, as lines, and as
//! JSON lines.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::endpoint::{Endpoint, Existing, Fault, Happening, On, Script, ScriptedGroup};
use crate::harness::{Following, Test, in_a_terminal_of};
use crate::lab::{self, LAB};

/// The stack of a stage.
pub fn stage(name: &str) -> Existing {
    Existing::new(&format!("lab-{name}"), "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", name)
        .output(
            "QueueUrl",
            &format!("https://sqs.us-east-2.amazonaws.com/111122223333/lab-{name}"),
        )
        .output("QueueName", &format!("lab-{name}"))
        .output(
            "DeadLetterQueueUrl",
            &format!("https://sqs.us-east-2.amazonaws.com/111122223333/lab-{name}-dead"),
        )
        .output("GroupName", &format!("lab-{name}-Group"))
        .output("TargetBacklogPerInstance", "30")
        .output("BacklogCountsInFlight", "true")
}

/// A stage that works, with its group and an hour of metrics.
fn script() -> Script {
    Script::new()
        .existing(stage("work"))
        .group(
            ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01", "us-east-2b:i-02"]).and(
                "us-east-2a",
                "i-03",
                "Pending",
            ),
        )
        .series("oldest0", &[(1, 90.0), (0, 185.0)])
        .series("done0", &[(40, 300.0), (1, 30.0), (0, 12.0)])
        .series("visible0", &[(2, 60.0), (1, 90.0), (0, 20.0)])
        .series("running0", &[(2, 2.0), (1, 2.0)])
        .series("backlog0", &[(2, 30.0), (1, 45.0), (0, 20.0)])
}

/// The same with a message in the queue.
fn busy() -> Endpoint {
    let endpoint = Endpoint::serve(script());
    let queue = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
    endpoint.world(|world| world.services.queues.make(queue, &["job"]));
    endpoint
}

/// Leaves the endpoint's groups with an activity: an instance goes and another one comes.
fn replace_one(endpoint: &Endpoint) {
    let kill = ["kill-worker", "lab.yaml", "--drain", "--yes", "--instance", "i-01"];
    lab::at(endpoint).args(kill).run();
}

#[test]
fn status_says_what_the_services_know() {
    let endpoint = Endpoint::serve(script());
    let status = lab::at(&endpoint)
        .args(["status", "lab.yaml", "--output", "json"])
        .run()
        .json();
    let stage = &status["stages"][0];
    assert_eq!(stage["stage"], "work");
    assert_eq!(stage["queue"]["visible"], 0);
    assert_eq!(stage["oldest_message_age_seconds"], 185);
    assert_eq!(stage["done"]["messages_last_minute"], 12);
    assert_eq!(stage["done"]["messages_last_hour"], 342);
    assert_eq!(endpoint.calls("GetMetricData").len(), 1);
    assert_eq!(stage["backlog"]["target_messages_per_instance"], 30.0);
    assert_eq!(stage["backlog"]["messages_per_instance"], 0.0);
    let history = stage["backlog"]["history"].as_array().expect("a history");
    let values: Vec<f64> = history
        .iter()
        .filter_map(|point| point["messages_per_instance"].as_f64())
        .collect();
    assert_eq!(values, [30.0, 45.0], "the newest minute lacks the group's metric");
    assert_eq!(stage["group"]["instances"].as_array().map(Vec::len), Some(3));
    assert_eq!(stage["instances_by_zone"]["us-east-2a"]["InService"], 1);
    assert_eq!(stage["instances_by_zone"]["us-east-2a"]["Pending"], 1);
    assert!(status.get("unknown").is_none(), "{status}");

    replace_one(&endpoint);
    let status = lab::at(&endpoint)
        .args(["status", "lab.yaml", "--output", "json"])
        .run()
        .json();
    let activities = status["stages"][0]["activities"].as_array().expect("activities");
    let said: Vec<&str> = activities
        .iter()
        .filter_map(|activity| activity["description"].as_str())
        .collect();
    assert!(
        said[0].starts_with("Launching a new EC2 instance: i-0"),
        "newest first: {said:?}"
    );
    assert_eq!(said[1], "Terminating EC2 instance: i-01");
    assert_eq!(activities[1]["status_code"], "Successful");
    let cause = activities[1]["cause"].as_str().expect("a cause");
    assert!(cause.ends_with("in response to a user request."), "{cause}");
    assert!(activities[1]["end_time"].as_str() >= activities[1]["start_time"].as_str());
}

#[test]
fn one_read_that_fails_leaves_the_rest() {
    for (action, missing) in [
        ("GetMetricData", "oldest_message_age_seconds"),
        ("DescribeAutoScalingGroups", "group"),
        ("GetQueueAttributes", "queue"),
    ] {
        let refusal = Fault::refuse(403, "AccessDenied", &format!("not authorized to perform {action}"));
        let endpoint = Endpoint::serve(script().fault(On::action(action), refusal));
        let read = lab::at(&endpoint)
            .args(["status", "lab.yaml", "--output", "json"])
            .run();
        let status = read.json();
        let stage = &status["stages"][0];
        for (name, of) in [
            ("oldest_message_age_seconds", "GetMetricData"),
            ("group", "DescribeAutoScalingGroups"),
            ("queue", "GetQueueAttributes"),
        ] {
            assert_eq!(stage[name].is_null(), name == missing, "{name} of {of}: {status}");
        }
        let unknown = status["unknown"][0].as_str().expect("what is unknown");
        assert!(
            unknown.contains(&format!("{action} failed: not authorized to perform {action}")),
            "{unknown}"
        );
        read.then()
            .args(["status", "lab.yaml"])
            .stdout_contains("unknown: ")
            .stdout_contains(" work ")
            .run();
    }
}

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// The terminal is as it was: its settings, the screen before, the cursor.
fn check_restored(seen: &crate::harness::Seen, how: &str) {
    let said = &seen.said;
    assert!(seen.restored, "{how}: raw mode stayed on");
    let after = &said[said.rfind(ENTER).expect("the alternate screen")..];
    assert!(after.contains(LEAVE), "{how}: {said:?}");
    assert!(after.contains(SHOW_CURSOR), "{how}: {said:?}");
}

#[test]
fn a_screen_that_every_key_to_leave_leaves_as_it_was() {
    let endpoint = busy();
    for (key, size) in [("q", (80, 24)), ("\u{1b}", (200, 50)), ("\u{3}", (60, 20))] {
        let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch"]);
        let seen = in_a_terminal_of(&watch, size, &[("q leave", "x"), ("q leave", key)], |_| ());
        assert_eq!(seen.code, 0, "{key:?}: {}", seen.said);
        check_restored(&seen, key);
        let screen = &seen.screens[0];
        for words in [
            "lab  111122223333  us-east-2",
            "── work ──",
            "2 of 2 in service, min 1, max 4",
            "1 waiting  0 in flight  0 dead",
            "oldest 3m 05s",
            "0.5 per instance, target 30",
            "us-east-2a  I   P",
            "us-east-2b  I",
            "none yet",
        ] {
            assert!(screen.contains(words), "{words}:\n{screen}");
        }
        assert!(!seen.said.contains("\u{1b}[38;"), "NO_COLOR is set: {:?}", seen.said);
    }
    let colorful = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--color", "always"]);
    let seen = in_a_terminal_of(&colorful, (80, 24), &[("q leave", "q")], |_| ());
    assert!(seen.said.contains("\u{1b}[38;"), "{:?}", seen.said);
}

#[test]
fn a_signal_leaves_the_screen_too() {
    let endpoint = Endpoint::serve(script());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch"]);
        let stop = |pid| kill(Pid::from_raw(pid), signal).expect("signalled");
        let seen = in_a_terminal_of(&watch, (80, 24), &[("q leave", "x")], stop);
        assert_eq!(seen.code, 130, "{}", seen.said);
        check_restored(&seen, signal.as_str());
    }
}

#[test]
fn a_read_that_fails_is_said_on_the_screen_and_ends_nothing() {
    let refusal = Fault::refuse(403, "AccessDenied", "not authorized");
    let endpoint = Endpoint::serve(script().fault(On::action("GetQueueAttributes").numbers(1..=2), refusal));
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1"]);
    let answers = [
        ("unknown: work: GetQueueAttributes failed: not authorized", "x"),
        ("0 waiting", "q"),
    ];
    let seen = in_a_terminal_of(&watch, (80, 24), &answers, |_| ());
    assert_eq!(seen.code, 0, "{}", seen.said);
    assert!(seen.screens[0].contains("? waiting"), "{}", seen.screens[0]);
}

#[test]
fn nothing_is_sent_that_did_not_change() {
    let endpoint = Endpoint::serve(script());
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1"]);
    let leave = |pid| {
        endpoint.wait_until("five more refreshes", |world| {
            world
                .calls
                .iter()
                .filter(|call| call.action == "DescribeAutoScalingGroups")
                .count()
                >= 6
        });
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("signalled");
    };
    let seen = in_a_terminal_of(&watch, (80, 24), &[("q leave", "x")], leave);
    let first_frame = seen.said.rfind("leave").expect("the first frame");
    let later = seen.said.len() - first_frame;
    assert!(first_frame > 800, "{first_frame}");
    assert!(
        later < 5 * 80,
        "{later} bytes for five times another second: {:?}",
        seen.said
    );
}

#[test]
fn the_screen_goes_when_the_environment_does() {
    let delete = Happening::Delete {
        stack: "lab-work".into(),
    };
    let endpoint = Endpoint::serve(script().at(Duration::from_secs(2), delete));
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1"]);
    let seen = in_a_terminal_of(&watch, (80, 24), &[], |_| ());
    assert_eq!(seen.code, 0, "{}", seen.said);
    check_restored(&seen, "gone");
    let after = &seen.said[seen.said.rfind(LEAVE).expect("left")..];
    assert!(after.contains("lab is gone."), "{after:?}");
}

#[test]
fn lines_from_before_the_deploy_until_it_is_gone() {
    let endpoint = Endpoint::serve(Script::new());
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1"]);
    let watching = Following::start(watch);
    watching.until("lab is not deployed yet: waiting for its first stack");
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let lines = watching.until("work: 0 waiting, 0 in flight, 0 dead letters; backlog ");
    assert!(
        lines.iter().all(|line| line[..20].ends_with('Z')),
        "each has its time: {lines:#?}"
    );
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    watching.until("lab-work is gone");
    let (code, said) = watching.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("lab is gone.\n"), "{said}");
}

#[test]
fn lines_say_what_changes_and_nothing_twice() {
    let endpoint = busy();
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1"]);
    let watching = Following::start(watch);
    let mut lines = watching.until("2 of 2 in service, 1 Pending; oldest 3m 05s");
    endpoint.wait_until("three more refreshes", |world| {
        world
            .calls
            .iter()
            .filter(|call| call.action == "DescribeAutoScalingGroups")
            .count()
            >= 4
    });
    replace_one(&endpoint);
    // In the same second or in two.
    while !lines.last().is_some_and(|line| line.contains(" Successful (At ")) {
        lines.extend(watching.until("work: Launching a new EC2 instance: i-0"));
    }
    watching.signal(Signal::SIGINT);
    lines.extend(watching.rest());
    assert_eq!(watching.end(), (130, String::new()));
    let plain = lines
        .iter()
        .filter(|line| line.contains("2 of 2 in service, 1 Pending"))
        .count();
    assert!(plain <= 2, "before it, and after it perhaps: {lines:#?}");
    let ended = lines
        .iter()
        .filter(|line| line.contains("Terminating EC2 instance: i-01 Successful"));
    assert_eq!(ended.count(), 1, "{lines:#?}");
}

#[test]
fn an_object_at_each_refresh_for_a_program() {
    let endpoint = Endpoint::serve(script());
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1", "--output", "jsonl"]);
    let watching = Following::start(watch);
    let line = watching.until("{").remove(0);
    let object: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(object["phase"], "deployed");
    assert_eq!(object["environment"], "lab");
    assert_eq!(object["stages"][0]["oldest_message_age_seconds"], 185);
    assert!(object["at"].is_string());
    let second: serde_json::Value = serde_json::from_str(&watching.until("{")[0]).expect("JSON");
    assert!(
        second["at"].as_str() > object["at"].as_str(),
        "unchanged, and told again"
    );
    watching.signal(Signal::SIGTERM);
    assert_eq!(watching.end(), (130, String::new()));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let endpoint = Endpoint::serve(script());
    let watch = lab::at(&endpoint).args(["status", "lab.yaml", "--watch", "--interval", "1", "--output", "jsonl"]);
    assert_eq!(Following::unread(&watch), (0, String::new()));
}

#[test]
fn options_that_do_not_go_together() {
    for (args, said) in [
        (vec!["--watch", "--output", "json"], "--output jsonl"),
        (vec!["--interval", "2"], "--watch"),
        (
            vec!["--watch", "--interval", "0"],
            "a whole number from 1 to 3600 is expected",
        ),
    ] {
        Test::new()
            .file("lab.yaml", LAB)
            .executable("program/run", "#!/bin/sh\n")
            .args(["status", "lab.yaml"])
            .args(args)
            .status(2)
            .stderr_contains(said)
            .run();
    }
}
