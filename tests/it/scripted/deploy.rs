//! The real binary against the scriptable endpoint: what time, failure, refusal and signals do to a command.

mod ec2_endpoint;
mod protection;
mod whose;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::deployed::signalled;
use crate::endpoint::{Endpoint, Existing, Fault, On, Script, Verb, World};
use crate::harness::in_a_terminal;
use crate::lab::{self, LAB};

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

const STACKS: [&str; 4] = ["lab-artifacts", "lab-dashboard", "lab-intake", "lab-work"];

#[test]
fn there_and_back_with_stale_reads_and_small_pages() {
    let endpoint = Endpoint::serve(Script::new().stale_reads(2).page(3));
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(sorted(endpoint.stacks()), STACKS);
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 4);
    there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(
        endpoint.calls("ExecuteChangeSet").len(),
        4,
        "nothing was executed again"
    );
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn throttling_errors_and_lost_connections_are_survived_and_nothing_is_done_twice() {
    let script = Script::new()
        .at_most("DescribeStackEvents", 15)
        .fault(On::action("GetCallerIdentity").numbers(1..=1), Fault::unavailable())
        .fault(On::action("DescribeStacks").numbers(2..=3), Fault::throttling())
        .fault(
            On::action("DescribeChangeSet").numbers(2..=2),
            Fault::internal_failure(),
        )
        .fault(On::action("CreateChangeSet").numbers(1..=1), Fault::Cut)
        .fault(On::action("CreateChangeSet").numbers(3..=3), Fault::CutAfterEffect)
        .fault(On::action("ExecuteChangeSet").numbers(1..=1), Fault::CutAfterEffect)
        .fault(On::action("ExecuteChangeSet").numbers(3..=3), Fault::throttling())
        .fault(On::action("DescribeStackEvents").numbers(3..=3), Fault::Cut)
        .fault(On::action("PutObject").numbers(1..=1), Fault::internal_failure())
        .fault(On::action("DeleteStack").numbers(1..=1), Fault::CutAfterEffect);
    let endpoint = Endpoint::serve(script);
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(sorted(endpoint.stacks()), STACKS);
    let creates = endpoint.world(|world| {
        let events = world
            .stacks
            .iter()
            .flat_map(|stack| stack.events.iter().map(move |event| (stack, event)));
        let begins =
            events.filter(|(stack, event)| event.resource_id == stack.name && event.status == "CREATE_IN_PROGRESS");
        begins.count()
    });
    assert_eq!(creates, 4);
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

/// Interrupts a plan, and a deploy that plans, once a change set is there, and looks for what it left.
fn interrupted_plan_leaves_nothing(script: &Script) {
    let runs = [
        (&["plan", "lab.yaml"][..], Signal::SIGINT),
        (&["plan", "lab.yaml"], Signal::SIGTERM),
        (&["deploy", "lab.yaml", "--yes"], Signal::SIGTERM),
    ];
    for (args, signal) in runs {
        let endpoint = Endpoint::serve(script.clone());
        let plan = lab::at(&endpoint).args(args.iter().copied());
        let (code, _, said) = signalled(&plan, &endpoint, signal, |endpoint| {
            !endpoint.calls("DescribeChangeSet").is_empty()
        });
        assert_eq!((endpoint.stacks(), endpoint.change_sets()), (vec![], vec![]), "{said}");
        assert_eq!(code, 130, "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
}

#[test]
fn a_plan_that_is_interrupted_when_change_sets_are_made_leaves_nothing() {
    let script = Script::new().change_sets_take(Duration::ZERO);
    interrupted_plan_leaves_nothing(&script.fault(On::action("DescribeChangeSet"), Fault::Stall));
}

#[test]
fn a_plan_that_is_interrupted_while_change_sets_are_being_made_leaves_nothing() {
    interrupted_plan_leaves_nothing(&Script::new().change_sets_take(Duration::from_secs(2)));
}

/// Who reads the log of a pipeline has no document.
#[test]
fn a_failing_create_has_a_line_with_its_cause_in_the_log_beside_a_document() {
    let reason = "Resource handler returned message: \"You are not authorized to perform this operation\"";
    let line = format!(
        "error: creating lab-work failed: it is ROLLBACK_COMPLETE now; cause: LogGroup (AWS::Logs::LogGroup) CREATE_FAILED: {reason}"
    );
    for form in ["json", "jsonl"] {
        let script = Script::new().fails("lab-work", "LogGroup", Verb::Create, reason);
        let endpoint = Endpoint::serve(script);
        let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes", "--output", form]);
        let failed = deploy.status(1).run();
        let errors: Vec<&str> = failed
            .stderr
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors, [&line], "{}", failed.stderr);
        let document = last_of(&failed.stdout);
        let error = &document["error"];
        assert_eq!(error["exit_code"], 1, "{document:#}");
        let message = error["message"].as_str().expect("a message");
        let begun = line.strip_prefix("error: ").expect("an error");
        assert!(message.starts_with(begun), "{message}");
        assert!(message.ends_with("; not begun: lab-dashboard"), "{message}");
        let help = error["help"].as_str().expect("help");
        assert_eq!(
            help,
            format!("to go on with it: qfleet deploy lab.yaml --yes --output {form}")
        );
        for resource in events(&failed.stdout, "resource") {
            assert!(resource["part"].is_string(), "{resource}");
            assert!(
                resource
                    .as_object()
                    .expect("an object")
                    .values()
                    .all(|value| *value != "" && !value.is_null()),
                "{resource}"
            );
        }
    }
}

/// The document that a command ends with, whether it prints nothing else or lines.
fn last_of(stdout: &str) -> Value {
    let line = stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str::<Value>(line).ok());
    match line {
        Some(line) if line["result"].is_object() => line["result"].clone(),
        _ => serde_json::from_str(stdout).expect("a document"),
    }
}

/// The lines of this event.
fn events(stdout: &str, event: &str) -> Vec<Value> {
    let lines = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

#[test]
fn a_deploy_that_is_interrupted_says_so_in_its_document() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-artifacts", "Bucket", Duration::from_secs(600)));
    let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes", "--output", "json"]);
    let (code, out, said) = signalled(&deploy, &endpoint, Signal::SIGTERM, |endpoint| {
        endpoint.status("lab-artifacts").as_deref() == Some("CREATE_IN_PROGRESS")
    });
    assert_eq!(code, 130, "{said}");
    let error = &last_of(&out)["error"];
    assert_eq!(error["exit_code"], 130, "{out}");
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.starts_with("interrupted; not waited for: lab-artifacts")
            && message.ends_with("lab-work, lab-dashboard"),
        "{message}"
    );
    assert!(said.contains("qfleet deploy lab.yaml --yes --output json"), "{said}");
}

