//! Roles: which there are, and what IAM says of one, in the words of `AWS::IAM::Role`.
//!
//! CloudFormation's detection compares only what a template sets, so a role without `ManagedPolicyArns` that somebody
//! makes an administrator is in sync for it
//! (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2489>), and so is one that gets an
//! inline policy more (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/936>).

use futures_util::future::{try_join_all, try_join3};
use serde_json::{Value, json};

use super::actual::defined;
use super::{Cloud, CloudError, explain, unless};

const NO_SUCH_ENTITY: [&str; 2] = ["NoSuchEntity", "NoSuchEntityException"];

/// A role, and what tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    pub name: String,
    /// What it may do, as JSON that IAM has percent-encoded; none when it has no policy of that name.
    pub policy: Option<String>,
}

impl Cloud {
    /// Roles whose name begins so, each with the policy that `policy_of` names for it. Roles belong to no region
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>).
    pub async fn roles_named(
        &self,
        prefix: &str,
        policy_of: fn(&str) -> &'static str,
    ) -> Result<Vec<NamedRole>, CloudError> {
        let mut pages = self.iam.list_roles().max_items(1000).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(role) = pages.next().await {
            let role = role.map_err(|error| explain("ListRoles", error))?;
            names.extend(Some(role.role_name).filter(|name| name.starts_with(prefix)));
        }
        let mut all = Vec::new();
        for name in names {
            let policy = self.role_policy(&name, policy_of(&name)).await?;
            all.push(NamedRole { name, policy });
        }
        Ok(all)
    }

    /// The role of this name, with all that it may do: `Policies` and `ManagedPolicyArns` are there even when they are
    /// empty. `None` when there is no such role.
    pub async fn actual_role(&self, name: &str) -> Result<Option<Value>, CloudError> {
        let found = try_join3(
            self.role(name),
            self.inline_policies(name),
            self.attached_policies(name),
        )
        .await;
        Ok(unless(&NO_SUCH_ENTITY, found)?.map(|(mut role, policies, attached)| {
            role["Policies"] = Value::Array(policies);
            role["ManagedPolicyArns"] = json!(attached);
            role
        }))
    }

    /// Whether there is a role of this name.
    pub(in crate::cloud) async fn has_role(&self, name: &str) -> Result<bool, CloudError> {
        Ok(unless(&NO_SUCH_ENTITY, self.role(name).await)?.is_some())
    }

    /// Whether there is an instance profile of this name.
    pub(in crate::cloud) async fn has_profile(&self, name: &str) -> Result<bool, CloudError> {
        let asked = self.iam.get_instance_profile().instance_profile_name(name).send().await;
        let found = asked.map_err(|error| explain("GetInstanceProfile", error));
        Ok(unless(&NO_SUCH_ENTITY, found)?.is_some())
    }

    async fn role(&self, name: &str) -> Result<Value, CloudError> {
        let answer = self.iam.get_role().role_name(name).send().await;
        let answer = answer.map_err(|error| explain("GetRole", error))?;
        let role = answer.role();
        let boundary = role.and_then(|role| role.permissions_boundary()?.permissions_boundary_arn());
        let trust = role.and_then(|role| role.assume_role_policy_document());
        Ok(defined([
            ("AssumeRolePolicyDocument", trust.map(unescaped)),
            (
                "Description",
                Some(role.and_then(|role| role.description()).unwrap_or_default().into()),
            ),
            (
                "MaxSessionDuration",
                role.and_then(|role| role.max_session_duration()).map(Value::from),
            ),
            ("PermissionsBoundary", boundary.map(Value::from)),
        ]))
    }

    async fn inline_policies(&self, role: &str) -> Result<Vec<Value>, CloudError> {
        let mut pages = self
            .iam
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|error| explain("ListRolePolicies", error))?);
        }
        let each = names.iter().map(async |name| {
            // None of one that went between the list and this.
            let found = self.role_policy(role, name).await?;
            Ok(found.map(|document| json!({"PolicyName": name, "PolicyDocument": unescaped(&document)})))
        });
        Ok(try_join_all(each).await?.into_iter().flatten().collect())
    }

    /// An inline policy, as IAM has escaped it; none when there is none of this name.
    async fn role_policy(&self, role: &str, name: &str) -> Result<Option<String>, CloudError> {
        let asked = self.iam.get_role_policy().role_name(role).policy_name(name);
        let answer = asked.send().await.map_err(|error| explain("GetRolePolicy", error));
        Ok(unless(&NO_SUCH_ENTITY, answer)?.map(|answer| answer.policy_document))
    }

    async fn attached_policies(&self, role: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.iam.list_attached_role_policies().role_name(role);
        let mut pages = asked.into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(policy) = pages.next().await {
            let policy = policy.map_err(|error| explain("ListAttachedRolePolicies", error))?;
            arns.extend(policy.policy_arn().map(str::to_owned));
        }
        Ok(arns)
    }
}

/// "Policies returned by this operation are URL-encoded compliant with RFC 3986"
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>).
fn unescaped(document: &str) -> Value {
    // A form's decoder would take a plus, which that encoding leaves as it is, for a space.
    let escaped = format!("d={}", document.replace('+', "%2B").replace('&', "%26"));
    let decoded = form_urlencoded::parse(escaped.as_bytes()).next();
    let text = decoded.map(|(_, text)| text.into_owned()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_was_before_it_was_escaped() {
        for (escaped, document) in [
            ("%7B%22a%22%3A%20%22b%2Bc%26d%3De%22%7D", json!({"a": "b+c&d=e"})),
            (r#"{"a":"b+c&d=e"}"#, json!({"a": "b+c&d=e"})),
            ("no%20JSON", json!("no JSON")),
        ] {
            assert_eq!(unescaped(escaped), document);
        }
    }
}
