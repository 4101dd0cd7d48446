//! `qfleet plan ENV`

use clap::Args;

use super::global::{Env, Global};
use crate::engine::plan::{Drafts, draw_up};
use crate::error::{Error, Result};
use crate::report;
use crate::report::form::Output;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed, and nothing stays behind: the change sets that CloudFormation was asked with are thrown away.

Examples:
  qfleet plan production                   what a deploy would change
  qfleet plan production --exit-code       exit code 3 when it would change anything
  qfleet plan production --output json     the same for a program")]
pub struct Plan {
    #[command(flatten)]
    env: Env,
    /// Exit with 3 when a deploy would change anything
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    /// Plans.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let interrupt = global.listen()?;
            let cloud = global.connect(Some(&environment)).await?;
            let blueprint = crate::blueprint::render(&environment, &Global::placement(&cloud))?;
            let drafts = Drafts::default();
            let plan = tokio::select! {
                plan = draw_up(&cloud, &blueprint, &drafts) => plan,
                () = interrupt.wait() => Err(Error::Interrupted),
            };
            let discarded = drafts.discard(&cloud).await;
            let plan = plan?;
            match global.output {
                Output::Text => report::text(&report::plan::text(&plan)),
                Output::Json => report::json(&plan),
                Output::Jsonl => report::json_line(&plan),
            }
            discarded?;
            match plan.refusal() {
                Some(refusal) => Err(refusal),
                None if self.exit_code && plan.changes_anything() => Err(Error::Differences),
                None => Ok(()),
            }
        })
    }
}
