//! Change sets: what CloudFormation says it would do, and the order to do it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::types::{
    Capability, ChangeSetType, OnStackFailure, Parameter, ResourceToImport as SdkResourceToImport,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::does_not_exist;
use crate::cloud::cloudformation::operations::Token;
use crate::cloud::cloudformation::stacks::tags;
use crate::cloud::{Cloud, CloudError, explain};

/// The names of our change sets begin like this, unless one is given.
pub const NAME_PREFIX: &str = "qfleet-";

/// What CloudFormation has in the place of a value that is known only once something else is made or changed.
pub const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// How long CloudFormation may take to work a change set out before it is given up.
const LONGEST_TO_WORK_OUT: Duration = Duration::from_secs(60);

/// For how long reads may not know yet what was just made.
const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(20);

/// What a change set is made from.
#[derive(Debug, Clone)]
pub struct NewChangeSet<'a> {
    /// The stack's name (to create it) or ARN.
    pub stack: &'a str,
    /// The change set's name.
    pub name: &'a str,
    /// Whether the stack is made by it.
    pub create: bool,
    /// The template, or where it lies.
    pub template: Template<'a>,
    pub parameters: &'a BTreeMap<String, String>,
    /// Parameters that stay as they are.
    pub same_parameters: &'a [String],
    pub tags: &'a BTreeMap<String, String>,
    /// Whether the template makes IAM roles.
    pub makes_roles: bool,
    /// Whether it names them itself.
    pub names_roles: bool,
    /// Whether macros make something else of the template.
    pub expands: bool,
    /// What it is for; readable in the console.
    pub description: &'a str,
    /// Whether resources that are there already under the names in the template are taken into the stack as they are,
    /// rather than made. That takes literal names, and a DeletionPolicy that retains
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>).
    pub import_existing: bool,
    /// What the stack takes in, and nothing else: then this is an import, which makes the stack if need be. "As part of the
    /// import operation, you cannot modify or add" tags, outputs or a role: <https://github.com/aws/aws-cdk/issues/24954>.
    pub to_import: &'a [ResourceToImport],
    /// How it is done.
    pub manner: &'a Manner,
}

/// A resource that is there, to be taken into a stack as it is
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceToImport.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceToImport {
    /// What the template calls it.
    pub logical_id: String,
    pub resource_type: String,
    /// The property that identifies it, and its value.
    pub identifier: (String, String),
}

/// How CloudFormation does what a change set says.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// What becomes of the stack when it fails; CloudFormation rolls it back unless told otherwise.
    pub on_failure: Option<OnFailure>,
    /// The role that CloudFormation does it with. It keeps it for later operations, deletion included.
    pub role_arn: Option<String>,
}

/// What becomes of a stack when an operation on it fails
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is put back as it was.
    Rollback,
    /// A first create is deleted; an update is put back as it was.
    Delete,
    /// It is left as it is, to be looked at.
    Keep,
}

/// A template: inline up to 51,200 bytes, else by URL
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
#[derive(Debug, Clone)]
pub enum Template<'a> {
    Body(&'a str),
    /// An S3 URL.
    Url(String),
}

/// A change set that was made and read.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    pub id: String,
    pub stack_id: String,
    /// What CloudFormation made of it.
    pub result: WorkedOut,
}

/// What CloudFormation made of a change set.
#[derive(Debug, Clone)]
pub enum WorkedOut {
    /// What it would do.
    Changes {
        changes: Vec<Change>,
        /// What CloudFormation can't say of them, and why.
        warning: Option<String>,
        /// The values of parameters that are read from the parameter store, by their names in the template.
        resolved: BTreeMap<String, String>,
    },
    /// There is nothing to do.
    NothingToDo,
    /// It can't be made, for this reason.
    Failed(String),
}

/// What would happen to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    pub action: Action,
    /// The resource's name in the template.
    pub logical_id: String,
    pub resource_type: String,
    /// Its name in its service, when it is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// Whether a modified resource is made anew.
    pub replacement: Replacement,
    /// What becomes of the one that is there, by its `DeletionPolicy` or its `UpdateReplacePolicy`; where CloudFormation says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposal: Option<Disposal>,
    pub properties: Vec<PropertyChange>,
}

