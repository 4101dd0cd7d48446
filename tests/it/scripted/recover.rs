//! `qfleet recover` against the scriptable endpoint: stacks that are stuck, each way, and what gets them going again.

use std::time::Duration;

use crate::endpoint::{Endpoint, Existing, Happening, Script, Verb};
use crate::harness::{Output, in_a_terminal};
use crate::lab::{self, LAB};

/// An environment whose stage is UPDATE_ROLLBACK_FAILED: its queue refused its update, and so many times the way back.
fn stuck(times: u32) -> (Endpoint, Output) {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.rescript(|script| {
        script
            .fails_times("lab-work", "Queue", Verb::Update, "not like this", 1)
            .fails_times("lab-work", "Queue", Verb::Restore, "Queue is gone", times)
    });
    let changed = LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m");
    let failed = there
        .then()
        .file("lab.yaml", changed)
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1)
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_FAILED"));
    (endpoint, failed)
}

#[test]
fn a_rollback_that_got_stuck_goes_on_once_its_cause_is_repaired() {
    let (endpoint, failed) = stuck(1);
    let refused = failed
        .then()
        .args(["deploy", "lab.yaml", "--yes"])
        .status(4)
        .stderr_contains("Queue (AWS::SQS::Queue) is UPDATE_FAILED: Queue is gone")
        .stderr_contains("qfleet recover")
        .run();
    let plan = refused
        .then()
        .args(["plan", "lab.yaml", "--output", "json"])
        .status(4)
        .run();
    let (plan, _) = plan.stdout.split_once("\n}\n").expect("two documents");
    assert!(
        plan.contains("\"blocking\"") && plan.contains("Queue is gone"),
        "{plan}"
    );

    let unconfirmed = refused.then().args(["recover", "lab.yaml"]).status(4).run();
    assert!(
        unconfirmed.stdout.contains("Queue is gone"),
        "it says what blocks before it asks: {}",
        unconfirmed.stdout
    );
    let asked = unconfirmed.then().args(["recover", "lab.yaml"]);
    let (code, said) = in_a_terminal(&asked, 200, &[("[y/N]", "n\n")]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("not confirmed: nothing was changed"), "{said}");
    assert_eq!(endpoint.calls("ContinueUpdateRollback").len(), 0);

    let recovered = unconfirmed
        .then()
        .args(["recover", "lab.yaml", "--yes"])
        .stderr_contains("rolled back lab-work")
        .stderr_contains("qfleet deploy lab.yaml")
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    recovered
        .then()
        .args(["recover", "lab.yaml"])
        .stdout("lab: nothing to recover.\n")
        .run();
    recovered.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_COMPLETE"));
    assert_eq!(endpoint.calls("DeleteStack").len(), 0, "nothing was ever deleted");
}

#[test]
fn what_can_not_be_repaired_is_skipped() {
    for skip in [["--skip", "Queue"], ["--skip", "work.Queue"]] {
        let (endpoint, failed) = stuck(u32::MAX);
        failed
            .then()
            .args(["recover", "lab.yaml", "--yes", "--skip", "Qeue"])
            .status(2)
            .stderr_contains("rollbacks are stuck on work.Queue")
            .run();
        assert_eq!(endpoint.calls("ContinueUpdateRollback").len(), 0);
        failed
            .then()
            .args(["recover", "lab.yaml", "--yes"])
            .status(1)
            .stderr_contains("Queue is gone")
            .stderr_contains("--skip Queue")
            .run();
        assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_FAILED"));
        let args = ["recover", "lab.yaml", "--yes", "--output", "json"];
        let recovered = failed.then().args(args).args(skip).run().json();
        assert_eq!(recovered["succeeded"], true, "{recovered}");
        assert_eq!(recovered["stacks"][0]["stack"], "lab-work", "{recovered}");
        assert_eq!(recovered["stacks"][0]["operation"], "rollback", "{recovered}");
        assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    }
}

#[test]
fn everything_that_blocks_is_skipped_by_force_alone() {
    let (endpoint, failed) = stuck(u32::MAX);
    failed
        .then()
        .args(["recover", "lab.yaml", "--yes", "--force", "--skip", "Queue"])
        .status(2)
        .run();
    failed
        .then()
        .args(["recover", "lab.yaml", "--yes", "--force"])
        .stdout_contains("skipped")
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
}

/// An environment of one stack in this status.
fn one(status: &str) -> Existing {
    Existing::new("lab-intake", status)
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake")
}

