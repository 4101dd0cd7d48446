//! Calls that go wrong, and others who work on the same stacks.

use std::time::Duration;

use qfleet::engine::outcome::Outcome;

use crate::clock::engine::Rig;
use crate::endpoint::{Fault, Happening, On, Script};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Everything that can go wrong with a call goes wrong in turn, before and after it took effect.
#[tokio::test(start_paused = true)]
async fn errors_lost_connections_and_throttling_do_nothing_twice() {
    let faults = [
        Fault::internal_failure(),
        Fault::unavailable(),
        Fault::throttling(),
        Fault::Cut,
        Fault::CutAfterEffect,
        Fault::StallAfterEffect,
        Fault::Stall,
    ];
    for fault in faults {
        let what = format!("{fault:?}");
        let actions = [
            "CreateChangeSet",
            "DescribeChangeSet",
            "ExecuteChangeSet",
            "DescribeStackEvents",
            "DescribeStacks",
            "PutObject",
            "GetParameters",
        ];
        let script = Script::new().resources_take(seconds(2));
        let script = actions.iter().fold(script, |script, action| {
            // Each first call, and the second once more on its retry.
            script
                .fault(On::action(action).numbers(1..=1), fault.clone())
                .fault(On::action(action).numbers(3..=4), fault.clone())
        });
        let mut rig = Rig::new(script);
        let ran = rig.deploy().await;
        assert!(
            ran.result.as_ref().is_ok_and(|report| report.succeeded),
            "{what}: {:#?}",
            ran.result
        );
        rig.is_deployed();
        assert_eq!(rig.not_made_once(), [] as [&str; 0], "{what}");
        let script = Script::new().fault(On::action("DeleteStack").numbers(1..=3), fault.clone());
        rig.endpoint.rescript(|_| script);
        rig.again().destroy().await.well();
        assert_eq!(rig.endpoint.stacks(), [] as [&str; 0], "{what}");
    }
}

/// A service that is down for good ends the command, with its words; bounded, and what runs is there for the next run.
#[tokio::test(start_paused = true)]
async fn retries_are_bounded_and_the_next_run_goes_on() {
    let script = Script::new().resources_take(seconds(5)).fault(
        On::action("DescribeStackEvents").after(seconds(6)),
        Fault::unavailable(),
    );
    let mut rig = Rig::new(script);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert!(ran.took() < seconds(240), "{:?}", ran.took());
    let said = format!("{:?}", ran.report());
    assert!(said.contains("temporary failure of the server"), "{said}");
    rig.endpoint.rescript(|_| Script::new());
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
}

/// Others use up the account's limit for minutes: nothing is wrong with what runs, so it is waited for.
#[tokio::test(start_paused = true)]
async fn minutes_of_throttling_fail_no_operation() {
    for action in ["DescribeStackEvents", "DescribeStacks"] {
        let script = Script::new().resources_take(seconds(40)).fault(
            On::action(action).after(seconds(15)).until(seconds(300)),
            Fault::throttling(),
        );
        let rig = Rig::new(script);
        let ran = rig.deploy().await.well();
        assert!(ran.took() > seconds(285), "{action}: {:?}", ran.took());
        rig.is_deployed();
    }
}

