//! Reads that come too early: a part of them doesn't know a stack yet, or shows it as it was.

use std::time::Duration;

use qfleet::cloud::cloudformation::change_set::OnFailure;
use qfleet::cloud::cloudformation::events::ResourceEvent;
use qfleet::engine::event::Event;
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::StackAction;

use crate::clock::engine::Rig;
use crate::endpoint::{Existing, Fault, On, Script, Verb};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Three of ten reads, up to ten seconds old.
fn stale() -> Script {
    Script::new().resources_take(seconds(1)).stale_share(30, seconds(10))
}

/// Deployed, changed, and taken down, one right after the other, each time with other reads that are stale.
#[tokio::test(start_paused = true)]
async fn deploys_updates_and_destroys_come_to_the_same_with_three_of_ten_reads_stale() {
    for seed in 1..=6 {
        let mut rig = Rig::new(stale());
        rig.endpoint.world(|world| world.seed(seed));
        rig.deploy().await.well();
        rig.is_deployed();
        // The simulated CloudFormation makes no bucket; there it is, not to be taken for one without a stack.
        rig.endpoint.world(|world| {
            world.services.make_bucket("lab-111122223333-us-east-2");
        });
        assert_eq!(rig.not_made_once(), [] as [&str; 0], "{seed}");
        for part in ["intake", "work"] {
            rig.touch(part);
            rig.again().deploy().await.well();
            rig.is_deployed();
            let status = rig.status(part);
            assert_eq!(status.as_deref(), Some("UPDATE_COMPLETE"), "{seed}: {part}");
        }
        rig.again().destroy().await.well();
        assert_eq!(rig.endpoint.stacks(), [] as [&str; 0], "{seed}");
    }
}

/// What a stack puts out is read once it is what was made of it: the next stack is made with that.
#[tokio::test(start_paused = true)]
async fn what_a_stack_puts_out_is_not_read_too_early() {
    for seed in 1..=4 {
        let mut rig = Rig::new(Script::new());
        rig.deploy().await.well();
        rig.touch("intake");
        let script = stale().output("lab-intake", "TopicArn", "arn:aws:sns:us-east-2:111122223333:another");
        rig.endpoint.rescript(|_| script);
        rig.endpoint.world(|world| world.seed(seed));
        let ran = rig.again().deploy().await.well();
        let outputs = &ran.report().outputs["intake"];
        assert!(outputs["TopicArn"].ends_with(":another"), "{seed}: {outputs:?}");
    }
}

/// A read of events that is older than the last one doesn't tell everything again. Above all, the end of an earlier
/// operation isn't taken for the end of this one.
#[tokio::test(start_paused = true)]
async fn events_that_lack_the_newest_known_one_are_no_news() {
    let stack = Existing::new("lab-work", "UPDATE_COMPLETE").events(20);
    let rig = Rig::new(Script::new().existing(stack));
    let ids = |events: Vec<ResourceEvent>| events.into_iter().map(|event| event.id).collect::<Vec<_>>();
    let all = ids(rig.cloud.events_after("lab-work", None).await.expect("events"));
    assert!(all.len() > 20);
    let after = |id: String| {
        let cloud = rig.cloud.clone();
        async move { ids(cloud.events_after("lab-work", Some(&id)).await.expect("events")) }
    };
    assert_eq!(after(all[18].clone()).await, all[19..]);
    assert_eq!(after("of-the-future".into()).await, [] as [&str; 0]);
}

