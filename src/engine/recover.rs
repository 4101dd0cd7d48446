//! Gets stacks going again that are stuck after a failure: a rollback that failed goes on, a failed operation that was
//! left as it is, is taken back. Nothing that ever was complete is deleted.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::believed;
use super::event::Operation;
use super::graph;
use super::operation::{self, Context, Target};
use super::outcome::{Failed, Outcome, Report, StackReport};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::deployed::{Deployed, DeployedStack};
use crate::engine::deploy::settle;
use crate::engine::plan::blocking;
use crate::engine::plan::blocking::Blocking;
use crate::engine::plan::decide;
use crate::engine::plan::decide::Recover;
use crate::engine::plan::history;
use crate::error::{Error, Reason, Result};

/// A stack that is not as it should be, and what is done about it.
#[derive(Debug)]
pub struct Stuck {
    pub part: String,
    pub stack: String,
    pub id: String,
    pub status: StackStatus,
    pub action: Recover,
    /// What failed in it.
    pub blocking: Vec<Blocking>,
    /// What its rollback leaves as it is, by logical id.
    pub skip: Vec<String>,
    /// CloudFormation itself chooses what is skipped: everything that the rollback is stuck on.
    pub force: bool,
}

impl Stuck {
    /// What its rollback can go on without, by logical id.
    fn skippable(&self) -> impl Iterator<Item = &str> {
        let going_on = self.action == Recover::Continue;
        let blocking = self
            .blocking
            .iter()
            .filter(move |blocking| going_on && blocking.can_be_skipped());
        blocking.map(|blocking| blocking.logical_id.as_str())
    }

    /// Whether nothing can be done about it here.
    fn is_refused(&self) -> bool {
        matches!(self.action, Recover::Refuse(_))
    }
}

/// Who is shown what is stuck, and asked.
pub trait Ask: Sync {
    fn show(&self, stuck: &[Stuck]);
    /// Whether what was shown may be done.
    ///
    /// # Errors
    /// Why it can't be asked.
    fn agrees(&self, address: &Address) -> Result<bool>;
}

/// Finds what is stuck in an environment, asks, and gets it going.
///
/// # Errors
/// A refusal, with which nothing was changed; usage, when `skip` names what can't be skipped; failures of AWS.
pub async fn get_going(context: Context<'_>, environment: &str, skip: Skip<'_>, ask: &dyn Ask) -> Result<Report> {
    let Context { cloud, interrupt, .. } = context;
    let deployed = settled(context, environment).await?;
    let stuck = interrupt.unless_stopped(find(cloud, &deployed, skip)).await?;
    if stuck.is_empty() {
        let well = deployed.stacks.into_iter().map(|found| StackReport {
            part: found.part,
            stack: found.stack.name,
            outcome: Outcome::Unchanged,
        });
        return Ok(Report::new(deployed.address, well.collect()));
    }
    ask.show(&stuck);
    if !stuck.iter().all(Stuck::is_refused) && !ask.agrees(&deployed.address)? {
        return Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed));
    }
    Ok(recover(context, environment, &stuck).await)
}

/// Waits for operations that are running already, then finds the environment as they left it.
///
/// # Errors
/// A refusal when something runs and is not to be waited for; failures of AWS; interruption.
async fn settled(context: Context<'_>, environment: &str) -> Result<Deployed> {
    let Context { cloud, interrupt, .. } = context;
    let deployed = interrupt.unless_stopped(Deployed::find(cloud, environment)).await?;
    let runs = |status| decide::recover(Some(status), decide::History::WasComplete) == Recover::Attach;
    let running: Vec<Target<'_>> = deployed
        .stacks
        .iter()
        .filter(|found| runs(&found.stack.status))
        .map(|found| Target {
            stack: &found.stack.name,
            part: &found.part,
            id: &found.stack.id,
            template: None,
            boot_reports: None,
            awaited: true,
        })
        .collect();
    if running.is_empty() {
        return Ok(deployed);
    }
    if context.waiting.no_wait {
        return Err(settle::not_waited_for(&running));
    }
    settle::wait_for(context, &running).await?;
    interrupt.unless_stopped(Deployed::find(cloud, environment)).await
}

/// What rollbacks leave as it is.
#[derive(Debug, Clone, Copy)]
pub enum Skip<'a> {
    /// These resources: `RESOURCE`, or `PART.RESOURCE` where several stacks have one of that name.
    These(&'a [String]),
    /// Whatever they are stuck on.
    All,
}

