//! Deletes, and ways out of operations that failed.

use std::time::Duration;

use aws_sdk_cloudformation::types::{ChangeSetType, DeletionMode};
use tokio::time::sleep;

use crate::endpoint::{Endpoint, Existing, Script, Verb};
use crate::scripted::rules::{
    TWO_QUEUES, client, continue_rollback, delete, deployed, draft, events, execute, execute_without_rollback, refusal,
    roll_back, settled, status,
};

#[tokio::test(start_paused = true)]
async fn deletes() {
    let script = Script::new().fails_times("lab", "Dead", Verb::Delete, "in use", 2);
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let stack = deployed(&client, "lab", TWO_QUEUES).await;
    client
        .update_termination_protection()
        .stack_name("lab")
        .enable_termination_protection(true)
        .send()
        .await
        .expect("protected");
    let (_, message) = refusal(client.delete_stack().stack_name("lab").send().await);
    assert_eq!(
        message,
        "Stack [lab] cannot be deleted while TerminationProtection is enabled"
    );
    client
        .update_termination_protection()
        .stack_name("lab")
        .enable_termination_protection(false)
        .send()
        .await
        .expect("not protected");
    assert_eq!(
        refusal(
            client
                .delete_stack()
                .stack_name("lab")
                .retain_resources("Dead")
                .send()
                .await
        )
        .0,
        "ValidationError"
    );
    let forced = client
        .delete_stack()
        .stack_name("lab")
        .deletion_mode(DeletionMode::ForceDeleteStack);
    assert_eq!(refusal(forced.send().await).0, "ValidationError");

    delete(&client, "lab").await;
    assert_eq!(settled(&client, "lab").await, "DELETE_FAILED");
    let ended = events(&client, "lab").await;
    assert!(ended.contains(&"Dead DELETE_FAILED in use".to_owned()), "{ended:?}");
    assert_eq!(
        ended.last().map(String::as_str),
        Some("lab DELETE_FAILED The following resource(s) failed to delete: [Dead].")
    );

    client
        .delete_stack()
        .stack_name("lab")
        .retain_resources("Dead")
        .send()
        .await
        .expect("accepted");
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
    let (code, message) = refusal(client.describe_stacks().stack_name("lab").send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "Stack with id lab does not exist")
    );
    assert!(client.describe_stacks().send().await.expect("all").stacks().is_empty());
    let gone = client.list_stacks().send().await.expect("also what is deleted");
    assert!(gone.stack_summaries()[0].deletion_time().is_some());
    delete(&client, "lab").await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_update_goes_back() {
    let endpoint = Endpoint::in_memory(Script::new());
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    let (_, message) = refusal(client.cancel_update_stack().stack_name("lab").send().await);
    assert_eq!(message, "CancelUpdateStack cannot be called from current stack status");
    endpoint.rescript(|script| script.takes("lab", "Queue", Duration::from_secs(60)));
    let id = draft(&client, "lab", ChangeSetType::Update, TWO_QUEUES, &[("Timeout", "60")]).await;
    execute(&client, &id).await;
    sleep(Duration::from_secs(5)).await;
    client
        .cancel_update_stack()
        .stack_name("lab")
        .send()
        .await
        .expect("cancelled");
    assert_eq!(status(&client, "lab").await, "UPDATE_ROLLBACK_IN_PROGRESS");
    assert_eq!(
        refusal(client.delete_stack().stack_name("lab").send().await).0,
        "ValidationError"
    );
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
    let other = client
        .continue_update_rollback()
        .stack_name("lab")
        .resources_to_skip("Dead")
        .send()
        .await;
    assert_eq!(refusal(other).0, "ValidationError");
    client
        .continue_update_rollback()
        .stack_name("lab")
        .resources_to_skip("Queue")
        .send()
        .await
        .expect("accepted");
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
