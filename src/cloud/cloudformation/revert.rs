//! Drift-aware change sets: what CloudFormation would do to make resources what their stack was deployed as
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>).

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::types::{
    BeforeValueFrom, Capability, ChangeSetType, DeploymentMode, Parameter, ResourceChange,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudformation::change_set::Change;
use crate::cloud::cloudformation::changes::How;
use crate::cloud::cloudformation::changes::merge::{is_same, strengthen};
use crate::cloud::cloudformation::changes::read::{self, path_of};
use crate::cloud::cloudformation::stacks::{StackDescription, tags};
use crate::cloud::{Cloud, CloudError, explain};

/// What came of asking for one.
#[derive(Debug)]
pub enum Reverting {
    /// It would do this.
    Ready {
        changes: Vec<RevertedChange>,
        /// The values of what is kept in the parameter store, by the parameter's name.
        resolved: BTreeMap<String, String>,
        /// What CloudFormation can't say of the changes, and why.
        warning: Option<String>,
    },
    /// It would do nothing.
    NothingToDo,
    /// The endpoint made a change set that knows nothing of drift.
    NotKnown,
    /// It can't be made, for this reason.
    Failed(String),
}

/// What would be done to a resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RevertedChange {
    /// As in any change set.
    #[serde(flatten)]
    pub change: Change,
    /// What CloudFormation knows of its drift, e.g. `MODIFIED`, or `UNSUPPORTED` where it can't compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_status: Option<String>,
    /// Property by property, the three states.
    pub states: Vec<ThreeStates>,
    /// Attributes whose drift is left as it is, and why: what AWS manages itself isn't reverted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<(String, String)>,
}

/// A property in its three states.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ThreeStates {
    /// Where it is in the resource.
    pub path: String,
    /// As it was deployed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// As it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

impl Cloud {
    /// Makes a change set that brings a stack's resources back to what they were deployed as: with the template and the
    /// parameters of that time, which is AWS's own way to do it
    /// (<https://aws.amazon.com/blogs/devops/safely-handle-configuration-drift-with-cloudformation-drift-aware-change-sets/>,
    /// scenario 2). Of what the parameter store has, CloudFormation takes the value of today, which may be a newer image
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/systems-manager-parameter-types.html>). `but`:
    /// parameters that are to have another value. Returns its ARN.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn make_revert(
        &self,
        stack: &StackDescription,
        name: &str,
        description: &str,
        but: &BTreeMap<&str, String>,
    ) -> Result<String, CloudError> {
        let parameters = stack.parameters.keys().map(|key| {
            let parameter = Parameter::builder().parameter_key(key);
            let parameter = match but.get(key.as_str()) {
                Some(value) => parameter.parameter_value(value),
                None => parameter.use_previous_value(true),
            };
            parameter.build()
        });
        let made = self
            .cloudformation
            .create_change_set()
            .stack_name(&stack.id)
            .change_set_name(name)
            .change_set_type(ChangeSetType::Update)
            .description(description)
            .deployment_mode(DeploymentMode::RevertDrift)
            .use_previous_template(true)
            .set_parameters(Some(parameters.collect()))
            // The stack is found again by its tags.
            .set_tags(Some(tags(&stack.tags)))
            // It is the template that is deployed: what it makes was acknowledged, with names or without.
            .capabilities(Capability::CapabilityNamedIam)
            .capabilities(Capability::CapabilityAutoExpand)
            // A repeated request is the same change set.
            .client_token(uuid::Uuid::new_v4().to_string())
            .send()
            .await
            .map_err(|error| explain("CreateChangeSet", error))?;
        Ok(made.id().unwrap_or_default().to_owned())
    }

    /// Waits until CloudFormation has worked a revert out: it reads the resources for that, which takes longer than
    /// comparing templates.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn read_revert(&self, id: &str) -> Result<Reverting, CloudError> {
        loop {
            if let Some(result) = self.try_read_revert(id).await? {
                return Ok(result);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn try_read_revert(&self, id: &str) -> Result<Option<Reverting>, CloudError> {
        let Some(ended) = self.limiter.patiently(|| self.read_change_set(id)).await? else {
            return Ok(None);
        };
        // "Only present for drift-aware change sets" (API_DescribeChangeSet).
        let is_known = ended.mode == Some(DeploymentMode::RevertDrift);
        Ok(Some(match ended.how {
            How::Failed(reason) => Reverting::Failed(reason),
            _ if !is_known => Reverting::NotKnown,
            How::NothingToDo => Reverting::NothingToDo,
            How::Complete(said) => {
                let mut changes: Vec<RevertedChange> = said.with_values.iter().map(read_change).collect();
                for plain in said.plain.iter().map(read_change) {
                    match changes.iter_mut().find(|known| is_same(&known.change, &plain.change)) {
                        Some(known) => strengthen(&mut known.change, plain.change),
                        None => changes.push(plain),
                    }
                }
                Reverting::Ready {
                    changes,
                    resolved: ended.resolved,
                    warning: said.warning,
                }
            }
        }))
    }
}

fn read_change(change: &ResourceChange) -> RevertedChange {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let mut states: Vec<ThreeStates> = Vec::new();
    let mut read = read::read_change(change);
    for target in change.details().iter().filter_map(|detail| detail.target()) {
        let Some(path) = path_of(target) else {
            continue;
        };
        // A property appears once for each reason it changes: shown once.
        if states.iter().any(|known| known.path == path) {
            continue;
        }
        let is_actual = target.before_value_from() == Some(&BeforeValueFrom::ActualState);
        let before = |wanted: bool| target.before_value().filter(|_| is_actual == wanted);
        let drift = target.drift();
        states.push(ThreeStates {
            path,
            deployed: text(drift.and_then(|drift| drift.previous_value()).or(before(false))),
            actual: text(drift.and_then(|drift| drift.actual_value()).or(before(true))),
            template: text(target.after_value()),
        });
    }
    read.properties.clear();
    let ignored = change.resource_drift_ignored_attributes().iter();
    RevertedChange {
        change: read,
        drift_status: change.resource_drift_status().map(|status| status.as_str().to_owned()),
        states,
        left: ignored
            .map(|one| {
                let reason = one.reason().map_or("", |reason| reason.as_str());
                (one.path().unwrap_or_default().to_owned(), reason.to_owned())
            })
            .collect(),
    }
}
