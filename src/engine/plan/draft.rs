//! Change sets of ours: made, read, and thrown away when they aren't executed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join_all, try_join};
use tokio::time::Instant;

use crate::blueprint::{self, Stack};
use crate::cloud::cloudformation::change_set;
use crate::cloud::cloudformation::change_set::{Change, Manner, NewChangeSet, OnFailure, Template, WorkedOut};
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::operations::FailuresOf;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::change_set_description;
use crate::engine::believed;
use crate::engine::plan::imports::{Existing, TakeIn};
use crate::engine::plan::planner::Planner;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;

/// The longest template that goes inline
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const LONGEST_INLINE_TEMPLATE: usize = 51_200;

/// A change set that is ready to be executed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its ARN.
    pub id: String,
    /// Its stack's ARN.
    pub stack_id: String,
    /// Whether what fails is left as it is: a stack that was left so before takes no other way.
    pub keep_failed: bool,
    /// Whether an update that fails is left as it is, for whatever reason.
    pub keeps_what_fails: bool,
}

/// The change sets that this process made and that must not stay behind. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Drafts(Arc<Mutex<Vec<Drafted>>>);

#[derive(Debug, Clone)]
struct Drafted {
    /// Its stack's name.
    stack: String,
    change_set: String,
    /// Whether the stack is made to hold it.
    makes_stack: bool,
    /// The stack's ARN, once the change set is known to be made.
    stack_id: Option<String>,
    /// Whether the request for it was answered. One that was given up before may take effect after all.
    answered: bool,
}

/// So long after a request was given up, it has taken effect if it ever does.
const LATE: Duration = Duration::from_secs(1);

impl Drafts {
    /// A change set of an existing stack that is asked for now, and must not stay behind.
    pub fn hold(&self, stack: &str, change_set: &str) {
        self.note(Drafted {
            stack: stack.to_owned(),
            change_set: change_set.to_owned(),
            makes_stack: false,
            stack_id: None,
            answered: false,
        });
    }

    fn note(&self, drafted: Drafted) {
        if let Ok(mut all) = self.0.lock() {
            all.push(drafted);
        }
    }

    fn made(&self, stack: &str, stack_id: &str) {
        if let Ok(mut all) = self.0.lock() {
            let of_stack = all.iter_mut().filter(|drafted| drafted.stack == stack);
            of_stack.for_each(|drafted| drafted.stack_id = Some(stack_id.to_owned()));
        }
    }

    /// The request for the stack's change set was answered.
    pub(in crate::engine) fn answered(&self, stack: &str) {
        if let Ok(mut all) = self.0.lock() {
            let of_stack = all.iter_mut().filter(|drafted| drafted.stack == stack);
            of_stack.for_each(|drafted| drafted.answered = true);
        }
    }

    /// What is left behind when the process ends now: each change set with its stack.
    pub fn names(&self) -> Vec<String> {
        let drafted = self.all();
        let name = |drafted: &Drafted| format!("the change set {} of {}", drafted.change_set, drafted.stack);
        drafted.iter().map(name).collect()
    }

    fn all(&self) -> Vec<Drafted> {
        self.0.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// The stack's change set is executed or thrown away: nothing to clean up any more.
    pub fn forget(&self, stack: &str) {
        if let Ok(mut all) = self.0.lock() {
            all.retain(|drafted| drafted.stack != stack);
        }
    }

    /// Executes the stack's change set with this request. From then on it is CloudFormation's, and throwing it away could
    /// only fail; unless it is plain that nothing was done.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn execute<T>(
        &self,
        stack: &str,
        request: impl Future<Output = std::result::Result<T, CloudError>>,
    ) -> std::result::Result<T, CloudError> {
        let mut all = self.all();
        all.retain(|drafted| drafted.stack == stack);
        self.forget(stack);
        let executed = request.await;
        if matches!(&executed, Err(error) if error.is_denied() || error.is_throttling()) {
            all.into_iter().for_each(|drafted| self.note(drafted));
        }
        executed
    }

    /// Throws away every change set that is left, and the empty stacks that were made to hold one.
    ///
    /// # Errors
    /// What stays behind, with the reason; the others are thrown away all the same.
    pub async fn discard(&self, cloud: &Cloud) -> std::result::Result<(), CloudError> {
        let all = self.all();
        let discarding = all.iter().map(async |drafted| {
            discard(cloud, drafted).await?;
            self.forget(&drafted.stack);
            Ok(())
        });
        join_all(discarding).await.into_iter().collect()
    }
}

/// A pipeline kills within about ten seconds after its signal, and five are promised.
const SOON: Duration = Duration::from_secs(4);

impl Drafts {
    /// The same for a command that may be told to end. Then what CloudFormation is still working out, and doesn't let go in
    /// time, stays behind.
    ///
    /// # Errors
    /// What stays behind, with the reason.
    pub async fn discard_in_time(&self, cloud: &Cloud, interrupt: &Interrupt) -> std::result::Result<(), CloudError> {
        tokio::select! {
            biased;
            _ = interrupt.stopped() => self.discard_soon(cloud).await,
            discarded = self.discard(cloud) => discarded,
        }
    }