/// Everything is refused from one moment on; the operation in CloudFormation goes on without us.
#[tokio::test(start_paused = true)]
async fn credentials_that_expire_end_the_run_with_advice_and_the_next_run_attaches() {
    let script = Script::new()
        .takes("lab-intake", "Bucket", seconds(40))
        .fault(On::everything().after(seconds(10)), Fault::expired_token());
    let mut rig = Rig::new(script);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert!(ran.took() < seconds(13), "at once, not after retries: {:?}", ran.took());
    assert!(
        matches!(ran.outcome("intake"), Outcome::Unknown(_)),
        "what CloudFormation does meanwhile isn't known: {:?}",
        ran.outcome("intake")
    );
    let needs_it = matches!(ran.outcome("work"), Outcome::Skipped { because: Some(part) } if part == "intake");
    assert!(needs_it, "{:?}", ran.outcome("work"));
    let failure = ran.failure("intake");
    assert!(failure.message.contains("expired"), "{failure:?}");
    assert!(
        failure
            .help
            .as_deref()
            .is_some_and(|help| help.contains("run the same command")),
        "{failure:?}"
    );
    rig.endpoint
        .rescript(|_| Script::new().takes("lab-intake", "Bucket", seconds(40)));
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_IN_PROGRESS"));
    let ran = rig.again().deploy().await.well();
    assert!(ran.took() > seconds(25), "it waited for what ran: {:?}", ran.took());
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn early_validation_is_told_finding_by_finding() {
    let reason = "#/VisibilityTimeout: expected maximum 43200";
    let script = Script::new().invalid("lab-intake", "Topic", "/Resources/Topic/Properties/TopicName", reason);
    let rig = Rig::new(script);
    let ran = rig.deploy().await;
    let error = ran.result.as_ref().expect_err("a failure");
    let said = error.to_string();
    for part in ["lab-intake", "Topic", reason, "/Resources/Topic/Properties/TopicName"] {
        assert!(said.contains(part), "no {part} in: {said}");
    }
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(
        rig.endpoint.stacks(),
        [] as [&str; 0],
        "and nothing is left of the others' change sets"
    );
}

/// Made by us, and gone when we look for what it puts out.
#[tokio::test(start_paused = true)]
async fn a_stack_that_somebody_deletes_meanwhile_is_a_failure_that_says_so() {
    let delete = |at: Duration| {
        let script = Script::new().takes("lab-intake", "Bucket", seconds(10));
        let stack = "lab-intake".to_owned();
        Rig::new(script.at(at, Happening::Delete { stack }))
    };
    // In the middle of its create.
    let mut rig = delete(seconds(5));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    let failure = ran.failure("intake");
    assert_eq!(
        failure.status.as_ref().map(|status| status.as_str()),
        Some("DELETE_COMPLETE"),
        "{failure:?}"
    );
    assert!(matches!(ran.outcome("work"), Outcome::Skipped { .. }));
    rig.again().deploy().await.well();
    rig.is_deployed();
    // Once it was there, while what needs it is being made: the next run makes it anew.
    let mut rig = delete(seconds(12));
    rig.endpoint
        .rescript(|script| script.takes("lab-work", "Queue", seconds(20)));
    rig.deploy().await;
    assert_eq!(rig.status("intake"), None);
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The same when it was done long before the last one.
#[tokio::test(start_paused = true)]
async fn a_stack_that_is_deleted_while_the_last_one_is_made_is_not_done() {
    let delete = Happening::Delete {
        stack: "lab-work".into(),
    };
    let script = Script::new().takes("lab-dashboard", "Dashboard", seconds(60));
    let mut rig = Rig::new(script.at(seconds(40), delete));
    let ran = rig.deploy().await;
    assert_eq!(rig.status("work"), None);
    assert_eq!(ran.exit_code(), 1, "{:#?}", ran.result);
    let failure = ran.failure("work");
    assert_eq!(failure.message, "lab-work is gone: somebody deleted it meanwhile");
    assert!(matches!(ran.outcome("intake"), Outcome::Done { .. }));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The same between our last look and the reading of its outputs.
#[tokio::test(start_paused = true)]
async fn a_stack_that_is_gone_when_its_outputs_are_read_is_said_to_be_gone() {
    let gone = Fault::refuse(400, "ValidationError", "Stack with id lab-intake does not exist");
    // The first read is the plan's, the others are for its outputs. One alone may have come too early.
    let on = On::action("DescribeStacks").stack("lab-intake").numbers(2..=u32::MAX);
    let rig = Rig::new(Script::new().fault(on, gone));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert!((seconds(100)..seconds(110)).contains(&ran.took()), "{:?}", ran.took());
    let message = &ran.failure("intake").message;
    assert!(
        message.contains("lab-intake is gone: somebody deleted it meanwhile"),
        "{message}"
    );
}
