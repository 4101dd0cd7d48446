//! `qfleet deploy ENV`

use std::collections::BTreeMap;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::after_deploy;
use super::global::{Env, Global};
use super::numbers::whole;
use super::waits::Waits;
use super::words;
use crate::blueprint::Blueprint;
use crate::blueprint::template_folder::TemplateFolder;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::{Change, Manner, OnFailure};
use crate::engine::approved::{Approved, Digest};
use crate::engine::deploy::bring_up::{Ask, Wish, bring_up};
use crate::engine::destroy::prune::Pruning;
use crate::engine::event::Events;
use crate::engine::operation::{Context, Waiting};
use crate::engine::outcome::Report;
use crate::engine::plan::Plan;
use crate::engine::plan::contents::Contents;
use crate::engine::plan::planner::Options;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::report;
use crate::report::form::Output;
use crate::report::progress::{Face, Progress};

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
4 refused (wrong account, not confirmed, a stack in a state that needs a person); 5 with --no-wait: not all of it could be \
begun yet (run it again); 130 interrupted.")]
pub struct Deploy {
    #[command(flatten)]
    env: Env,
    /// Don't ask for confirmation, not even where more is replaced than the plan could show
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    selection: Selection,
    /// Refuse, rather than wait, when an operation is running on a stack
    #[arg(long)]
    no_attach: bool,
    /// How many stacks are worked on at once
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = whole::<u16>(1..=1000, 8))]
    concurrency: u16,
    /// What happens to a stack when it fails [default: delete for the first create of a lab, else rollback]
    #[arg(long, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    /// Deploy what the plan with this digest showed, and refuse anything else; without asking
    #[arg(long, value_name = "DIGEST")]
    expect: Option<Digest>,
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
#[derive(Debug, Args)]
pub struct Selection {
    /// Only this part of the environment (`intake`, a stage's name, …); may be given several times
    #[arg(long, value_name = "PART")]
    pub(super) only: Vec<String>,
    /// Also destroy what the file no longer has, after the rest, as `destroy` does it
    #[arg(long, conflicts_with = "only")]
    pub prune: bool,
    /// Allow this bucket or queue, by its name in the template, to be replaced or deleted with what is in it: `Queue`, or
    /// `move.Queue`, which is that of one part; what --prune takes is named with its part
    #[arg(long, value_name = "RESOURCE")]
    pub allow_replace: Vec<String>,
    /// Remove termination protection that somebody switched on by hand; with --prune, also that which `protect: true` gave to
    /// what the file no longer has
    #[arg(long)]
    pub disable_protection: bool,
    /// Name of the change sets, for a pipeline to find them
    #[arg(long, value_name = "NAME", value_parser = change_set_name)]
    pub change_set_name: Option<String>,
    /// Role for CloudFormation to use, which it keeps for later operations, deletion included
    #[arg(long, value_name = "ARN", value_parser = words::role_arn)]
    pub role_arn: Option<String>,
}

