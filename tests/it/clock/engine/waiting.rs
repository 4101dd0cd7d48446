//! Operations that are attached to, left and waited for.

use std::time::Duration;

use qfleet::cloud::cloudformation::change_set::OnFailure;
use qfleet::engine::event::{Event, Events, Operation};
use qfleet::engine::operation::{self, Context, Target};
use qfleet::engine::outcome::{Outcome, Unattended};
use qfleet::engine::watch::Ended;
use qfleet::error::Reason;
use tokio::time::Instant;

use crate::clock::engine::{Rig, blueprint};
use crate::endpoint::{Existing, Fault, Happening, On, Script, Verb};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What runs on a stack, watched to its end, whatever that is.
async fn attach(rig: &Rig, part: &str, events: &Events) -> Ended {
    let found = rig.cloud.stack(&format!("lab-{part}")).await.expect("an answer");
    let found = found.expect("a stack");
    let context = Context {
        cloud: &rig.cloud,
        tell: events,
        interrupt: &rig.interrupt.1,
        waiting: rig.waiting,
    };
    let target = Target {
        stack: &found.name,
        part,
        id: &found.id,
        template: None,
        boot_reports: None,
        awaited: true,
    };
    let run = operation::run(context, target, Operation::Attach, std::future::ready(Ok(())));
    run.await.expect("it is over").1
}

/// Somebody else's update, which begins 1 s after the deploy has ended.
async fn busy_rig(takes: u64) -> Rig {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.endpoint.world(|world| {
        let happening = Happening::Operation {
            stack: "lab-intake".into(),
            during: "UPDATE_IN_PROGRESS".into(),
            takes: seconds(takes),
            then: "UPDATE_COMPLETE".into(),
        };
        world.plan(Duration::ZERO, crate::endpoint::Step::Happens(happening));
    });
    rig.again();
    rig
}

#[tokio::test(start_paused = true)]
async fn an_operation_of_others_is_shown_to_its_end_and_then_gone_on_from() {
    let mut rig = busy_rig(30).await;
    rig.touch("intake");
    let began = Instant::now();
    let ran = rig.deploy().await.well();
    assert!(ran.told_end("lab-intake") - began >= seconds(30));
    assert!(ran.told_end("lab-intake") - began < seconds(32));
    assert!(matches!(ran.outcome("intake"), Outcome::Done { .. }));
    rig.is_deployed();
}

/// What looked as if it ran may have ended before it was attached to: no event comes any more.
#[tokio::test(start_paused = true)]
async fn an_operation_that_has_ended_already_is_not_waited_for_in_vain() {
    let rig = Rig::new(Script::new()).only(&["artifacts"]);
    rig.deploy().await.well();
    let (events, _heard) = Events::channel();
    let attached = attach(&rig, "artifacts", &events);
    let attached = tokio::time::timeout(seconds(10), attached).await;
    let ended = attached.expect("it ends");
    assert_eq!(ended.status.as_str(), "CREATE_COMPLETE");
}

