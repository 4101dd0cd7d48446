//! Data that stays when its stack goes: what keeps it is a policy in the deployed template, which is set first where it
//! isn't.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use super::draft::{LONGEST_INLINE_TEMPLATE, change_set_name};
use super::event::Operation;
use super::operation::{self, Context, Target};
use super::outcome::Failed;
use super::plan::DATA;
use crate::blueprint::amend::{Amendments, amend, retains};
use crate::blueprint::{template, template_key};
use crate::cloud::change_set::{Change, Manner, NewChangeSet, Template, WorkedOut};
use crate::cloud::stack_status::StackStatus::{self, *};
use crate::cloud::stacks::{StackDescription, StackResource};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack, change_set_description};
use crate::environment::OnDestroy;
use crate::error::Error;

/// The environment with the stacks marked whose data stays: by their tags, by `keep_data`, or because their deployed
/// templates retain it. What CloudFormation is going to leave is never emptied. Programs can be made again, and go.
///
/// # Errors
/// When AWS can't be asked.
pub async fn settle(cloud: &Cloud, mut deployed: Deployed, keep_data: bool) -> Result<Deployed, CloudError> {
    let asked = deployed.stacks.iter().map(async |stack| {
        Ok::<_, CloudError>(stack.tags.on_destroy != OnDestroy::Keep && retains_data(cloud, stack).await?)
    });
    let retained = try_join_all(asked).await?;
    for (stack, retained) in deployed.stacks.iter_mut().zip(retained) {
        if retained || (keep_data && stack.part != "artifacts") {
            stack.tags.on_destroy = OnDestroy::Keep;
        }
    }
    Ok(deployed)
}

/// Whether the template that is deployed now retains data.
pub(super) async fn retains_data(cloud: &Cloud, stack: &DeployedStack) -> Result<bool, CloudError> {
    let body = cloud.template(&stack.stack.id).await?;
    let template = body.and_then(|body| template::read(&body).ok()).unwrap_or_default();
    Ok(data(&template).any(|id| retains(&template, id)))
}

/// Resources of a template that hold data, by logical id.
fn data(template: &Map<String, Value>) -> impl Iterator<Item = &str> {
    template::section(template, "Resources")
        .filter(|(_, resource)| {
            let of_type = resource["Type"].as_str();
            of_type.is_some_and(|of_type| DATA.contains(&of_type))
        })
        .map(|(id, _)| id.as_str())
}

/// How a stack's data is kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// Its template does it.
    ByTemplate,
    /// The request to delete the stack names these, by logical id: it is DELETE_FAILED and can't be updated any more.
    ByRequest(Vec<String>),
}

/// Makes sure that these resources of a stack stay when it is deleted. Where its template doesn't say so yet, the stack
/// is updated.
///
/// # Errors
/// A refusal when that can't be done: nothing was changed then. The update's failure.
pub async fn keep(
    context: Context<'_>,
    deployed: &Deployed,
    target: Target<'_>,
    resources: &[StackResource],
) -> Result<Kept, Failed> {
    let Context { cloud, .. } = context;
    let there: Vec<&StackResource> = resources
        .iter()
        .filter(|resource| DATA.contains(&resource.resource_type.as_str()))
        .collect();
    if there.is_empty() {
        return Ok(Kept::ByTemplate);
    }
    let (Some(stack), Some(body)) = (cloud.stack(target.id).await?, cloud.template(target.id).await?) else {
        return Ok(Kept::ByTemplate);
    };
    let read = template::read(&body).map_err(|why| cannot(target.stack, &why))?;
    let missing = there.into_iter().map(|resource| resource.logical_id.clone());
    let missing: Vec<String> = missing.filter(|id| !retains(&read, id)).collect();
    if missing.is_empty() {
        return Ok(Kept::ByTemplate);
    }
    if stack.status == DeleteFailed {
        return Ok(Kept::ByRequest(missing));
    }
    if !can_be_updated(&stack.status) {
        let why = format!(
            "it is {} and can't be updated; try `qfleet recover` first",
            stack.status
        );
        return Err(cannot(target.stack, &why).into());
    }
    let update = amended(&stack, &read, &body, missing).map_err(|why| cannot(target.stack, &why))?;
    apply(context, deployed, target, &stack, &update).await?;
    Ok(Kept::ByTemplate)
}

fn can_be_updated(status: &StackStatus) -> bool {
    matches!(
        status,
        CreateComplete | UpdateComplete | UpdateRollbackComplete | ImportComplete | ImportRollbackComplete
    )
}