#[test]
fn a_failing_create_names_its_cause_first_and_what_was_cancelled_after_it() {
    let reason = "Resource handler returned message: \"You are not authorized to perform this operation\"";
    let script = Script::new()
        .takes("lab-work", "DeadLetterQueue", Duration::from_secs(5))
        .fails("lab-work", "LogGroup", Verb::Create, reason);
    let endpoint = Endpoint::serve(script);
    let failed = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).status(1).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("ROLLBACK_COMPLETE"));
    assert_eq!(endpoint.status("lab-dashboard"), None, "what depends on it isn't begun");
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
    let (_, summary) = failed.stderr.split_once("error: ").expect("a summary");
    let at = |words: &str| summary.find(words).unwrap_or_else(|| panic!("no {words}: {summary}"));
    assert!(
        at("cause: LogGroup") < at(reason) && at(reason) < at("DeadLetterQueue"),
        "{summary}"
    );
    assert!(at("DeadLetterQueue") < at("lab-dashboard was not begun"), "{summary}");
}

#[test]
fn a_stack_whose_first_create_failed_is_made_anew() {
    let endpoint = Endpoint::serve(Script::new().fails_times("lab-intake", "Topic", Verb::Create, "not today", 1));
    let failed = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).status(1).run();
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("ROLLBACK_COMPLETE"));
    failed.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(sorted(endpoint.stacks()), STACKS);
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(endpoint.calls("DeleteStack").len(), 1);
}

#[test]
fn a_deploy_that_is_terminated_detaches_and_the_stack_goes_on() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-artifacts", "Bucket", Duration::from_secs(600)));
    let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]);
    let (code, _, said) = signalled(&deploy, &endpoint, Signal::SIGTERM, |endpoint| {
        endpoint.status("lab-artifacts").as_deref() == Some("CREATE_IN_PROGRESS")
    });
    assert_eq!(code, 130, "{said}");
    assert_eq!(
        endpoint.status("lab-artifacts").as_deref(),
        Some("CREATE_IN_PROGRESS"),
        "it isn't touched"
    );
    assert!(said.contains("lab-artifacts"), "what runs on is named: {said}");
    // The same command again attaches, and goes on.
    let before = endpoint.world(|world| world.calls.len());
    let mut again = deploy.command();
    let again = std::thread::spawn(move || again.output().expect("it runs"));
    endpoint.wait_until("it watches the stack", |world| {
        let mut calls = world.calls[before..].iter();
        calls.any(|call| call.action == "DescribeStackEvents")
    });
    endpoint.world(World::hurry);
    let ended = again.join().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(sorted(endpoint.stacks()), STACKS);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
    let executed = endpoint.calls("ExecuteChangeSet").len();
    assert_eq!(executed, 4, "each stack once");
}

#[test]
fn another_account_is_refused_before_anything_is_asked() {
    let endpoint = Endpoint::serve(Script::new().account("999988887777"));
    let file = format!("account: \"111122223333\"\n{LAB}");
    for verb in ["plan", "deploy", "destroy"] {
        lab::with_file_at(&endpoint, &file)
            .args([verb, "lab.yaml"])
            .status(4)
            .stderr_contains("999988887777")
            .run();
    }
    assert_eq!(
        endpoint.world(|world| world
            .calls
            .iter()
            .filter(|call| call.action != "GetCallerIdentity")
            .count()),
        0
    );
}

