//! `qfleet deploy ENV`

use std::collections::BTreeMap;

use clap::Args;

use super::global::{Env, Global};
use crate::blueprint::Blueprint;
use crate::cloud::Cloud;
use crate::deployed::expiry_parameter;
use crate::engine::deploy::{Deployment, Outcome, Report, StackReport};
use crate::engine::event::Events;
use crate::engine::interrupt::Interrupt;
use crate::engine::plan::{Drafts, Plan};
use crate::engine::{self, settle::settle};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Arguments of `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet deploy stacks/lab.yaml            show what will change, ask, deploy
  qfleet deploy production --yes           in a pipeline: no questions
  qfleet deploy lab --local                to the emulator on this machine

Exit codes: 0 deployed, or nothing to do; 1 an operation failed; 2 bad file or usage;
4 refused (wrong account, not confirmed, a stack in a state that needs a person); 130 interrupted.")]
pub struct Deploy {
    #[command(flatten)]
    env: Env,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
}

impl Deploy {
    /// Deploys.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let interrupt = global.listen()?;
            let cloud = global.connect(Some(&environment)).await?;
            let blueprint = crate::blueprint::render(&environment, &Global::placement(&cloud))?;
            let (events, progress) = Progress::begin(global.face());
            let drafts = Drafts::default();
            let result = self
                .deploy(
                    global,
                    &cloud,
                    &environment,
                    &blueprint,
                    &drafts,
                    &events,
                    &progress,
                    &interrupt,
                )
                .await;
            drop(events);
            progress.end().await;
            let discarded = drafts.discard(&cloud).await;
            let shown = result.and_then(|report| show(global, &report));
            shown.and(discarded.map_err(Error::from))
        })
    }

    #[allow(clippy::too_many_arguments)]
    async fn deploy(
        &self,
        global: &Global,
        cloud: &Cloud,
        environment: &Environment,
        blueprint: &Blueprint,
        drafts: &Drafts,
        events: &Events,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Report> {
        let plan = tokio::select! {
            plan = async {
                settle(cloud, blueprint, events, interrupt).await?;
                engine::plan::draw_up(cloud, blueprint, drafts).await
            } => plan?,
            () = interrupt.wait() => return Err(Error::Interrupted),
        };
        if global.output == Output::Text {
            progress.suspend(|| report::text(&report::plan::text(&plan)));
        }
        if let Some(refusal) = plan.refusal() {
            return Err(refusal);
        }
        if !plan.changes_anything() {
            put_expiry(cloud, environment, &plan).await?;
            return Ok(nothing_to_do(plan));
        }
        let question = format!(
            "Deploy {} to account {}, {}?",
            plan.environment, plan.account, plan.region
        );
        if !progress.suspend(|| report::confirm(&question, self.yes))? {
            return Err(Error::refused("not confirmed: nothing was changed"));
        }
        put_expiry(cloud, environment, &plan).await?;
        let approve = |stack: &str, changes: &[&crate::cloud::change_set::Change]| {
            progress.suspend(|| {
                report::note(&report::plan::not_shown(stack, changes));
                report::confirm(&format!("Go on with {stack}?"), self.yes).unwrap_or(false)
            })
        };
        let deployment = Deployment {
            cloud,
            blueprint,
            plan: &plan,
            drafts,
            tell: events,
            interrupt,
            approve: &approve,
        };
        Ok(engine::deploy::deploy(&deployment).await)
    }
}

/// An environment with a lifetime expires that long after its first deploy; later deploys don't move it.
async fn put_expiry(cloud: &Cloud, environment: &Environment, plan: &Plan) -> Result<()> {
    let name = expiry_parameter(&environment.name);
    let Some(lifetime) = environment.lifetime else {
        return Ok(cloud.delete_parameter(&name).await?);
    };
    if plan.stacks.iter().all(|stack| stack.id.is_none()) {
        // What an earlier environment of this name left doesn't count for the new one.
        cloud.delete_parameter(&name).await?;
    }
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let expires = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("lifetime {lifetime}: {error}")))?;
    let what = format!("When the qfleet environment {} expires", environment.name);
    cloud.put_parameter_once(&name, &format!("{expires:.0}"), &what).await?;
    Ok(())
}

fn nothing_to_do(plan: Plan) -> Report {
    Report {
        environment: plan.environment,
        account: plan.account,
        region: plan.region,
        succeeded: true,
        stacks: plan
            .stacks
            .into_iter()
            .map(|stack| StackReport {
                part: stack.part,
                stack: stack.stack,
                outcome: Outcome::Unchanged,
            })
            .collect(),
        outputs: plan.outputs,
        kept: Vec::new(),
    }
}

fn show(global: &Global, report: &Report) -> Result<()> {
    match global.output {
        Output::Text => {
            report::note(&format!(
                "{}{}",
                report::summary::failures(report),
                report::summary::totals(report)
            ));
            if report.succeeded {
                report::text(&report::summary::outputs(&report.outputs));
            }
        }
        Output::Json => report::json(report),
        Output::Jsonl => report::json_line(&BTreeMap::from([("result", report)])),
    }
    report.result()
}
