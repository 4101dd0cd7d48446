//! `qfleet plan ENV`

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::future::join;
use schemars::JsonSchema;
use serde::Serialize;

use super::deploy::Selection;
use super::global::{Env, Form, Global};
use super::waits::Timeout;
use crate::blueprint::template_folder::TemplateFolder;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::Manner;
use crate::deployed::looked::Looked;
use crate::engine::approved::{Digest, Planned};
use crate::engine::deploy::settle::draw_up_settled;
use crate::engine::destroy::prune::Pruning;
use crate::engine::operation::{Context, Waiting};
use crate::engine::plan::contents::Contents;
use crate::engine::plan::draw_up::draw_up;
use crate::engine::plan::expiry::ExpiryStays;
use crate::engine::plan::planner::{Options, Planner};
use crate::engine::plan::pruned_data::in_vain;
use crate::engine::plan::surplus::Surplus;
use crate::engine::plan::{self, StackAction};
use crate::error::{Error, ErrorJson, Reason, Refusal, Result};
use crate::interrupt::Interrupt;
use crate::report;
use crate::report::form::Output;
use crate::report::progress::Progress;
use crate::shell;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed, and nothing stays behind: the change sets that it is made from are deleted.

Stacks that the file doesn't have any more are named with what they hold. A deploy leaves them, so --exit-code counts \
them only with --prune; `qfleet status ENV --exit-code` counts them always.

Drift that was found before is named. It is no part of the plan, because a deploy doesn't put it back.

Examples:
  qfleet plan production                   what a deploy would change
  qfleet plan production --exit-code       exit code 3 when it would change anything
  qfleet plan production --wait            once another deploy of it has ended
  qfleet plan production --wait --timeout 30m   the same, for half an hour at most
  qfleet plan production --prune           and what a deploy with --prune would destroy
  qfleet plan production --output json     the same for a program
  qfleet plan production --output markdown   for a pull request: what may be lost first

The digest at the end stands for all that is approved with this plan: `qfleet deploy ENV --expect DIGEST` does that, and \
refuses anything else.

Exit codes: 0 planned; 1 AWS could not be asked, or --timeout was over; 2 bad file or usage;
3 with --exit-code: a deploy would change something; 4 a deploy would be refused, or --digest-file could not be written \
because an operation is running; 130 interrupted.")]
pub struct Plan {
    #[command(flatten)]
    env: Env,
    /// Exit with 3 when a deploy would change anything
    #[arg(long)]
    exit_code: bool,
    /// Wait until nothing runs on its stacks, such as another deploy: then there is something to approve
    #[arg(long, help_heading = "Waiting")]
    wait: bool,
    #[command(flatten)]
    timeout: Timeout,
    /// Also write the digest for `deploy --expect` to this file
    #[arg(long, value_name = "FILE")]
    digest_file: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

/// The plan; and what went wrong after it was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    plan: &'a plan::Plan,
    /// For `deploy --expect`: what is approved with this plan. None where nothing can be deployed as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Why it can't be deployed as it is.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [Refusal],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson>,
}

