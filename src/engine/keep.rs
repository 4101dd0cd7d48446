//! Data that stays when its stack goes. What keeps it is a policy in the deployed template: only a deploy changes that.

use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use super::believed;
use super::plan::DATA;
use crate::blueprint::tags::StackTags;
use crate::blueprint::template::{self, retains};
use crate::cloud::stack_status::StackStatus;
use crate::cloud::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::environment::OnDestroy;
use crate::error::Error;

type Result<T, E = Error> = std::result::Result<T, E>;

/// The environment with the stacks marked whose data stays: by their tags, or because their deployed templates retain
/// it. What CloudFormation is going to leave is never emptied.
///
/// # Errors
/// As of [`refuse_to_lose`].
pub async fn settle(cloud: &Cloud, mut deployed: Deployed) -> Result<Deployed> {
    let asked = deployed.stacks.iter().map(|stack| on_destroy(cloud, &stack.stack));
    let settled = try_join_all(asked).await?;
    for (stack, on_destroy) in deployed.stacks.iter_mut().zip(settled) {
        stack.tags.on_destroy = on_destroy;
    }
    Ok(deployed)
}

/// What becomes of a stack's data, by its tags and the template that is deployed now. A stack without tags only ever had
/// change sets.
///
/// # Errors
/// As of [`refuse_to_lose`].
pub(super) async fn on_destroy(cloud: &Cloud, stack: &StackDescription) -> Result<OnDestroy> {
    if StackTags::read(&stack.tags).is_some_and(|tags| tags.on_destroy == OnDestroy::Keep) {
        return refuse_to_lose(cloud, stack).await.map(|()| OnDestroy::Keep);
    }
    let template = deployed_template(cloud, stack).await?;
    match data(&template).any(|(_, resource)| retains(resource)) {
        true => Ok(OnDestroy::Keep),
        false => Ok(OnDestroy::Empty),
    }
}

/// Refuses a stack whose data is to stay when its deployed template would delete it: CloudFormation goes by the template.
///
/// # Errors
/// The refusal, with what to do; failures of AWS.
async fn refuse_to_lose(cloud: &Cloud, stack: &StackDescription) -> Result<()> {
    let template = deployed_template(cloud, stack).await?;
    let lost = data(&template).filter(|(_, resource)| !retains(resource));
    let lost: Vec<&str> = lost.map(|(id, _)| id.as_str()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let StackDescription { name, status, .. } = stack;
    let refusal = Error::refused(format!(
        "{name}: its data is to stay, but its deployed template would delete {}",
        lost.join(", ")
    ));
    Err(match status {
        // It takes no update any more.
        StackStatus::DeleteFailed => refusal.with_help(format!(
            "to delete only the rest of it: aws cloudformation delete-stack --stack-name {name} --region {} \
             --retain-resources {}",
            cloud.region,
            lost.join(" ")
        )),
        _ => refusal.with_help("deploy its file with `on_destroy: keep`, then run the same command again"),
    })
}

async fn deployed_template(cloud: &Cloud, stack: &StackDescription) -> Result<Map<String, Value>, CloudError> {
    let body = believed::template(cloud, stack).await?;
    Ok(body.and_then(|body| template::read(&body).ok()).unwrap_or_default())
}

/// Resources of a template that hold data.
fn data(template: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    template::section(template, "Resources").filter(|(_, resource)| {
        let of_type = resource["Type"].as_str();
        of_type.is_some_and(|of_type| DATA.contains(&of_type))
    })
}