impl Selection {
    /// This command with these options, for the environment as it was given.
    pub fn command(&self, verb: &str, env: &str) -> String {
        [
            format!("qfleet {verb} {env}"),
            words::option("--only", &self.only),
            words::flags(&[("--prune", self.prune)]),
            words::option("--allow-replace", &self.allow_replace),
            words::flags(&[("--disable-protection", self.disable_protection)]),
            words::option("--change-set-name", &self.change_set_name),
            words::option("--role-arn", &self.role_arn),
        ]
        .concat()
    }

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
    /// Deploys, and shows the result.
    pub fn run(self, global: &Global) -> Result<()> {
        if self.selection.prune && self.waits.no_wait {
            return Err(
                Error::usage("--prune comes after the rest is deployed, and --no-wait doesn't wait for that")
                    .with_help("leave one of them out"),
            );
        }
        let environment = self.env.load_and_build(global)?;
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(&environment))).await?;
            let mut blueprint = crate::blueprint::render(&environment, &Global::placement(&cloud))?;
            self.selection.select(&mut blueprint)?;
            let mut person = Person::new(global, interrupt, &self.env, self.yes || self.expect.is_some());
            person.again = self.again(&person.env) + &global.output_words();
            let approved = self.expect.as_ref().map(|digest| Approved {
                digest: digest.clone(),
                plan: self.selection.command("plan", &person.env),
            });
            let wish = Wish {
                environment: &environment,
                blueprint,
                options: self.options(),
                prunes: self.selection.prune,
                approved,
                attaches: !self.no_attach,
                concurrency: self.concurrency.into(),
                deploy: &person.deploy,
                drafts: &global.drafts,
                now: Timestamp::now,
            };
            let waiting = self.waits.begin(global, interrupt);
            person
                .bring_up(&cloud, waiting, wish, |report| {
                    person.show_result(report)?;
                    if global.output == Output::Text {
                        after_deploy::tell(global, &self.env, &environment, report);
                    }
                    Ok(())
                })
                .await
        })
    }

    /// The command that goes on with what this one leaves.
    fn again(&self, env: &str) -> String {
        let again = self.selection.command("deploy", env);
        let unasked = match &self.expect {
            Some(digest) => format!(" --expect {digest}"),
            None if self.yes => " --yes".to_owned(),
            None => String::new(),
        };
        format!("{again}{unasked}{}", self.waits.words())
    }

    fn options(&self) -> Options {
        Options {
            change_set_name: self.selection.change_set_name.clone(),
            manner: Manner {
                on_failure: self.on_failure,
                role_arn: self.selection.role_arn.clone(),
            },
            allow_replace: self.selection.allow_replace.clone(),
            disable_protection: self.selection.disable_protection,
            templates: TemplateFolder::OfDeploys,
        }
    }
}

/// `deploy ENV --yes` before something else, whose result is the only document then.
pub(super) fn deploy_before(global: &Global, environment: &Environment, env: &Env) -> Result<()> {
    global.run(None, async |interrupt| {
        let cloud = interrupt.unless_stopped(global.connect(Some(environment))).await?;
        let person = Person {
            is_brief: true,
            ..Person::new(global, interrupt, env, true)
        };
        let wish = Wish {
            environment,
            blueprint: crate::blueprint::render(environment, &Global::placement(&cloud))?,
            options: Options::default(),
            prunes: false,
            approved: None,
            attaches: true,
            concurrency: CONCURRENCY.into(),
            deploy: &person.deploy,
            drafts: &global.drafts,
            now: Timestamp::now,
        };
        let show = |report: &Report| match global.output {
            Output::Json => report.result(),
            Output::Text | Output::Jsonl => person.show_result(report),
        };
        person.bring_up(&cloud, Waiting::default(), wish, show).await
    })
}

/// Who is asked: whoever started the command. `yes` agrees to everything.
struct Person<'a> {
    global: &'a Global,
    interrupt: &'a Interrupt,
    /// The environment as it was given.
    env: String,
    /// The command that deploys it, for messages.
    deploy: String,
    /// The same with all that says what is done: it goes on with what this one leaves.
    again: String,
    yes: bool,
    /// Something else was asked for, and this comes before it: it says little.
    is_brief: bool,
}

/// The same, while progress is shown.
struct Asked<'a> {
    person: &'a Person<'a>,
    progress: &'a Progress,
    events: &'a Events,
}

