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
    if let Some(tags) = StackTags::read(&stack.tags).filter(|tags| tags.own_template) {
        return of_own_template(cloud, stack, tags.on_destroy).await;
    }
    let template = understood(stack, believed::template(cloud, stack).await?)?;
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
            "to delete only the rest of it: {}",
            cloud.cli().command(&format!(
                "cloudformation delete-stack --stack-name {name} --retain-resources {}",
                names(&lost).replace(',', "")
            ))
        )),
        _ if is_tagged => refusal.with_help("deploy its file with `on_destroy: keep`, then run the same command again"),
        _ => refusal.with_help(
            "deploy its file, whose `on_destroy` says what becomes of all of it, then run the same command again",
        ),
    })
}

/// What holds data in a stack whose template is the user's, each by what that says of it. It is read as it is once macros
/// have made of it what they do. But CloudFormation deletes no bucket with something in it, and nobody empties one where the
/// file says that data stays.
async fn of_own_template(cloud: &Cloud, stack: &StackDescription, said: OnDestroy) -> Result<Fate> {
    let template = believed::processed_template(cloud, stack).await?;
    let template = understood(stack, template)?;
    let of_stack = cloud.stack_resources(&stack.id).await?;
    let in_stack = of_stack.iter().filter(|one| !one.physical_id.is_empty());
    let in_stack = in_stack.filter(|one| holds_data(&one.resource_type, true));
    let disposals = disposals_of_own(&template, in_stack.map(|one| one.logical_id.as_str()));
    let disposals = disposals.map_err(|unknown| {
        let (them, they) = match unknown.len() {
            1 => ("it", "it"),
            _ => ("them", "they"),
        };
        Error::refused(format!(
            "{}: its deployed template doesn't say in plain words what becomes of {}, so {they} might be lost or kept",
            stack.name,
            unknown.join(", ")
        ))
        .with_help(format!(
            "give {them} a `DeletionPolicy` without a function: Delete, Retain, or Snapshot where there is one; deploy that, then \
             run the same command again"
        ))
    })?;
    let is_bucket = |id: &str| template["Resources"][id]["Type"] == Kind::Bucket.resource_type();
    let buckets = disposals
        .iter()
        .filter(|(id, disposal)| **disposal != Disposal::Kept && is_bucket(id));
    let buckets: Vec<&str> = buckets.map(|(id, _)| id.as_str()).collect();
    if said == OnDestroy::Keep && !buckets.is_empty() {
        return Err(Error::refused(format!(
            "{}: its template would delete the bucket {}, and the file doesn't say `on_destroy: empty`",
            stack.name,
            buckets.join(", ")
        ))
        .with_help(
            "give it `DeletionPolicy: Retain` in its template, or say `on_destroy: empty` in the file; deploy that, then run \
             the same command again",
        ));
    }
    Ok(Fate {
        on_destroy: OnDestroy::Empty,
        disposals: Some(disposals),
    })
}

/// What becomes of what a template has that holds data, and of what is in its stack.
///
/// # Errors
/// Those of which it isn't known.
fn disposals_of_own<'a>(
    template: &Map<String, Value>,
    in_stack: impl Iterator<Item = &'a str>,
) -> std::result::Result<BTreeMap<String, Disposal>, Vec<String>> {
    let mut all: BTreeMap<String, Option<Disposal>> = in_stack.map(|id| (id.to_owned(), None)).collect();
    let resources = template::section(template, "Resources");
    let data = resources.filter(|(_, resource)| {
        let of_type = resource["Type"].as_str();
        of_type.is_some_and(|of_type| holds_data(of_type, true))
    });
    all.extend(data.map(|(id, resource)| (id.clone(), disposal(resource))));
    let unknown: Vec<String> = all
        .iter()
        .filter(|(_, disposal)| disposal.is_none())
        .map(|(id, _)| id.clone())
        .collect();
    match unknown.is_empty() {
        true => Ok(all.into_iter().filter_map(|(id, one)| Some((id, one?))).collect()),
        false => Err(unknown),
    }
}

/// One that can't be read may keep anything, or nothing.
fn understood(stack: &StackDescription, template: Option<String>) -> Result<Map<String, Value>> {
    let Some(body) = template else {
        return Ok(Map::new());
    };
    template::read(&body).map_err(|why| {
        let what = "its deployed template can't be read, so it isn't known which data it keeps";
        Error::refused(format!("{}: {what}: {why}", stack.name))
            .with_help("deploy its file, which puts its template in its place again, then run the same command again")
    })
}

/// Resources of a template that hold data.
fn data(template: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    template::section(template, "Resources").filter(|(_, resource)| {
        let of_type = resource["Type"].as_str();
        of_type.is_some_and(|of_type| holds_data(of_type, false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, in_stack: &[&str]) -> std::result::Result<BTreeMap<String, Disposal>, Vec<String>> {
        disposals_of_own(&template::read(body).expect("a template"), in_stack.iter().copied())
    }

    #[test]
    fn what_a_template_of_the_users_doesnt_say_in_plain_words_is_not_known() {
        let body = "\
Resources:
  Files: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain}
  Gone: {Type: 'AWS::S3::Bucket'}
  Topic: {Type: 'AWS::SNS::Topic', DeletionPolicy: !Ref Policy}
";
        let known = BTreeMap::from([
            ("Files".to_owned(), Disposal::Kept),
            ("Gone".to_owned(), Disposal::Deleted),
        ]);
        assert_eq!(of(body, &["Files", "Gone"]), Ok(known));
        // In the stack, and not in the template.
        assert_eq!(of(body, &["Files", "Other"]), Err(vec!["Other".to_owned()]));
        let by_function = body.replacen("Retain", "!Ref Policy", 1);
        assert_eq!(of(&by_function, &["Files", "Gone"]), Err(vec!["Files".to_owned()]));
        assert_eq!(
            of(&body.replacen("Retain", "Keep", 1), &[]),
            Err(vec!["Files".to_owned()])
        );
    }
}
