//! Makes a change set of ours, and reads what it would do.

use std::collections::BTreeMap;
use std::path::Path;

use crate::blueprint::{self, LONGEST_INLINE_TEMPLATE, Stack};
use crate::cloud::cloudformation::change_set;
use crate::cloud::cloudformation::change_set::{Change, Manner, NewChangeSet, OnFailure, Template, WorkedOut};
use crate::cloud::cloudformation::operations::FailuresOf;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::change_set_description;
use crate::engine::plan::drafts::Draft;
use crate::engine::plan::imports::{Existing, TakeIn};
use crate::engine::plan::planner::Planner;
use crate::error::{Error, Result};
use crate::local::check_loopback;

/// A name for change sets that no other run uses.
pub fn change_set_name() -> String {
    format!("{}{}", change_set::NAME_PREFIX, uuid::Uuid::new_v4().simple())
}

/// A stack that is there.
#[derive(Debug, Clone)]
pub struct Found {
    pub stack: StackDescription,
    pub template: Option<String>,
}

/// The stack that a change set is made for, as it is.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// Whether the stack is made.
    pub create: bool,
    /// Its ARN, when it is there, if only to be reviewed.
    pub id: Option<&'a str>,
    /// Its status, when it is there.
    pub status: Option<&'a StackStatus>,
    /// What is there already, and how it is taken in.
    pub take_in: TakeIn<'a>,
    /// The stack beside whose resources an import is done; none where it makes the stack.
    pub beside: Option<&'a Found>,
}

/// What came of asking CloudFormation what it would do.
#[derive(Debug)]
pub enum Drafting {
    Ready {
        draft: Draft,
        /// What it would do.
        changes: Vec<Change>,
        /// What CloudFormation can't say of that, and why.
        warning: Option<String>,
        /// The values of parameters that are read from the parameter store, by their names in the template.
        resolved: BTreeMap<String, String>,
    },
    /// Nothing; the change set is thrown away.
    NothingToDo,
    /// An operation on the stack has begun already, while the change set was worked out, or before: then the read that
    /// showed the stack idle came too early.
    Begun,
}

/// Makes a change set for a stack, and reads what it would do. Others of its change sets are left alone: a run that waits
/// for its answer means to execute one. CloudFormation itself throws them away when one is executed.
pub async fn draft(
    planner: Planner<'_>,
    stack: &Stack,
    base: Base<'_>,
    parameters: &BTreeMap<String, String>,
    artifacts_bucket: Option<&str>,
) -> Result<Drafting> {
    let Planner {
        cloud, drafts, options, ..
    } = planner;
    let description = change_set_description(&planner.blueprint.environment, &stack.part);
    let Base {
        create,
        id,
        status,
        take_in,
        beside,
    } = base;
    let keep_failed = matches!(status, Some(StackStatus::CreateFailed | StackStatus::UpdateFailed));
    // For a failed stack this is said when the change set is executed, and can't be said here, too.
    let mut on_failure = options.manner.on_failure.filter(|_| !keep_failed);
    let import_existing = matches!(take_in, TakeIn::WithTheRest(_));
    if import_existing && !keep_failed {
        // A rollback, or the deletion of a failed create, takes what it has made; nothing says that it spares what it took
        // in under RetainExceptOnCreate. Data isn't put at risk for that: the stack is left as it fails, and the next
        // deploy goes on with it.
        on_failure = Some(OnFailure::Keep);
    }
    let manner = Manner {
        on_failure,
        ..options.manner.clone()
    };
    let name = options.change_set_name.clone().unwrap_or_else(change_set_name);
    let none = BTreeMap::new();
    let (first, to_import, parameters) = match take_in {
        TakeIn::First(found) => {
            let ids: Vec<&str> = found.iter().map(|existing| existing.logical_id.as_str()).collect();
            let body = match beside.and_then(|found| found.template.as_deref()) {
                Some(deployed) => blueprint::import::beside(deployed, &stack.body, &ids),
                None => blueprint::import::template(&stack.body, &ids, &description),
            };
            let body = body.map_err(|why| Error::failed(format!("{}: {why}", stack.name)))?;
            (Some(body), found.iter().map(Existing::named).collect(), &none)
        }
        TakeIn::Nothing | TakeIn::WithTheRest(_) => (None, Vec::new(), parameters),
    };
    let body = first.as_ref().unwrap_or(&stack.body);
    let template = match artifacts_bucket {
        Some(bucket) if body.len() > LONGEST_INLINE_TEMPLATE => {
            let key = options.templates.key(body);
            cloud.put_object_once(bucket, &key, body.clone().into_bytes()).await?;
            Template::Url(cloud.object_url(bucket, &key))
        }
        None if body.len() > LONGEST_INLINE_TEMPLATE => return Err(too_long(stack, body)),
        _ => Template::Body(body),
    };
    // What is deployed is acknowledged already.
    let beside = beside.filter(|_| first.is_some());
    let same: Vec<String> = beside
        .iter()
        .flat_map(|found| found.stack.parameters.keys().cloned())
        .collect();
    drafts.hold(&stack.name, &name, create);
    // A stack that is to be made is called by its name: CreateChangeSet may not take an ARN there.
    let target = id.filter(|_| !create).unwrap_or(&stack.name);
    let new = NewChangeSet {
        stack: target,
        name: &name,
        create,
        template,
        parameters,
        same_parameters: &same,
        tags: &stack.tags,
        makes_roles: stack.makes_roles && first.is_none() || beside.is_some(),
        names_roles: stack.names_roles || beside.is_some(),
        expands: stack.expands && (first.is_none() || beside.is_some()),
        description: &description,
        import_existing,
        to_import: &to_import,
        manner: &manner,
    };
    let mut made = cloud.make_change_set(&new).await;
    if matches!(&made, Err(error) if error.is("AlreadyExistsException") && !is_busy_already(error))
        && free_name(cloud, &stack.name, &name, &description).await?
    {
        made = cloud.make_change_set(&new).await;
    }
    if made.as_ref().map_or_else(|error| error.code.is_some(), |_| true) {
        drafts.answered(&stack.name);
    }
    let made = match made {
        Ok(made) => made,
        Err(error) if is_busy_already(&error) || error.is("ChangeSetNotFound") => {
            drafts.forget(&stack.name);
            return Ok(Drafting::Begun);
        }
        Err(error) if error.is("AlreadyExistsException") => {
            drafts.forget(&stack.name);
            return Err(name_is_taken(&stack.name, &name));
        }
        Err(error) => {
            let is_of_template = error.is("ValidationError");
            let told = Error::from(CloudError {
                message: format!("{}: {}", stack.name, error.message),
                ..error
            });
            return Err(match &stack.file {
                Some(file) if is_of_template && told.help().is_none() => {
                    told.with_help(of_own_template(file, cloud.local))
                }
                None if is_of_template && told.help().is_none() && is_taken_for_aws(cloud) => told.with_help(
                    "an endpoint on this machine counts as AWS, and may lack what AWS has, such as the parameters of images: where \
                     it is the local emulator, say --local, too",
                ),
                _ => told,
            });
        }
    };
    drafts.made(&stack.name, &made.stack_id);
    let (changes, warning, resolved) = match made.result {
        WorkedOut::Changes {
            changes,
            warning,
            resolved,
        } => (changes, warning, resolved),
        WorkedOut::NothingToDo => {
            cloud.delete_change_set(&made.id, None).await?;
            drafts.forget(&stack.name);
            return Ok(Drafting::NothingToDo);
        }
        WorkedOut::Failed(reason) => return Err(why_not(cloud, stack, &made.id, &reason).await),
    };
    take_in.verify(&stack.name, &changes)?;
    let draft = Draft {
        id: made.id,
        stack_id: made.stack_id,
        keep_failed,
        keeps_what_fails: !create && (keep_failed || on_failure == Some(OnFailure::Keep)),
        takes_in: import_existing,
    };
    Ok(Drafting::Ready {
        draft,
        changes,
        warning,
        resolved,
    })
}