impl<'a> Person<'a> {
    fn new(global: &'a Global, interrupt: &'a Interrupt, env: &Env, yes: bool) -> Person<'a> {
        let env = global.with_whereabouts(&env.words());
        let deploy = format!("qfleet deploy {env}");
        Person {
            global,
            interrupt,
            again: deploy.clone(),
            deploy,
            env,
            yes,
            is_brief: false,
        }
    }

    /// Deploys, shows the result, and takes away what change sets are left.
    async fn bring_up(
        &self,
        cloud: &Cloud,
        waiting: Waiting,
        wish: Wish<'_>,
        show: impl FnOnce(&Report) -> Result<()>,
    ) -> Result<()> {
        let interrupt = self.interrupt;
        let face = match self.global.face() {
            Face::Plain if self.is_brief && !report::calls::are_shown() => Face::Brief,
            face => face,
        };
        let (events, progress) = Progress::begin(face);
        let context = Context {
            cloud,
            tell: &events,
            interrupt,
            waiting,
        };
        let asked = Asked {
            person: self,
            progress: &progress,
            events: &events,
        };
        let result = bring_up(context, wish, &asked).await.map(|report| Report {
            warnings: events.warnings(),
            error: report.ending(&self.again),
            ..report
        });
        drop(events);
        progress.end().await;
        if matches!(result, Err(Error::Interrupted)) {
            report::note("nothing was changed: the same command begins anew");
        }
        let discarded = self.global.drafts.discard_in_time(cloud, interrupt).await;
        let shown = result.and_then(|report| show(&report));
        match (shown, discarded) {
            (Err(error), Err(left)) => {
                report::note(&left.to_string());
                Err(error)
            }
            (shown, discarded) => shown.and(discarded.map_err(|left| Global::left(interrupt, left))),
        }
    }

    fn show_result(&self, report: &Report) -> Result<()> {
        match self.global.output {
            Output::Text => {
                report::note(&report::summary::text(report, &self.again));
                report::prose(&report::data::left(report));
                report::text(&report::receipt::pruned(report));
                if report.succeeded && !self.is_brief {
                    report::text(&report::summary::outputs(&report::summary::to_copy(&report.outputs)));
                }
                if report.succeeded {
                    report::note(&format!("All outputs: qfleet outputs {}", self.env));
                }
            }
            Output::Json => report::json(report),
            Output::Jsonl => report::json_line(&BTreeMap::from([("result", report)])),
        }
        report::summary::note_causes(report, &self.again, self.global.output);
        report.result()
    }
}

impl Ask for Asked<'_> {
    fn show(&self, plan: &Plan, blueprint: &Blueprint) {
        let env = &self.person.env;
        if self.person.global.output == Output::Text {
            let contents = Contents::of(blueprint, plan);
            self.progress.suspend(|| match self.person.is_brief {
                true => report::note(report::plan::brief(plan, &contents, env).trim_end()),
                false => report::prose(&report::plan::text(plan, &contents, env)),
            });
            return;
        }
        let warnings = plan
            .stacks
            .iter()
            .filter_map(|stack| Some(format!("{}: {}", stack.stack, stack.warning.as_ref()?)));
        let of_buckets = plan.existing_buckets.iter().flat_map(|bucket| {
            let warnings = bucket.warnings.iter();
            warnings.map(|warning| format!("s3://{}: {warning}", bucket.bucket))
        });
        let drift = report::plan::drift(plan, env);
        let expiry = report::plan::expiry(plan, env);
        let of_environment = drift.into_iter().chain(expiry);
        for warning in warnings
            .chain(of_buckets)
            .chain(of_environment)
            .chain(report::surplus::warnings(plan, env))
        {
            self.events.warn(warning);
        }
    }

    fn agrees(&self, plan: &Plan, pruning: Option<&Pruning>) -> Result<bool> {
        let question = format!(
            "Deploy {} to {}{}?",
            plan.address.environment,
            plan.address.place(),
            pruning.map(Pruning::question).unwrap_or_default()
        );
        for unknown in pruning.iter().flat_map(|pruning| &pruning.unknown) {
            let warning = format!("it isn't known {unknown}");
            match self.person.global.output {
                // Before the question.
                Output::Text => self.progress.suspend(|| report::note(&format!("warning: {warning}"))),
                Output::Json | Output::Jsonl => self.events.warn(warning),
            }
        }
        self.progress
            .suspend(|| report::confirm(self.person.interrupt, &question, self.person.yes))
    }

    fn approves(&self, stack: &str, changes: &[&Change]) -> bool {
        self.progress.suspend(|| {
            report::note(&report::changes::not_shown(stack, changes));
            report::confirm(self.person.interrupt, &format!("Go on with {stack}?"), self.person.yes).unwrap_or(false)
        })
    }
}
