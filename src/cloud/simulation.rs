//! What IAM's policy simulator says of the policies of a role or user.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};

use super::{Cloud, CloudError, explain};

/// Something that isn't allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    pub action: String,
    pub resource: String,
    /// Condition keys that the policies look at, and the simulation had no values for: with them it might be allowed.
    pub missing: Vec<String>,
    /// What forbids it, where that isn't the principal's own policy.
    pub by: Option<&'static str>,
}

/// A list, whatever a request has of it; all others are single texts here.
const LIST: &str = "aws:CalledVia";

impl Cloud {
    /// Which of these actions on these resources a principal may not do, by its policies, its permissions boundary and the
    /// organization's service control policies
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>). `principal`: the ARN of a
    /// role or user. `context`: values by condition key.
    ///
    /// # Errors
    /// Of the calls. Actions that IAM doesn't simulate in one call are simulated in several.
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &BTreeSet<String>,
        resources: &[String],
        context: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeSet<Denied>, CloudError> {
        let entries: Vec<ContextEntry> = context
            .iter()
            .map(|(key, values)| {
                let kind = match key.as_str() {
                    LIST => ContextKeyTypeEnum::StringList,
                    _ => ContextKeyTypeEnum::String,
                };
                let entry = ContextEntry::builder().context_key_name(key).context_key_type(kind);
                entry.set_context_key_values(Some(values.clone())).build()
            })
            .collect();
        let mut denied = BTreeSet::new();
        let mut groups: Vec<Vec<String>> = vec![actions.iter().cloned().collect()];
        while let Some(mut group) = groups.pop() {
            match self.simulate_together(principal, &group, resources, &entries).await {
                Err(error) if group.len() > 1 && goes_apart(&error) => {
                    let rest = group.split_off(group.len() / 2);
                    groups.extend([group, rest]);
                }
                found => denied.extend(found?),
            }
        }
        Ok(denied)
    }

    async fn simulate_together(
        &self,
        principal: &str,
        actions: &[String],
        resources: &[String],
        context: &[ContextEntry],
    ) -> Result<Vec<Denied>, CloudError> {
        let asked = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.to_vec()))
            .set_resource_arns(Some(resources.to_vec()))
            .set_context_entries(Some(context.to_vec()));
        let mut results = asked.into_paginator().items().send();
        let mut denied = Vec::new();
        while let Some(result) = results.next().await {
            let result = result.map_err(|error| explain("SimulatePrincipalPolicy", error))?;
            denied.extend(denied_by(&result));
        }
        Ok(denied)
    }
}

/// "Invalid Input Actions: […] and […] require different authorization information."
fn goes_apart(error: &CloudError) -> bool {
    error.is("InvalidInput") && error.message.contains("different authorization information")
}

/// Of one resource, a result says all itself; of several, it has one for each.
fn denied_by(result: &EvaluationResult) -> Vec<Denied> {
    let is_allowed = |decision: &PolicyEvaluationDecisionType| *decision == PolicyEvaluationDecisionType::Allowed;
    let organization = result.organizations_decision_detail();
    let by = match organization.is_some_and(|detail| !detail.allowed_by_organizations()) {
        true => Some("the organization's policies"),
        false => None,
    };
    let boundary = "the permissions boundary";
    let of_resources = result.resource_specific_results();
    if !of_resources.is_empty() {
        let refused = of_resources
            .iter()
            .filter(|one| !is_allowed(&one.eval_resource_decision));
        return refused
            .map(|one| {
                let bounds = one.permissions_boundary_decision_detail();
                let is_outside = bounds.is_some_and(|detail| !detail.allowed_by_permissions_boundary());
                Denied {
                    action: result.eval_action_name().to_owned(),
                    resource: one.eval_resource_name().to_owned(),
                    missing: one.missing_context_values().to_vec(),
                    by: by.or(is_outside.then_some(boundary)),
                }
            })
            .collect();
    }
    if is_allowed(result.eval_decision()) {
        return Vec::new();
    }
    let bounds = result.permissions_boundary_decision_detail();
    let is_outside = bounds.is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    vec![Denied {
        action: result.eval_action_name().to_owned(),
        resource: result.eval_resource_name().unwrap_or("*").to_owned(),
        missing: result.missing_context_values().to_vec(),
        by: by.or(is_outside.then_some(boundary)),
    }]
}
