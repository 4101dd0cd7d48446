//! Change sets of ours that aren't executed yet, and how they are thrown away when they never are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::engine::believed;
use crate::interrupt::Interrupt;

/// A change set that is ready to be executed.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: String,
    pub stack_id: String,
    /// Whether what fails is left as it is: a stack that was left so before takes no other way.
    pub keep_failed: bool,
    /// Whether an update that fails is left as it is, for whatever reason.
    pub keeps_what_fails: bool,
    /// Whether it takes in what was kept.
    pub takes_in: bool,
}

/// The change sets that this process made and that must not stay behind. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Drafts(Arc<Mutex<Vec<Drafted>>>);

#[derive(Debug, Clone)]
struct Drafted {
    stack: String,
    change_set: String,
    /// Whether the stack is made to hold it.
    makes_stack: bool,
    /// The stack's ARN, once the change set is known to be made.
    stack_id: Option<String>,
    /// Whether the request for it was answered. One that was given up before may take effect after all.
    answered: bool,
}

/// A request that was given up takes effect within this time, if it ever does.
const LATE: Duration = Duration::from_secs(1);

/// A pipeline kills within about ten seconds after its signal, and five are promised.
const SOON: Duration = Duration::from_secs(4);

impl Drafts {
    /// A change set that is asked for now, and must not stay behind; and whether the stack is made to hold it.
    pub fn hold(&self, stack: &str, change_set: &str, makes_stack: bool) {
        self.note(Drafted {
            stack: stack.to_owned(),
            change_set: change_set.to_owned(),
            makes_stack,
            stack_id: None,
            answered: false,
        });
    }

    fn note(&self, drafted: Drafted) {
        if let Ok(mut all) = self.0.lock() {
            all.push(drafted);
        }
    }

    fn of_stack(&self, stack: &str, change: impl Fn(&mut Drafted)) {
        if let Ok(mut all) = self.0.lock() {
            all.iter_mut().filter(|drafted| drafted.stack == stack).for_each(change);
        }
    }

    pub(super) fn made(&self, stack: &str, stack_id: &str) {
        self.of_stack(stack, |drafted| drafted.stack_id = Some(stack_id.to_owned()));
    }

    /// The request for the stack's change set was answered.
    pub(in crate::engine) fn answered(&self, stack: &str) {
        self.of_stack(stack, |drafted| drafted.answered = true);
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
    /// only fail, unless the answer says that nothing was done.
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
        // Counted from the beginning: deleting one that was being worked out may have taken as long.
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
    // One after the other: between two reads at once, another run may execute its change set, which is not among those that wait
    // any more then, and no event tells of it yet.
    if !cloud.change_sets(&stack.name).await?.is_empty() {
        return Ok(());
    }
    let was_executed = |event: &ResourceEvent| event.status != StackStatus::ReviewInProgress.as_str();
    if cloud.recent_events(&stack.id).await?.iter().any(was_executed) {
        return Ok(());
    }
    cloud.delete_stack(&stack.id, None).await?;
    // An empty stack is gone in a moment. Until then it is waited for, so that nobody sees it after a plan.
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
