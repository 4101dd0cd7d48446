//! `qfleet deploy ENV --prune`: what the file doesn't have any more is destroyed after the rest, as `destroy` does it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::foreign::{self, Foreign};
use super::take_down::lost_though_the_file_keeps;
use super::{Teardown, destroy, keep};
use crate::cloud::Cloud;
use crate::deployed::protection;
use crate::deployed::protection::Lifted;
use crate::deployed::{Deployed, DeployedStack};
use crate::engine::graph::Finished;
use crate::engine::operation::Context;
use crate::engine::outcome::{Failed, Outcome, Report, StackReport};
use crate::engine::plan::Plan;
use crate::engine::plan::surplus::Surplus;
use crate::environment::Environment;
use crate::error::{Error, Reason, Refusal, Result};
use crate::observe::data::Data;
use crate::observe::leftovers::{self, Known, Patience, Receipt, Subject};

const UNKNOWN: &str = "it isn't known what --prune would destroy";

/// The stacks that go, as they are shown before the question.
#[derive(Debug)]
pub struct Pruning {
    deployed: Deployed,
    objects: BTreeMap<String, u64>,
    lifted: Lifted,
    known: Known,
    /// What isn't known of their users, and why; for whoever is asked.
    pub unknown: Vec<String>,
}

impl Pruning {
    /// Reads what is about to go, and what stays of it; none where nothing goes. A refusal, which is one reason among those
    /// of the plan, where something is protected, used by others, or would lose what the file keeps. `now` is the wall clock.
    ///
    /// # Errors
    /// Failures of AWS.
    pub async fn prepare(
        cloud: &Cloud,
        environment: &Environment,
        plan: &mut Plan,
        disable_protection: bool,
        now: Timestamp,
    ) -> Result<(Option<Pruning>, Option<Refusal>)> {
        match Pruning::read(cloud, environment, plan, disable_protection, now).await {
            Err(refused @ Error::Refused { .. }) => {
                let unread = plan.surplus.deployed.clone().filter(|_| plan.surplus.stacks.is_empty());
                if let Some(deployed) = unread {
                    // What they hold is shown all the same.
                    let read = Surplus::read(cloud, deployed, now).await;
                    plan.surplus = read.map_err(|error| error.about(UNKNOWN))?;
                }
                Ok((None, Some(Refusal::from(refused))))
            }
            read => Ok((read?, None)),
        }
    }

    async fn read(
        cloud: &Cloud,
        environment: &Environment,
        plan: &mut Plan,
        disable_protection: bool,
        now: Timestamp,
    ) -> Result<Option<Pruning>> {
        if !plan.prunes {
            return Ok(None);
        }
        let surplus = &mut plan.surplus;
        if let Some(why) = &surplus.unknown {
            return Err(Error::failed(format!("{UNKNOWN}: {why}")));
        }
        let Some(deployed) = surplus.deployed.clone().filter(|deployed| !deployed.stacks.is_empty()) else {
            return Ok(None);
        };
        let names: Vec<String> = deployed.stacks.iter().map(|stack| stack.stack.name.clone()).collect();
        if environment.protect && !disable_protection {
            let what = format!(
                "{}: the file says `protect: true`, which holds for what was taken out of it, too",
                names.join(", ")
            );
            let help = "if they really are to go: --disable-protection, which lifts it for them alone";
            return Err(Error::refused(what).because(Reason::Protected).with_help(help));
        }
        let deployed = deployed.with_protection(cloud).await?;
        // The file lifts what it once asked for; nothing deploys these stacks' tags any more.
        let lifted = Lifted {
            tagged: true,
            by_hand: disable_protection,
        };
        let mut stacks = deployed.stacks.iter();
        if let Some(refusal) = stacks.find_map(|stack| protection::refusal(&stack.stack, lifted)) {
            return Err(refusal);
        }
        // Stacks that stay may let go of them only when they are deployed: that is asked again then.
        let all = Deployed::find(cloud, &environment.name).await?;
        let users = foreign::find(cloud, &all).await.map_err(|error| error.about(UNKNOWN))?;
        let theirs: Vec<Foreign> = users
            .foreign
            .iter()
            .filter(|user| names.iter().any(|name| user.stack() == name))
            .cloned()
            .collect();
        if !theirs.is_empty() {
            return Err(foreign::refusal(&names.join(", "), &theirs));
        }
        let of_going = users.unknown.iter().filter(|(stack, _)| names.contains(stack));
        let unknown = of_going.map(|(_, what)| what.clone()).collect();
        let deployed = keep::mark(cloud, deployed.in_order_of_imports(&users)).await?;
        let read = Surplus::read(cloud, deployed.clone(), now).await;
        *surplus = read.map_err(|error| error.about(UNKNOWN))?;
        let all = surplus.stacks.iter().map(|stack| &stack.data);
        let data = Data {
            buckets: all.clone().flat_map(|data| data.buckets.clone()).collect(),
            queues: all.clone().flat_map(|data| data.queues.clone()).collect(),
            tables: all.clone().flat_map(|data| data.tables.clone()).collect(),
            others: all.flat_map(|data| data.others.clone()).collect(),
        };
        let lost = lost_though_the_file_keeps(Some(environment), &deployed, &data);
        if !lost.is_empty() {
            let what = format!(
                "the file says `on_destroy: keep`, but --prune would delete {}",
                lost.join(", ")
            );
            let help = "put back into the file what it was in, deploy, take it out again, then the same command";
            return Err(Error::refused(what).because(Reason::DataLoss).with_help(help));
        }
        Ok(Some(Pruning {
            known: Known::read(cloud, &deployed).await,
            deployed,
            objects: data.versions(),
            lifted,
            unknown,
        }))
    }

