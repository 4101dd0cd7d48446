//! Stack events: what CloudFormation did to which resource, and why.

use aws_sdk_cloudformation::types::StackEvent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudformation::does_not_exist;
use crate::cloud::{Cloud, CloudError, explain, instant};

/// One event of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct ResourceEvent {
    #[serde(skip)]
    pub id: String,
    /// The operation that it belongs to, where the service says.
    #[serde(skip)]
    pub operation_id: Option<String>,
    /// What the operation was requested with, where the service says.
    #[serde(skip)]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical_id: String,
    /// Its name in its service, once it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, serde(default))]
    pub physical_id: String,
    pub resource_type: String,
    /// Its status now, e.g. `CREATE_IN_PROGRESS`.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether this is about the stack itself.
    pub is_stack: bool,
}

impl ResourceEvent {
    /// Whether the status is a failure.
    pub fn failed(&self) -> bool {
        self.status.ends_with("_FAILED")
    }

    /// Whether the stack begins to go back to what it was.
    pub fn begins_rollback(&self) -> bool {
        self.is_stack && self.status.ends_with("ROLLBACK_IN_PROGRESS")
    }

    /// The reason, unless it only says that somebody asked for it ("User Initiated", "Resource creation Initiated").
    pub fn news(&self) -> Option<&str> {
        let reason = self.reason.as_deref().map(str::trim);
        reason.filter(|reason| !reason.is_empty() && !reason.ends_with("Initiated"))
    }
}

impl Cloud {
    /// The events since the one with the id `after` (without it: all), oldest first. A stack that isn't there has none.
    /// A read that doesn't know that event is older than it: nothing in it is new.
    pub async fn events_after(&self, stack: &str, after: Option<&str>) -> Result<Vec<ResourceEvent>, CloudError> {
        let wanted = |event: &StackEvent| after.is_none() || event.event_id() != after;
        let (events, met) = self.events_while(stack, wanted).await?;
        Ok(if met || after.is_none() { events } else { Vec::new() })
    }

    /// The events since a point in time, oldest first.
    pub async fn events_since(&self, stack: &str, since: Timestamp) -> Result<Vec<ResourceEvent>, CloudError> {
        let wanted = |event: &StackEvent| instant(event.timestamp()).is_none_or(|at| at >= since);
        Ok(self.events_while(stack, wanted).await?.0)
    }

    /// The newest page of a stack's events, oldest first: enough to know where an operation begins, and how long the
    /// last one took.
    pub async fn recent_events(&self, stack: &str) -> Result<Vec<ResourceEvent>, CloudError> {
        let read = move || async move {
            match self
                .cloudformation
                .describe_stack_events()
                .stack_name(stack)
                .send()
                .await
            {
                Ok(page) => Ok(page.stack_events().iter().rev().map(read).collect()),
                Err(error) => match explain("DescribeStackEvents", error) {
                    error if does_not_exist(&error) => Ok(Vec::new()),
                    error => Err(error),
                },
            }
        };
        self.limiter.patiently(read).await
    }

    /// Also whether there is one that isn't wanted.
    async fn events_while(
        &self,
        stack: &str,
        wanted: impl Fn(&StackEvent) -> bool,
    ) -> Result<(Vec<ResourceEvent>, bool), CloudError> {
        self.limiter.patiently(|| self.pages_while(stack, &wanted)).await
    }

    async fn pages_while(
        &self,
        stack: &str,
        wanted: impl Fn(&StackEvent) -> bool,
    ) -> Result<(Vec<ResourceEvent>, bool), CloudError> {
        let mut pages = self
            .cloudformation
            .describe_stack_events()
            .stack_name(stack)
            .into_paginator()
            .send();
        let mut newest_first = Vec::new();
        let mut met = false;
        'pages: while let Some(page) = pages.next().await {
            let page = match page.map_err(|error| explain("DescribeStackEvents", error)) {
                Err(error) if does_not_exist(&error) => break,
                page => page?,
            };
            for event in page.stack_events() {
                if !wanted(event) {
                    met = true;
                    break 'pages;
                }
                newest_first.push(read(event));
            }
        }
        newest_first.reverse();
        Ok((newest_first, met))
    }
}

fn read(event: &StackEvent) -> ResourceEvent {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    ResourceEvent {
        id: text(event.event_id()),
        operation_id: event.operation_id().map(str::to_owned),
        token: event.client_request_token().map(str::to_owned),
        at: instant(event.timestamp()),
        logical_id: text(event.logical_resource_id()),
        physical_id: text(event.physical_resource_id()),
        resource_type: text(event.resource_type()),
        status: event.resource_status().map_or("", |status| status.as_str()).to_owned(),
        reason: event.resource_status_reason().map(str::to_owned),
        is_stack: event.physical_resource_id().is_some() && event.physical_resource_id() == event.stack_id(),
    }
}
