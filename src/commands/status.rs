//! `qfleet status ENV`

use std::time::Duration;

use clap::Args;

use super::global::Global;
use super::named::Named;
use super::watch;
use crate::error::Result;
use crate::{observe, report};

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --watch a screen shows it again and again: stacks, queues, the backlog per instance against its target over the \
last hour, each instance in its zone, and what Auto Scaling did last and why. It can be there before the deploy. q, \
Esc or Ctrl-C leaves it, j and k scroll where there are more stages than fit; when the environment is gone, it ends. \
Without a terminal, a line is printed for each stage when something changed (exit code 130 when interrupted).

On AWS each refresh is three requests a stage and one more; besides, the stacks are listed each 15 s (5 s while \
something is done to them), and the metrics are read once a minute: four a stage, which CloudWatch bills.

Examples:
  qfleet status lab                        stacks, queues and workers
  qfleet status lab --watch                a screen to have open while it works
  qfleet status lab --watch --output jsonl an object at each refresh, for a program
  qfleet status lab --output json          once, for a program
  qfleet status --name lab                 where the environment file is lost")]
pub struct Status {
    #[command(flatten)]
    which: Named,
    /// Show it again and again
    #[arg(long, short)]
    watch: bool,
    /// Seconds from refresh to refresh [default: 5, with --local 2]
    #[arg(long, value_name = "SECONDS", requires = "watch", value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: Option<u64>,
}

impl Status {
    /// Shows it.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.find()?;
        global.block_on(async {
            if self.watch {
                return watch::run(global, &environment, self.interval.map(Duration::from_secs)).await;
            }
            let cloud = global.connect(environment.file.as_ref()).await?;
            let status = observe::status::status(&cloud, &environment.name, jiff::Timestamp::now()).await?;
            report::document(global.output, &status, || report::status::text(&status));
            Ok(())
        })
    }
}