    /// For the question: `, and destroy lab-old`.
    pub fn question(&self) -> String {
        let names = |stacks: &mut dyn Iterator<Item = &DeployedStack>| {
            let names: Vec<&str> = stacks.map(|stack| stack.stack.name.as_str()).collect();
            names.join(", ")
        };
        let mut protected = self
            .deployed
            .stacks
            .iter()
            .filter(|stack| stack.stack.protected == Some(true));
        let lift = match names(&mut protected) {
            none if none.is_empty() => String::new(),
            some => format!(", lift the termination protection of {some}"),
        };
        format!("{lift}, and destroy {}", names(&mut self.deployed.stacks.iter()))
    }

    /// Destroys them, and adds to the report of the deploy what became of them. `allowed`: what may go with data in it.
    /// Nothing of it is begun after a deploy that failed: what stays may still need them.
    pub async fn carry_out(
        &self,
        context: Context<'_>,
        role_arn: Option<&str>,
        allowed: &[String],
        now: fn() -> Timestamp,
        report: &mut Report,
    ) {
        let went = match report.succeeded {
            false => self.all(|| Failed::Stopped),
            true => match foreign::find(context.cloud, &self.deployed).await {
                Err(error) => self.all(|| Failed::from(error.clone())),
                Ok(users) if !users.foreign.is_empty() => {
                    let refusal = || foreign::refusal(&self.deployed.address.environment, &users.foreign);
                    self.all(|| Failed::from(refusal()))
                }
                Ok(_) => {
                    destroy(Teardown {
                        context,
                        deployed: &self.deployed,
                        role_arn,
                        no_drain: false,
                        spares: Some(allowed),
                        lifted: self.lifted,
                        force: false,
                        approve: &|_, _| false,
                        objects: &self.objects,
                        now,
                    })
                    .await
                }
            },
        };
        if went.succeeded {
            tokio::select! {
                receipt = self.prove(context.cloud, &went, now) => report.pruned = Some(receipt),
                // What was asked for is done; only the proof is missing.
                _ = context.interrupt.stopped() => {
                    report.was_interrupted = true;
                    context.tell.warn("interrupted while it looked for what is left of the destroyed stacks");
                }
            }
        }
        report.succeeded &= went.succeeded;
        report.goes_on.extend(went.goes_on);
        report.not_begun.extend(went.not_begun);
        report.stacks.extend(went.stacks);
        report.kept.extend(went.kept);
        report.existing_buckets.extend(went.existing_buckets);
    }

    /// What is left of them, as `destroy` looks for it; what the stacks hold that stay is none of it.
    async fn prove(&self, cloud: &Cloud, went: &Report, now: fn() -> Timestamp) -> Receipt {
        let environment = &self.deployed.address.environment;
        let mut subject = Subject {
            environment: environment.clone(),
            known: self.known.clone(),
            ..Subject::default()
        };
        let staying = match Deployed::find(cloud, environment).await {
            Ok(mut staying) => {
                // By ARN: somebody else may have made one of the same name again, and what that holds is none of this.
                let went = |id: &str| self.deployed.stacks.iter().any(|gone| gone.stack.id == id);
                staying.stacks.retain(|stack| !went(&stack.stack.id));
                Known::read(cloud, &staying).await
            }
            Err(error) => Known::unreadable(environment, &error),
        };
        subject.staying = Some(staying);
        for kept in &went.kept {
            subject.keep(&kept.resource_type, &kept.name);
        }
        leftovers::look(cloud, &subject, Patience::with(cloud), now()).await
    }

    /// All of them ended so.
    fn all(&self, why: impl Fn() -> Failed) -> Report {
        let stacks = self.deployed.stacks.iter().map(|stack| StackReport {
            part: stack.part.clone(),
            stack: stack.stack.name.clone(),
            outcome: Outcome::from(Finished::Failed(why())),
        });
        Report::new(self.deployed.address.clone(), stacks.collect())
    }
}
