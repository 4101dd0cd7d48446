//! Runs side by side: nobody's plan disturbs a deploy that waits for its answer, nor another plan.

use std::time::Duration;

use futures_util::future::join_all;
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::draw_up::draw_up;

use crate::clock::engine::{Ran, Rig};
use crate::endpoint::{Fault, On, Script};

/// A deploy that is asked about its plan, and answered once `meanwhile` has happened.
async fn deployed_after(rig: &Rig, meanwhile: impl AsyncFnOnce()) -> Ran {
    let drafts = Drafts::default();
    let plan = draw_up(rig.planner(&drafts)).await.expect("a plan");
    meanwhile().await;
    rig.tell(async |context| {
        let report = rig.execute(context, &drafts, &plan).await;
        (Ok(report), drafts.discard(&rig.cloud).await)
    })
    .await
}

fn rig() -> Rig {
    Rig::new(Script::new().resources_take(Duration::from_secs(1)))
}

#[tokio::test(start_paused = true)]
async fn a_plan_leaves_the_change_sets_of_a_deploy_that_waits_for_its_answer() {
    let mut rig = rig();
    // What is to be made, and what is to be changed.
    for round in 0..2 {
        let executed = rig.endpoint.calls("ExecuteChangeSet").len();
        let made = rig.endpoint.calls("CreateChangeSet").len();
        let ran = deployed_after(&rig, async || {
            rig.plan().await.expect("a plan");
            rig.plan().await.expect("another plan");
        })
        .await
        .well();
        rig.is_deployed();
        let executed = rig.endpoint.calls("ExecuteChangeSet").len() - executed;
        let made = rig.endpoint.calls("CreateChangeSet").len() - made;
        assert_eq!(executed, ran.report().stacks.len(), "{round}");
        // Three times those that can be planned, and the others when it's their turn: none was made again.
        assert_eq!(made, [3 * 2 + 2, 3 * 4][round]);
        for stack in &ran.report().stacks {
            assert!(matches!(stack.outcome, Outcome::Done { .. }), "{round}: {stack:?}");
        }
        for part in ["artifacts", "intake", "work", "dashboard"] {
            rig.touch(part);
        }
        rig.again();
    }
}

/// The stacks that plans are made for are there while any of them is looked at, and gone after the last one.
#[tokio::test(start_paused = true)]
async fn plans_side_by_side_leave_each_other_alone_and_nothing_behind() {
    for apart in [0, 1, 30, 700, 1500, 2500] {
        let rig = rig();
        let plans = (0..3).map(async |number| {
            tokio::time::sleep(Duration::from_millis(number * apart)).await;
            rig.plan().await.expect("a plan")
        });
        for plan in join_all(plans).await {
            assert!(
                plan.stacks
                    .iter()
                    .all(|stack| stack.note.is_none() || stack.draft.is_none()),
                "{plan:#?}"
            );
            assert!(!plan.is_busy(), "{apart}: {plan:#?}");
        }
        assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0], "{apart}");
        assert_eq!(rig.endpoint.stacks(), [] as [&str; 0], "{apart}");
    }
}

/// A deploy that is answered late finds its change sets gone when another one was quicker: it plans again.
#[tokio::test(start_paused = true)]
async fn a_deploy_whose_change_sets_are_gone_plans_again() {
    let mut rig = rig();
    for _ in 0..2 {
        let ran = deployed_after(&rig, async || {
            rig.deploy().await.well();
        })
        .await
        .well();
        rig.is_deployed();
        assert_eq!(rig.not_made_once(), [] as [&str; 0]);
        for stack in &ran.report().stacks {
            assert!(matches!(stack.outcome, Outcome::Unchanged), "{stack:?}");
        }
        rig.touch("intake");
        rig.again();
    }
    // Somebody threw it away.
    let ran = deployed_after(&rig, async || {
        rig.endpoint.world(|world| {
            let intake = world.find("lab-intake").expect("the stack");
            assert_eq!(
                world.stacks[intake]
                    .change_sets
                    .iter()
                    .filter(|known| known.is_active())
                    .count(),
                1
            );
            world.stacks[intake].change_sets.retain(|known| !known.is_active());
        });
    })
    .await
    .well();
    assert!(matches!(ran.outcome("intake"), Outcome::Done { .. }));
}

