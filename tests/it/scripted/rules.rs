//! The scriptable endpoint itself: each rule of AWS's that it plays, through the real SDK.

mod change_sets;
mod creates_and_updates;
mod deletes_and_recovery;
mod direct;
mod imports;
mod reads_and_faults;

use std::time::Duration;

use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::cancel_update_stack::builders::CancelUpdateStackFluentBuilder;
use aws_sdk_cloudformation::operation::continue_update_rollback::builders::ContinueUpdateRollbackFluentBuilder;
use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::operation::delete_change_set::builders::DeleteChangeSetFluentBuilder;
use aws_sdk_cloudformation::operation::delete_stack::builders::DeleteStackFluentBuilder;
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::operation::describe_change_set::builders::DescribeChangeSetFluentBuilder;
use aws_sdk_cloudformation::operation::describe_stack_events::builders::DescribeStackEventsFluentBuilder;
use aws_sdk_cloudformation::operation::describe_stacks::builders::DescribeStacksFluentBuilder;
use aws_sdk_cloudformation::operation::execute_change_set::builders::ExecuteChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{ChangeSetType, Parameter, Stack, StackEvent};
use aws_sdk_cloudformation::{Client, Config};
use tokio::time::sleep;

use crate::endpoint::Endpoint;

/// Two queues, the second needing the first.
const TWO_QUEUES: &str = "
Parameters:
  Timeout: {Type: String, Default: '30'}
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Timeout
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
Outputs:
  Url: {Value: !Ref Queue}
  Timeout: {Value: !Sub 'timeout ${Timeout}'}
";

fn config() -> aws_sdk_cloudformation::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-2"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
}

fn client(endpoint: &Endpoint) -> Client {
    Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .build(),
    )
}

/// The code and message of a refusal.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    result: Result<T, SdkError<E, R>>,
) -> (String, String) {
    let error = result.expect_err("a refusal");
    let error = error
        .as_service_error()
        .unwrap_or_else(|| panic!("no answer: {error:?}"));
    (
        error.code().unwrap_or_default().to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}

fn creating(client: &Client, stack: &str, kind: ChangeSetType, body: &str) -> CreateChangeSetFluentBuilder {
    let asked = client.create_change_set().stack_name(stack).change_set_name("test");
    asked.change_set_type(kind).template_body(body)
}

/// Makes a change set and waits until it is worked out. Its id.
async fn made(asked: CreateChangeSetFluentBuilder) -> String {
    let made = asked.send().await.expect("a change set");
    sleep(Duration::from_millis(50)).await;
    made.id.unwrap_or_default()
}

async fn draft(client: &Client, stack: &str, kind: ChangeSetType, body: &str, parameters: &[(&str, &str)]) -> String {
    let parameters = parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build())
        .collect();
    made(creating(client, stack, kind, body).set_parameters(Some(parameters))).await
}

fn executing(client: &Client, change_set: &str) -> ExecuteChangeSetFluentBuilder {
    client.execute_change_set().change_set_name(change_set)
}

async fn execute(client: &Client, change_set: &str) {
    executing(client, change_set).send().await.expect("executed");
}

async fn execute_without_rollback(client: &Client, change_set: &str) {
    let asked = executing(client, change_set).disable_rollback(true);
    asked.send().await.expect("executed");
}

fn describing_change_set(client: &Client, change_set: &str) -> DescribeChangeSetFluentBuilder {
    client.describe_change_set().change_set_name(change_set)
}

/// What a change set would do.
async fn described_change_set(client: &Client, change_set: &str) -> DescribeChangeSetOutput {
    let asked = describing_change_set(client, change_set);
    asked.send().await.expect("the change set")
}

fn discarding(client: &Client, change_set: &str) -> DeleteChangeSetFluentBuilder {
    client.delete_change_set().change_set_name(change_set)
}

/// Deletes a change set.
async fn discard(client: &Client, change_set: &str) {
    discarding(client, change_set).send().await.expect("deleted");
}

fn deleting(client: &Client, stack: &str) -> DeleteStackFluentBuilder {
    client.delete_stack().stack_name(stack)
}

async fn delete(client: &Client, stack: &str) {
    deleting(client, stack).send().await.expect("accepted");
}

async fn protect(client: &Client, stack: &str, enable: bool) {
    let asked = client.update_termination_protection().stack_name(stack);
    let asked = asked.enable_termination_protection(enable);
    asked.send().await.expect("accepted");
}

fn cancelling(client: &Client, stack: &str) -> CancelUpdateStackFluentBuilder {
    client.cancel_update_stack().stack_name(stack)
}

/// The id of the stack that is rolled back.
async fn roll_back(client: &Client, stack: &str) -> String {
    let asked = client.rollback_stack().stack_name(stack);
    asked.send().await.expect("accepted").stack_id.unwrap_or_default()
}

fn continuing_rollback(client: &Client, stack: &str) -> ContinueUpdateRollbackFluentBuilder {
    client.continue_update_rollback().stack_name(stack)
}

async fn continue_rollback(client: &Client, stack: &str) {
    let asked = continuing_rollback(client, stack);
    asked.send().await.expect("accepted");
}

fn describing(client: &Client, stack: &str) -> DescribeStacksFluentBuilder {
    client.describe_stacks().stack_name(stack)
}

async fn described(client: &Client, stack: &str) -> Stack {
    let found = describing(client, stack).send().await.expect("the stack");
    found.stacks.unwrap_or_default().remove(0)
}

async fn all_stacks(client: &Client) -> Vec<Stack> {
    let all = client.describe_stacks().send().await.expect("all");
    all.stacks.unwrap_or_default()
}

async fn status(client: &Client, stack: &str) -> String {
    let found = described(client, stack).await;
    found.stack_status().expect("a status").as_str().to_owned()
}

async fn settled(client: &Client, stack: &str) -> String {
    loop {
        let status = status(client, stack).await;
        if !status.ends_with("_IN_PROGRESS") {
            return status;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn deployed(client: &Client, stack: &str, body: &str) -> String {
    let id = draft(client, stack, ChangeSetType::Create, body, &[]).await;
    execute(client, &id).await;
    assert_eq!(settled(client, stack).await, "CREATE_COMPLETE");
    let found = described(client, stack).await;
    found.stack_id().unwrap_or_default().to_owned()
}

fn describing_events(client: &Client, stack: &str) -> DescribeStackEventsFluentBuilder {
    client.describe_stack_events().stack_name(stack)
}

/// The newest events of a stack.
async fn first_page(client: &Client, stack: &str) -> Vec<StackEvent> {
    let page = describing_events(client, stack).send().await.expect("events");
    page.stack_events.unwrap_or_default()
}

/// Events of a stack, oldest first: `resource STATUS`, with the reason where there is one.
async fn events(client: &Client, stack: &str) -> Vec<String> {
    let mut pages = describing_events(client, stack).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        for event in page.expect("events").stack_events() {
            let status = event.resource_status().map_or("", |status| status.as_str());
            let words = [
                event.logical_resource_id().unwrap_or_default(),
                status,
                event.resource_status_reason().unwrap_or_default(),
            ];
            all.push(words.join(" ").trim().to_owned());
        }
    }
    all.reverse();
    all
}
