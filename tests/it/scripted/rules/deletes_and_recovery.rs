//! Deletes, and ways out of operations that failed.

use std::time::Duration;

use aws_sdk_cloudformation::types::{ChangeSetType, DeletionMode};
use tokio::time::sleep;

use crate::endpoint::{Endpoint, Existing, Script, Verb};
use crate::scripted::rules::{
    TWO_QUEUES, all_stacks, cancelling, client, continue_rollback, continuing_rollback, delete, deleting, deployed,
    describing, draft, events, execute, execute_without_rollback, protect, refusal, roll_back, settled, status,
};

#[tokio::test(start_paused = true)]
async fn deletes() {
    let script = Script::new().fails_times("lab", "Dead", Verb::Delete, "in use", 2);
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let stack = deployed(&client, "lab", TWO_QUEUES).await;
    protect(&client, "lab", true).await;
    let (_, message) = refusal(deleting(&client, "lab").send().await);
    assert_eq!(
        message,
        "Stack [lab] cannot be deleted while TerminationProtection is enabled"
    );
    protect(&client, "lab", false).await;
    for too_early in [
        deleting(&client, "lab").retain_resources("Dead"),
        deleting(&client, "lab").deletion_mode(DeletionMode::ForceDeleteStack),
    ] {
        assert_eq!(refusal(too_early.send().await).0, "ValidationError");
    }

    delete(&client, "lab").await;
    assert_eq!(settled(&client, "lab").await, "DELETE_FAILED");
    let ended = events(&client, "lab").await;
    assert!(ended.contains(&"Dead DELETE_FAILED in use".to_owned()), "{ended:?}");
    assert_eq!(
        ended.last().map(String::as_str),
        Some("lab DELETE_FAILED The following resource(s) failed to delete: [Dead].")
    );

    let retaining = deleting(&client, "lab").retain_resources("Dead");
    retaining.send().await.expect("accepted");
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
    let (code, message) = refusal(describing(&client, "lab").send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "Stack with id lab does not exist")
    );
    assert!(all_stacks(&client).await.is_empty());
    let gone = client.list_stacks().send().await.expect("also what is deleted");
    assert!(gone.stack_summaries()[0].deletion_time().is_some());
    delete(&client, "lab").await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_update_goes_back() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let (_, message) = refusal(cancelling(&client, "lab").send().await);
    assert_eq!(message, "CancelUpdateStack cannot be called from current stack status");
    endpoint.rescript(|script| script.takes("lab", "Queue", Duration::from_secs(60)));
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute(&client, &id).await;
    sleep(Duration::from_secs(5)).await;
    cancelling(&client, "lab").send().await.expect("accepted");
    assert_eq!(status(&client, "lab").await, "UPDATE_ROLLBACK_IN_PROGRESS");
    assert_eq!(refusal(deleting(&client, "lab").send().await).0, "ValidationError");
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    assert!(
        events(&client, "lab")
            .await
            .contains(&"Queue UPDATE_FAILED Resource update cancelled".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_rollback_goes_on_or_skips() {
    let script =
        Script::new()
            .fails_times("lab", "Queue", Verb::Update, "no", 1)
            .fails("lab", "Queue", Verb::Restore, "gone");
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_FAILED");
    continue_rollback(&client, "lab").await;
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_FAILED");
    let skipping = |resource: &str| continuing_rollback(&client, "lab").resources_to_skip(resource).send();
    assert_eq!(refusal(skipping("Dead").await).0, "ValidationError");
    skipping("Queue").await.expect("accepted");
    assert_eq!(settled(&client, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    // The same for a stack that was found like this.
    let existing = Existing::new("old", "UPDATE_ROLLBACK_FAILED").resource("Queue", "UPDATE_FAILED", "gone");
    let endpoint = Endpoint::in_memory(Script::new().existing(existing));
    let client = self::client(&endpoint);
    continue_rollback(&client, "old").await;
    assert_eq!(settled(&client, "old").await, "UPDATE_ROLLBACK_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_never_was_complete_is_deleted_by_its_rollback() {
    let endpoint = Endpoint::in_memory(Script::new().fails("lab", "Queue", Verb::Create, "no"));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    execute_without_rollback(&client, &id).await;
    assert_eq!(settled(&client, "lab").await, "CREATE_FAILED");
    let stack = roll_back(&client, "lab").await;
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
}
