//! `qfleet recover ENV`

use std::collections::BTreeMap;

use clap::Args;

use super::global::Global;
use super::named::Named;
use super::waits::Waits;
use super::words;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::engine::operation::Context;
use crate::engine::outcome::{Outcome, Report};
use crate::engine::recover::{Ask, Skip, Stuck, get_going};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Arguments of `recover`.
#[derive(Debug, Args)]
#[command(after_help = "\
A stack whose update failed, and whose rollback failed too (UPDATE_ROLLBACK_FAILED), can't be changed until that \
rollback is completed. Repair what blocks it, as shown, then recover. What can't be repaired can be \
skipped: it stays as it is, CloudFormation counts it as rolled back, and you have to put it right before the next \
deploy. A stack that was left as it failed (CREATE_FAILED, UPDATE_FAILED) is rolled back.

Examples:
  qfleet recover lab                       say what is stuck and on what, ask, go on
  qfleet recover lab --skip Queue          go on without this resource
  qfleet recover lab --skip move.Queue     the same, in the stack of this part only
  qfleet recover lab --force               go on without any that it is stuck on")]
pub struct Recover {
    #[command(flatten)]
    which: Named,
    /// Leave this resource, by its name in the template, as it is; may be given several times
    #[arg(long, value_name = "RESOURCE")]
    skip: Vec<String>,
    /// Leave everything that rollbacks are stuck on as it is
    #[arg(long, conflicts_with = "skip")]
    force: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waits: Waits,
}

impl Recover {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.find()?;
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect_to(&environment)).await?;
            let (events, progress) = Progress::begin(global.face());
            let context = Context {
                cloud: &cloud,
                tell: &events,
                interrupt,
                waiting: self.waits.begin(global, interrupt),
            };
            let person = Person {
                environment: &environment.name,
                progress: &progress,
                interrupt,
                output: global.output,
                yes: self.yes,
            };
            let result = get_going(context, &environment.name, self.skip(), &person).await;
            let warnings = events.warnings();
            drop(events);
            progress.end().await;
            let again = self.again(global);
            let report = result.map(|report| Report {
                warnings,
                error: report.ending(&again),
                ..report
            })?;
            if report.stacks.is_empty() {
                let what = format!("{}: nothing to recover", report.address.not_deployed());
                let looked = Looked::new(&cloud, false);
                let elsewhere = looked.elsewhere(&cloud.region);
                if let Some(elsewhere) = elsewhere.as_ref().filter(|_| looked.proves_nothing()) {
                    return Err(Error::failed(what).with_help(elsewhere));
                }
                report::note(&what);
                if let Some(only) = elsewhere.or_else(|| looked.by_file_alone(&cloud.region)) {
                    report::note(&format!("{only}."));
                }
            }
            self.show(global, &report, &again)
        })
    }

    fn skip(&self) -> Skip<'_> {
        if self.force { Skip::All } else { Skip::These(&self.skip) }
    }

    /// The command that goes on with what this one leaves.
    fn again(&self, global: &Global) -> String {
        let env = global.with_whereabouts(&self.which.in_commands().environment);
        let flags = words::flags(&[("--force", self.force), ("--yes", self.yes)]);
        let skipped = words::option("--skip", &self.skip);
        let waits = self.waits.words();
        format!("qfleet recover {env}{skipped}{flags}{waits}{}", global.output_words())
    }

    fn show(&self, global: &Global, report: &Report, again: &str) -> Result<()> {
        let did_nothing = report
            .stacks
            .iter()
            .all(|stack| matches!(stack.outcome, Outcome::Unchanged));
        match global.output {
            Output::Text if did_nothing => report::text(&report::recover::nothing(&report.address.environment)),
            Output::Text => {
                report::note(&report::summary::text(report, again));
                if report.succeeded {
                    if self.force || !self.skip.is_empty() {
                        report::note("what was skipped may differ from its template: put it right first");
                    }
                    let deploy = global.with_whereabouts(&format!("qfleet deploy {}", self.which.in_commands().file));
                    report::note(&format!("to make it what its file says: {deploy}"));
                }
            }
            Output::Json => report::json(report),
            Output::Jsonl => report::json_line(&BTreeMap::from([("result", report)])),
        }
        report::summary::note_causes(report, again, global.output);
        report.result()
    }
}

/// Who is asked: whoever started the command.
struct Person<'a> {
    environment: &'a str,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    output: Output,
    yes: bool,
}

impl Ask for Person<'_> {
    fn show(&self, stuck: &[Stuck]) {
        if self.output == Output::Text {
            let text = report::recover::text(self.environment, stuck);
            self.progress.suspend(|| report::prose(&text));
        }
    }

    fn agrees(&self, address: &Address) -> Result<bool> {
        let question = format!("Recover {address}?");
        self.progress
            .suspend(|| report::confirm(self.interrupt, &question, self.yes))
    }
}
