//! A deploy that has nothing to do costs next to nothing; and what must not be taken for that.

use std::time::Duration;

use qfleet::engine::believed::STALE;
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::{Source, StackAction};

use crate::clock::engine::{LAB, Rig, blueprint};
use crate::endpoint::Script;

const IMAGE: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// A deployed lab, and how many calls of each action that took.
async fn deployed() -> Rig {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.endpoint.world(|world| world.calls.clear());
    rig.again();
    rig
}

#[tokio::test(start_paused = true)]
async fn it_is_two_reads_a_stack_and_two_more_and_no_change_set() {
    let rig = deployed().await;
    let ran = rig.deploy().await.well();
    assert!(ran.took() < Duration::from_millis(10), "{:?}", ran.took());
    let calls: Vec<String> = rig
        .endpoint
        .world(|world| world.calls.iter().map(|call| call.action.clone()).collect());
    let reads = |action: &str| calls.iter().filter(|call| *call == action).count();
    let stacks = rig.blueprint.stacks.len();
    assert_eq!(
        (reads("DescribeStacks"), reads("GetTemplate")),
        (stacks, stacks),
        "{calls:?}"
    );
    assert_eq!(reads("GetParameters"), 1, "one for images and expiry");
    assert_eq!(
        reads("DescribeAutoScalingGroups"),
        1,
        "one for what a destroy left without bounds"
    );
    assert_eq!(calls.len(), 2 * stacks + 2, "{calls:?}");
    for stack in &ran.report().stacks {
        assert!(
            matches!(stack.outcome, qfleet::engine::outcome::Outcome::Unchanged),
            "{stack:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_image_is_a_change() {
    let rig = deployed().await;
    let image = |id: &str| {
        let id = id.to_owned();
        rig.endpoint.world(|world| world.services.set_parameter(IMAGE, &id));
    };
    image("ami-0fedcba9876543210");
    let plan = rig.plan().await.expect("a plan");
    let work = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    assert_eq!((work.action, work.source), (StackAction::Update, Source::ChangeSet));
    assert!(
        work.changes.iter().any(|change| change.logical_id == "LaunchTemplate"),
        "{:#?}",
        work.changes
    );
    let others = plan.stacks.iter().filter(|stack| stack.part != "work");
    assert!(others.into_iter().all(|stack| stack.action == StackAction::Unchanged));
    // And back: what was resolved at the deploy is what counts.
    image("ami-0123456789abcdef0");
    assert!(!rig.plan().await.expect("a plan").changes_anything());
}

#[tokio::test(start_paused = true)]
async fn a_failed_stack_never_counts_as_unchanged() {
    for status in ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED"] {
        let rig = deployed().await;
        rig.endpoint.world(|world| {
            let intake = world.find("lab-intake").expect("the stack");
            world.set_status(intake, status, None);
        });
        let plan = rig.plan().await.expect("a plan");
        let intake = plan.stacks.iter().find(|stack| stack.part == "intake").expect("it");
        assert_eq!(intake.source, Source::ChangeSet, "{status}: CloudFormation was asked");
    }
}

/// Back to the file of before, right after an update: a read of the template may still give that one. Later it costs
/// nothing more again.
#[tokio::test(start_paused = true)]
async fn what_was_just_updated_is_not_called_unchanged_by_a_read_that_is_early() {
    let mut rig = deployed().await;
    let before = rig.stack("work").body.clone();
    rig.stack("work").body = before.replacen("VisibilityTimeout: ", "VisibilityTimeout: 4", 1);
    rig.deploy().await.well();
    rig.endpoint
        .rescript(|script| script.early_template("lab-work", &before));
    rig.stack("work").body = before;
    let ran = rig.again().deploy().await.well();
    assert!(
        matches!(ran.outcome("work"), Outcome::Done { .. }),
        "{:?}",
        ran.outcome("work")
    );

    tokio::time::sleep(STALE).await;
    let asked = rig.endpoint.calls("CreateChangeSet").len();
    let ran = rig.again().deploy().await.well();
    assert!(matches!(ran.outcome("work"), Outcome::Unchanged));
    assert_eq!(rig.endpoint.calls("CreateChangeSet").len(), asked);
}

/// GetTemplate answers a question mark for each character beyond ASCII; what is sent has none, and means the same.
#[tokio::test(start_paused = true)]
async fn what_is_beyond_ascii_arrives_and_a_change_of_it_is_seen() {
    let file = |variable: &str, tag: &str| {
        let with_variable = format!("max: 3, environment: {{GREETING: \"{variable}\"}}}}");
        let with_tag = format!("tags: {{\u{e9}quipe: \"{tag}\"}}\nbucket:");
        blueprint(&LAB.replace("max: 3}", &with_variable).replace("bucket:", &with_tag))
    };
    let mut rig = Rig::of(file("\u{e9} \u{5199}\u{771f} \u{1f69a}", "m\u{e9}dias"), Script::new());
    rig.deploy().await.well();
    let variable = |rig: &Rig, wanted: &str| {
        rig.endpoint.world(|world| {
            let work = &world.stacks[world.find("lab-work").expect("the stage")];
            let template = work.resource("LaunchTemplate").expect("it").properties.to_string();
            assert!(template.contains(wanted), "no {wanted}: {template}");
        });
    };
    variable(&rig, "\u{e9} \u{5199}\u{771f} \u{1f69a}");
    for (blueprint, changed) in [
        (file("\u{e9} \u{5199}\u{771f} \u{1f69a}", "m\u{e9}dias"), vec![]),
        (file("\u{fc} \u{5199}\u{771f} \u{1f69a}", "m\u{e9}dias"), vec!["work"]),
        (
            file("\u{fc} \u{5199}\u{771f} \u{1f69a}", "m\u{fc}dias"),
            vec!["artifacts", "intake", "work", "dashboard"],
        ),
        (file("\u{fc} \u{5199}\u{771f} \u{1f69a}", "m\u{fc}dias"), vec![]),
    ] {
        assert!(blueprint.stacks.iter().all(|stack| stack.body.is_ascii()));
        rig.blueprint = blueprint;
        // What was just updated is asked about.
        tokio::time::sleep(STALE).await;
        let asked = rig.endpoint.calls("CreateChangeSet").len();
        let ran = rig.again().deploy().await.well();
        let asked = rig.endpoint.calls("CreateChangeSet").len() - asked;
        assert_eq!(asked, changed.len(), "{changed:?}");
        for part in changed {
            assert!(matches!(ran.outcome(part), Outcome::Done { .. }), "{part}");
        }
    }
    variable(&rig, "\u{fc} \u{5199}\u{771f} \u{1f69a}");
}