/// A stack that reads don't know yet holds its own queue: nothing is said to be there without one.
#[tokio::test(start_paused = true)]
async fn what_a_stack_holds_that_is_not_known_yet_is_its_own() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    let early = || Fault::refuse(400, "ValidationError", "Stack with id lab-work does not exist");
    let of_work = |action: &str| On::action(action).stack("lab-work").numbers(1..=1);
    // Whose the queue and its dead letters' are is known; or not yet, either, and each is asked for by two forms of its URL.
    for (unknown, asks) in [(u32::MAX..=u32::MAX, 2), (1..=4, 4)] {
        let nobodys = On::action("DescribeStackResources").numbers(unknown);
        let asked = rig.endpoint.calls("DescribeStackResources").len();
        rig.endpoint.rescript(|script| {
            let script = script.fault(of_work("DescribeStacks"), early());
            let script = script.fault(of_work("ListStackResources"), early());
            script.fault(nobodys, early())
        });
        let plan = rig.again().plan().await.expect("a plan");
        assert!(plan.is_busy(), "{plan:#?}");
        assert_eq!(rig.endpoint.calls("DescribeStackResources").len() - asked, asks);
    }
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The stack is known, and what it holds isn't yet: CloudFormation says whose it is.
#[tokio::test(start_paused = true)]
async fn what_a_known_stack_holds_is_its_own_though_its_list_is_early() {
    let mut rig = Rig::new(Script::new().fails_times("lab-work", "LogGroup", Verb::Create, "not today", 1));
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    rig.deploy().await;
    assert_eq!(rig.status("work").as_deref(), Some("CREATE_FAILED"));
    let early = Fault::refuse(400, "ValidationError", "Stack with id lab-work does not exist");
    let list = On::action("ListStackResources").stack("lab-work").numbers(1..=1);
    rig.endpoint.rescript(|script| script.fault(list, early));
    let plan = rig.again().plan().await.expect("a plan");
    assert!(!rig.endpoint.calls("DescribeStackResources").is_empty());
    let work = plan.stacks.iter().find(|stack| stack.part == "work").expect("it");
    assert_eq!((work.action, &work.note), (StackAction::Update, &None), "{work:#?}");
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The answer to a request that began an operation is lost, and the SDK sends it again: AWS refuses the second one.
#[tokio::test(start_paused = true)]
async fn an_execution_whose_answer_was_lost_is_watched_like_any_other() {
    for script in [Script::new(), stale()] {
        let script = script.takes("lab-work", "Queue", seconds(30));
        let lost = On::action("ExecuteChangeSet").numbers(1..=1);
        let mut rig = Rig::new(script.fault(lost.clone(), Fault::CutAfterEffect));
        rig.deploy().await.well();
        rig.is_deployed();
        rig.touch("work");
        rig.endpoint
            .rescript(|script| script.fault(lost, Fault::StallAfterEffect));
        let ran = rig.again().deploy().await.well();
        assert!(ran.took() > seconds(25), "it was watched: {:?}", ran.took());
        let work = ran.outcome("work");
        assert!(matches!(work, Outcome::Done { .. }), "it is this run's: {work:?}");
        assert_eq!(rig.status("work").as_deref(), Some("UPDATE_COMPLETE"));
        assert_eq!(rig.not_made_once(), [] as [&str; 0]);
    }
}

/// By its token AWS knows the second request, or by the change set's status
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>, Errors).
#[tokio::test(start_paused = true)]
async fn a_second_request_is_refused_in_either_way() {
    for code in ["TokenAlreadyExistsException", "InvalidChangeSetStatus"] {
        let execute = |number: u32| On::action("ExecuteChangeSet").numbers(number..=number);
        let script = Script::new().fault(execute(1), Fault::CutAfterEffect);
        let rig = Rig::new(script.fault(execute(2), Fault::refuse(400, code, "it was requested already")));
        let rig = rig.only(&["artifacts"]);
        let ran = rig.deploy().await.well();
        let artifacts = ran.outcome("artifacts");
        assert!(matches!(artifacts, Outcome::Done { .. }), "{code}: {artifacts:?}");
        assert_eq!(
            rig.endpoint.calls("CreateChangeSet").len(),
            1,
            "{code}: it isn't planned again"
        );
    }
}

/// Its events carry the token of the request that began it, which isn't ours: "All events triggered by a given stack
/// operation are assigned the same client request token"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html>, ClientRequestToken).
#[tokio::test(start_paused = true)]
async fn what_somebody_else_executed_is_watched_like_any_other() {
    let mut rig = Rig::new(Script::new()).only(&["artifacts"]);
    rig.deploy().await.well();
    rig.touch("artifacts");
    let ours = On::action("ExecuteChangeSet").numbers(1..=1);
    rig.endpoint.rescript(|script| {
        let script = script.takes("lab-artifacts", "Bucket", seconds(30));
        script.fault(ours, Fault::LateEffect(seconds(2)))
    });
    rig.again();
    let before = rig.endpoint.calls("ExecuteChangeSet").len();
    let theirs = async {
        while rig.endpoint.calls("ExecuteChangeSet").len() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let id = rig.endpoint.world(|world| {
            let mut all = world.stacks.iter().flat_map(|stack| &stack.change_sets);
            let open = all.find(|known| known.is_active()).expect("ours");
            open.id.clone()
        });
        rig.cloud.execute_change_set(&id, false).await.expect("it is executed");
    };
    let (ran, ()) = futures_util::future::join(rig.deploy(), theirs).await;
    let ran = ran.well();
    assert!(matches!(ran.outcome("artifacts"), Outcome::Done { .. }));
    let took = ran.took();
    assert!(took > seconds(30) && took < seconds(45), "its end is noticed: {took:?}");
    let resources = ran
        .told
        .iter()
        .filter(|(_, event)| matches!(event, Event::Resource { .. }));
    assert!(resources.count() >= 4, "its events are told");
    rig.is_deployed();
}