#[test]
fn credentials_that_expire_in_the_middle_say_so_and_the_next_run_goes_on() {
    let script = Script::new()
        .takes("lab-artifacts", "Bucket", Duration::from_secs(2))
        .fault(On::everything().after(Duration::from_secs(1)), Fault::expired_token());
    let endpoint = Endpoint::serve(script);
    let expired = lab::at(&endpoint)
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1)
        .stderr_contains("credentials have expired")
        .run();
    endpoint.rescript(|_| Script::new());
    expired.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(sorted(endpoint.stacks()), STACKS);
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
}

#[test]
fn a_stack_that_is_not_ours_or_needs_a_person_is_refused() {
    let tagged = |status: &str| {
        let stack = Existing::new("lab-intake", status).tag("qfleet:environment", "lab");
        stack.tag("qfleet:part", "intake")
    };
    for (existing, says) in [
        (Existing::new("lab-intake", "CREATE_COMPLETE"), "was not made by qfleet"),
        (
            tagged("CREATE_COMPLETE").tag("qfleet:part", "work"),
            "has not the tags of `intake`",
        ),
        (tagged("DELETE_FAILED"), "qfleet destroy"),
        (tagged("UPDATE_ROLLBACK_FAILED"), "UPDATE_ROLLBACK_FAILED"),
    ] {
        let endpoint = Endpoint::serve(Script::new().existing(existing));
        lab::at(&endpoint)
            .args(["deploy", "lab.yaml", "--yes"])
            .status(4)
            .stderr_contains(says)
            .run();
        assert_eq!(
            (endpoint.stacks(), endpoint.change_sets()),
            (vec!["lab-intake".to_owned()], vec![])
        );
    }
}

#[test]
fn a_stack_whose_last_update_failed_and_was_kept_is_updated_again() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.world(|world| {
        let intake = world.find("lab-intake").expect("the stack");
        world.set_status(intake, "UPDATE_FAILED", None);
    });
    let other = LAB.replace("on_destroy: empty", "on_destroy: empty, uploads: in/");
    first
        .then()
        .file("lab.yaml", other)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("UPDATE_COMPLETE"));
}

#[test]
fn a_stack_that_somebody_protected_is_refused_before_anything_is_lost() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.world(|world| {
        let intake = world.find("lab-intake").expect("the stack");
        world.stacks[intake].protected = true;
    });
    first
        .then()
        .args(["destroy", "lab.yaml", "--yes"])
        .status(4)
        .stderr_contains("is protected")
        .run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
    assert_eq!(endpoint.calls("DeleteObjects").len(), 0);
}

/// The topic's ARN that the intake puts out changes by an update that the plan shows as harmless; only then CloudFormation
/// knows that the stage's subscription must be made anew.
#[test]
fn a_replacement_that_the_plan_did_not_show_is_asked_about() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.rescript(|script| script.output("lab-intake", "TopicArn", "arn:aws:sns:us-east-2:111122223333:another"));
    let second = first
        .then()
        .file(
            "lab.yaml",
            LAB.replace("on_destroy: empty", "on_destroy: empty, uploads: in/"),
        )
        .args(["deploy", "lab.yaml"]);
    let (code, said) = in_a_terminal(
        &second,
        200,
        &[("Deploy lab to account", "y\r"), ("Go on with lab-work?", "n\r")],
    );
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("Subscription"), "{said}");
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("UPDATE_COMPLETE"));
    assert_eq!(
        endpoint.status("lab-work").as_deref(),
        Some("CREATE_COMPLETE"),
        "nothing was done to it"
    );
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
}

#[test]
fn a_stage_that_is_deployed_alone_gets_its_program() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let programs = || endpoint.world(|world| world.services.keys("lab-artifacts-111122223333-us-east-2"));
    assert_eq!(programs().len(), 1);
    let other = first.then().executable("program/run", "#!/bin/sh\nexec sleep 2\n");
    let only = other.args(["deploy", "lab.yaml", "--yes", "--only", "work"]);
    let before = endpoint.world(|world| world.calls.len());
    only.stderr_contains("uploaded the program of lab-work").run();
    // Instances that come up during the update ask for it.
    let order: Vec<String> = endpoint.world(|world| {
        let calls = world.calls[before..].iter().map(|call| call.action.clone());
        let actions = ["PutObject", "ExecuteChangeSet"];
        calls.filter(|action| actions.contains(&action.as_str())).collect()
    });
    assert_eq!(order, ["PutObject", "ExecuteChangeSet"]);
    let key = endpoint.world(|world| {
        let work = world.find("lab-work").expect("the stack");
        world.stacks[work].definition.parameters["ProgramKey"].clone()
    });
    assert_eq!(programs().len(), 2);
    assert!(programs().contains(&key), "{key}: {:?}", programs());
}

#[test]
fn a_part_that_the_file_lacks_is_named() {
    lab::at(&Endpoint::serve(Script::new()))
        .args(["plan", "lab.yaml", "--only", "wrok"])
        .status(2)
        .stderr_contains("error: lab has no part `wrok`")
        .stderr_contains("help: its parts are ")
        .run();
}
