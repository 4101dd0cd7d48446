//! IAM's policy simulator: by policies of the script, or by what it says is denied.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::Value as Json;

use super::answer::xml;
use super::calls::{Call, Service};
use super::query::{Input, Refusal, answer};
use super::script::Script;
use super::world::World;
use super::xml::Fields;

const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// What a test says of the caller's policies.
#[derive(Debug, Clone, Default)]
pub struct Simulated {
    denied: Vec<String>,
    /// All is allowed where there are none.
    policies: Option<Vec<Json>>,
    apart: Vec<String>,
    missing: Option<String>,
    by_organization: bool,
}

impl Script {
    /// The caller's policies don't allow this.
    pub fn denies(mut self, action: &str) -> Self {
        self.simulated.denied.push(action.to_owned());
        self
    }

    /// The caller's policies are these.
    pub fn policies(mut self, policies: Vec<Json>) -> Self {
        self.simulated.policies = Some(policies);
        self
    }

    /// This is not simulated in one call with others.
    pub fn simulated_apart(mut self, action: &str) -> Self {
        self.simulated.apart.push(action.to_owned());
        self
    }

    /// The policies look at this condition key, too.
    pub fn looks_at(mut self, key: &str) -> Self {
        self.simulated.missing = Some(key.to_owned());
        self
    }

    /// What is denied, the organization denies.
    pub fn by_organization(mut self) -> Self {
        self.simulated.by_organization = true;
        self
    }
}

impl World {
    /// The answer to a call about the caller's policies; none to any other.
    pub fn simulation_says(&mut self, call: &Call) -> Option<Response> {
        let (account, caller) = (&self.script.account, &self.script.caller);
        let role = caller
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next());
        // <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
        let path = match role.is_some_and(|role| role.starts_with("AWSReservedSSO_")) {
            true => "/aws-reserved/sso.amazonaws.com/us-east-2/",
            false => "/",
        };
        let principal = match role {
            Some(role) => format!("arn:aws:iam::{account}:role{path}{role}"),
            None => format!("arn:aws:iam::{account}:{caller}"),
        };
        let fields = |fields: Fields| xml(200, answer(IAM, &call.action, &fields, "00000000"));
        let refusal = |refusal: Refusal| xml(refusal.status, refusal.render(IAM, "00000000"));
        match (call.service, call.action.as_str()) {
            (Service::Iam, "GetRole") if role.is_some() && call.input.text("RoleName") == role => {
                let of_role = Fields::new()
                    .text("Path", path)
                    .text("RoleName", role.unwrap_or_default())
                    .text("RoleId", "AROAEXAMPLE")
                    .text("Arn", principal)
                    .text("CreateDate", "2026-01-02T03:04:05Z");
                Some(fields(Fields::new().fields("Role", of_role)))
            }
            // <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
            (Service::Iam, "SimulatePrincipalPolicy") => {
                let source = call.input.text("PolicySourceArn").unwrap_or_default();
                if source != principal {
                    let message = format!("Entity {source} cannot be found.");
                    return Some(refusal(Refusal::new(404, "NoSuchEntity", message)));
                }
                Some(simulated(&self.script.simulated, &call.input).map_or_else(refusal, fields))
            }
            _ => None,
        }
    }
}

fn list(input: &Input, name: &str) -> Vec<String> {
    let numbered = (1..).map_while(|number| input.text(&format!("{name}.member.{number}")));
    numbered.map(str::to_owned).collect()
}

fn simulated(script: &Simulated, input: &Input) -> Result<Fields, Refusal> {
    let (actions, resources) = (list(input, "ActionNames"), list(input, "ResourceArns"));
    if let Some(action) = actions.iter().find(|action| action.contains('*')) {
        let message = format!("Invalid Input Actions: [{action}]");
        return Err(Refusal::new(400, "InvalidInput", message));
    }
    let (apart, others): (Vec<String>, Vec<String>) = actions
        .iter()
        .cloned()
        .partition(|action| script.apart.contains(action));
    if !apart.is_empty() && !others.is_empty() {
        let message = format!(
            "Invalid Input Actions: [{}] and [{}] require different authorization information.",
            apart.join(","),
            others.join(",")
        );
        return Err(Refusal::new(400, "InvalidInput", message));
    }
    let context: BTreeMap<String, Vec<String>> = (1..)
        .map_while(|number| {
            let entry = format!("ContextEntries.member.{number}");
            let key = input.text(&format!("{entry}.ContextKeyName"))?;
            Some((key.to_owned(), list(input, &format!("{entry}.ContextKeyValues"))))
        })
        .collect();
    let allows = |action: &String, resource: &String| {
        let by_policies = script.policies.as_ref().is_none_or(|policies| {
            let mut statements = policies.iter().flat_map(|policy| each(&policy["Statement"]));
            statements.any(|statement| is_allowed(statement, action, resource, &context))
        });
        by_policies && !script.denied.contains(action)
    };
    let decision = |allowed: bool| if allowed { "allowed" } else { "implicitDeny" };
    let missing: Vec<String> = script.missing.iter().cloned().collect();
    let results = actions.iter().map(|action| {
        let all = resources.iter().all(|resource| allows(action, resource));
        let result = Fields::new()
            .text("EvalActionName", action)
            .text("EvalResourceName", &resources[0])
            .text("EvalDecision", decision(all))
            .fields(
                "OrganizationsDecisionDetail",
                Fields::new().text("AllowedByOrganizations", !script.by_organization),
            );
        if resources.len() == 1 {
            return result.some_texts("MissingContextValues", &missing);
        }
        let each = resources.iter().map(|resource| {
            Fields::new()
                .text("EvalResourceName", resource)
                .text("EvalResourceDecision", decision(allows(action, resource)))
                .some_texts("MissingContextValues", &missing)
        });
        result.members("ResourceSpecificResults", each.collect::<Vec<_>>())
    });
    let results: Vec<Fields> = results.collect();
    Ok(Fields::new()
        .text("IsTruncated", false)
        .members("EvaluationResults", results))
}

fn each(value: &Json) -> &[Json] {
    match value {
        Json::Null => &[],
        Json::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>, of those that
/// `qfleet iam` prints.
fn is_allowed(statement: &Json, action: &str, resource: &str, context: &BTreeMap<String, Vec<String>>) -> bool {
    let any = |patterns: &Json, text: &str| {
        let mut patterns = each(patterns).iter().filter_map(Json::as_str);
        patterns.any(|pattern| fits(pattern, text))
    };
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    let mut keys =
        conditions.flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |key| (operator, key)));
    let holds = keys.all(|(operator, (key, patterns))| {
        let values = context.get(key).map_or(&[][..], Vec::as_slice);
        let (operator, may_lack) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator.as_str(), false),
        };
        match operator {
            _ if may_lack && values.is_empty() => true,
            "ForAnyValue:StringEquals" => values.iter().any(|value| any(patterns, value)),
            "StringEquals" | "StringLike" | "ArnLike" | "ArnEquals" => values.len() == 1 && any(patterns, &values[0]),
            other => panic!("{other} isn't known here"),
        }
    });
    holds && any(&statement["Action"], action) && any(&statement["Resource"], resource)
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))),
    }
}