/// A change set that was refused, and not executed, is no operation to be watched: it is planned again.
#[tokio::test(start_paused = true)]
async fn what_was_refused_and_is_not_executed_is_planned_again() {
    let obsolete = "ChangeSet cannot be executed in its current execution status of [OBSOLETE]";
    let refused = Fault::refuse(400, "InvalidChangeSetStatus", obsolete);
    let script = Script::new().fault(On::action("ExecuteChangeSet").numbers(1..=1), refused);
    let rig = Rig::new(script).only(&["artifacts"]);
    let ran = tokio::time::timeout(seconds(600), rig.deploy()).await.expect("it ends");
    ran.well();
    rig.is_deployed();
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), 2);
}

/// An update right after another one, whose end is still all that most reads know.
#[tokio::test(start_paused = true)]
async fn an_update_is_watched_to_its_own_end() {
    for seed in 1..=6 {
        let script = Script::new().resources_take(seconds(1)).stale_share(70, seconds(10));
        let mut rig = Rig::new(script).only(&["artifacts"]);
        rig.endpoint.world(|world| world.seed(seed));
        rig.deploy().await.well();
        rig.touch("artifacts");
        rig.again().deploy().await.well();
        rig.endpoint
            .rescript(|script| script.takes("lab-artifacts", "Bucket", seconds(40)));
        rig.touch("artifacts");
        let ran = rig.again().deploy().await.well();
        assert!(ran.took() > seconds(40), "{seed}: {:?}", ran.took());
        rig.is_deployed();
    }
}

/// Nothing knows it for a while, though it is being made.
#[tokio::test(start_paused = true)]
async fn a_stack_that_no_read_knows_yet_is_not_gone() {
    let early = || Fault::refuse(400, "ValidationError", "Stack with id lab-artifacts does not exist");
    let reads = |action: &str| On::action(action).stack("lab-artifacts").until(seconds(12));
    let script = Script::new().fault(reads("DescribeStacks"), early());
    let rig = Rig::new(script.fault(reads("DescribeStackEvents"), early())).only(&["artifacts"]);
    rig.deploy().await.well();
    rig.is_deployed();
}

/// The stack that was made to hold a plan's change set is thrown away with it, though a read doesn't know it.
#[tokio::test(start_paused = true)]
async fn an_empty_stack_that_a_read_does_not_know_is_thrown_away() {
    let early = Fault::refuse(400, "ValidationError", "Stack with id lab-artifacts does not exist");
    let second = On::action("DescribeStacks").stack("lab-artifacts").numbers(2..=2);
    let rig = Rig::new(Script::new().fault(second, early)).only(&["artifacts"]);
    rig.plan().await.expect("a plan");
    assert_eq!((rig.endpoint.stacks(), rig.endpoint.change_sets()), (vec![], vec![]));
}

/// The same of what gets a stack going again: it runs, and the request that is sent again is refused for that.
#[tokio::test(start_paused = true)]
async fn a_rollback_whose_answer_was_lost_has_begun() {
    let in_progress = (
        "ValidationError",
        "Stack is in UPDATE_ROLLBACK_IN_PROGRESS state and can not be rolled back.",
    );
    let refusals = [
        ("TokenAlreadyExistsException", "A client request token already exists."),
        in_progress,
    ];
    for (action, status) in [
        ("RollbackStack", "UPDATE_FAILED"),
        ("ContinueUpdateRollback", "UPDATE_ROLLBACK_FAILED"),
    ] {
        let refusals = refusals.map(|(code, message)| (Fault::refuse(400, code, message), 2..=2));
        for (again, asked) in refusals.into_iter().chain([(Fault::CutAfterEffect, 2..=10)]) {
            let script = Script::new()
                .existing(Existing::new("lab-work", status))
                .takes("lab-work", "Queue", seconds(30))
                .stale_reads(2)
                .fault(On::action(action).numbers(1..=1), Fault::CutAfterEffect)
                .fault(On::action(action), again);
            let rig = Rig::new(script);
            let begun = match action {
                "RollbackStack" => rig.cloud.rollback_stack("lab-work").await,
                _ => rig.cloud.continue_rollback("lab-work", &[], false).await,
            };
            begun.unwrap_or_else(|error| panic!("{action}: {error}"));
            let calls = rig.endpoint.calls(action).len();
            assert!(asked.contains(&calls), "{action}: {calls}");
        }
        // What was refused at once didn't begin, whatever runs on the stack.
        let (code, message) = in_progress;
        let script = Script::new()
            .existing(Existing::new("lab-work", status))
            .fault(On::action(action), Fault::refuse(400, code, message));
        let rig = Rig::new(script);
        let refused = match action {
            "RollbackStack" => rig.cloud.rollback_stack("lab-work").await,
            _ => rig.cloud.continue_rollback("lab-work", &[], false).await,
        };
        assert!(refused.expect_err("refused").is(code));
    }
}
