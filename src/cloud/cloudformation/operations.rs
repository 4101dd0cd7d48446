//! What can be done to a stack that is in the middle of something, or stuck.

use std::time::Duration;

use aws_sdk_cloudformation::types::{EventFilter, OperationEvent};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError, explain, instant};

/// How often the events of a refused request are looked for: a read may come too early to show them.
const LOOKS: u32 = 6;

/// A failure as DescribeEvents tells it, early validation included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailedEvent {
    /// The resource's name in the template.
    pub logical_id: String,
    /// Its name in its service, once it has one.
    pub physical_id: String,
    pub resource_type: String,
    /// Its status, or that of the validation.
    pub status: String,
    pub reason: String,
    /// Where in the template, when a validation says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a request to begin an operation was sent with; none where nothing was requested. "All events triggered by a given
/// stack operation are assigned the same client request token"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token(Option<String>);

impl Token {
    pub(in crate::cloud) fn new() -> Token {
        Token(Some(uuid::Uuid::new_v4().to_string()))
    }

    pub(in crate::cloud) fn text(&self) -> Option<String> {
        self.0.clone()
    }

    /// Whether the requested operation begins with this event, as far as it can be told: the local emulator's events carry
    /// no token.
    pub fn begins(&self, event: &ResourceEvent) -> bool {
        let is_ours = self.0.is_none() || event.token.is_none() || self.0 == event.token;
        event.is_stack && StackStatus::from(event.status.as_str()).is_in_progress() && is_ours
    }
}

impl From<()> for Token {
    fn from((): ()) -> Token {
        Token::default()
    }
}

#[derive(Debug, Clone, Copy)]
pub enum FailuresOf<'a> {
    /// Of the operation with this id. A rollback is another operation than the update that failed.
    Operation(&'a str),
    /// Of the change set with this ARN.
    ChangeSet(&'a str),
    /// Of the stack with this ARN, from this moment on: it keeps those of months ago, too.
    Stack(&'a str, Option<Timestamp>),
}

impl Cloud {
    /// Failures, oldest first. None where the service doesn't answer this call: older endpoints don't know it
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>).
    pub async fn failed_events(&self, of: FailuresOf<'_>) -> Vec<FailedEvent> {
        let mut asked = self
            .cloudformation
            .describe_events()
            .filters(EventFilter::builder().failed_events(true).build());
        asked = match of {
            FailuresOf::Operation(id) => asked.operation_id(id),
            FailuresOf::ChangeSet(arn) => asked.change_set_name(arn),
            FailuresOf::Stack(arn, _) => asked.stack_name(arn),
        };
        let is_wanted = |event: &OperationEvent| match of {
            FailuresOf::Stack(_, Some(since)) => instant(event.timestamp()).is_none_or(|at| at >= since),
            _ => true,
        };
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        // The newest come first.
        while let Some(Ok(event)) = pages.next().await
            && is_wanted(&event)
        {
            all.push(read(&event));
        }
        all.reverse();
        all
    }

    /// Stops an update that is running; CloudFormation rolls it back.
    pub async fn cancel_update(&self, id: &str) -> Result<(), CloudError> {
        self.cloudformation
            .cancel_update_stack()
            .stack_name(id)
            .client_request_token(uuid::Uuid::new_v4().to_string())
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("CancelUpdateStack", error))
    }

    /// Rolls back a stack whose failed operation was left as it was (CREATE_FAILED, UPDATE_FAILED).
    pub async fn rollback_stack(&self, id: &str) -> Result<Token, CloudError> {
        let token = Token::new();
        let sent = self
            .cloudformation
            .rollback_stack()
            .stack_name(id)
            .set_client_request_token(token.text())
            .send()
            .await;
        self.begun(
            id,
            token,
            sent.map(drop).map_err(|error| explain("RollbackStack", error)),
        )
        .await
    }

    /// Goes on with a rollback that got stuck (UPDATE_ROLLBACK_FAILED): without the resources in `skip`, or, with
    /// `force`, without any that it is stuck on. AWS takes one of the two
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>).
    pub async fn continue_rollback(&self, id: &str, skip: &[String], force: bool) -> Result<Token, CloudError> {
        let token = Token::new();
        let sent = self
            .cloudformation
            .continue_update_rollback()
            .stack_name(id)
            .set_resources_to_skip((!skip.is_empty()).then(|| skip.to_vec()))
            .set_force_rollback(force.then_some(true))
            .set_client_request_token(token.text())
            .send()
            .await;
        let sent = sent.map(drop).map_err(|error| explain("ContinueUpdateRollback", error));
        self.begun(id, token, sent).await
    }

    /// The answer to the first request may have been lost, and it was sent again while what it asked for ran: that is
    /// refused. Its token says that it was there before, or events with that token that it began.
    async fn begun(&self, id: &str, token: Token, sent: Result<(), CloudError>) -> Result<Token, CloudError> {
        let error = match sent {
            Ok(()) => return Ok(token),
            Err(error) if error.is("TokenAlreadyExistsException") => return Ok(token),
            Err(error) if error.is("ValidationError") || error.code.is_none() => error,
            Err(error) => return Err(error),
        };
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            let Ok(events) = self.recent_events(id).await else {
                break;
            };
            if events.iter().any(|event| event.token == token.0) {
                return Ok(token);
            }
        }
        Err(error)
    }
}

fn read(event: &OperationEvent) -> FailedEvent {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let validation = event
        .validation_status()
        .map(|status| format!("validation {}", status.as_str()));
    FailedEvent {
        logical_id: text(event.logical_resource_id()),
        physical_id: text(event.physical_resource_id()),
        resource_type: text(event.resource_type()),
        status: event
            .resource_status()
            .map(|status| status.as_str().to_owned())
            .or(validation)
            .unwrap_or_default(),
        reason: text(
            event
                .resource_status_reason()
                .or(event.validation_status_reason())
                .or(event.hook_status_reason()),
        ),
        path: event.validation_path().map(str::to_owned),
    }
}
