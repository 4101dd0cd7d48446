//! `qfleet drift ENV`

use clap::Args;

use schemars::JsonSchema;
use serde::Serialize;

use super::global::{Form, Global};
use super::named::Named;
use super::waits::Waits;
use super::words;
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::engine::operation::Context;
use crate::engine::revert::put_back::{Ask, Reverted, put_back};
use crate::error::{Error, ErrorJson, Result, exit_code};
use crate::interrupt::Interrupt;
use crate::observe::drift::{self, Drift as Found};
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Arguments of `drift`.
#[derive(Debug, Args)]
#[command(after_help = "\
CloudFormation's drift detection is run on every stack, and qfleet looks itself where detection doesn't: what roles \
were given, policies of queues, topics and buckets, a bucket's encryption, public access and notifications, \
subscriptions, bounds and suspended processes of groups, scaling policies, alarms, instances of an older launch \
template, the code of functions, who may invoke them and what has them invoked. The deployed templates count, not the ones that the file would render now.

Each difference is classed: equal (written otherwise), expected (a fleet that has scaled), false_positive (what \
detection is known to get wrong), ignored (by `drift` in the environment file), unexpected, dangerous (encryption, \
public access, permissions, redrive, suspended processes). Only the last two are drift.

By --name, without the file, what the file would let differ counts, too.

With --revert, CloudFormation is asked for a change set that puts the drifted stacks back to what they were deployed \
as, which is shown property by property and executed after asking. What it can't put back is said. `qfleet deploy` \
doesn't put drift back: it sets what the file changes, and leaves the rest as it is. CloudFormation takes what the \
parameter store has at that time, so a newer image comes with a revert: that is named and asked about, and --yes \
doesn't agree to it.

Examples:
  qfleet drift production                  what differs and matters
  qfleet drift production --fail           exit code 3 when something does, for a scheduled pipeline
  qfleet drift lab --part move --all       one part, with everything that doesn't matter
  qfleet drift lab --output markdown       for a ticket
  qfleet drift production --revert         show what would be put back, ask, put it back

Exit codes: 0 looked, whatever was found; 3 something that matters differs, with --fail; 1 a stack could not be \
looked at, or could not be put back; 4 refused.")]
pub struct Drift {
    #[command(flatten)]
    which: Named,
    /// Exit with 3 when something differs that matters
    #[arg(long)]
    fail: bool,
    /// Only this part of the environment (`intake`, a stage's name, …)
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// Show the differences that don't matter, too
    #[arg(long)]
    all: bool,
    /// Put back what drifted, by CloudFormation's drift-aware change sets
    #[arg(long)]
    revert: bool,
    /// Put it back without being asked
    #[arg(long, short, requires = "revert")]
    yes: bool,
    #[command(flatten)]
    waits: Waits,
}

/// One document: what was found, and what became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    found: &'a Found,
    #[serde(skip_serializing_if = "Option::is_none")]
    revert: Option<&'a Reverted>,
    /// Why nothing could be put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson>,
}

