//! Stacks: read, deleted, protected.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{Stack, Tag};
use jiff::Timestamp;

use super::stack_status::StackStatus;
use super::{Cloud, CloudError, explain, instant};

/// A stack as it is.
#[derive(Debug, Clone)]
pub struct StackDescription {
    /// The ARN. Names are reused; this isn't.
    pub id: String,
    /// The name.
    pub name: String,
    /// The status.
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    pub reason: Option<String>,
    /// Outputs by key.
    pub outputs: BTreeMap<String, String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Termination protection.
    pub protected: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last updated.
    pub updated: Option<Timestamp>,
}

impl Cloud {
    /// The stack of this name or ARN, if there is one. A stack deleted long ago is found by its ARN only.
    pub async fn stack(&self, name: &str) -> Result<Option<StackDescription>, CloudError> {
        match self.cloudformation.describe_stacks().stack_name(name).send().await {
            Ok(found) => Ok(found.stacks().first().map(describe)),
            Err(error) => match explain("DescribeStacks", error) {
                error if does_not_exist(&error) => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Every stack of the account in this region.
    pub async fn stacks(&self) -> Result<Vec<StackDescription>, CloudError> {
        let mut pages = self.cloudformation.describe_stacks().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(stack) = pages.next().await {
            all.push(describe(&stack.map_err(|error| explain("DescribeStacks", error))?));
        }
        Ok(all)
    }

    /// Starts deleting a stack. `token` makes a repeated request the same one.
    pub async fn delete_stack(&self, id: &str, token: &str) -> Result<(), CloudError> {
        self.cloudformation
            .delete_stack()
            .stack_name(id)
            .client_request_token(token)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("DeleteStack", error))
    }

    /// Turns termination protection on or off.
    pub async fn protect_stack(&self, name: &str, protect: bool) -> Result<(), CloudError> {
        self.cloudformation
            .update_termination_protection()
            .stack_name(name)
            .enable_termination_protection(protect)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("UpdateTerminationProtection", error))
    }

    /// The resources of a stack that still exist: logical id, type and physical id.
    pub async fn stack_resources(&self, id: &str) -> Result<Vec<StackResource>, CloudError> {
        let mut pages = self
            .cloudformation
            .list_stack_resources()
            .stack_name(id)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(resource) = pages.next().await {
            let resource = resource.map_err(|error| explain("ListStackResources", error))?;
            if resource
                .resource_status()
                .is_some_and(|status| status.as_str() == "DELETE_COMPLETE")
            {
                continue;
            }
            all.push(StackResource {
                logical_id: resource.logical_resource_id().unwrap_or_default().to_owned(),
                resource_type: resource.resource_type().unwrap_or_default().to_owned(),
                physical_id: resource.physical_resource_id().unwrap_or_default().to_owned(),
            });
        }
        Ok(all)
    }
}

/// A resource of a stack.
#[derive(Debug, Clone)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type, e.g. `AWS::S3::Bucket`.
    pub resource_type: String,
    /// Its name in its service.
    pub physical_id: String,
}

/// CloudFormation has no error code of its own for it: a `ValidationError` that says so.
pub(super) fn does_not_exist(error: &CloudError) -> bool {
    error.is("ValidationError") && error.message.contains("does not exist")
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn describe(stack: &Stack) -> StackDescription {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    StackDescription {
        id: text(stack.stack_id()),
        name: text(stack.stack_name()),
        status: StackStatus::from(stack.stack_status().map_or("", |status| status.as_str())),
        reason: stack.stack_status_reason().map(str::to_owned),
        outputs: stack
            .outputs()
            .iter()
            .map(|output| (text(output.output_key()), text(output.output_value())))
            .collect(),
        tags: stack
            .tags()
            .iter()
            .map(|tag| (text(tag.key()), text(tag.value())))
            .collect(),
        protected: stack.enable_termination_protection().unwrap_or_default(),
        created: instant(stack.creation_time()),
        updated: instant(stack.last_updated_time()),
    }
}
