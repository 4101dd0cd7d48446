//! `qfleet deploy ENV`

use std::collections::BTreeMap;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use futures_util::FutureExt;
use futures_util::future::join;

use super::global::{Env, Global};
use super::waits::Waits;
use crate::blueprint::Blueprint;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::{Change, Manner, OnFailure};
use crate::deployed::expiry_parameter;
use crate::engine;
use crate::engine::deploy::settle::settle;
use crate::engine::deploy::{Deployment, nothing_to_do};
use crate::engine::destroy::prune::Pruning;
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::engine::plan::Plan;
use crate::engine::plan::draw_up::draw_up;
use crate::engine::plan::planner::{Options, Planner};
use crate::engine::plan::surplus::Surplus;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

const CONCURRENCY: u16 = 8;

/// Arguments of `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
What the file changes is set; what somebody changed behind CloudFormation's back stays, unless the file changes the \
same property. Known drift is named before you are asked; `qfleet drift ENV --revert` puts it back.

Stacks that the file doesn't have any more (a stage that was taken out or renamed, a bucket that was dropped) run on, and \
are named with what they hold. --prune destroys them once the rest is deployed, with the care of `qfleet destroy`.

Examples:
  qfleet deploy stacks/lab.yaml            show what will change, ask, deploy
  qfleet deploy production --yes           in a pipeline: no questions
  qfleet deploy lab --local                to the emulator on this machine

Exit codes: 0 deployed, or nothing to do; 1 an operation failed; 2 bad file or usage;
4 refused (wrong account, not confirmed, a stack in a state that needs a person); 130 interrupted.")]
pub struct Deploy {
    #[command(flatten)]
    env: Env,
    /// Go on without being asked, also where more is replaced than the plan could show
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    selection: Selection,
    /// Refuse, rather than wait, when an operation is running on a stack
    #[arg(long)]
    no_attach: bool,
    /// How many stacks are worked on at once
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// What becomes of a stack when it fails [default: delete for the first create of a lab, else rollback]
    #[arg(long, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    /// Role that CloudFormation works with; it keeps it for later operations, deletion included
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    #[command(flatten)]
    waits: Waits,
}

