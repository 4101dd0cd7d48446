//! `qfleet plan ENV`

use std::path::PathBuf;

use clap::Args;
use futures_util::future::join;
use schemars::JsonSchema;
use serde::Serialize;

use super::deploy::Selection;
use super::global::{Env, Form, Global};
use crate::cloud::cloudformation::change_set::Manner;
use crate::engine::approved::{Digest, Planned};
use crate::engine::destroy::prune::Pruning;
use crate::engine::plan;
use crate::engine::plan::draw_up::draw_up;
use crate::engine::plan::planner::{Options, Planner};
use crate::engine::plan::surplus::Surplus;
use crate::error::{Error, Result};
use crate::report::form::Output;
use crate::report::{self, ErrorJson};

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed, and nothing stays behind: the change sets that CloudFormation was asked with are thrown away.

Stacks that the file doesn't have any more are named with what they hold. A deploy leaves them, so --exit-code counts \
them only with --prune; `qfleet status ENV --exit-code` counts them always.

Drift that was found before is named. It is no part of the plan, because a deploy doesn't put it back.

Examples:
  qfleet plan production                   what a deploy would change
  qfleet plan production --exit-code       exit code 3 when it would change anything
  qfleet plan production --prune           and what a deploy with --prune would destroy
  qfleet plan production --output json     the same for a program
  qfleet plan production --output markdown   for a pull request: what may be lost first

The digest at the end stands for all that is approved with this plan: `qfleet deploy ENV --expect DIGEST` does that, and \
refuses anything else.")]
pub struct Plan {
    #[command(flatten)]
    env: Env,
    /// Exit with 3 when a deploy would change anything
    #[arg(long)]
    exit_code: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson>,
}

impl Plan {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load_and_build(global)?;
        global.run(None, async |interrupt| {
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
                let prunes = self.selection.prune;
                let (plan, surplus) = join(draw_up(planner), Surplus::find(&cloud, &blueprint, prunes, now)).await;
                let mut plan = plan::Plan {
                    surplus,
                    prunes,
                    ..plan?
                };
                let lifts = self.selection.disable_protection;
                Pruning::prepare(&cloud, &environment, &mut plan, lifts, now).await?;
                Ok::<_, Error>(plan)
            };
            let plan = interrupt.unless_stopped(drawn_up).await;
            let discarded = global.drafts.discard_in_time(&cloud, interrupt).await;
            let left = discarded.err().map(|left| Global::left(interrupt, left));
            let plan = match (plan, &left) {
                (Err(error), Some(left)) if !matches!(left, Error::Interrupted) => {
                    report::note(&left.to_string());
                    return Err(error);
                }
                (plan, _) => plan?,
            };
            let refusal = plan.refusal().or_else(|| plan.data_loss(&options.allow_replace));
            let planned = Planned {
                plan: &plan,
                blueprint: &blueprint,
                environment: &environment,
                options: &options,
                local: cloud.local,
            };
            let digest = (refusal.is_none() && !plan.is_busy()).then(|| Digest::of(planned).to_string());
            if let (Some(path), Some(digest)) = (&self.digest_file, &digest) {
                let cannot = |error| Error::failed(format!("cannot write {}: {error}", path.display()));
                std::fs::write(path, format!("{digest}\n")).map_err(cannot)?;
            }
            let document = Document {
                plan: &plan,
                digest: digest.clone(),
                error: left.as_ref().map(ErrorJson::from),
            };
            let env = global.with_whereabouts(&self.env.words());
            let exactly = digest.as_deref().filter(|_| plan.changes_anything());
            let exactly = exactly.map(|digest| {
                let deploy = self.selection.command("deploy", &env);
                format!("{deploy} --expect {digest}")
            });
            let refused = refusal.as_ref().map(Error::to_string);
            if global.form == Form::Markdown {
                report::as_it_is(global.output, &document, || {
                    report::plan_markdown::markdown(&plan, &env, refused.as_deref(), exactly.as_deref())
                });
            } else {
                report::document(global.output, &document, || report::plan::text(&plan, &env));
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
                None if self.exit_code && plan.changes_anything() => Err(Error::Differences),
                None => Ok(()),
            }
        })
    }
}
