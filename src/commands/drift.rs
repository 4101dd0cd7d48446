//! `qfleet drift ENV`

use clap::Args;

use super::global::{Env, Global};
use crate::error::{Error, Result, exit_code};
use crate::observe::drift::{self, Drift as Found};
use crate::report;
use crate::report::form::{Form, Output};

/// Arguments of `drift`.
#[derive(Debug, Args)]
#[command(after_help = "\
CloudFormation's drift detection is run on every stack, and qfleet looks itself where detection doesn't: policies of \
queues, topics and buckets, subscriptions, notifications, bounds and suspended processes of groups, scaling policies, \
instances of an older launch template. The deployed templates count, not the ones that the file would render now.

Each difference is classed: equal (written otherwise), expected (a fleet that has scaled), false_positive (what \
detection is known to get wrong), ignored (by `drift` in the environment file), unexpected, dangerous (encryption, \
public access, permissions, redrive, suspended processes). Only the last two are drift.

Examples:
  qfleet drift production                  what differs and matters
  qfleet drift production --fail           exit code 3 when something does, for a scheduled pipeline
  qfleet drift lab --part move --all       one part, with everything that doesn't matter
  qfleet drift lab --output markdown       for a ticket

Exit codes: 0 looked, whatever was found; 3 something that matters differs, with --fail; 1 a stack could not be \
looked at.")]
pub struct Drift {
    #[command(flatten)]
    env: Env,
    /// Exit with 3 when something differs that matters
    #[arg(long)]
    fail: bool,
    /// Only this part of the environment (`intake`, a stage's name, …)
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// Show the differences that don't matter, too
    #[arg(long)]
    all: bool,
}

impl Drift {
    /// Looks for it.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let interrupt = global.listen()?;
            let cloud = global.connect(Some(&environment)).await?;
            let ignores = &environment.drift.ignore;
            let found = tokio::select! {
                found = drift::check(&cloud, &environment.name, self.part.as_deref(), ignores) => found?,
                () = interrupt.wait() => return Err(Error::Shown(exit_code::INTERRUPTED)),
            };
            if found.stacks.is_empty() {
                return Err(self.nothing(&found));
            }
            self.show(global, &found);
            self.result(&found)
        })
    }

    fn nothing(&self, found: &Found) -> Error {
        let place = format!("account {}, {}", found.account, found.region);
        match &self.part {
            Some(part) => Error::failed(format!(
                "{} has no stack for the part `{part}` in {place}",
                found.environment
            ))
            .with_help("leave --part out to look at all that is deployed"),
            None => Error::failed(format!(
                "{} is not deployed in {place}: nothing to look at",
                found.environment
            ))
            .with_help("`qfleet status` shows what is deployed where; check the account and --region"),
        }
    }

    fn show(&self, global: &Global, found: &Found) {
        match (global.form, global.output) {
            (Form::Markdown, _) => report::text(&report::drift::markdown(found, self.all)),
            (_, Output::Text) => report::text(&report::drift::text(found, self.all)),
            (_, Output::Json) => report::json(found),
            (_, Output::Jsonl) => report::json_line(found),
        }
    }

    fn result(&self, found: &Found) -> Result<()> {
        if found.has_failed() {
            return Err(Error::Shown(exit_code::FAILED));
        }
        if self.fail && found.verdict == drift::Verdict::Drifted {
            return Err(Error::Differences);
        }
        Ok(())
    }
}
