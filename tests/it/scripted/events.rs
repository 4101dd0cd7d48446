//! `qfleet events` against the scriptable endpoint: what was, and what comes, whoever does it.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::endpoint::{Endpoint, Existing, Happening, Script, Verb};
use crate::harness::Following;
use crate::lab;

/// A stack of the environment that was there before.
fn intake(status: &str) -> Existing {
    Existing::new("lab-intake", status)
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake")
}

/// Somebody else's update of it.
fn update(then: &str) -> Happening {
    Happening::Operation {
        stack: "lab-intake".into(),
        during: "UPDATE_IN_PROGRESS".into(),
        takes: Duration::from_secs(2),
        then: then.into(),
    }
}

#[test]
fn the_past_of_all_stacks_in_the_order_of_time() {
    let reason = "Queue lab-work is too long";
    let endpoint = Endpoint::serve(Script::new().page(7).fails("lab-work", "Queue", Verb::Create, reason));
    let failed = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).status(1).run();
    let there = failed
        .then()
        .args(["events", "lab.yaml"])
        .stderr("")
        .stdout_contains("  lab-artifacts: Bucket CREATE_COMPLETE\n")
        .stdout_contains("  lab-intake CREATE_COMPLETE\n")
        .stdout_contains(format!("  lab-work: Queue CREATE_FAILED: {reason}\n"))
        .run();
    let lines: Vec<&str> = there.stdout.lines().collect();
    assert!(lines.is_sorted_by_key(|line| &line[..20]), "{}", there.stdout);

    let document = there
        .then()
        .args(["events", "lab.yaml", "--output", "json"])
        .run()
        .json();
    assert_eq!(document["environment"], "lab");
    assert_eq!(document["account"], "111122223333");
    let events = document["events"].as_array().expect("events");
    assert_eq!(events.len(), lines.len());
    let told = endpoint.world(|world| world.stacks.iter().map(|stack| stack.events.len()).sum::<usize>());
    assert_eq!(events.len(), told, "all of them, over all pages");

    let failures = there
        .then()
        .args(["events", "lab.yaml", "--failed", "--output", "jsonl"])
        .run()
        .json_lines();
    assert_eq!(failures[0]["event"], "resource");
    assert_eq!(failures[0]["logical_id"], "Queue");
    assert_eq!(failures[0]["reason"], reason);
    assert!(failures.iter().all(|event| {
        event["status"]
            .as_str()
            .is_some_and(|status| status.ends_with("_FAILED"))
    }));
}

/// A first create that failed deletes its stack, and that is when somebody asks.
#[test]
fn what_happened_to_stacks_that_are_gone_is_told_too() {
    let other = Existing::new("lab-two-intake", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab-two")
        .tag("qfleet:part", "intake");
    let endpoint = Endpoint::serve(Script::new().page(7).existing(other));
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    endpoint.world(|world| {
        let other = world.find("lab-two-intake").expect("it is there");
        world.start_delete(other, None, Vec::new(), false);
    });
    endpoint.wait_until("it is gone", |world| world.find("lab-two-intake").is_none());
    let gone = there
        .then()
        .args(["events", "lab.yaml"])
        .stderr("")
        .stdout_contains("  lab-work: Queue CREATE_COMPLETE\n")
        .stdout_contains("  lab-work DELETE_COMPLETE\n")
        .stdout_lacks("lab-two")
        .run();
    let told = endpoint.world(|world| {
        let ours = world.stacks.iter().filter(|stack| !stack.name.starts_with("lab-two"));
        ours.map(|stack| stack.events.len()).sum::<usize>()
    });
    assert_eq!(gone.stdout.lines().filter(|line| line.starts_with("20")).count(), told);
}

#[test]
fn nothing_to_tell_is_said() {
    let endpoint = Endpoint::serve(Script::new());
    lab::at(&endpoint)
        .args(["events", "lab.yaml"])
        .stdout("")
        .stderr_contains("lab is not deployed in account 111122223333, us-east-2")
        .run();
    let endpoint = Endpoint::serve(Script::new().existing(intake("CREATE_COMPLETE")));
    let there = lab::at(&endpoint)
        .args(["events", "lab.yaml", "--failed", "--since", "2h"])
        .stdout("")
        .stderr("lab: nothing failed in the last 2h; --since looks further back.\n")
        .run();
    there
        .then()
        .args(["events", "lab.yaml", "--follow", "--output", "json"])
        .status(2)
        .stderr_contains("--output jsonl")
        .run();
}

#[test]
fn what_others_do_is_followed_until_it_is_interrupted() {
    let script = Script::new()
        .stale_reads(2)
        .existing(intake("CREATE_COMPLETE"))
        .at(Duration::from_secs(2), update("UPDATE_COMPLETE"));
    let endpoint = Endpoint::serve(script);
    let following = Following::start(lab::at(&endpoint).args(["events", "lab.yaml", "--follow"]));
    let lines = following.until("lab-intake UPDATE_COMPLETE");
    assert!(
        lines[0].ends_with("lab-intake CREATE_IN_PROGRESS"),
        "the past first: {lines:#?}"
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("lab-intake UPDATE_IN_PROGRESS"))
            .count(),
        1,
        "each once: {lines:#?}"
    );
    following.signal(Signal::SIGINT);
    assert_eq!(following.end(), (130, String::new()));
}

#[test]
fn an_environment_that_comes_is_followed_until_it_is_gone() {
    let endpoint = Endpoint::serve(Script::new().resources_take(Duration::from_millis(100)));
    let following = Following::start(lab::at(&endpoint).args(["events", "lab.yaml", "--follow", "--output", "jsonl"]));
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let mut lines = following.until("\"Dashboard\"");
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    lines.extend(following.rest());
    let (code, said) = following.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("lab is gone.\n"), "{said}");
    let told = endpoint.world(|world| world.stacks.iter().map(|stack| stack.events.len()).sum::<usize>());
    assert_eq!(lines.len(), told, "each event once, the last ones included");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let script = Script::new()
        .existing(intake("CREATE_COMPLETE"))
        .at(Duration::from_secs(2), update("UPDATE_COMPLETE"));
    let endpoint = Endpoint::serve(script);
    let follow = lab::at(&endpoint).args(["events", "lab.yaml", "--follow"]);
    assert_eq!(Following::unread(&follow), (0, String::new()));
}
