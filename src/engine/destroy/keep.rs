//! Data that stays when its stack goes. What keeps it is a policy in the deployed template: only a deploy changes that.

use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use crate::blueprint::tags::StackTags;
use crate::blueprint::template::{self, retains};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::Deployed;
use crate::engine::believed;
use crate::engine::plan::DATA;
use crate::environment::OnDestroy;
use crate::error::Error;

type Result<T, E = Error> = std::result::Result<T, E>;

/// The environment with the stacks marked whose data stays: by their tags, or because their deployed templates retain
/// it. What CloudFormation is going to leave is never emptied.
///
/// # Errors
/// As of [`on_destroy`].
pub async fn mark(cloud: &Cloud, mut deployed: Deployed) -> Result<Deployed> {
    let asked = deployed.stacks.iter().map(|stack| on_destroy(cloud, &stack.stack));
    let found = try_join_all(asked).await?;
    for (stack, on_destroy) in deployed.stacks.iter_mut().zip(found) {
        stack.tags.on_destroy = on_destroy;
    }
    Ok(deployed)
}

/// What becomes of a stack's data, by its tags and the template that is deployed now. A stack without tags only ever had
/// change sets.
///
/// # Errors
/// A refusal where its data is to stay, all or some, and its deployed template would delete it: CloudFormation goes by the
/// template. Another where that can't be read. Failures of AWS.
pub(in crate::engine) async fn on_destroy(cloud: &Cloud, stack: &StackDescription) -> Result<OnDestroy> {
    let template = deployed_template(cloud, stack).await?;
    let (kept, lost): (Vec<_>, Vec<_>) = data(&template).partition(|(_, resource)| retains(resource));
    let is_tagged = StackTags::read(&stack.tags).is_some_and(|tags| tags.on_destroy == OnDestroy::Keep);
    if kept.is_empty() && !is_tagged {
        return Ok(OnDestroy::Empty);
    }
    if lost.is_empty() {
        return Ok(OnDestroy::Keep);
    }
    let names = |resources: &[(&String, &Value)]| {
        let names: Vec<&str> = resources.iter().map(|(id, _)| id.as_str()).collect();
        names.join(", ")
    };
    let StackDescription { name, status, .. } = stack;
    let refusal = Error::refused(match is_tagged {
        true => format!(
            "{name}: its data is to stay, but its deployed template would delete {}",
            names(&lost)
        ),
        false => format!(
            "{name}: its deployed template keeps {}, but would delete {}",
            names(&kept),
            names(&lost)
        ),
    });
    Err(match status {
        // It takes no update any more.
        StackStatus::DeleteFailed => refusal.with_help(format!(
            "to delete only the rest of it: aws cloudformation delete-stack --stack-name {name} --region {} \
             --retain-resources {}",
            cloud.region,
            names(&lost).replace(',', "")
        )),
        _ if is_tagged => refusal.with_help("deploy its file with `on_destroy: keep`, then run the same command again"),
        _ => refusal.with_help(
            "deploy its file, whose `on_destroy` says what becomes of all of it, then run the same command again",
        ),
    })
}

/// One that can't be read may keep anything, or nothing.
async fn deployed_template(cloud: &Cloud, stack: &StackDescription) -> Result<Map<String, Value>> {
    let Some(body) = believed::template(cloud, stack).await? else {
        return Ok(Map::new());
    };
    template::read(&body).map_err(|why| {
        let what = "its deployed template can't be read, so it isn't known which data it keeps";
        Error::refused(format!("{}: {what}: {why}", stack.name))
            .with_help("deploy its file, which puts qfleet's template in its place, then run the same command again")
    })
}

/// Resources of a template that hold data.
fn data(template: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    template::section(template, "Resources").filter(|(_, resource)| {
        let of_type = resource["Type"].as_str();
        of_type.is_some_and(|of_type| DATA.contains(&of_type))
    })
}
