//! Kept queues taken into a new stack, step by step.

use qfleet::cloud::change_set::Action;
use qfleet::engine::operation::OnInterrupt;
use qfleet::engine::outcome::Outcome;

use super::*;
use crate::endpoint::{Verb, World};

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

/// An environment that was destroyed and kept its data.
async fn kept(script: Script) -> Rig {
    let mut rig = Rig::of(blueprint(&LAB.replace("on_destroy: empty", "on_destroy: keep")), script);
    rig.deploy().await.well();
    rig.again().destroy().await.well();
    assert!(has_the_queue(&rig), "it was kept");
    rig.again();
    rig
}

fn has_the_queue(rig: &Rig) -> bool {
    let in_stack = |world: &mut World| {
        let mut resources = world
            .stacks
            .iter()
            .filter(|stack| stack.is_there())
            .flat_map(|stack| &stack.resources);
        resources.any(|resource| resource.physical_id.as_deref() == Some(QUEUE))
    };
    rig.endpoint
        .world(|world| world.kept.contains_key(QUEUE) || in_stack(world))
}

/// Interrupted right after the import: the stack has no tags yet.
async fn interrupted_after_the_import(rig: &Rig) {
    let imported = |endpoint: &Endpoint| endpoint.status("lab-work").as_deref() == Some("IMPORT_COMPLETE");
    let (_, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(imported)).await;
    assert_eq!(rig.status("work").as_deref(), Some("IMPORT_COMPLETE"));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_goes_on_from_what_was_imported() {
    let mut rig = kept(Script::new().change_sets_take(Duration::from_secs(3))).await;
    interrupted_after_the_import(&rig).await;
    let ran = rig.again().deploy().await.well();
    assert!(matches!(ran.outcome("work"), Outcome::Done { .. }));
    rig.is_deployed();
    assert!(has_the_queue(&rig));
}

#[tokio::test(start_paused = true)]
async fn a_destroy_finds_what_was_only_imported_and_keeps_it() {
    let mut rig = kept(Script::new().change_sets_take(Duration::from_secs(3))).await;
    interrupted_after_the_import(&rig).await;
    rig.again().destroy().await.well();
    assert_eq!(rig.status("work"), None);
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// A new stack whose import failed holds nothing, and shows no tags by which the next deploy would know it.
#[tokio::test(start_paused = true)]
async fn an_import_that_fails_leaves_the_queues_and_no_stack() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint
        .rescript(|script| script.fails_times("lab-work", "Queue", Verb::Create, "no permission", 1));
    let ran = rig.deploy().await;
    let failure = ran.failure("work");
    assert!(
        failure.message.contains("importing into lab-work failed"),
        "{failure:#?}"
    );
    assert_eq!(rig.status("work"), None);
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_is_imported_and_leaves_nothing_behind() {
    let rig = kept(Script::new()).await;
    let plan = rig.plan().await.expect("a plan");
    let work = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    let imported = work.changes.iter().filter(|change| change.action == Action::Import);
    let imported: Vec<&str> = imported.map(|change| change.logical_id.as_str()).collect();
    assert_eq!(imported, ["Queue", "DeadLetterQueue"]);
    assert_eq!((rig.endpoint.stacks(), rig.endpoint.change_sets()), (vec![], vec![]));
    assert!(has_the_queue(&rig));
}

/// Deleting it could take the bucket along.
#[tokio::test(start_paused = true)]
async fn a_create_that_takes_in_a_bucket_is_not_cancelled() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint
        .rescript(|script| script.takes("lab-intake", "BucketPolicy", Duration::from_secs(60)));
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let begun = |endpoint: &Endpoint| endpoint.status("lab-intake").as_deref() == Some("CREATE_IN_PROGRESS");
    let (ran, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(begun)).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_IN_PROGRESS"));
    rig.again().deploy().await.well();
    rig.is_deployed();
}
