//! `qfleet status ENV`

use clap::Args;

use super::global::{Env, Global};
use crate::error::Result;
use crate::report::form::Output;
use crate::{observe, report};

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet status lab                        stacks, queues and workers
  qfleet status lab --output json          the same for a program")]
pub struct Status {
    #[command(flatten)]
    env: Env,
}

impl Status {
    /// Shows it.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let cloud = global.connect(Some(&environment)).await?;
            let status = observe::status::status(&cloud, &environment.name, jiff::Timestamp::now()).await?;
            match global.output {
                Output::Text => report::text(&report::status::text(&status)),
                Output::Json => report::json(&status),
                Output::Jsonl => report::json_line(&status),
            }
            Ok(())
        })
    }
}