impl Change {
    /// Whether something that is there may be gone afterwards.
    pub fn takes_away(&self) -> bool {
        self.action == Action::Remove || self.replacement != Replacement::No
    }

    /// Whether it is sure to be gone. A replacement that depends on what other changes come to mostly isn't one: it is said of
    /// whatever refers to a resource that changes.
    pub fn surely_takes_away(&self) -> bool {
        self.action == Action::Remove || self.replacement == Replacement::Yes
    }
}

/// What is done to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Add,
    Modify,
    Remove,
    /// Taken into the stack as it is.
    Import,
    /// CloudFormation can't tell before it does it.
    Dynamic,
    /// A word that this version doesn't know.
    Unknown(String),
}

/// Whether a modified resource is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Replacement {
    No,
    /// That depends on what other changes result in.
    Maybe,
    /// It is made anew, and the old one is deleted, unless the change's `disposal` says otherwise.
    Yes,
}

/// One property that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PropertyChange {
    /// Where it is in the resource, e.g. `/Properties/VisibilityTimeout`, or inside a property,
    /// `/Properties/PolicyDocument/Statement/0/Action`.
    pub path: String,
    /// What it is now. `****` stands for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it would be; `{{changeSet:KNOWN_AFTER_APPLY}}` where that is known only after the deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether this property makes the resource anew.
    pub replacement: Replacement,
    /// What the template says of it stays: only what it refers to may become something else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
}

/// A change set as it is listed.
#[derive(Debug, Clone)]
pub struct ChangeSetSummary {
    pub id: String,
    pub name: String,
    /// What it is for.
    pub description: String,
}