impl ValueEnum for OnFailure {
    fn value_variants<'a>() -> &'a [Self] {
        &[OnFailure::Rollback, OnFailure::Delete, OnFailure::Keep]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            OnFailure::Rollback => ("rollback", "It is put back as it was"),
            OnFailure::Delete => ("delete", "A first create is deleted; an update is put back as it was"),
            OnFailure::Keep => ("keep", "It is left as it is, to be looked at"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// What a plan is made for.
#[derive(Debug, Default, Args)]
pub struct Selection {
    /// Only this part of the environment (`intake`, a stage's name, …); may be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// With what the file doesn't have any more: it is destroyed after the rest, as `destroy` does it
    #[arg(long, conflicts_with = "only")]
    pub prune: bool,
    /// Allow this bucket or queue, by its name in the template, to be replaced or deleted with what is in it
    #[arg(long, value_name = "RESOURCE")]
    pub allow_replace: Vec<String>,
    /// Take off termination protection that somebody switched on by hand
    #[arg(long)]
    pub disable_protection: bool,
    /// Name of the change sets, for a pipeline to find them
    #[arg(long, value_name = "NAME", value_parser = change_set_name)]
    pub change_set_name: Option<String>,
}

impl Selection {
    /// Leaves only the parts that were asked for.
    pub fn select(&self, blueprint: &mut Blueprint) -> Result<()> {
        let known: Vec<String> = blueprint.stacks.iter().map(|stack| stack.part.clone()).collect();
        if let Some(unknown) = self.only.iter().find(|part| !known.contains(part)) {
            return Err(
                Error::usage(format!("{} has no part `{unknown}`", blueprint.environment))
                    .with_help(format!("its parts are {}", known.join(", "))),
            );
        }
        if !self.only.is_empty() {
            blueprint.stacks.retain(|stack| self.only.contains(&stack.part));
        }
        Ok(())
    }
}

/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>)
fn change_set_name(text: &str) -> std::result::Result<String, String> {
    let well = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if well {
        Ok(text.to_owned())
    } else {
        Err("letters, digits and hyphens, starting with a letter, at most 128".into())
    }
}

impl Deploy {
    /// `deploy ENV --yes`, for a command that needs the environment to be there.
    pub fn unattended(env: Env) -> Deploy {
        Deploy {
            env,
            yes: true,
            selection: Selection::default(),
            no_attach: false,
            concurrency: CONCURRENCY,
            on_failure: None,
            role_arn: None,
            waits: Waits::default(),
        }
    }

    /// Deploys, and shows the result.
    pub fn run(self, global: &Global) -> Result<()> {
        if self.selection.prune && self.waits.no_wait {
            return Err(
                Error::usage("--prune comes after the rest is deployed, and --no-wait doesn't wait for that")
                    .with_help("leave one of them out"),
            );
        }
        let environment = self.env.load()?;
        self.carry_out(global, &environment, |report| show(global, report, &self.env))
    }

    /// The same before something else, whose result is the only document then.
    pub fn run_before(self, global: &Global, environment: &Environment) -> Result<()> {
        self.carry_out(global, environment, |report| match global.output {
            Output::Json => report.result(),
            Output::Text | Output::Jsonl => show(global, report, &self.env),
        })
    }

    fn carry_out(
        &self,
        global: &Global,
        environment: &Environment,
        show: impl FnOnce(&Report) -> Result<()>,
    ) -> Result<()> {
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(environment))).await?;
            let mut blueprint = crate::blueprint::render(environment, &Global::placement(&cloud))?;
            self.selection.select(&mut blueprint)?;
            let (events, progress) = Progress::begin(global.face());
            let context = Context {
                cloud: &cloud,
                tell: &events,
                interrupt,
                waiting: self.waits.begin(global, interrupt),
            };
            let result = self.deploy(global, context, environment, &blueprint, &progress).await;
            drop(events);
            progress.end().await;
            let discarded = global.drafts.discard_in_time(&cloud, interrupt).await;
            let shown = result.and_then(|report| show(&report));
            match (shown, discarded) {
                (Err(error), Err(left)) => {
                    report::note(&left.to_string());
                    Err(error)
                }
                (shown, discarded) => shown.and(discarded.map_err(|left| Global::left(interrupt, left))),
            }
        })
    }

    async fn deploy(
        &self,
        global: &Global,
        context: Context<'_>,
        environment: &Environment,
        blueprint: &Blueprint,
        progress: &Progress,
    ) -> Result<Report> {
        let Context { cloud, interrupt, .. } = context;
        let drafts = &global.drafts;
        let options = self.options(environment);
        let planner = Planner {
            cloud,
            blueprint,
            drafts,
            options: &options,
        };
        let now = jiff::Timestamp::now();
        let mut plan = loop {
            let look = join(draw_up(planner), Surplus::find(cloud, blueprint, now)).map(Ok::<_, Error>);
            let (plan, surplus) = interrupt.unless_stopped(look).await?;
            let plan = Plan {
                surplus,
                prunes: self.selection.prune,
                ..plan?
            };
            if !plan.is_busy() {
                break plan;
            }
            drafts.discard_in_time(cloud, interrupt).await?;
            settle(context, blueprint, !self.no_attach).await?;
        };
        let lifts = self.selection.disable_protection;
        let pruning = Pruning::prepare(cloud, environment, &mut plan, lifts, now);
        let pruning = interrupt.unless_stopped(pruning).await?;
        let env = global.with_whereabouts(&self.env.words());
        if global.output == Output::Text {
            progress.suspend(|| report::text(&report::plan::text(&plan, &env)));
        } else {
            let warnings = plan
                .stacks
                .iter()
                .filter_map(|stack| Some((stack, stack.warning.as_ref()?)));
            for (stack, warning) in warnings {
                context.tell.warn(format!("{}: {warning}", stack.stack));
            }
            if let Some(drift) = report::plan::drift(&plan, &env) {
                context.tell.warn(drift);
            }
            for warning in report::surplus::warnings(&plan, &env) {
                context.tell.warn(warning);
            }
        }
        if let Some(refusal) = plan.refusal().or_else(|| plan.data_loss(&options.allow_replace)) {
            return Err(refusal);
        }
        if !plan.changes_anything() {
            put_expiry(cloud, environment, &plan).await?;
            return Ok(nothing_to_do(plan));
        }
        if let Some(pruning) = &pruning {
            for unknown in &pruning.unknown {
                progress.suspend(|| report::note(&format!("warning: it isn't known {unknown}")));
            }
        }
        let question = format!(
            "Deploy {} to {}{}?",
            plan.address.environment,
            plan.address.place(),
            pruning.as_ref().map(Pruning::question).unwrap_or_default()
        );
        if !progress.suspend(|| report::confirm(interrupt, &question, self.yes))? {
            return Err(Error::refused("not confirmed: nothing was changed"));
        }
        put_expiry(cloud, environment, &plan).await?;
        let approve = |stack: &str, changes: &[&Change]| {
            progress.suspend(|| {
                report::note(&report::plan::not_shown(stack, changes));
                report::confirm(interrupt, &format!("Go on with {stack}?"), self.yes).unwrap_or(false)
            })
        };
        let mut report = engine::deploy::deploy(Deployment {
            context,
            blueprint,
            plan: &plan,
            drafts,
            options: &options,
            concurrency: self.concurrency.into(),
            now: jiff::Timestamp::now,
            approve: &approve,
        })
        .await;
        if let Some(pruning) = pruning {
            pruning
                .carry_out(context, self.role_arn.as_deref(), jiff::Timestamp::now, &mut report)
                .await;
            if !report.kept.is_empty() {
                // Only what is retained can be imported.
                let with = format!("qfleet deploy {env}, once the file has it again, with `on_destroy: keep`");
                report.import_with = Some(with);
            }
        }
        report.surplus = plan.surplus;
        Ok(report)
    }

    fn options(&self, environment: &Environment) -> Options {
        // A lab that never came up is worth nothing; what is meant to last is left for its owner to look at.
        let default = environment.lifetime.map(|_| OnFailure::Delete);
        Options {
            change_set_name: self.selection.change_set_name.clone(),
            manner: Manner {
                on_failure: self.on_failure.or(default),
                role_arn: self.role_arn.clone(),
            },
            allow_replace: self.selection.allow_replace.clone(),
            disable_protection: self.selection.disable_protection,
        }
    }
}

