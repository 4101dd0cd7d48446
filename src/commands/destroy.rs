//! `qfleet destroy ENV`

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;

use super::global::Global;
use super::named::Named;
use super::waits::Waits;
use super::words;
use crate::cloud::Cloud;
use crate::deployed::Deployed;
use crate::engine::destroy::destroyed::Destroyed;
use crate::engine::destroy::take_down::{self, Ask, Wish};
use crate::engine::operation::{Context, Waiting};
use crate::engine::plan::blocking::Blocking;
use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::local::fleet::{self, stop};
use crate::observe::data::Data;
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Messages say this instead of the command that deploys it, when the file is lost.
pub(super) const DEPLOY_WITHOUT_FILE: &str = "qfleet deploy with the environment's file";

/// Arguments of `destroy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Everything is found by the stacks' own tags and templates: the file may be lost (--name). What it said about data holds \
as it was deployed: with `on_destroy: empty` the bucket is emptied and deleted, with `on_destroy: keep` \
bucket, queues and table stay and are named, and the next deploy takes them in again. To keep what was deployed with `empty`, \
deploy it with `on_destroy: keep` first. An environment with `protect: true` is \
refused; deploy it with `protect: false` first.

Before anything is deleted, it looks for stacks of others that import from it and for foreign subscriptions to its \
topic, and refuses while there are any. Workers finish what they work on, for as long as their `drain_timeout`. A \
deletion that fails is tried again once what it failed on is out of the way.

Afterwards it looks for what is left, by tag and by name in every service that it uses, and asks for each resource \
itself: a receipt says what was deleted, kept on purpose, left over (with the command that removes it) or can't be known.

Examples:
  qfleet destroy lab                       say what will be lost, ask, take it down
  qfleet destroy lab --yes                 in a pipeline: no questions
  qfleet destroy --name lab                where the environment file is lost

Exit codes: 0 gone, or gone already; 1 something could not be deleted, is left over, or nothing was found in a region that \
nobody chose (not --region, the file, AWS_REGION or the profile that was named); 2 bad file or usage; \
4 refused (protected, used by others, not confirmed); 130 interrupted.")]
pub struct Destroy {
    #[command(flatten)]
    which: Named,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Don't give workers the time to finish; others receive their messages again
    #[arg(long)]
    no_drain: bool,
    /// Lift termination protection that somebody switched on by hand; never that of `protect: true`
    #[arg(long)]
    disable_protection: bool,
    /// Leave behind what can't be deleted in the end, and name it
    #[arg(long)]
    force: bool,
    /// Role for CloudFormation to use, instead of the one that it was given last
    #[arg(long, value_name = "ARN", value_parser = words::role_arn)]
    role_arn: Option<String>,
    #[command(flatten)]
    waits: Waits,
}

impl Destroy {
    pub fn run(self, global: &Global) -> Result<()> {
        let meant = self.which.find()?;
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect_to(&meant)).await?;
            let deploy = match self.which.file_words() {
                Some(file) => global.with_whereabouts(&format!("qfleet deploy {file}")),
                None => DEPLOY_WITHOUT_FILE.to_owned(),
            };
            let wish = Wish {
                name: &meant.name,
                file: meant.file.as_ref(),
                deploy: &deploy,
                no_drain: self.no_drain,
                disable_protection: self.disable_protection,
                force: self.force,
                role_arn: self.role_arn.as_deref(),
                now: Timestamp::now,
            };
            let waiting = self.waits.begin(global, interrupt);
            let again = self.again(global);
            let destroyed = take_down(global, &cloud, interrupt, waiting, wish, self.yes, &again).await?;
            report::result(global.output, &destroyed, || {
                report::receipt::destroyed(&destroyed, &again)
            });
            report::summary::note_causes(&destroyed.report, &again, global.output);
            if global.output != Output::Text {
                report::receipt::note_nothing(&destroyed, &again);
            }
            let running = fleet::find(&meant.name).ok().flatten().filter(|_| cloud.local);
            if let Some(other) = running.as_ref().filter(|fleet| fleet.address.region != cloud.region) {
                if !destroyed.looked.found {
                    report::note(&fleet::runs_elsewhere(&other.address));
                }
            } else if running.is_some() {
                let name = &meant.name;
                let down = global.with_whereabouts(&format!("qfleet local down {}", self.which.words()));
                report::note(&match destroyed.result() {
                    // It ends once it has seen that its groups are gone.
                    Ok(()) => format!("the local fleet of {name} ends by itself in some seconds"),
                    Err(_) => format!("the local fleet of {name} still runs, without work; end it: {down}"),
                });
            }
            destroyed.result()
        })
    }

    /// The command that goes on with what this one leaves.
    fn again(&self, global: &Global) -> String {
        let destroy = global.with_whereabouts(&format!("qfleet destroy {}", self.which.words()));
        let flags = words::flags(&[
            ("--yes", self.yes),
            ("--no-drain", self.no_drain),
            ("--disable-protection", self.disable_protection),
            ("--force", self.force),
        ]);
        let role = words::option("--role-arn", &self.role_arn);
        format!("{destroy}{flags}{role}{}{}", self.waits.words(), global.output_words())
    }
}