/// The stacks that are stuck.
///
/// # Errors
/// Usage, when `skip` names what can't be skipped; failures of AWS.
pub async fn find(cloud: &Cloud, deployed: &Deployed, skip: Skip<'_>) -> Result<Vec<Stuck>> {
    let found = try_join_all(deployed.stacks.iter().map(|found| look(cloud, found))).await?;
    let mut stuck: Vec<Stuck> = found.into_iter().flatten().collect();
    match skip {
        Skip::These(wanted) => choose(&mut stuck, wanted)?,
        Skip::All => {
            for stack in &mut stuck {
                stack.skip = stack.skippable().map(str::to_owned).collect();
                stack.force = true;
            }
        }
    }
    Ok(stuck)
}

async fn look(cloud: &Cloud, found: &DeployedStack) -> std::result::Result<Option<Stuck>, CloudError> {
    let DeployedStack { part, stack, .. } = found;
    let action = decide::recover(Some(&stack.status), history::of(cloud, stack).await?);
    if action == Recover::Nothing {
        return Ok(None);
    }
    Ok(Some(Stuck {
        part: part.clone(),
        stack: stack.name.clone(),
        id: stack.id.clone(),
        status: stack.status.clone(),
        action,
        blocking: blocking::find(cloud, &stack.id).await?,
        skip: Vec::new(),
        force: false,
    }))
}

/// Hands what is to be skipped to the stacks that are blocked by it.
fn choose(stuck: &mut [Stuck], skip: &[String]) -> Result<()> {
    for wanted in skip {
        let (part, resource) = match wanted.split_once('.') {
            Some((part, resource)) => (Some(part), resource),
            None => (None, wanted.as_str()),
        };
        let mut used = false;
        for stack in stuck.iter_mut() {
            if part.is_none_or(|part| part == stack.part) && stack.skippable().any(|name| name == resource) {
                stack.skip.push(resource.to_owned());
                used = true;
            }
        }
        if !used {
            return Err(nothing_to_skip(stuck, wanted));
        }
    }
    Ok(())
}

fn nothing_to_skip(stuck: &[Stuck], wanted: &str) -> Error {
    let names: Vec<String> = stuck
        .iter()
        .flat_map(|stack| stack.skippable().map(|name| format!("{}.{name}", stack.part)))
        .collect();
    let help = match names.as_slice() {
        [] => "no rollback is stuck on a resource; leave --skip out".to_owned(),
        names => format!("rollbacks are stuck on {}", names.join(", ")),
    };
    Error::usage(format!("--skip {wanted}: no rollback is stuck on that")).with_help(help)
}

/// Does what was found to be done: all stacks at once, as none of them waits for what another puts out.
pub async fn recover(context: Context<'_>, environment: &str, stuck: &[Stuck]) -> Report {
    let needs: BTreeMap<String, Vec<String>> = stuck.iter().map(|stack| (stack.part.clone(), Vec::new())).collect();
    let stop = || context.interrupt.asked();
    let mut finished = graph::run(&needs, needs.len(), stop, |part| {
        let stack = stuck.iter().find(|stack| stack.part == part);
        async move {
            match stack {
                Some(stack) => one(context, stack).await,
                None => Ok(Outcome::Unchanged),
            }
        }
    })
    .await;
    let stacks = stuck.iter().filter_map(|stack| {
        Some(StackReport {
            part: stack.part.clone(),
            stack: stack.stack.clone(),
            outcome: Outcome::from(finished.remove(&stack.part)?),
        })
    });
    Report::new(Address::new(context.cloud, environment), stacks.collect())
}

