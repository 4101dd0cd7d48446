//! Data that stays when its stack goes. What keeps it is a policy in the deployed template: only a deploy changes that.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use crate::blueprint::tags::StackTags;
use crate::blueprint::template::{self, Disposal, disposal, retains};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::Deployed;
use crate::deployed::holdings::{Kind, holds_data};
use crate::engine::believed;
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
    for (stack, fate) in deployed.stacks.iter_mut().zip(found) {
        stack.tags.on_destroy = fate.on_destroy;
        stack.disposals = fate.disposals;
    }
    Ok(deployed)
}

/// What becomes of a stack's data.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) struct Fate {
    pub on_destroy: OnDestroy,
    /// Of each resource, where the template is the user's.
    pub disposals: Option<BTreeMap<String, Disposal>>,
}

impl From<OnDestroy> for Fate {
    fn from(on_destroy: OnDestroy) -> Fate {
        Fate {
            on_destroy,
            disposals: None,
        }
    }
}

/// What becomes of a stack's data, by its tags and the template that is deployed now. A stack without tags only ever had
/// change sets.
///
/// # Errors
/// A refusal where its data is to stay, all or some, and its deployed template would delete it: CloudFormation goes by the
/// template. Another where that can't be read. Failures of AWS.
pub(in crate::engine) async fn on_destroy(cloud: &Cloud, stack: &StackDescription) -> Result<Fate> {
    let template = deployed_template(cloud, stack).await?;
    if let Some(tags) = StackTags::read(&stack.tags).filter(|tags| tags.own_template) {
        return of_own_template(&template, stack, tags.on_destroy);
    }
    let (kept, lost): (Vec<_>, Vec<_>) = data(&template).partition(|(_, resource)| retains(resource));
    let is_tagged = StackTags::read(&stack.tags).is_some_and(|tags| tags.on_destroy == OnDestroy::Keep);
    if kept.is_empty() && !is_tagged {
        return Ok(OnDestroy::Empty.into());
    }
    if lost.is_empty() {
        return Ok(OnDestroy::Keep.into());
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

/// A template of the user's says of each resource what becomes of it. But CloudFormation deletes no bucket with something in
/// it, and nobody empties one where the file says that data stays.
fn of_own_template(template: &Map<String, Value>, stack: &StackDescription, said: OnDestroy) -> Result<Fate> {
    let disposals: BTreeMap<String, Disposal> = data(template)
        .map(|(id, resource)| (id.clone(), disposal(resource)))
        .collect();
    let is_bucket = |id: &str| template["Resources"][id]["Type"] == Kind::Bucket.resource_type();
    let buckets = disposals
        .iter()
        .filter(|(id, disposal)| **disposal != Disposal::Kept && is_bucket(id));
    let buckets: Vec<&str> = buckets.map(|(id, _)| id.as_str()).collect();
    if said == OnDestroy::Keep && !buckets.is_empty() {
        return Err(Error::refused(format!(
            "{}: its template would delete the bucket {}, and the file says that data is to stay",
            stack.name,
            buckets.join(", ")
        ))
        .with_help(
            "give it `DeletionPolicy: Retain` in its template, or say `on_destroy: empty` of `bucket` in the file; deploy \
             that, then run the same command again",
        ));
    }
    Ok(Fate {
        on_destroy: OnDestroy::Empty,
        disposals: Some(disposals),
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
        of_type.is_some_and(holds_data)
    })
}
