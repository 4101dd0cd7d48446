//! Whether the secrets are there that workers don't start without: what is missing fails a deploy only after minutes.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::timeout;

use crate::blueprint::Blueprint;
use crate::blueprint::template::{read, section};
use crate::cloud::Cloud;
use crate::engine::plan::attention::Attention;
use crate::engine::plan::{StackAction, StackPlan};
use crate::environment::mending_command;

/// How long a plan waits for this. It goes on without: a network may have no way to Secrets Manager.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where nothing is kept, of the places that the blueprint's workers read. What can't be asked, or not in time, isn't among
/// them: `doctor` says that.
pub(super) async fn missing(cloud: &Cloud, blueprint: &Blueprint) -> BTreeSet<String> {
    timeout(PATIENCE, look(cloud, blueprint)).await.unwrap_or_default()
}

async fn look(cloud: &Cloud, blueprint: &Blueprint) -> BTreeSet<String> {
    let all = blueprint.stacks.iter().flat_map(|stack| stack.secrets.clone());
    let (parameters, secrets): (BTreeSet<String>, BTreeSet<String>) = all.partition(|place| place.starts_with('/'));
    let parameters: BTreeSet<String> = parameters
        .into_iter()
        .filter(|path| !blueprint.stacks.iter().any(|stack| may_make(&stack.body, path)))
        .collect();
    let of_parameters = async {
        let asked: Vec<String> = parameters.iter().cloned().collect();
        if asked.is_empty() {
            return BTreeSet::new();
        }
        match cloud.parameters_there(&asked).await {
            Ok(there) => parameters.difference(&there).cloned().collect(),
            Err(_) => BTreeSet::new(),
        }
    };
    let of_secrets = join_all(secrets.into_iter().map(async |arn| {
        let is_missing = matches!(cloud.has_secret(&arn).await, Ok(false));
        is_missing.then_some(arn)
    }));
    let (mut missing, secrets) = tokio::join!(of_parameters, of_secrets);
    missing.extend(secrets.into_iter().flatten());
    missing
}

/// Whether a template makes the parameter of this path, or may: the name of one that is said by a function isn't known. One
/// without a name gets one that is no path
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html>).
fn may_make(body: &str, path: &str) -> bool {
    let Ok(template) = read(body) else { return true };
    let parameters = section(&template, "Resources").filter(|(_, resource)| resource["Type"] == "AWS::SSM::Parameter");
    let mut names = parameters.map(|(_, resource)| &resource["Properties"]["Name"]);
    names.any(|name| match name {
        Value::Null => false,
        Value::String(name) => name == path,
        _ => true,
    })
}

/// Says it of each stack whose workers lack one.
pub(super) fn point_out(cloud: &Cloud, blueprint: &Blueprint, missing: &BTreeSet<String>, plans: &mut [StackPlan]) {
    for (stack, plan) in blueprint.stacks.iter().zip(plans) {
        if plan.action != StackAction::Refused {
            let lacking = stack.secrets.intersection(missing).cloned();
            plan.attention.extend(lacking.map(|kept_in| Attention::NoSecret {
                command: cloud.cli().command(&mending_command(&kept_in)),
                kept_in,
            }));
        }
    }
}
