//! Which rights of AWS's IAM a command needs for an environment: the smallest policy for a pipeline's role.
//!
//! They are of two kinds. What qfleet calls itself stands in [`calls`], a list for each purpose. What CloudFormation calls in
//! its caller's name, where no `--role-arn` is given, follows from the resources of the environment's templates by AWS's
//! schemas of their types ([`handlers`]). What both may be done to is decided for each action in one place ([`scope`]).

mod calls;
mod conditions;
mod document;
mod handlers;
mod parameters;
mod purpose;
mod requests;
mod resources;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use crate::blueprint::{Blueprint, Placement};
use crate::environment::Environment;
pub use calls::actions;
use conditions::Conditions;
pub use document::{Document, INLINE, MANAGED, documents};
pub use handlers::unknown_types;
pub use purpose::Purpose;
pub use requests::{Request, Requests, requests};
use scope::{Names, Scope};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Qfleet,
    /// In the name of whoever began the operation.
    CloudFormation,
}

/// What may be done to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub caller: Caller,
    /// `sqs:GetQueueAttributes`, or several by a `*` at the end, where AWS's schema of a type says no more.
    pub actions: BTreeSet<String>,
    /// ARNs with `*` for what isn't known beforehand, or `*` alone.
    pub resources: Vec<String>,
    /// By operator and key: `StringEquals`, `aws:ResourceTag/…`.
    pub conditions: Conditions,
}

impl Statement {
    /// Each action with each resource, as `iam:SimulatePrincipalPolicy` asks for them.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let resources = self.resources.iter();
        resources.flat_map(|resource| {
            self.actions
                .iter()
                .map(move |action| (action.as_str(), resource.as_str()))
        })
    }
}

/// Whose rights are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub environment: &'a Environment,
    pub placement: &'a Placement,
    pub blueprint: &'a Blueprint,
    /// What is to be done with them.
    pub purposes: &'a [Purpose],
    /// The role that CloudFormation works with, instead of its caller's rights.
    pub role_arn: Option<&'a str>,
    /// What environments of this kind are called, as `pr-*`, instead of the file's name.
    pub names: Option<&'a str>,
}

/// The same, with its templates read.
#[derive(Debug)]
struct Asked<'a> {
    wanted: Wanted<'a>,
    resources: Vec<handlers::Resource>,
}

impl<'a> Deref for Asked<'a> {
    type Target = Wanted<'a>;

    fn deref(&self) -> &Wanted<'a> {
        &self.wanted
    }
}

/// The rights that are needed: qfleet's own first. Nothing is asked of AWS. Where the account isn't known
/// ([`Placement::NO_ACCOUNT`]), the resources are those of any account.
pub fn needed(wanted: &Wanted) -> Vec<Statement> {
    let asked = Asked {
        wanted: *wanted,
        resources: handlers::resources(wanted),
    };
    let mut own = BTreeSet::new();
    let mut of_stacks = BTreeSet::new();
    for purpose in wanted.purposes {
        own.extend(calls::of(*purpose, &asked));
        if wanted.role_arn.is_none() || *purpose == Purpose::CloudFormation {
            of_stacks.extend(handlers::of(*purpose, &asked));
        }
        // Parameters are read when a change set is made, before any role is taken on.
        own.extend(parameters::of(*purpose, &asked));
    }
    let names = Names::of(&asked);
    let mut statements = merged(Caller::Qfleet, own.iter().flat_map(|action| names.own(action)));
    if let Some(arn) = wanted.role_arn
        && wanted.purposes.iter().any(|purpose| purpose.passes_role())
    {
        statements.push(passes(arn));
    }
    // What is allowed without conditions, or under the same, needn't be allowed once more.
    let allowed = |action: &String, resource: &String, conditions: &Conditions| {
        statements.iter().any(|statement| {
            let under = statement.conditions.is_empty() || statement.conditions == *conditions;
            let on = statement
                .resources
                .iter()
                .any(|known| known == "*" || known == resource);
            under && on && statement.actions.contains(action)
        })
    };
    let by_cloudformation = of_stacks.iter().flat_map(|action| names.called(action));
    let more: Vec<(String, Scope)> = by_cloudformation
        .filter_map(|(action, mut scope)| {
            let conditions = scope.conditions.clone();
            scope
                .resources
                .retain(|resource| !allowed(&action, resource, &conditions));
            (!scope.resources.is_empty()).then_some((action, scope))
        })
        .collect();
    statements.extend(merged(Caller::CloudFormation, more.into_iter()));
    statements
}

/// A statement for each set of resources under the same conditions. An action stands once under each condition.
fn merged(caller: Caller, rights: impl Iterator<Item = (String, Scope)>) -> Vec<Statement> {
    let mut by_action: BTreeMap<(String, Conditions), BTreeSet<String>> = BTreeMap::new();
    for (action, scope) in rights {
        let resources = by_action.entry((action, scope.conditions)).or_default();
        resources.extend(scope.resources);
    }
    let mut by_scope: BTreeMap<(Vec<String>, Conditions), BTreeSet<String>> = BTreeMap::new();
    for ((action, conditions), resources) in by_action {
        let scope = (resources.into_iter().collect(), conditions);
        by_scope.entry(scope).or_default().insert(action);
    }
    let all = by_scope
        .into_iter()
        .map(|((resources, conditions), actions)| Statement {
            caller,
            actions: without_covered(actions),
            resources,
            conditions,
        });
    all.collect()
}

/// Without what a pattern among them says already.
fn without_covered(actions: BTreeSet<String>) -> BTreeSet<String> {
    let starts: Vec<String> = actions
        .iter()
        .filter_map(|action| action.strip_suffix('*').map(str::to_owned))
        .collect();
    let is_covered = |action: &String| !action.ends_with('*') && starts.iter().any(|start| action.starts_with(start));
    actions.into_iter().filter(|action| !is_covered(action)).collect()
}

/// The role of `--role-arn` is handed to CloudFormation
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html>).
fn passes(role_arn: &str) -> Statement {
    Statement {
        caller: Caller::Qfleet,
        actions: BTreeSet::from(["iam:PassRole".to_owned()]),
        resources: vec![role_arn.to_owned()],
        conditions: conditions::equals("iam:PassedToService", &["cloudformation.amazonaws.com"]),
    }
}