async fn one(context: Context<'_>, stack: &Stuck) -> std::result::Result<Outcome, Failed> {
    let Context { cloud, .. } = context;
    let target = Target {
        stack: &stack.stack,
        part: &stack.part,
        id: &stack.id,
        template: None,
        boot_reports: None,
        awaited: false,
    };
    let request = async {
        match stack.action {
            Recover::Continue if stack.force => cloud.continue_rollback(&stack.id, &[], true).await,
            Recover::Continue => cloud.continue_rollback(&stack.id, &stack.skip, false).await,
            _ => cloud.rollback_stack(&stack.id).await,
        }
    };
    match stack.action {
        Recover::Continue | Recover::Rollback | Recover::TakeBack => as_asked(context, stack).await?,
        Recover::Refuse(why) => {
            return Err(Error::refused(format!("{} is {}: {why}", stack.stack, stack.status)).into());
        }
        // Something began on it after it was looked at: whoever did that is at work.
        Recover::Attach | Recover::Nothing => return Ok(Outcome::Unchanged),
    }
    match operation::run(context, target, Operation::Rollback, request).await {
        Ok((outcome, _)) => Ok(outcome),
        Err(Failed::Failure(mut failure)) => {
            if failure.status == Some(StackStatus::UpdateRollbackFailed) {
                let left = blocking::find(cloud, &stack.id).await?;
                let names: Vec<&str> = left
                    .iter()
                    .filter(|blocking| blocking.can_be_skipped())
                    .map(|blocking| blocking.logical_id.as_str())
                    .collect();
                failure.help = Some(format!(
                    "repair {} and run the same command again, or go on without: --skip {}",
                    names.join(", "),
                    names.join(" --skip ")
                ))
                .filter(|_| !names.is_empty());
            }
            Err(Failed::Failure(failure))
        }
        Err(unattended) => Err(unattended),
    }
}

/// Others go on working while somebody is asked: what was decided before holds only where the same would be decided now.
///
/// # Errors
/// A refusal when something else would; failures of AWS.
async fn as_asked(context: Context<'_>, stack: &Stuck) -> std::result::Result<(), Failed> {
    let cloud = context.cloud;
    let now = believed::stack(cloud, &stack.id, |_| true, || context.interrupt.asked()).await?;
    let (action, is) = match now {
        Some(now) => (
            decide::recover(Some(&now.status), history::of(cloud, &now).await?),
            format!("is {} now", now.status),
        ),
        None => (Recover::Nothing, "is gone now".to_owned()),
    };
    if action == stack.action {
        return Ok(());
    }
    let why = match action {
        Recover::Refuse(why) => format!("{} {is}: {why}", stack.stack),
        _ => format!(
            "{} was {} when this command looked, and {is}: nothing was done to it",
            stack.stack, stack.status
        ),
    };
    Err(Error::refused(why)
        .with_help("run the same command again: it shows what is done now")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuck(part: &str, action: Recover, blocking: &[(&str, &str)]) -> Stuck {
        Stuck {
            part: part.into(),
            stack: format!("lab-{part}"),
            id: String::new(),
            status: StackStatus::UpdateRollbackFailed,
            action,
            blocking: blocking
                .iter()
                .map(|(logical_id, status)| Blocking {
                    logical_id: (*logical_id).into(),
                    resource_type: String::new(),
                    physical_id: String::new(),
                    status: (*status).into(),
                    reason: None,
                })
                .collect(),
            skip: Vec::new(),
            force: false,
        }
    }

    #[test]
    fn what_is_skipped_goes_to_the_stacks_that_it_blocks() {
        let two = || {
            vec![
                stuck(
                    "scan",
                    Recover::Continue,
                    &[("Queue", "UPDATE_FAILED"), ("New", "CREATE_FAILED")],
                ),
                stuck("move", Recover::Continue, &[("Queue", "UPDATE_FAILED")]),
                stuck("intake", Recover::Rollback, &[("Topic", "UPDATE_FAILED")]),
            ]
        };
        let skipped = |skip: &str| {
            let mut all = two();
            choose(&mut all, &[skip.to_owned()]).map(|()| {
                let parts = all.into_iter().filter(|stack| !stack.skip.is_empty());
                parts.map(|stack| stack.part).collect::<Vec<_>>()
            })
        };
        assert_eq!(skipped("Queue").unwrap_or_default(), ["scan", "move"]);
        assert_eq!(skipped("move.Queue").unwrap_or_default(), ["move"]);
        // A resource that failed to be created, one of a stack that is rolled back as a whole, and one that isn't there.
        for wrong in ["New", "Topic", "intake.Queue", "Qeue"] {
            let error = skipped(wrong).expect_err(wrong);
            assert_eq!(error.exit_code(), crate::error::exit_code::USAGE, "{wrong}");
            assert_eq!(error.help(), Some("rollbacks are stuck on scan.Queue, move.Queue"));
        }
    }
}