/// Whether what others began went well, whoever is told: a rollback didn't, nor did a create that was deleted for its failure.
#[tokio::test(start_paused = true)]
async fn how_an_operation_of_others_ended_is_told() {
    for (first, fails, on_failure, is_well) in [
        ("CREATE_IN_PROGRESS", false, None, true),
        ("CREATE_IN_PROGRESS", true, None, false),
        ("CREATE_IN_PROGRESS", true, Some(OnFailure::Delete), false),
        // It is looked at only when it is being deleted already.
        ("DELETE_IN_PROGRESS", true, Some(OnFailure::Delete), false),
    ] {
        let script = Script::new().resources_take(seconds(20));
        let script = match fails {
            true => script.fails("lab-intake", "Bucket", Verb::Create, "no room"),
            false => script,
        };
        let mut rig = Rig::new(script);
        rig.options.manner.on_failure = on_failure;
        let attached = async {
            while rig.status("intake").as_deref() != Some(first) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let (events, mut heard) = Events::channel();
            attach(&rig, "intake", &events).await;
            drop(events);
            while let Some(event) = heard.recv().await {
                if let Event::OperationEnded { succeeded, status, .. } = event {
                    return (succeeded, status);
                }
            }
            panic!("no end was told");
        };
        let (_, (succeeded, status)) = tokio::join!(rig.deploy(), attached);
        assert_eq!(succeeded, is_well, "{first} {on_failure:?}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_attach_it_is_refused_at_once() {
    let mut rig = busy_rig(30).await;
    rig.attach = false;
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 4);
    assert!(ran.took() < seconds(1));
    let error = ran.result.expect_err("a refusal");
    assert_eq!(error.reason(), Some(Reason::Busy));
    assert!(
        error.to_string().contains("lab-intake is UPDATE_IN_PROGRESS"),
        "{error}"
    );
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
}

/// An attached operation that came to nothing good is decided anew: here, a failed first create is made anew.
#[tokio::test(start_paused = true)]
async fn a_create_of_others_that_fails_is_made_anew() {
    let existing = Existing::new("lab-intake", "ROLLBACK_IN_PROGRESS")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake")
        .ends(seconds(20), "ROLLBACK_COMPLETE");
    let rig = Rig::new(Script::new().existing(existing));
    rig.deploy().await.well();
    rig.is_deployed();
    let deletes = rig.endpoint.calls("DeleteStack");
    let of_intake = deletes
        .iter()
        .filter(|call| call.stack.as_deref() == Some("lab-intake"));
    assert_eq!(of_intake.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_the_timeout_it_goes_on_without_us_and_nothing_new_is_begun() {
    let script = Script::new()
        .takes("lab-artifacts", "Bucket", seconds(50))
        .takes("lab-intake", "Bucket", seconds(50));
    let mut rig = Rig::new(script);
    rig.waiting.deadline = Some(Instant::now() + seconds(10));
    rig.concurrency = 1;
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert!(ran.took() < seconds(11), "{:?}", ran.took());
    let running: Vec<&str> = ran
        .report()
        .stacks
        .iter()
        .filter(|stack| {
            matches!(
                stack.outcome,
                Outcome::Running {
                    why: Unattended::TimedOut,
                    ..
                }
            )
        })
        .map(|stack| stack.part.as_str())
        .collect();
    assert_eq!(running.len(), 1, "{:#?}", ran.report());
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), 1);
    assert_eq!(
        rig.status(running[0]).as_deref(),
        Some("CREATE_IN_PROGRESS"),
        "it goes on"
    );
    assert_eq!(rig.endpoint.stacks().len(), 1, "no empty stack stays behind");
    rig.waiting.deadline = None;
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The same while somebody else's operation is waited for.
#[tokio::test(start_paused = true)]
async fn the_timeout_holds_for_what_is_attached_to() {
    let mut rig = busy_rig(300).await;
    rig.waiting.deadline = Some(Instant::now() + seconds(10));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1, "{:?}", ran.result);
    assert!(ran.took() < seconds(11), "{:?}", ran.took());
    let error = ran.result.expect_err("why it ended");
    assert_eq!(error.goes_on(), ["lab-intake"], "{error}");
}

/// The same with `--no-wait`: it can't be known yet what is to be done.
#[tokio::test(start_paused = true)]
async fn without_waiting_what_runs_is_named_and_nothing_is_begun() {
    let mut rig = busy_rig(300).await;
    rig.waiting.no_wait = true;
    let ran = rig.deploy().await;
    assert!(ran.took() < seconds(1), "{:?}", ran.took());
    let error = ran.result.expect_err("why it ended");
    assert_eq!(error.exit_code(), 5, "{error}");
    assert_eq!(error.goes_on(), ["lab-intake"], "{error}");
    assert!(error.to_string().ends_with("lab-intake: nothing was begun"), "{error}");
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_operations_are_begun_and_left() {
    let mut rig = Rig::new(Script::new().resources_take(seconds(10)));
    rig.waiting.no_wait = true;
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 5, "{:#?}", ran.result);
    assert!(ran.took() < seconds(2));
    assert_eq!(rig.status("artifacts").as_deref(), Some("CREATE_IN_PROGRESS"));
    assert_eq!(rig.status("work"), None, "what needs their outputs isn't begun");
    let report = ran.report();
    assert!(report.not_begun.contains(&"lab-work".to_owned()), "{report:#?}");
    assert!(report.goes_on.contains(&"lab-artifacts".to_owned()), "{report:#?}");
    let shown = qfleet::report::summary::text(report, "qfleet deploy lab");
    let rest = "to wait for what runs, and begin the rest: qfleet deploy lab\n";
    assert!(shown.contains(rest), "{shown}");
    rig.waiting.no_wait = false;
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// SQS keeps a deleted queue's name for 60 s.
#[tokio::test(start_paused = true)]
async fn a_queue_name_that_rests_is_waited_for_and_that_is_said() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.destroy().await.well();
    let ran = rig.again().deploy().await.well();
    assert!(ran.took() > seconds(55) && ran.took() < seconds(70), "{:?}", ran.took());
    let warnings = ran.warnings();
    assert!(
        warnings
            .iter()
            .any(|words| words.starts_with("lab-work: waiting") && words.contains("60 s after")),
        "{warnings:?}"
    );
    assert_eq!(warnings.len(), 1, "only the stack with queues: {warnings:?}");
    rig.is_deployed();
}

/// An empty stack that only held a plan's change set had no queues.
#[tokio::test(start_paused = true)]
async fn a_deploy_right_after_a_plan_waits_for_no_queue_name() {
    let mut rig = Rig::new(Script::new()).only(&["artifacts", "intake"]);
    rig.deploy().await.well();
    rig.blueprint = blueprint(crate::clock::engine::LAB);
    let plan = rig.plan().await.expect("a plan");
    assert!(
        plan.stacks
            .iter()
            .any(|stack| stack.part == "work" && stack.draft.is_some())
    );
    assert_eq!(rig.status("work"), None, "nothing is left of the plan");
    let ran = rig.again().deploy().await.well();
    assert!(ran.took() < seconds(10), "{:?}: {:?}", ran.took(), ran.warnings());
    rig.is_deployed();
}

/// What an earlier run began a moment ago still looks like an empty stack to early reads.
#[tokio::test(start_paused = true)]
async fn a_create_that_stale_reads_hide_is_attached_to_and_not_not_made_once() {
    let mut rig = Rig::new(Script::new().takes("lab-intake", "Bucket", seconds(20)).stale_reads(5));
    rig.waiting.no_wait = true;
    assert_eq!(rig.deploy().await.exit_code(), 5);
    rig.waiting.no_wait = false;
    let ran = rig.again().deploy().await.well();
    assert!(ran.took() > seconds(15), "it waited for what ran: {:?}", ran.took());
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_stale_reads_hide_is_attached_to() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.touch("work");
    rig.endpoint
        .rescript(|script| script.takes("lab-work", "LogGroup", seconds(20)).stale_reads(5));
    rig.waiting.no_wait = true;
    assert_eq!(rig.again().deploy().await.exit_code(), 0);
    rig.waiting.no_wait = false;
    let ran = rig.again().deploy().await.well();
    assert!(ran.took() > seconds(15), "it waited for what ran: {:?}", ran.took());
    rig.is_deployed();
}

/// CloudFormation says that something runs, and nothing does, again and again.
#[tokio::test(start_paused = true)]
async fn what_always_seems_busy_is_given_up_when_its_time_is_over() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.again().touch("intake");
    let void = "ChangeSet [arn] cannot be executed in its current execution status of [OBSOLETE]";
    let void = Fault::refuse(400, "InvalidChangeSetStatus", void);
    let busy = "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.";
    let busy = Fault::refuse(400, "ValidationError", busy);
    rig.endpoint.rescript(|script| {
        let script = script.fault(On::action("ExecuteChangeSet"), void);
        script.fault(On::action("CreateChangeSet").numbers(2..=u32::MAX), busy)
    });
    rig.waiting.deadline = Some(Instant::now() + seconds(60));
    let ran = tokio::time::timeout(seconds(600), rig.deploy()).await.expect("it ends");
    assert_eq!(ran.exit_code(), 1);
    assert!(ran.took() < seconds(65), "{:?}", ran.took());
    let asked = rig.endpoint.calls("CreateChangeSet").len();
    assert!(asked <= 65, "{asked} times in a minute");
}
