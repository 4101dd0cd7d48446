//! Stacks: read, deleted, protected.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{DeletionMode, Parameter, Stack, StackStatus as SdkStatus, Tag, TemplateStage};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::template;
use crate::cloud::cloudformation::does_not_exist;
use crate::cloud::cloudformation::operations::Token;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError, explain, instant};

/// A stack as it is.
#[derive(Debug, Clone)]
pub struct StackDescription {
    /// The ARN. Names are reused; this isn't.
    pub id: String,
    pub name: String,
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    pub reason: Option<String>,
    /// The change set that was executed last, where the service says.
    pub change_set: Option<String>,
    pub description: Option<String>,
    pub outputs: BTreeMap<String, String>,
    /// Names under which outputs are exported, for other stacks to import.
    pub exports: Vec<String>,
    pub parameters: BTreeMap<String, StackParameter>,
    pub tags: BTreeMap<String, String>,
    /// Topics that are told of events.
    pub notification_arns: Vec<String>,
    /// What the last drift detection found.
    pub drift: KnownDrift,
    /// Termination protection; none when the answer leaves it out, as listings of all stacks did for years
    /// (<https://github.com/boto/boto3/issues/2907>) and don't any more
    /// (<https://github.com/go-to-k/delstack/issues/74>).
    pub protected: Option<bool>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last updated.
    pub updated: Option<Timestamp>,
}

/// Whether resources were changed behind CloudFormation's back, as the last drift detection found it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackDriftInformation.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KnownDrift {
    /// `IN_SYNC`, `DRIFTED`, `NOT_CHECKED`, or `UNKNOWN` when a resource could not be looked at.
    pub status: String,
    /// When a detection was started last.
    pub checked_at: Option<Timestamp>,
}

impl KnownDrift {
    /// Whether something was found.
    pub fn is_drifted(&self) -> bool {
        self.status == "DRIFTED"
    }
}

/// A stack that is gone.
#[derive(Debug, Clone)]
pub struct DeletedStack {
    pub name: String,
    /// Its ARN, by which it can be read for 90 days.
    pub id: String,
    /// When it was deleted.
    pub at: Timestamp,
}

/// A parameter of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackParameter {
    pub value: String,
    /// Of an SSM parameter: its value when the stack was last deployed.
    pub resolved: Option<String>,
}

impl Cloud {
    /// The stack of this name or ARN, if there is one. A stack deleted long ago is found by its ARN only.
    pub async fn stack(&self, name: &str) -> Result<Option<StackDescription>, CloudError> {
        let read = move || async move {
            match self.cloudformation.describe_stacks().stack_name(name).send().await {
                Ok(found) => Ok(found.stacks().first().map(describe)),
                Err(error) => match explain("DescribeStacks", error) {
                    error if does_not_exist(&error) => Ok(None),
                    error => Err(error),
                },
            }
        };
        let mut found = self.limiter.patiently(read).await?;
        if let Some(found) = &mut found {
            self.describe_import(found).await?;
        }
        Ok(found)
    }

    /// The emulator doesn't tell the template's description of a stack that was made by an import.
    async fn describe_import(&self, found: &mut StackDescription) -> Result<(), CloudError> {
        if self.local && found.status == StackStatus::ImportComplete && found.description.is_none() {
            let body = self.template(&found.id).await?.unwrap_or_default();
            let template = template::read(&body).unwrap_or_default();
            found.description = template
                .get("Description")
                .and_then(|text| text.as_str())
                .map(str::to_owned);
        }
        Ok(())
    }

    /// Every stack of the account in this region.
    pub async fn stacks(&self) -> Result<Vec<StackDescription>, CloudError> {
        self.limiter.take().await;
        let mut pages = self.cloudformation.describe_stacks().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(stack) = pages.next().await {
            all.push(describe(&stack.map_err(|error| explain("DescribeStacks", error))?));
        }
        for found in &mut all {
            self.describe_import(found).await?;
        }
        Ok(all)
    }