#[test]
fn a_failed_update_that_was_left_as_it_is_is_rolled_back() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.rescript(|script| script.fails_times("lab-work", "Queue", Verb::Update, "not like this", 1));
    let failed = there
        .then()
        .file(
            "lab.yaml",
            LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m"),
        )
        .args(["deploy", "lab.yaml", "--yes", "--on-failure", "keep"])
        .status(1)
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_FAILED"));
    failed
        .then()
        .args(["recover", "lab.yaml", "--yes"])
        .stdout_contains("it is rolled back to what it was")
        .stdout_contains("not like this")
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
}

#[test]
fn a_failed_create_that_was_left_as_it_is_is_taken_back() {
    let endpoint = Endpoint::serve(Script::new().fails("lab-intake", "Topic", Verb::Create, "no topics today"));
    let failed = lab::at(&endpoint)
        .args(["deploy", "lab.yaml", "--yes", "--on-failure", "keep"])
        .status(1)
        .run();
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_FAILED"));
    failed
        .then()
        .args(["recover", "lab.yaml", "--yes"])
        .stdout_contains("it never was complete")
        .stdout_contains("no topics today")
        .run();
    assert_eq!(endpoint.status("lab-intake"), None);
    assert_eq!(endpoint.status("lab-artifacts").as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn what_needs_another_command_is_refused_and_what_needs_none_is_not() {
    for (status, code, says) in [
        ("DELETE_FAILED", 4, "qfleet destroy"),
        ("IMPORT_ROLLBACK_FAILED", 4, "Repair it in CloudFormation"),
        // A failed first create: the next deploy makes it anew.
        ("ROLLBACK_COMPLETE", 0, ""),
        ("UPDATE_ROLLBACK_COMPLETE", 0, ""),
        ("CREATE_COMPLETE", 0, ""),
    ] {
        let endpoint = Endpoint::serve(Script::new().existing(one(status)));
        lab::at(&endpoint)
            .args(["recover", "lab.yaml", "--yes"])
            .status(code)
            .stderr_contains(says)
            .run();
        assert_eq!(endpoint.status("lab-intake").as_deref(), Some(status));
    }
    let endpoint = Endpoint::serve(Script::new());
    lab::at(&endpoint)
        .args(["recover", "lab.yaml"])
        .stdout("lab: nothing to recover.\n")
        .run();
}

#[test]
fn what_runs_is_waited_for_and_then_recovered() {
    let running = one("UPDATE_ROLLBACK_IN_PROGRESS")
        .resource("Queue", "UPDATE_FAILED", "Queue is gone")
        .ends(Duration::from_secs(2), "UPDATE_ROLLBACK_FAILED");
    let endpoint = Endpoint::serve(Script::new().existing(running));
    lab::at(&endpoint)
        .args(["recover", "lab.yaml", "--yes"])
        .stderr_contains("waiting for lab-intake")
        .stderr_contains("rolled back lab-intake")
        .run();
    assert_eq!(
        endpoint.status("lab-intake").as_deref(),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
}

#[test]
fn a_stack_that_may_have_been_complete_is_not_deleted_on_the_way() {
    for status in ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"] {
        // Its beginning is too long ago to be among its events.
        let endpoint = Endpoint::serve(Script::new().existing(one(status).events(1)));
        for verb in ["deploy", "recover"] {
            lab::at(&endpoint)
                .args([verb, "lab.yaml", "--yes"])
                .status(4)
                .stderr_contains("complete once")
                .stderr_contains("qfleet destroy")
                .run();
        }
        assert_eq!(endpoint.status("lab-intake").as_deref(), Some(status));
    }
}

#[test]
fn an_operation_of_somebody_else_is_not_taken_over() {
    let endpoint = Endpoint::serve(
        Script::new()
            .existing(one("UPDATE_ROLLBACK_FAILED").resource("Queue", "UPDATE_FAILED", "gone"))
            .at(
                Duration::ZERO,
                Happening::Operation {
                    stack: "lab-intake".into(),
                    during: "UPDATE_ROLLBACK_IN_PROGRESS".into(),
                    takes: Duration::from_secs(2),
                    then: "UPDATE_ROLLBACK_COMPLETE".into(),
                },
            ),
    );
    lab::at(&endpoint)
        .args(["recover", "lab.yaml", "--yes"])
        .stdout("lab: nothing to recover.\n")
        .run();
    assert_eq!(endpoint.calls("ContinueUpdateRollback").len(), 0);
}

/// What is to be recovered isn't known before the operation has ended.
#[test]
fn without_waiting_what_runs_is_named() {
    let endpoint = Endpoint::serve(Script::new().existing(one("UPDATE_ROLLBACK_IN_PROGRESS")));
    lab::at(&endpoint)
        .args(["recover", "lab.yaml", "--yes", "--no-wait"])
        .status(5)
        .stderr_contains("error: an operation is running on lab-intake: nothing was begun")
        .stderr_contains("help: run the same command again when it has ended, or without --no-wait")
        .run();
}