impl Cloud {
    /// Makes a change set, waits until CloudFormation has worked it out, and reads it.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn make_change_set(&self, new: &NewChangeSet<'_>) -> Result<ChangeSet, CloudError> {
        let (body, url) = match &new.template {
            Template::Body(body) => (Some((*body).to_owned()), None),
            Template::Url(url) => (None, Some(url.clone())),
        };
        let imports = !new.to_import.is_empty();
        let same = new
            .same_parameters
            .iter()
            .map(|key| Parameter::builder().parameter_key(key).use_previous_value(true));
        let parameters = new
            .parameters
            .iter()
            .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value))
            .chain(same)
            .map(|parameter| parameter.build())
            .collect();
        let made = self
            .cloudformation
            .create_change_set()
            .stack_name(new.stack)
            .change_set_name(new.name)
            .change_set_type(match (imports, new.create) {
                (true, _) => ChangeSetType::Import,
                (false, true) => ChangeSetType::Create,
                (false, false) => ChangeSetType::Update,
            })
            .set_resources_to_import(imports.then(|| new.to_import.iter().map(to_sdk).collect()))
            .description(new.description)
            // A repeated request is the same change set.
            .client_token(uuid::Uuid::new_v4().to_string())
            .set_on_stack_failure(
                new.manner
                    .on_failure
                    .filter(|_| !imports)
                    .map(|on_failure| match on_failure {
                        OnFailure::Delete if new.create => OnStackFailure::Delete,
                        OnFailure::Delete | OnFailure::Rollback => OnStackFailure::Rollback,
                        OnFailure::Keep => OnStackFailure::DoNothing,
                    }),
            )
            .set_role_arn(new.manner.role_arn.clone().filter(|_| !imports))
            .set_import_existing_resources(new.import_existing.then_some(true))
            // The emulator's takes a bucket that is to be imported for a name that is in the way.
            .set_disable_validation((self.local && new.import_existing).then_some(true))
            .set_template_body(body)
            .set_template_url(url)
            .set_parameters(Some(parameters))
            .set_tags((!imports).then(|| tags(new.tags)))
            .set_capabilities(capabilities(new))
            .send()
            .await
            .map_err(|error| explain("CreateChangeSet", error))?;
        let id = made.id().unwrap_or_default().to_owned();
        let stack_id = made.stack_id().unwrap_or_default().to_owned();

        let began = Instant::now();
        loop {
            // CloudFormation takes some two seconds or more; the emulator none.
            let pause = if self.local {
                Duration::from_millis(10)
            } else if began.elapsed() < Duration::from_secs(1) {
                Duration::from_millis(1400)
            } else if began.elapsed() < Duration::from_secs(4) {
                Duration::from_millis(700)
            } else {
                Duration::from_secs(1)
            };
            tokio::time::sleep(pause).await;
            match self.worked_out(&id).await {
                Ok(Some(mut result)) => {
                    self.tell_disposals(new, &mut result).await?;
                    return Ok(ChangeSet { id, stack_id, result });
                }
                Ok(None) => {}
                // A read that comes too early, unless somebody threw it away.
                Err(error) if error.is("ChangeSetNotFound") && began.elapsed() < UNKNOWN_AT_FIRST => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts what a change set describes. `keep_failed`: what fails is left as it is. A stack that was left so
    /// before takes no other way
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>).
    pub async fn execute_change_set(&self, id: &str, keep_failed: bool) -> Result<Token, CloudError> {
        let token = Token::new();
        let executed = self
            .cloudformation
            .execute_change_set()
            .change_set_name(id)
            .set_disable_rollback(keep_failed.then_some(true))
            .set_client_request_token(token.text())
            .send()
            .await;
        match executed.map_err(|error| explain("ExecuteChangeSet", error)) {
            Ok(_) => Ok(token),
            // The answer to the first request was lost, and it was sent again: by its token the second one is known, and
            // refused (API_ExecuteChangeSet, Errors). Whether it was executed, it says itself.
            Err(error)
                if (error.is("InvalidChangeSetStatus") || error.is("TokenAlreadyExistsException"))
                    && self.is_executed(id).await? =>
            {
                Ok(Token::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Throws a change set away, which is named by its ARN, or by its name and its stack's. One that is gone already is a
    /// success. One that CloudFormation is still working out can't be thrown away yet, so it is waited for
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html>).
    pub async fn delete_change_set(&self, name: &str, stack: Option<&str>) -> Result<(), CloudError> {
        let until = Instant::now() + LONGEST_TO_WORK_OUT;
        loop {
            let delete = self.cloudformation.delete_change_set().change_set_name(name);
            let Err(error) = delete.set_stack_name(stack.map(str::to_owned)).send().await else {
                return Ok(());
            };
            match explain("DeleteChangeSet", error) {
                error if error.is("ChangeSetNotFound") || does_not_exist(&error) => return Ok(()),
                error if error.is("InvalidChangeSetStatus") && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                error => return Err(error),
            }
        }
    }

    /// The change sets of a stack that wait to be executed. A stack that isn't there has none.
    pub async fn change_sets(&self, stack: &str) -> Result<Vec<ChangeSetSummary>, CloudError> {
        let mut pages = self
            .cloudformation
            .list_change_sets()
            .stack_name(stack)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(summary) = pages.next().await {
            let summary = match summary.map_err(|error| explain("ListChangeSets", error)) {
                Err(error) if does_not_exist(&error) => break,
                summary => summary?,
            };
            // Those that were executed are listed for a while, too.
            if summary
                .execution_status()
                .is_some_and(|status| status.as_str().starts_with("EXECUTE"))
            {
                continue;
            }
            all.push(ChangeSetSummary {
                id: summary.change_set_id().unwrap_or_default().to_owned(),
                name: summary.change_set_name().unwrap_or_default().to_owned(),
                description: summary.description().unwrap_or_default().to_owned(),
            });
        }
        Ok(all)
    }
}

/// What is acknowledged of a template. The reference says of macros that change sets need no `CAPABILITY_AUTO_EXPAND`, users
/// that they do (<https://github.com/awslabs/aws-deployment-framework/issues/98>): where it isn't needed, it does nothing.
fn capabilities(new: &NewChangeSet<'_>) -> Option<Vec<Capability>> {
    let of_roles = new.makes_roles.then_some(match new.names_roles {
        true => Capability::CapabilityNamedIam,
        false => Capability::CapabilityIam,
    });
    let of_macros = new.expands.then_some(Capability::CapabilityAutoExpand);
    let all: Vec<Capability> = of_roles.into_iter().chain(of_macros).collect();
    (!all.is_empty()).then_some(all)
}

fn to_sdk(resource: &ResourceToImport) -> SdkResourceToImport {
    let (property, value) = &resource.identifier;
    SdkResourceToImport::builder()
        .resource_type(&resource.resource_type)
        .logical_resource_id(&resource.logical_id)
        .resource_identifier(property, value)
        .build()
}
