//! What change sets say, and what they leave out.

use qfleet::cloud::cloudformation::change_set::{Action, OnFailure, Replacement};
use qfleet::engine::plan::StackPlan;

use crate::clock::engine::Rig;
use crate::endpoint::{Script, Verb};

const WHY: &str = "Template error: every Fn::Join object requires two parameters";

/// A deployed lab whose bucket is to be renamed, which makes it anew; read with values, the bucket isn't in the change
/// set.
async fn renamed(script: Script) -> Rig {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    let body = &mut rig.stack("intake").body;
    *body = body.replacen("BucketName: ", "BucketName: another-bucket #", 1);
    rig.endpoint
        .rescript(|_| script.unreadable("lab-intake", "Bucket", WHY));
    rig.again();
    rig
}

async fn intake(rig: &Rig) -> StackPlan {
    let stacks = rig.plan().await.expect("a plan").stacks;
    stacks.into_iter().find(|stack| stack.part == "intake").expect("it")
}

#[tokio::test(start_paused = true)]
async fn data_that_is_left_out_of_a_change_set_with_values_is_not_replaced_either() {
    let rig = renamed(Script::new()).await;
    let executed = rig.endpoint.calls("ExecuteChangeSet").len();
    let ran = rig.deploy().await;
    let error = ran.result.as_ref().expect_err("a refusal");
    assert_eq!(ran.exit_code(), 4, "{error}");
    let name = "lab-111122223333-us-east-2";
    assert!(error.to_string().contains(&format!("would replace {name}")), "{error}");
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), executed);
}

/// It is shown as far as it is known, together with why there isn't more. A page holds one resource.
#[tokio::test(start_paused = true)]
async fn what_is_left_out_is_shown_with_the_warning_whatever_page_it_is_on() {
    let rig = renamed(Script::new().page(1)).await;
    let plan = intake(&rig).await;
    let bucket = plan.changes.iter().find(|change| change.logical_id == "Bucket");
    let bucket = bucket.unwrap_or_else(|| panic!("no bucket: {:#?}", plan.changes));
    assert_eq!(
        (&bucket.action, bucket.replacement),
        (&Action::Modify, Replacement::Yes)
    );
    assert_eq!(bucket.properties[0].path, "/Properties/BucketName");
    // CloudFormation gave no values. The two templates and their parameters have them.
    let values = (&bucket.properties[0].before, &bucket.properties[0].after);
    let values = (values.0.as_deref(), values.1.as_deref());
    assert_eq!(values, (Some("lab-111122223333-us-east-2"), Some("another-bucket")));
    let warning = plan.warning.as_deref().unwrap_or_default();
    assert!(warning.ends_with(&format!("[Bucket] because: {WHY}")), "{warning}");
    // What can be read has its values, once.
    let mut names: Vec<&str> = plan.changes.iter().map(|change| change.logical_id.as_str()).collect();
    names.sort_unstable();
    let mut once = names.clone();
    once.dedup();
    assert!(names.len() > 1 && names == once, "{names:?}");
    let others = plan.changes.iter().filter(|change| change.logical_id != "Bucket");
    for property in others.flat_map(|change| &change.properties) {
        assert!(property.before.is_some() || property.after.is_some(), "{property:?}");
    }
}

/// One read more than before, when it's worked out; and none while it isn't.
#[tokio::test(start_paused = true)]
async fn a_change_set_is_read_with_values_once() {
    let script = Script::new().change_sets_take(std::time::Duration::from_secs(3));
    let rig = Rig::new(script).only(&["artifacts"]);
    rig.deploy().await.well();
    let reads = rig.endpoint.calls("DescribeChangeSet");
    let with_values = |call: &&crate::endpoint::Call| call.input.flag("IncludePropertyValues") == Some(true);
    assert_eq!(reads.iter().filter(with_values).count(), 1);
    assert_eq!(reads.len(), 5, "at 1.4, 2.1, 2.8 and 3.5 s, and with values");
}

#[tokio::test(start_paused = true)]
async fn the_warning_does_not_hide_why_a_change_set_failed() {
    let reason = "#/VisibilityTimeout: expected maximum 43200";
    let script = Script::new()
        .invalid("lab-intake", "Topic", "/Resources/Topic/Properties/TopicName", reason)
        .unreadable("lab-intake", "Bucket", WHY);
    let rig = Rig::new(script);
    let ran = rig.deploy().await;
    let said = ran.result.as_ref().expect_err("a failure").to_string();
    assert!(said.contains("[AWS::EarlyValidation::PropertyValidation]"), "{said}");
    assert!(!said.contains(WHY), "{said}");
}

/// The topic is to be made anew.
fn rename_topic(rig: &mut Rig) {
    let body = &mut rig.stack("intake").body;
    *body = body.replacen("TopicName: ", "TopicName: another #", 1);
}

/// CloudFormation would refuse it in the middle of the update.
#[tokio::test(start_paused = true)]
async fn nothing_is_made_anew_in_a_stack_whose_failed_update_was_left_as_it_is() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.touch("intake");
    let script = Script::new().fails_times("lab-intake", "Topic", Verb::Update, "not like this", 1);
    rig.endpoint.rescript(|_| script);
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    assert_eq!(rig.again().deploy().await.exit_code(), 1);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_FAILED"));
    rig.options.manner.on_failure = None;
    let before = rig.blueprint.clone();
    rename_topic(&mut rig);
    let executed = rig.endpoint.calls("ExecuteChangeSet").len();
    let ran = rig.again().deploy().await;
    assert_eq!(ran.exit_code(), 4, "{:?}", ran.result);
    let said = ran.result.as_ref().expect_err("a refusal").to_string();
    for words in ["would replace Topic", "qfleet recover", "not like this"] {
        assert!(said.contains(words), "no {words}: {said}");
    }
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), executed);
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
    // What replaces nothing goes on from there.
    rig.blueprint = before;
    rig.again().deploy().await.well();
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_anew_where_what_fails_is_to_be_kept() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rename_topic(&mut rig);
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    let ran = rig.again().deploy().await;
    let said = ran.result.as_ref().expect_err("a refusal").to_string();
    assert!(said.contains("without --on-failure keep"), "{said}");
    rig.options.manner.on_failure = None;
    rig.again().deploy().await.well();
}