impl Drift {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.find()?;
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect_to(&environment)).await?;
            let ignores = environment.file.as_ref().map_or(&[][..], |file| &file.drift.ignore);
            let check = drift::check(&cloud, &environment.name, self.part.as_deref(), ignores);
            let found = interrupt.unless_stopped(check).await?;
            if found.stacks.is_empty() {
                return Err(self.nothing(&cloud, &found));
            }
            if self.revert && found.verdict == drift::Verdict::Drifted {
                return self.put_back(global, &cloud, interrupt, &found).await;
            }
            self.show(global, &found, None, None);
            let env = global.with_whereabouts(&self.which.words());
            if let (Some(next), Form::Text) = (report::drift::next(&found, &env), global.form) {
                report::note(&next);
            }
            if self.revert && !found.has_failed() {
                report::note("nothing that matters differs: nothing to put back");
            }
            self.result(&found)
        })
    }

    fn nothing(&self, cloud: &Cloud, found: &Found) -> Error {
        match &self.part {
            Some(part) => Error::failed(format!(
                "{} has no stack for the part `{part}` in {}",
                found.address.environment,
                found.address.place()
            ))
            .with_help("leave --part out to look at all that is deployed"),
            None => {
                let elsewhere = Looked::new(cloud, false).elsewhere(&cloud.region);
                let help = elsewhere.unwrap_or_else(|| {
                    "`qfleet list` shows what is deployed where; check the account and --region".to_owned()
                });
                Error::failed(format!("{}: nothing to look at", found.address.not_deployed())).with_help(help)
            }
        }
    }

    fn show(&self, global: &Global, found: &Found, revert: Option<&Reverted>, error: Option<&Error>) {
        let error = error.map(ErrorJson::from);
        let is_text = global.output == Output::Text;
        match (global.form, global.output) {
            // Shown already, before asking.
            _ if is_text && revert.is_some() => {}
            (Form::Markdown, _) => report::text(&report::drift_markdown::markdown(found, self.all)),
            (_, Output::Text) => report::prose(&report::drift::text(found, self.all)),
            (_, Output::Json) => report::json(&Document { found, revert, error }),
            (_, Output::Jsonl) => report::json_line(&Document { found, revert, error }),
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

    async fn put_back(&self, global: &Global, cloud: &Cloud, interrupt: &Interrupt, found: &Found) -> Result<()> {
        let (events, progress) = Progress::begin(global.face());
        let context = Context {
            cloud,
            tell: &events,
            interrupt,
            waiting: self.waits.begin(global, interrupt),
        };
        if global.output == Output::Text {
            progress.suspend(|| self.show(global, found, None, None));
        }
        let person = Person {
            address: &found.address,
            progress: &progress,
            interrupt,
            output: global.output,
            yes: self.yes,
        };
        let result = put_back(context, found, &global.drafts, &person).await;
        let again = self.again(global);
        let result = result.map(|mut reverted| {
            if let Some(report) = &mut reverted.result {
                report.warnings = events.warnings();
                report.error = report.ending(&again);
            }
            reverted
        });
        let result = result.and_then(|reverted| self.show_reverted(global, found, &reverted, &progress, &again));
        drop(events);
        progress.end().await;
        let discarded = global.drafts.discard_in_time(cloud, interrupt).await;
        result.and(discarded.map_err(|left| Global::left(interrupt, left)))
    }

    /// The command that goes on with what this one leaves.
    fn again(&self, global: &Global) -> String {
        let env = global.with_whereabouts(&self.which.words());
        let part = words::option("--part", &self.part);
        let yes = words::flags(&[("--yes", self.yes)]);
        let waits = self.waits.words();
        format!("qfleet drift {env}{part} --revert{yes}{waits}{}", global.output_words())
    }

    fn show_reverted(
        &self,
        global: &Global,
        found: &Found,
        reverted: &Reverted,
        progress: &Progress,
        again: &str,
    ) -> Result<()> {
        let result = reverted.result();
        let Some(report) = &reverted.result else {
            self.show(global, found, Some(reverted), result.as_ref().err());
            return result;
        };
        if global.output == Output::Text {
            progress.suspend(|| report::note(&report::summary::text(report, again)));
        }
        self.show(global, found, Some(reverted), None);
        report::summary::note_causes(report, again, global.output);
        result?;
        if self.fail && !reverted.not_reverted.is_empty() {
            return Err(Error::Differences);
        }
        Ok(())
    }
}

/// Who is asked: whoever started the command.
struct Person<'a> {
    address: &'a Address,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    output: Output,
    yes: bool,
}

impl Ask for Person<'_> {
    fn show(&self, reverted: &Reverted) {
        if self.output == Output::Text {
            self.progress.suspend(|| report::prose(&report::revert::text(reverted)));
            for line in &reverted.not_reverted {
                report::note(&format!("not put back: {line}"));
            }
        }
    }

    fn agrees(&self, newer: &[String]) -> Result<bool> {
        if self.yes && !newer.is_empty() {
            let refusal = Error::refused(format!("more than drift would be put back:\n  {}", newer.join("\n  ")));
            return Err(refusal.with_help(
                "`qfleet deploy` takes the new value in, and shows what that replaces: then put the drift back; or leave \
                 --yes out to be asked",
            ));
        }
        let with = if newer.is_empty() {
            ""
        } else {
            ", and take in what the parameter store has by now"
        };
        let question = format!("Put {} back{with}?", self.address);
        self.progress
            .suspend(|| report::confirm(self.interrupt, &question, self.yes))
    }
}