/// An environment with a lifetime expires that long after its first deploy; later deploys don't move it. One whose file
/// names no lifetime any more doesn't expire any more.
async fn put_expiry(cloud: &Cloud, environment: &Environment, plan: &Plan) -> Result<()> {
    let name = expiry_parameter(&environment.name);
    // What an earlier environment of this name left doesn't count for a new one.
    let is_new = plan.outputs.is_empty() && plan.stacks.iter().all(|stack| stack.id.is_none());
    if plan.expires.is_some() && (is_new || environment.lifetime.is_none()) {
        cloud.delete_parameter(&name).await?;
    }
    let Some(lifetime) = environment.lifetime.filter(|_| is_new || plan.expires.is_none()) else {
        return Ok(());
    };
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let expires = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("lifetime {lifetime}: {error}")))?;
    let what = format!("When the qfleet environment {} expires", environment.name);
    cloud.put_parameter_once(&name, &format!("{expires:.0}"), &what).await?;
    Ok(())
}

fn show(global: &Global, report: &Report, env: &Env) -> Result<()> {
    match global.output {
        Output::Text => {
            report::note(&report::summary::text(
                report,
                &format!("qfleet deploy {}", global.with_whereabouts(&env.words())),
            ));
            report::text(&report::data::left(report));
            report::text(&report::receipt::pruned(report));
            if report.succeeded {
                report::text(&report::summary::outputs(&report.outputs));
            }
        }
        Output::Json => report::json(report),
        Output::Jsonl => report::json_line(&BTreeMap::from([("result", report)])),
    }
    report.result()
}