    async fn discard_soon(&self, cloud: &Cloud) -> std::result::Result<(), CloudError> {
        let discarded = tokio::time::timeout(SOON, self.discard(cloud)).await;
        discarded.unwrap_or_else(|_| {
            Err(CloudError {
                operation: "DeleteChangeSet",
                code: Some("InvalidChangeSetStatus".into()),
                message: format!(
                    "there was no time to throw away {}: it changes nothing, and the next deploy of that stack throws it \
                     away",
                    self.names().join(", and ")
                ),
            })
        })
    }
}

async fn discard(cloud: &Cloud, drafted: &Drafted) -> std::result::Result<(), CloudError> {
    let Drafted { stack, change_set, .. } = drafted;
    let began = Instant::now();
    cloud.delete_change_set(change_set, Some(stack)).await?;
    if !drafted.answered {
        // Counted from the beginning: one that was being worked out may have taken as long to go.
        tokio::time::sleep_until(began + LATE).await;
        cloud.delete_change_set(change_set, Some(stack)).await?;
    }
    if drafted.makes_stack {
        discard_empty_stack(cloud, drafted).await?;
    }
    Ok(())
}

/// A stack that was made to hold a change set, and holds none any more. It may hold that of another run by now, or be that
/// run's stack already, and some reads come too early to know that: each of several must say that there's nothing.
async fn discard_empty_stack(cloud: &Cloud, drafted: &Drafted) -> std::result::Result<(), CloudError> {
    let found = match &drafted.stack_id {
        Some(id) => believed::stack(cloud, id, |_| true, || false).await?,
        None => cloud.stack(&drafted.stack).await?,
    };
    let Some(stack) = found.filter(|stack| stack.status == StackStatus::ReviewInProgress) else {
        return Ok(());
    };
    let (others, events) = try_join(cloud.change_sets(&stack.name), cloud.recent_events(&stack.id)).await?;
    let was_executed = |event: &ResourceEvent| event.status != StackStatus::ReviewInProgress.as_str();
    if !others.is_empty() || events.iter().any(was_executed) {
        return Ok(());
    }
    cloud.delete_stack(&stack.id, None).await?;
    // An empty stack is gone in a moment; a plan that returns before would leave it to be seen.
    for _ in 0..50 {
        match cloud.stack(&stack.id).await? {
            Some(stack) if stack.status != StackStatus::DeleteComplete => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            _ => break,
        }
    }
    Ok(())
}

/// A name for change sets that no other run uses.
pub fn change_set_name() -> String {
    format!("{}{}", change_set::NAME_PREFIX, uuid::Uuid::new_v4().simple())
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
}

/// What came of asking CloudFormation what it would do.
#[derive(Debug)]
pub enum Drafting {
    /// This.
    Ready {
        /// The change set.
        draft: Draft,
        /// What it would do.
        changes: Vec<Change>,
        /// What CloudFormation can't say of that, and why.
        warning: Option<String>,
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
    } = base;
    let keep_failed = matches!(status, Some(StackStatus::CreateFailed | StackStatus::UpdateFailed));
    // How a failed stack goes on is said when the change set is executed, and can't be said twice.
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
            let body = blueprint::import::template(&stack.body, &ids, &description).map_err(Error::failed)?;
            (Some(body), found.iter().map(Existing::named).collect(), &none)
        }
        TakeIn::Nothing | TakeIn::WithTheRest(_) => (None, Vec::new(), parameters),
    };
    let template = match artifacts_bucket {
        _ if let Some(body) = &first => Template::Body(body),
        Some(bucket) if stack.body.len() > LONGEST_INLINE_TEMPLATE => {
            let key = blueprint::template_key(&stack.body);
            cloud
                .put_object_once(bucket, &key, stack.body.clone().into_bytes())
                .await?;
            Template::Url(cloud.object_url(bucket, &key))
        }
        _ => Template::Body(&stack.body),
    };
    drafts.note(Drafted {
        stack: stack.name.clone(),
        change_set: name.clone(),
        makes_stack: create,
        stack_id: None,
        answered: false,
    });
    // A stack that is to be made has nothing to be pinned to yet: an ARN need not be taken for its name there.
    let target = id.filter(|_| !create).unwrap_or(&stack.name);
    let new = NewChangeSet {
        stack: target,
        name: &name,
        create,
        template,
        parameters,
        tags: &stack.tags,
        makes_roles: stack.makes_roles && first.is_none(),
        description: &description,
        import_existing,
        to_import: &to_import,
        manner: &manner,
    };
    let mut made = cloud.make_change_set(&new).await;
    if matches!(&made, Err(error) if error.is("AlreadyExistsException"))
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
            return Err(CloudError {
                message: format!("{}: {}", stack.name, error.message),
                ..error
            }
            .into());
        }
    };
    drafts.made(&stack.name, &made.stack_id);
    let (changes, warning) = match made.result {
        WorkedOut::Changes { changes, warning } => (changes, warning),
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
    };
    Ok(Drafting::Ready {
        draft,
        changes,
        warning,
    })
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