fn cannot(stack: &str, why: &str) -> Error {
    Error::refused(format!("the data of {stack} can't be kept: {why}"))
        .with_help("nothing of it was deleted; save what it holds, then destroy without --keep-data")
}

/// A stack's template and parameters, changed so that its data stays.
struct Update {
    body: String,
    parameters: BTreeMap<String, String>,
}

/// What a parameter store holds is read anew at each update ("CloudFormation always fetches the latest values from
/// Parameter Store when it updates stacks":
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/systems-manager-parameter-types.html>), and a newer
/// image would roll the fleet that is about to go: such parameters become plain ones with the value that they have.
fn amended(
    stack: &StackDescription,
    template: &Map<String, Value>,
    body: &str,
    retain: Vec<String>,
) -> Result<Update, String> {
    let mut amendments = Amendments {
        retain,
        ..Amendments::default()
    };
    let mut parameters = BTreeMap::new();
    for (name, parameter) in &stack.parameters {
        let declared = template.get("Parameters").and_then(|all| all.get(name));
        let of_type = declared.and_then(|declared| declared["Type"].as_str());
        let mut value = &parameter.value;
        if let Some(of_type) = of_type.and_then(stored_type) {
            amendments.parameter_types.insert(name.clone(), of_type.to_owned());
            // The local emulator has it in the value's place.
            value = parameter.resolved.as_ref().unwrap_or(value);
        }
        parameters.insert(name.clone(), value.clone());
    }
    Ok(Update {
        body: amend(body, &amendments)?,
        parameters,
    })
}

/// `AWS::EC2::Image::Id` in `AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>`; a list of texts has another name as a
/// plain parameter.
fn stored_type(of_type: &str) -> Option<&str> {
    let inner = of_type.strip_prefix("AWS::SSM::Parameter::Value<")?.strip_suffix('>')?;
    Some(match inner {
        "List<String>" => "CommaDelimitedList",
        inner => inner,
    })
}

async fn apply(
    context: Context<'_>,
    deployed: &Deployed,
    target: Target<'_>,
    stack: &StackDescription,
    update: &Update,
) -> Result<(), Failed> {
    let Context { cloud, .. } = context;
    let template = if update.body.len() > LONGEST_INLINE_TEMPLATE {
        let artifacts = deployed.part("artifacts");
        let bucket = artifacts.and_then(|artifacts| artifacts.stack.outputs.get("BucketName"));
        let bucket =
            bucket.ok_or_else(|| cannot(target.stack, "its template is too long to be sent without a bucket"))?;
        let key = template_key(&update.body);
        cloud
            .put_object_once(bucket, &key, update.body.clone().into_bytes())
            .await?;
        Template::Url(cloud.object_url(bucket, &key))
    } else {
        Template::Body(&update.body)
    };
    let new = NewChangeSet {
        stack: target.id,
        name: &change_set_name(),
        create: false,
        template,
        parameters: &update.parameters,
        tags: &stack.tags,
        // It has made them; that it may is asked again all the same.
        makes_roles: true,
        description: &change_set_description(&deployed.environment, target.part),
        import_existing: false,
        manner: &Manner::default(),
    };
    let made = context.prepare(target.stack, cloud.make_change_set(&new)).await?;
    let refused = match &made.result {
        // All else is about to go anyway. CloudFormation takes what names a changed resource for perhaps replaced.
        WorkedOut::Changes(changes) => changes
            .iter()
            .find(|change| change.takes_away() && DATA.contains(&change.resource_type.as_str()))
            .map(|change: &Change| format!("the update for it would replace or delete {}", change.logical_id)),
        WorkedOut::NothingToDo => Some("CloudFormation sees no change in its policies".to_owned()),
        WorkedOut::Failed(reason) => Some(reason.clone()),
    };
    if let Some(why) = refused {
        cloud.delete_change_set(&made.id).await?;
        return Err(cannot(target.stack, &why).into());
    }
    let request = cloud.execute_change_set(&made.id, false);
    operation::run(context, target, Operation::Update, request)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_parameter_becomes_a_plain_one_of_its_type() {
        assert_eq!(
            stored_type("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"),
            Some("AWS::EC2::Image::Id")
        );
        assert_eq!(
            stored_type("AWS::SSM::Parameter::Value<List<String>>"),
            Some("CommaDelimitedList")
        );
        assert_eq!(stored_type("String"), None);
    }

    #[test]
    fn only_a_stack_at_rest_is_updated() {
        for status in StackStatus::ALL {
            let at_rest =
                status.as_str().ends_with("_COMPLETE") && !matches!(status, RollbackComplete | DeleteComplete);
            assert_eq!(can_be_updated(status), at_rest, "{status}");
        }
    }
}
