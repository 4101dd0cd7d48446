//! What a stack is stuck on.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudformation::stacks::StackResource;
use crate::cloud::{Cloud, CloudError};
use crate::engine::cause::is_cancellation;

/// A resource whose last change failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Blocking {
    /// Its name in the template.
    pub logical_id: String,
    pub resource_type: String,
    /// Its name in its service.
    pub physical_id: String,
    /// Its status, e.g. `UPDATE_FAILED`.
    pub status: String,
    /// The service's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Statuses that a rollback can be told to skip
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>).
const SKIPPABLE: &str = "UPDATE_FAILED";

impl Blocking {
    /// Whether a rollback can go on without this resource.
    pub fn can_be_skipped(&self) -> bool {
        self.status == SKIPPABLE
    }
}

impl fmt::Display for Blocking {
    /// As in "Queue (AWS::SQS::Queue) is UPDATE_FAILED: Access denied".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Blocking {
            logical_id,
            resource_type,
            status,
            ..
        } = self;
        let reason = self.reason.as_deref().unwrap_or("CloudFormation doesn't say why");
        write!(f, "{logical_id} ({resource_type}) is {status}: {reason}")
    }
}

/// The resources of a stack that failed, without those that were only given up because others did.
///
/// # Errors
/// When AWS can't be asked.
pub async fn find(cloud: &Cloud, id: &str) -> Result<Vec<Blocking>, CloudError> {
    Ok(failed(cloud.stack_resources(id).await?))
}

fn failed(resources: Vec<StackResource>) -> Vec<Blocking> {
    let failed = resources
        .into_iter()
        .filter(|resource| resource.status.ends_with("_FAILED"));
    let (given_up, mut blocking): (Vec<Blocking>, Vec<Blocking>) = failed
        .map(|resource| Blocking {
            logical_id: resource.logical_id,
            resource_type: resource.resource_type,
            physical_id: resource.physical_id,
            status: resource.status,
            reason: resource.reason,
        })
        .partition(|resource| is_cancellation(resource.reason.as_deref()));
    if blocking.is_empty() {
        blocking = given_up;
    }
    blocking
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(logical_id: &str, status: &str, reason: &str) -> StackResource {
        StackResource {
            logical_id: logical_id.into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: String::new(),
            status: status.into(),
            reason: Some(reason.into()),
        }
    }

    fn names(resources: Vec<StackResource>) -> Vec<String> {
        failed(resources)
            .into_iter()
            .map(|blocking| blocking.logical_id)
            .collect()
    }

    #[test]
    fn what_was_only_cancelled_does_not_block_unless_there_is_nothing_else() {
        let given_up = || resource("Role", "CREATE_FAILED", "Resource creation cancelled");
        let all = vec![
            given_up(),
            resource("Queue", "UPDATE_FAILED", "no"),
            resource("Topic", "UPDATE_COMPLETE", ""),
        ];
        assert_eq!(names(all), ["Queue"]);
        assert_eq!(names(vec![given_up()]), ["Role"]);
    }
}