/// Destroys an environment, with its events shown and its questions asked here. With `yes`, all of them are agreed to.
/// `again` is the command that goes on with what it leaves.
pub(super) async fn take_down(
    global: &Global,
    cloud: &Cloud,
    interrupt: &Interrupt,
    waiting: Waiting,
    wish: Wish<'_>,
    yes: bool,
    again: &str,
) -> Result<Destroyed> {
    let (events, progress) = Progress::begin(global.face());
    let context = Context {
        cloud,
        tell: &events,
        interrupt,
        waiting,
    };
    let person = Person {
        progress: &progress,
        interrupt,
        output: global.output,
        yes,
    };
    let destroyed = take_down::take_down(context, wish, &person).await;
    let warnings = events.warnings();
    drop(events);
    progress.end().await;
    let mut destroyed = destroyed?;
    destroyed.report.warnings = warnings;
    destroyed.report.error = destroyed.ending(again);
    if cloud.local && destroyed.result().is_ok() {
        let address = &destroyed.report.address;
        let orphans = stop::forget(address)?;
        if orphans > 0 {
            report::note(&report::fleet::orphans_ended(&address.environment, orphans));
        }
    }
    Ok(destroyed)
}

/// Who is asked: whoever started the command.
struct Person<'a> {
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    output: Output,
    yes: bool,
}

impl Ask for Person<'_> {
    fn note(&self, text: &str) {
        self.progress.suspend(|| report::note(text));
    }

    fn agrees(&self, deployed: &Deployed, data: &Data) -> Result<bool> {
        self.progress.suspend(|| {
            match self.output {
                Output::Text => report::text(&report::data::text(deployed, data, report::width())),
                Output::Jsonl => report::json_line(&BTreeMap::from([("data", data)])),
                Output::Json => {}
            }
            if self.output != Output::Text && !self.yes {
                // Whoever is asked reads what the question is about.
                report::note(report::data::text(deployed, data, None).trim_end());
            }
            report::confirm_first(self.interrupt, &question(deployed), self.yes)
        })
    }

    fn gives_up(&self, stack: &str, blocking: &[Blocking]) -> bool {
        self.progress.suspend(|| {
            report::note(&report::data::abandoned(stack, blocking));
            let question = format!("Leave that behind and give up {stack}?");
            report::confirm(self.interrupt, &question, self.yes).unwrap_or(false)
        })
    }
}

fn question(deployed: &Deployed) -> String {
    let protected = deployed
        .stacks
        .iter()
        .filter(|stack| stack.stack.protected == Some(true));
    let names: Vec<&str> = protected.map(|stack| stack.stack.name.as_str()).collect();
    let destroy = match names.as_slice() {
        [] => "Destroy".to_owned(),
        names => format!("Lift the termination protection of {}, and destroy", names.join(", ")),
    };
    format!("{destroy} {}?", deployed.address)
}