impl Plan {
    pub fn run(self, global: &Global) -> Result<()> {
        if let Some(path) = &self.digest_file {
            make_room(path)?;
        }
        let environment = self.env.load_and_build(global)?;
        global.run(self.timeout.length(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(&environment))).await?;
            let mut blueprint = crate::blueprint::render(&environment, &Global::placement(&cloud))?;
            self.selection.select(&mut blueprint)?;
            let options = Options {
                change_set_name: self.selection.change_set_name.clone(),
                manner: Manner {
                    role_arn: self.selection.role_arn.clone(),
                    ..Manner::default()
                },
                allow_replace: self.selection.allow_replace.clone(),
                disable_protection: self.selection.disable_protection,
                templates: TemplateFolder::OfPlans,
            };
            let now = jiff::Timestamp::now();
            let planner = Planner {
                cloud: &cloud,
                blueprint: &blueprint,
                drafts: &global.drafts,
                options: &options,
                now,
            };
            let drawn_up = async {
                let mut plan = match self.wait {
                    true => self.settled(global, interrupt, planner).await?,
                    false => interrupt.unless_stopped(self.at_once(planner)).await?,
                };
                plan.expiry_stays = ExpiryStays::of(&plan, &environment, now);
                let lifts = self.selection.disable_protection;
                let pruning = Pruning::prepare(&cloud, &environment, &mut plan, lifts, now);
                let (_, refused) = interrupt.unless_stopped(pruning).await?;
                Ok::<_, Error>((plan, refused))
            };
            let plan = drawn_up.await;
            if matches!(plan, Err(Error::Interrupted)) {
                report::note("not planned to the end: nothing was changed");
            }
            let discarded = global.drafts.discard_in_time(&cloud, interrupt).await;
            let left = discarded.err().map(|left| Global::left(interrupt, left));
            let (plan, refused) = match (plan, &left) {
                (Err(error), Some(left)) if !matches!(left, Error::Interrupted) => {
                    report::note(&left.to_string());
                    return Err(error);
                }
                (plan, _) => plan?,
            };
            if let Some(elsewhere) = self.elsewhere(&cloud, &plan) {
                report::note(&elsewhere);
            }
            for vain in in_vain(&plan, &options.allow_replace) {
                report::note(&format!("warning: {vain}"));
            }
            let mut refusals = plan.refusals(&blueprint, &options.allow_replace);
            refusals.extend(refused);
            let refusal = plan::refusal::error(refusals.clone());
            let planned = Planned {
                plan: &plan,
                blueprint: &blueprint,
                environment: &environment,
                options: &options,
                local: cloud.local,
            };
            let digest = (refusal.is_none() && !plan.is_busy()).then(|| Digest::of(planned).to_string());
            if let (Some(path), Some(digest)) = (&self.digest_file, &digest) {
                let cannot = |error| {
                    Error::failed(format!("cannot write {}: {error}", path.display()))
                        .with_help("plan again with a --digest-file that can be written; nothing was changed")
                };
                std::fs::write(path, format!("{digest}\n")).map_err(cannot)?;
            }
            let half = self.digest_file.as_deref().and_then(|path| is_half(&plan, path));
            let document = Document {
                plan: &plan,
                digest: digest.clone(),
                refusals: &refusals,
                error: left
                    .as_ref()
                    .or(refusal.as_ref())
                    .or(half.as_ref())
                    .map(ErrorJson::from),
            };
            let env = global.with_whereabouts(&self.env.words());
            let exactly = digest.as_deref().filter(|_| plan.changes_anything());
            let exactly = exactly.map(|digest| {
                let deploy = self.selection.command("deploy", &env);
                // What is read elsewhere doesn't have the file.
                let is_here = global.form != Form::Markdown;
                match self.digest_file.as_deref().filter(|path| is_here && path.is_file()) {
                    Some(path) => {
                        let path = shell::word(&path.to_string_lossy());
                        format!("{deploy} --expect \"$(cat {path})\"")
                    }
                    None => format!("{deploy} --expect {digest}"),
                }
            });
            let contents = Contents::of(&blueprint, &plan);
            if global.form == Form::Markdown {
                report::as_it_is(global.output, &document, || {
                    report::plan_markdown::markdown(&plan, &contents, &env, &refusals, exactly.as_deref())
                });
            } else {
                report::document(global.output, &document, || report::plan::text(&plan, &contents, &env));
                if global.output == Output::Text {
                    // A command to copy stays in one line.
                    report::text(&report::plan::exactly(exactly.as_deref()));
                }
            }
            if let Some(left) = left {
                return Err(left);
            }
            match refusal {
                Some(refusal) => Err(refusal),
                None if half.is_some() => half.map_or(Ok(()), Err),
                None if self.exit_code && plan.changes_anything() => Err(Error::Differences),
                None => Ok(()),
            }
        })
    }

    /// That all of it would be new, in a region that nobody chose: it may run in another one.
    fn elsewhere(&self, cloud: &Cloud, plan: &plan::Plan) -> Option<String> {
        let is_there = plan.stacks.iter().any(|stack| stack.status.is_some());
        // Of what --only leaves out, nothing is known.
        let found = is_there || !plan.surplus.stacks.is_empty() || !self.selection.only.is_empty();
        let looked = Looked::new(cloud, found);
        let elsewhere = looked.elsewhere(&cloud.region).filter(|_| looked.proves_nothing())?;
        Some(format!("{}. {elsewhere}.", plan.address.not_deployed()))
    }

    /// As everything is now.
    async fn at_once(&self, planner: Planner<'_>) -> Result<plan::Plan> {
        let prunes = self.selection.prune;
        let Planner {
            cloud, blueprint, now, ..
        } = planner;
        let (plan, surplus) = join(draw_up(planner), Surplus::find(cloud, blueprint, prunes, now)).await;
        Ok(plan::Plan {
            surplus,
            prunes,
            ..plan?
        })
    }

    /// Once nothing runs on its stacks. What is waited for is shown, and goes on when the command is interrupted.
    async fn settled(&self, global: &Global, interrupt: &Interrupt, planner: Planner<'_>) -> Result<plan::Plan> {
        let (events, progress) = Progress::begin(global.face());
        let context = Context {
            cloud: planner.cloud,
            tell: &events,
            interrupt,
            waiting: Waiting {
                deadline: global.deadline(self.timeout.length()),
                ..Waiting::default()
            },
        };
        let plan = Box::pin(draw_up_settled(context, planner, self.selection.prune, true)).await;
        drop(events);
        progress.end().await;
        plan
    }
}

/// The digest of an earlier plan isn't there any more while this one is made, or when it fails; and there is room for a new
/// one. A pipe or a device is left as it is.
///
/// # Errors
/// Usage, when no file can be there.
fn make_room(path: &Path) -> Result<()> {
    let is_special = |metadata: Metadata| !metadata.is_file() && !metadata.is_dir();
    if path.metadata().is_ok_and(is_special) {
        return Ok(());
    }
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    let tried = removed
        .and_then(|()| File::create_new(path))
        .and_then(|_| std::fs::remove_file(path));
    tried.map_err(|error| {
        Error::usage(format!("--digest-file {} can't be written: {error}", path.display()))
            .with_help("name a file in a folder that is there and that you may write to")
    })
}

/// Why there is no digest, where an operation runs on a stack: nobody knows yet what would be done to it.
fn is_half(plan: &plan::Plan, path: &Path) -> Option<Error> {
    let busy = plan.stacks.iter().filter(|stack| stack.action == StackAction::Busy);
    let busy: Vec<&str> = busy.map(|stack| stack.stack.as_str()).collect();
    let what = format!(
        "{} was not written: an operation is running on {}, so this is not all that a deploy would do",
        path.display(),
        busy.join(", ")
    );
    (!busy.is_empty()).then(|| {
        Error::refused(what)
            .because(Reason::Busy)
            .with_help("plan again when it has ended; --wait waits for that")
    })
}