/// What to do about a template of the user's own that CloudFormation doesn't take.
/// Whether what is asked runs on this machine, though it wasn't called the local emulator.
fn is_taken_for_aws(cloud: &Cloud) -> bool {
    let endpoint = cloud.cli().endpoint_url;
    !cloud.local && endpoint.is_some_and(|endpoint| check_loopback(&endpoint).is_ok())
}

fn of_own_template(file: &Path, local: bool) -> String {
    let file = file.display();
    match local {
        true => format!(
            "that is {file}: `qfleet check` says on which line AWS wouldn't take it. Where it finds nothing, the local emulator \
             lacks what AWS has: leave that extra out of the file here"
        ),
        false => format!("that is {file}: `qfleet check` says what is wrong, and on which line"),
    }
}

/// The bucket comes before it where the file is deployed as a whole.
fn too_long(stack: &Stack, body: &str) -> Error {
    Error::refused(format!(
        "{}: its template has {} bytes, and goes by the bucket for programs, which isn't there",
        stack.name,
        body.len()
    ))
    .with_help("deploy that first: --only artifacts")
}

/// Only a name that was given can be taken. One of ours by that name is thrown away: it's left over from a run that was
/// killed, or that run plans again when it finds it gone.
async fn free_name(cloud: &Cloud, stack: &str, name: &str, description: &str) -> std::result::Result<bool, CloudError> {
    let all = cloud.change_sets(stack).await?;
    let ours = all
        .iter()
        .find(|known| known.name == name && known.description == description);
    if let Some(ours) = ours {
        cloud.delete_change_set(&ours.id, None).await?;
    }
    Ok(ours.is_some())
}

fn name_is_taken(stack: &str, name: &str) -> Error {
    Error::refused(format!(
        "{stack} has a change set `{name}` already, which qfleet didn't make"
    ))
    .with_help("give another --change-set-name, or delete that one if nobody needs it")
}

/// "Stack [lab-intake] already exists and cannot be created again with the changeSet [qfleet-…]", "Stack:arn:… is in
/// UPDATE_IN_PROGRESS state and can not be updated."
fn is_busy_already(error: &CloudError) -> bool {
    let says = |words: &str| error.message.contains(words);
    // The emulator's word for the first one below, where another run has just made the stack.
    if error.is("AlreadyExistsException") && error.message.starts_with("Stack [") {
        return true;
    }
    error.is("ValidationError")
        && (says("already exists and cannot be created again")
            || says("_IN_PROGRESS state and can not be updated")
            // It was taken in a moment ago.
            || says("are already in a stack and cannot be imported"))
}

/// A change set that can't be made may have failed CloudFormation's early validation, which tells each finding apart.
async fn why_not(cloud: &Cloud, stack: &Stack, change_set: &str, reason: &str) -> Error {
    let mut message = format!("{}: {reason}", stack.name);
    for found in cloud.failed_events(FailuresOf::ChangeSet(change_set)).await {
        let path = found.path.map_or(String::new(), |path| format!(" (at {path})"));
        message += &format!(
            "\n  {} {}: {}{path}",
            found.logical_id, found.resource_type, found.reason
        );
    }
    Error::failed(format!("CreateChangeSet failed: {message}"))
}
