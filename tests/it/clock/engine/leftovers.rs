//! Change sets that earlier runs, or others, left behind.

use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::draw_up::draw_up;

use crate::clock::engine::{ACCOUNT, REGION, Rig};
use crate::endpoint::Script;

/// Change sets of these stacks that wait to be executed.
fn open(rig: &Rig) -> Vec<String> {
    rig.endpoint.change_sets()
}

/// A plan whose process was killed: nothing was discarded.
async fn killed_plan(rig: &Rig) {
    let drafts = Drafts::default();
    draw_up(rig.planner(&drafts)).await.expect("a plan");
}

#[tokio::test(start_paused = true)]
async fn an_empty_stack_of_a_killed_run_is_used_as_a_create() {
    let mut rig = Rig::new(Script::new());
    killed_plan(&rig).await;
    let left = open(&rig);
    assert!(!left.is_empty());
    assert_eq!(rig.status("intake").as_deref(), Some("REVIEW_IN_PROGRESS"));
    let ids = rig.endpoint.world(|world| world.stacks.len());
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
    assert!(
        ids <= 4 && rig.endpoint.world(|world| world.stacks.len()) == 4,
        "no stack was made twice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_leaves_what_it_did_not_make() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.touch("intake");
    killed_plan(&rig).await;
    let ours = open(&rig);
    assert_eq!(ours.len(), 1);
    let of_others = others_change_set(&rig, "lab-intake").await;
    let plan = rig.again().plan().await.expect("a plan");
    assert!(plan.changes_anything());
    let left = ours.into_iter().chain([of_others]).collect::<Vec<_>>();
    assert_eq!(
        open(&rig),
        left,
        "a run may be about to execute the one, somebody the other"
    );
}

/// An empty stack that somebody else's change set made isn't ours to use.
#[tokio::test(start_paused = true)]
async fn an_empty_stack_of_others_is_refused() {
    let rig = Rig::new(Script::new());
    let of_others = others_change_set(&rig, "lab-intake").await;
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 4, "{:?}", ran.result);
    assert_eq!(open(&rig), [of_others]);
    assert_eq!(rig.endpoint.stacks(), ["lab-intake"]);
}

/// A pipeline names its change sets; the name of one that a killed run left is free again.
#[tokio::test(start_paused = true)]
async fn a_name_that_a_killed_run_used_can_be_used_again() {
    let mut rig = Rig::new(Script::new());
    rig.options.change_set_name = Some("build-42".into());
    killed_plan(&rig).await;
    assert!(open(&rig).iter().all(|name| name == "build-42"));
    rig.again().deploy().await.well();
    rig.is_deployed();
    let named = rig.endpoint.calls("CreateChangeSet");
    assert!(
        named
            .iter()
            .all(|call| call.input.text("ChangeSetName") == Some("build-42"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_others_use_is_refused() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.touch("intake");
    let of_others = others_change_set(&rig, "lab-intake").await;
    rig.options.change_set_name = Some(of_others.clone());
    let ran = rig.again().deploy().await;
    assert_eq!(ran.exit_code(), 4, "{:?}", ran.result);
    assert_eq!(open(&rig), [of_others]);
}

async fn others_change_set(rig: &Rig, stack: &str) -> String {
    use aws_sdk_cloudformation::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_cloudformation::types::ChangeSetType;
    let config = aws_sdk_cloudformation::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
        .http_client(rig.endpoint.http_client())
        .endpoint_url("http://in.memory");
    let client = aws_sdk_cloudformation::Client::from_conf(config.build());
    let kind = match rig.endpoint.status(stack) {
        Some(_) => ChangeSetType::Update,
        None => ChangeSetType::Create,
    };
    let made = client
        .create_change_set()
        .stack_name(stack)
        .change_set_name("by-hand")
        .change_set_type(kind)
        .template_body("Resources: {Queue: {Type: 'AWS::SQS::Queue'}}");
    made.send().await.expect("a change set");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    "by-hand".into()
}
