//! `qfleet status ENV`

use std::time::Duration;

use clap::Args;

use super::global::Global;
use super::named::Named;
use super::numbers::whole;
use super::watch;
use crate::error::{Error, Result, exit_code};
use crate::local::fleet;
use crate::observe::finding::is_healthy;
use crate::observe::findings::Words;
use crate::observe::reads::{self, Stacks};
use crate::observe::status::Status as Shown;
use crate::report;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
What is wrong comes first, the worst at the top, with what to do about it: critical (work isn't done, or is lost), \
warning (something is wrong), note (good to know). What can't be read is shown as unknown. Causes of scaling activities are \
shown in short; with -v, and in --output json, as Auto Scaling tells them.

With --exit-code: 0 healthy, notes included; 3 a critical finding or a warning, not being deployed included; 1 nothing \
was found, but something could not be read. Without it, 0 once the stacks could be read.

With --watch, a screen shows it and refreshes it: stacks, queues, the backlog per instance against its target over the \
last hour, each instance in its zone, and what Auto Scaling did last and why. It can be started before the deploy. \
What was done is shown for the newest minute that CloudWatch knows, and for the last hour. q, Esc or Ctrl-C leaves it, j and k \
scroll where there are more stages than fit; when the environment is gone, it ends. \
Without a terminal, or with --plain, a line is printed for each stage when something changed, and each minute (exit code 130 when interrupted). \
Findings that need more reads than that, or that are about stacks that come and go, are left to status without --watch.

On AWS each refresh is three requests a stage and one more, and two for a web tier; besides, the stacks are listed each \
15 s (5 s while something is done to them), and the metrics are read once a minute: five a stage, which CloudWatch bills, \
and three of a web tier.

Examples:
  qfleet status lab                         findings, stacks, queues and workers
  qfleet status lab --exit-code             for a pipeline: 3 when something is wrong
  qfleet status lab --watch                 a screen to have open while it works
  qfleet status lab --watch --output jsonl  an object at each refresh, for a program
  qfleet status lab --output json           once, for a program
  qfleet status --name lab                  where the environment file is lost")]
pub struct Status {
    #[command(flatten)]
    which: Named,
    /// Exit with 3 when something is wrong
    #[arg(long, conflicts_with = "watch")]
    exit_code: bool,
    /// Show it on a screen that is refreshed
    #[arg(long, short)]
    watch: bool,
    /// Seconds between refreshes [default: 5, with --local 2]
    #[arg(long, value_name = "SECONDS", requires = "watch", value_parser = whole::<u64>(1..=3600, 10))]
    interval: Option<u64>,
}

impl Status {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.find()?;
        let words = Words {
            up: fleet::command(&environment.name).filter(|_| global.local),
            ..self.which.in_commands().with(global.whereabouts())
        };
        if self.watch {
            let refresh = self.interval.map(Duration::from_secs);
            return watch::run(global, &environment, words, refresh);
        }
        global.read(async {
            // The stacks' ARNs say whose account it is: one request less to wait for.
            let cloud = global.connect_to_unidentified(&environment).await?;
            let stacks = Stacks::read(cloud.cloud(), &environment.name).await?;
            let mut stacks = stacks.of_file(environment.parts());
            stacks.deployed.put_in_order(&environment.stages());
            let cloud = cloud.identified(stacks.any_arn()).await?;
            // It was found before the account was known.
            stacks.deployed.address.account.clone_from(&cloud.account);
            let shown = reads::status(&cloud, stacks, &words, jiff::Timestamp::now()).await;
            report::document(global.output, &shown, || report::status::text(&shown, report::width()));
            if self.exit_code { result(&shown) } else { Ok(()) }
        })
    }
}

fn result(shown: &Shown) -> Result<()> {
    if !is_healthy(&shown.findings) {
        return Err(Error::Differences);
    }
    if !shown.unknown.is_empty() {
        return Err(Error::Shown(exit_code::FAILED));
    }
    Ok(())
}