/// Two first deploys at once, as when a job is retried. Both may make change sets of the empty stacks (recorded in
/// tests/fixtures/aws/cloudformation/change_sets_beside_each_other.json); when one is executed, CloudFormation deletes the other
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-execute.html>), or
/// says InvalidChangeSetStatus, as "the stack status might be UPDATE_IN_PROGRESS"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>). Whoever is later waits, and
/// does what remains.
#[tokio::test(start_paused = true)]
async fn two_first_deploys_at_once_make_each_stack_once_and_both_end_well() {
    for (seed, apart) in (1..).zip([0, 1, 30, 400, 700, 1100, 1500, 2500, 4000, 8000]) {
        for stale in [0, 30] {
            let script = Script::new().resources_take(Duration::from_secs(2));
            let rig = Rig::new(script.stale_share(stale, Duration::from_secs(10)));
            rig.endpoint.world(|world| world.seed(seed));
            let (first, second) = tokio::join!(rig.deploy(), async {
                tokio::time::sleep(Duration::from_millis(apart)).await;
                rig.deploy().await
            });
            let (first, second) = (first.well(), second.well());
            rig.is_deployed();
            assert_eq!(rig.not_made_once(), [] as [&str; 0], "{apart} ms apart");
            let made = [&first, &second].map(|ran| {
                let stacks = ran.report().stacks.iter();
                stacks
                    .filter(|stack| matches!(stack.outcome, Outcome::Done { .. }))
                    .count()
            });
            assert_eq!(
                made[0] + made[1],
                first.report().stacks.len(),
                "{apart} ms apart: {made:?}"
            );
            assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0], "{apart} ms apart");
        }
    }
}

/// A read may still show the empty stack that another run is making by now: its events say that something was executed.
#[tokio::test(start_paused = true)]
async fn an_empty_stack_that_only_its_events_show_as_another_runs_is_left() {
    let oldest = Duration::from_secs(10);
    for seed in 1..=4 {
        let script = Script::new().resources_take(Duration::from_secs(30));
        let rig = Rig::new(script.stale_share(0, oldest)).only(&["artifacts"]);
        rig.endpoint.world(|world| world.seed(seed));
        let drafts = Drafts::default();
        draw_up(rig.planner(&drafts)).await.expect("a plan");
        let (ran, ()) = tokio::join!(rig.deploy(), async {
            while rig.endpoint.calls("ExecuteChangeSet").is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            rig.endpoint
                .rescript(|script| script.stale_reads_of("DescribeStacks", oldest));
            drafts.discard(&rig.cloud).await.expect("nothing stays behind");
            rig.endpoint.rescript(|script| script.stale_share(0, oldest));
        });
        ran.well();
        rig.is_deployed();
        assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0, "{seed}");
    }
}

/// An empty stack puts nothing out, and another run may make it while ours is asked: then what it puts out is read again.
#[tokio::test(start_paused = true)]
async fn what_another_run_made_of_an_empty_stack_is_known_to_what_needs_it() {
    let rig = rig();
    let others = Drafts::default();
    draw_up(rig.planner(&others)).await.expect("a plan");
    let ran = deployed_after(&rig, async || {
        rig.deploy().await.well();
    })
    .await
    .well();
    rig.is_deployed();
    for stack in &ran.report().stacks {
        assert!(matches!(stack.outcome, Outcome::Unchanged), "{stack:?}");
    }
    others.discard(&rig.cloud).await.expect("nothing stays behind");
}

/// Another run's change set may be executed while it is looked at whether the empty stack has one: whichever answer comes late.
#[tokio::test(start_paused = true)]
async fn an_empty_stack_that_another_run_begins_to_make_between_two_looks_is_left() {
    for late in ["ListChangeSets", "DescribeStackEvents"] {
        let rig = Rig::new(Script::new().resources_take(Duration::from_secs(30))).only(&["artifacts"]);
        let drafts = Drafts::default();
        draw_up(rig.planner(&drafts)).await.expect("a plan");
        rig.endpoint.rescript(|script| {
            let slow = Fault::LateEffect(Duration::from_secs(3));
            script
                .change_sets_take(Duration::from_secs(2))
                .fault(On::action(late).numbers(1..=1), slow)
        });
        let (ran, ()) = tokio::join!(rig.deploy(), async {
            while rig.endpoint.calls("CreateChangeSet").len() < 2 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            drafts.discard(&rig.cloud).await.expect("nothing stays behind");
        });
        ran.well();
        rig.is_deployed();
        assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0, "{late}");
    }
}

/// A plan that is thrown away while a deploy is making the stack must not take it for the empty one that it was.
#[tokio::test(start_paused = true)]
async fn a_plan_that_ends_while_its_stack_is_being_made_leaves_it() {
    for (seed, wait) in (1..=8).zip((0..).step_by(400)) {
        let script = Script::new().resources_take(Duration::from_secs(1));
        let rig = Rig::new(script.stale_share(30, Duration::from_secs(10)));
        rig.endpoint.world(|world| world.seed(seed));
        let (ran, plan) = tokio::join!(rig.deploy(), async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            rig.plan().await
        });
        plan.expect("a plan");
        ran.well();
        rig.is_deployed();
        assert_eq!(rig.not_made_once(), [] as [&str; 0], "{seed}");
    }
}
