//! Another pipeline that deploys the same stage while its workers switch.

use qfleet::cloud::Cloud;
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::Plan;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::draw_up::draw_up;
use qfleet::error::exit_code;

use super::*;
use crate::clock::engine::{ACCOUNT, REGION};

/// Another pipeline, with a file of its own.
fn beside(rig: &Rig, file: &str) -> Rig {
    let mut other = Rig::of(blueprint(file), Script::new());
    other.cloud = Cloud::over(rig.endpoint.http_client(), ACCOUNT, REGION);
    other
}

/// A plan that waits for its answer.
async fn planned(rig: &Rig) -> (Drafts, Plan) {
    let drafts = Drafts::default();
    let plan = draw_up(rig.planner(&drafts)).await.expect("a plan");
    (drafts, plan)
}

async fn answered(rig: &Rig, (drafts, plan): (Drafts, Plan)) -> Ran {
    rig.tell(async |context| {
        let report = rig.execute(context, &drafts, &plan).await;
        (Ok(report), drafts.discard(&rig.cloud).await)
    })
    .await
}

#[track_caller]
fn is_refused(ran: &Ran) {
    assert_eq!(ran.exit_code(), exit_code::REFUSED);
    let failure = ran.failure("work");
    let said = "lab-work: somebody else has switched its workers meanwhile";
    assert!(failure.message.contains(said), "{failure:?}");
    let help = failure.help.as_deref().unwrap_or_default();
    assert!(help.contains("run the same command again"), "{help}");
}

/// Whichever is first, the group goes once and the mapping comes once.
#[tokio::test(start_paused = true)]
async fn two_deploys_of_one_switch_do_it_once() {
    for apart in [0, 20, 200, 1000, 2500, 4000, 5500, 7000, 9000] {
        // The function is changed first, then tried, then the workers are switched.
        let mut rig = deployed(&both("instances").replace("30s", "20s")).await;
        then(&mut rig, &both("lambda"), |script| {
            script.resources_take(Duration::from_secs(1))
        });
        let before = said(&rig, &["Group", "Mapping"]).len();
        let second = async {
            tokio::time::sleep(Duration::from_millis(apart)).await;
            Box::pin(rig.deploy()).await
        };
        let (first, second) = tokio::join!(Box::pin(rig.deploy()), second);
        first.well();
        second.well();
        let mut what = said(&rig, &["Group", "Mapping"]).split_off(before);
        what.dedup();
        assert_eq!(
            what,
            [
                "Mapping CREATE_IN_PROGRESS",
                "Mapping CREATE_COMPLETE",
                "Group DELETE_IN_PROGRESS",
                "Group DELETE_COMPLETE"
            ],
            "{apart} ms apart"
        );
        rig.is_deployed();
    }
}

/// It has changes of its own, and a file in which the instances are still at work.
#[tokio::test(start_paused = true)]
async fn a_deploy_that_was_planned_before_the_switch_does_not_switch_back() {
    let old = both("instances").replace("min: 1", "min: 2");
    let mut rig = deployed(&both("instances")).await;
    // It waits for its answer until the other one is done.
    let late = beside(&rig, &old);
    let waiting = planned(&late).await;
    then(&mut rig, &both("lambda"), |script| script).deploy().await.well();
    is_refused(&answered(&late, waiting).await);
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
    let shown = late.plan().await.expect("a plan");
    let switch = shown.stacks.iter().find_map(|stack| stack.switch).expect("a switch");
    assert_eq!((switch.from, switch.to), (Active::Lambda, Active::Instances));

    // It is answered while the other one waits for what the instances hold.
    let mut rig = deployed(&both("instances")).await;
    let late = beside(&rig, &old);
    let waiting = planned(&late).await;
    then(&mut rig, &both("lambda"), |script| {
        script.takes("lab-work", "Group", Duration::from_secs(60))
    });
    let cleaning = async {
        while rig.status("work").as_deref() != Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Box::pin(answered(&late, waiting)).await
    };
    let (first, second) = tokio::join!(Box::pin(rig.deploy()), cleaning);
    first.well();
    is_refused(&second);
    assert!(second.took() > Duration::from_secs(50), "it waits for what runs");
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_was_paused_meanwhile_stays_paused() {
    let mut rig = deployed(&both("instances")).await;
    let late = beside(&rig, &both("lambda").replace("30s", "29s"));
    let waiting = planned(&late).await;
    then(&mut rig, &both("none"), |script| script).deploy().await.well();
    is_refused(&answered(&late, waiting).await);
    assert_eq!(workers(&rig), ["LaunchTemplate", "Function"]);
    assert_eq!(invoked(&rig), 0, "no instances are made only to try the function");
}

/// The function still holds messages when it is to work again.
#[tokio::test(start_paused = true)]
async fn a_switch_back_while_the_function_finishes_holds_up_nobody() {
    let rig = pausing().await;
    let back = beside(&rig, &both("lambda"));
    let finishing = async {
        while rig.endpoint.calls("GetFunction").is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Box::pin(back.deploy()).await
    };
    let (paused, back) = tokio::join!(Box::pin(rig.deploy()), finishing);
    let (paused, back) = (paused.well(), back.well());
    assert!(back.ended < paused.ended, "it doesn't wait for the other one");
    assert!((30..36).contains(&paused.took().as_secs()), "{:?}", paused.took());
    assert!(matches!(back.outcome("work"), Outcome::Done { .. }));
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
}