    /// The stack of this name that was deleted last, if that is recent enough to be on the first page of the list.
    pub async fn last_deleted(&self, name: &str) -> Result<Option<DeletedStack>, CloudError> {
        let of_name = self
            .deleted_stacks()
            .await?
            .into_iter()
            .filter(|deleted| deleted.name == name);
        Ok(of_name.max_by_key(|deleted| deleted.at))
    }

    /// Stacks that were deleted, as far as they are on the first page of the list.
    pub async fn deleted_stacks(&self) -> Result<Vec<DeletedStack>, CloudError> {
        let asked = self
            .cloudformation
            .list_stacks()
            .stack_status_filter(SdkStatus::DeleteComplete);
        let page = asked.send().await.map_err(|error| explain("ListStacks", error))?;
        let deleted = page.stack_summaries().iter().filter_map(|summary| {
            Some(DeletedStack {
                name: summary.stack_name()?.to_owned(),
                id: summary.stack_id()?.to_owned(),
                at: instant(summary.deletion_time())?,
            })
        });
        Ok(deleted.collect())
    }

    /// ARNs of stacks whose names begin so and that were deleted since then, or nobody knows when: the emulator doesn't say.
    /// The list goes back for 90 days, and says nothing of its order, so all of it is read; a page may have a megabyte
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html>).
    pub async fn deleted_since(&self, prefix: &str, since: Timestamp) -> Result<Vec<String>, CloudError> {
        let deleted = self
            .cloudformation
            .list_stacks()
            .stack_status_filter(SdkStatus::DeleteComplete);
        self.limiter.take().await;
        let mut summaries = deleted.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(summary) = summaries.next().await {
            let summary = summary.map_err(|error| explain("ListStacks", error))?;
            let is_late = instant(summary.deletion_time()).is_none_or(|at| at >= since);
            let is_meant = is_late && summary.stack_name().is_some_and(|name| name.starts_with(prefix));
            all.extend(summary.stack_id().filter(|_| is_meant).map(str::to_owned));
        }
        Ok(all)
    }

    /// The template of a stack, as it was sent; none when there is no such stack, or it only has change sets so far
    /// ("If the template doesn't exist, a ValidationError is returned":
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html>).
    pub async fn template(&self, id: &str) -> Result<Option<String>, CloudError> {
        self.template_at(id, TemplateStage::Original).await
    }

    /// The same, as CloudFormation made it of that: "the template after CloudFormation has processed all transforms".
    pub async fn processed_template(&self, id: &str) -> Result<Option<String>, CloudError> {
        self.template_at(id, TemplateStage::Processed).await
    }

    async fn template_at(&self, id: &str, stage: TemplateStage) -> Result<Option<String>, CloudError> {
        let asked = self.cloudformation.get_template().stack_name(id).template_stage(stage);
        match asked.send().await {
            Ok(found) => Ok(found.template_body().map(str::to_owned)),
            Err(error) => match explain("GetTemplate", error) {
                error if error.is("ValidationError") => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Starts deleting a stack. `role` is the role that CloudFormation does it with, instead of the one that it was
    /// given last.
    pub async fn delete_stack(&self, id: &str, role: Option<&str>) -> Result<Token, CloudError> {
        self.delete_stack_leaving(id, role, Leaving::Nothing).await
    }

    /// The same, with what may stay. Only a stack that is DELETE_FAILED may leave something
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html>).
    pub async fn delete_stack_leaving(
        &self,
        id: &str,
        role: Option<&str>,
        leaving: Leaving,
    ) -> Result<Token, CloudError> {
        let token = Token::new();
        let mode = match leaving {
            Leaving::Nothing => None,
            Leaving::WhatFails => Some(DeletionMode::ForceDeleteStack),
        };
        self.cloudformation
            .delete_stack()
            .stack_name(id)
            .set_role_arn(role.map(str::to_owned))
            .set_deletion_mode(mode)
            .set_client_request_token(token.text())
            .send()
            .await
            .map(|_| token)
            .map_err(|error| explain("DeleteStack", error))
    }

    /// Names of the stacks that import what is exported under this name. None is an error to CloudFormation
    /// ("Export '…' is not imported by any stack."), and not here
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListImports.html>).
    pub async fn importers(&self, export: &str) -> Result<Vec<String>, CloudError> {
        self.limiter.take().await;
        let asked = self.cloudformation.list_imports().export_name(export);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(name) = pages.next().await {
            match name.map_err(|error| explain("ListImports", error)) {
                Ok(name) => all.push(name),
                Err(error) if error.is("ValidationError") && error.message.contains("not imported") => break,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
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

    /// The resources of a stack that still exist.
    pub async fn stack_resources(&self, id: &str) -> Result<Vec<StackResource>, CloudError> {
        let mut all = self.all_stack_resources(id).await?;
        all.retain(|resource| resource.status != "DELETE_COMPLETE");
        Ok(all)
    }

    /// The resources of a stack, those that are gone included; of a stack that was deleted for 90 days, by its ARN
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html>).
    pub async fn all_stack_resources(&self, id: &str) -> Result<Vec<StackResource>, CloudError> {
        self.limiter.take().await;
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
            all.push(StackResource {
                logical_id: resource.logical_resource_id().unwrap_or_default().to_owned(),
                resource_type: resource.resource_type().unwrap_or_default().to_owned(),
                physical_id: resource.physical_resource_id().unwrap_or_default().to_owned(),
                status: resource
                    .resource_status()
                    .map_or("", |status| status.as_str())
                    .to_owned(),
                reason: resource.resource_status_reason().map(str::to_owned),
            });
        }
        Ok(all)
    }
}

/// What the deletion of a stack leaves where it is, beside what its template keeps.
#[derive(Debug, Clone, Copy)]
pub enum Leaving {
    Nothing,
    /// Whatever can't be deleted (`FORCE_DELETE_STACK`).
    WhatFails,
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
    /// Its status, e.g. `UPDATE_FAILED`.
    pub status: String,
    /// Why, when CloudFormation says.
    pub reason: Option<String>,
}

pub(in crate::cloud) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
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
        // The emulator gives an empty one where there is none.
        reason: stack
            .stack_status_reason()
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        change_set: stack.change_set_id().map(str::to_owned),
        description: stack.description().filter(|text| !text.is_empty()).map(str::to_owned),
        outputs: stack
            .outputs()
            .iter()
            .map(|output| (text(output.output_key()), text(output.output_value())))
            .collect(),
        exports: stack
            .outputs()
            .iter()
            .filter_map(|output| output.export_name().map(str::to_owned))
            .collect(),
        parameters: stack.parameters().iter().map(read_parameter).collect(),
        notification_arns: stack.notification_arns().to_vec(),
        drift: known_drift(stack),
        tags: stack
            .tags()
            .iter()
            .map(|tag| (text(tag.key()), text(tag.value())))
            .collect(),
        protected: stack.enable_termination_protection(),
        created: instant(stack.creation_time()),
        updated: instant(stack.last_updated_time()),
    }
}

fn known_drift(stack: &Stack) -> KnownDrift {
    let known = stack.drift_information();
    let status = known.and_then(|known| known.stack_drift_status());
    KnownDrift {
        status: status.map_or("NOT_CHECKED", |status| status.as_str()).to_owned(),
        checked_at: instant(known.and_then(|known| known.last_check_timestamp())),
    }
}

fn read_parameter(parameter: &Parameter) -> (String, StackParameter) {
    let value = parameter.parameter_value().unwrap_or_default().to_owned();
    let resolved = parameter.resolved_value().map(str::to_owned);
    (
        parameter.parameter_key().unwrap_or_default().to_owned(),
        StackParameter { value, resolved },
    )
}
