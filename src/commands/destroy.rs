//! `qfleet destroy ENV`

use std::collections::BTreeMap;

use clap::Args;
use futures_util::FutureExt;
use jiff::Timestamp;

use super::global::Global;
use super::named::{Meant, Named};
use super::waits::Waits;
use crate::blueprint::names;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::holdings::holdings;
use crate::deployed::protection;
use crate::deployed::protection::Lifted;
use crate::deployed::{Deployed, expiry_parameter};
use crate::engine;
use crate::engine::destroy::Teardown;
use crate::engine::destroy::destroyed::Destroyed;
use crate::engine::destroy::foreign;
use crate::engine::destroy::keep;
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::engine::plan::blocking::Blocking;
use crate::environment::{Environment, OnDestroy};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::observe::data::Data;
use crate::observe::leftovers::{self, Fate, Known, Patience, Receipt, Subject};
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Arguments of `destroy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Everything is found by the stacks' own tags and templates: the file may be lost (--name). What it said about data holds \
as it was deployed: with `on_destroy: empty` the bucket is emptied and deleted, with `on_destroy: keep` \
bucket and queues stay and are named, and the next deploy takes them in again. To keep what was deployed with `empty`, \
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

Exit codes: 0 gone, or gone already; 1 something could not be deleted, or is left over; 2 bad file or usage; \
4 refused (protected, used by others, not confirmed); 130 interrupted.")]
pub struct Destroy {
    #[command(flatten)]
    which: Named,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
    /// Don't give workers the time to finish; their messages are shown again
    #[arg(long)]
    no_drain: bool,
    /// Lift termination protection that somebody switched on by hand; never that of `protect: true`
    #[arg(long)]
    disable_protection: bool,
    /// Leave behind what can't be deleted in the end, after naming it
    #[arg(long)]
    force: bool,
    /// Role that CloudFormation works with, instead of the one that it was given last
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    #[command(flatten)]
    waits: Waits,
}

impl Destroy {
    /// Destroys.
    pub fn run(self, global: &Global) -> Result<()> {
        let meant = self.which.find()?;
        global.run(self.waits.timeout(), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(meant.file.as_ref())).await?;
            let destroyed = self.take_down(global, &cloud, interrupt, &meant).await?;
            self.show(global, &destroyed)
        })
    }

    /// Destroys the environment of this name, as when it was asked for and agreed to: what `reap` does to each.
    pub(super) fn by_name(name: &str) -> Destroy {
        Destroy {
            which: Named::by_name(name),
            yes: true,
            no_drain: false,
            disable_protection: false,
            force: false,
            role_arn: None,
            waits: Waits::default(),
        }
    }

    /// Destroys it, and looks for what is left.
    pub(super) async fn take_down(
        &self,
        global: &Global,
        cloud: &Cloud,
        interrupt: &Interrupt,
        meant: &Meant,
    ) -> Result<Destroyed> {
        let find = async { Deployed::find(cloud, &meant.name).await?.with_protection(cloud).await };
        let deployed = interrupt.unless_stopped(find).await?;
        self.refuse_protected(meant, &deployed)?;
        let (mut report, data, known) = if deployed.stacks.is_empty() {
            let nothing = Report::new(deployed.address, Vec::new());
            (nothing, Data::default(), Known::default())
        } else {
            let known = interrupt
                .unless_stopped(Known::read(cloud, &deployed).map(Ok::<_, Error>))
                .await?;
            let (report, data) = self.destroy(global, cloud, interrupt, meant, deployed).await?;
            (report, data, known)
        };
        let mut receipt = None;
        if report.succeeded {
            cloud.delete_parameter(&expiry_parameter(&meant.name)).await?;
            let subject = subject(meant, known, &report);
            let look = leftovers::look(cloud, &subject, Patience::with(cloud), Timestamp::now());
            receipt = tokio::select! {
                receipt = look => Some(receipt),
                // What was asked for is done; only the proof is missing.
                _ = interrupt.stopped() => None,
            };
        }
        let is_kept = |receipt: &Receipt| receipt.count(Fate::Kept) > 0;
        if report.stacks.is_empty() && receipt.as_ref().is_some_and(is_kept) {
            // An earlier destroy said so, to somebody else perhaps.
            let bucket = meant.file.as_ref().and_then(|file| file.bucket.as_ref());
            let empties = bucket.is_some_and(|bucket| bucket.on_destroy == OnDestroy::Empty);
            report.import_with = Some(self.import_with(global, empties));
        }
        Ok(Destroyed { report, data, receipt })
    }

    fn refuse_protected(&self, meant: &Meant, deployed: &Deployed) -> Result<()> {
        if meant.file.as_ref().is_some_and(|file| file.protect) {
            return Err(
                Error::refused(format!("{} is protected: its file says `protect: true`", meant.name))
                    .with_help("deploy it with `protect: false` first, if it really is to go"),
            );
        }
        // What no option lifts is said first.
        let refusal = |by_hand| {
            let lifted = Lifted { tagged: false, by_hand };
            let mut stacks = deployed.stacks.iter();
            stacks.find_map(|stack| protection::refusal(&stack.stack, lifted))
        };
        match refusal(true).or_else(|| refusal(self.disable_protection)) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    async fn destroy(
        &self,
        global: &Global,
        cloud: &Cloud,
        interrupt: &Interrupt,
        meant: &Meant,
        deployed: Deployed,
    ) -> Result<(Report, Data)> {
        let users = interrupt.unless_stopped(foreign::find(cloud, &deployed)).await?;
        for (_, unknown) in &users.unknown {
            report::note(&format!("warning: it isn't known {unknown}"));
        }
        if !users.foreign.is_empty() {
            return Err(used_by_others(&deployed.address.environment, &users.foreign));
        }
        let empties = deployed
            .stacks
            .iter()
            .any(|stack| stack.tags.on_destroy == OnDestroy::Empty && stack.part != "artifacts");
        let deployed = deployed.in_order_of_imports(&users);
        let deployed = interrupt.unless_stopped(keep::mark(cloud, deployed)).await?;
        let data = interrupt.unless_stopped(look(cloud, &deployed)).await?;
        self.refuse_to_lose_what_the_file_keeps(global, meant, &data)?;
        match global.output {
            Output::Text => report::text(&report::data::text(&deployed, &data, report::width())),
            Output::Jsonl => report::json_line(&BTreeMap::from([("data", &data)])),
            Output::Json => {}
        }
        if global.output != Output::Text && !self.yes {
            // Whoever is asked reads what the question is about.
            report::note(report::data::text(&deployed, &data, None).trim_end());
        }
        if !report::confirm(interrupt, &self.question(&deployed), self.yes)? {
            return Err(Error::refused("not confirmed: nothing was changed"));
        }
        let (events, progress) = Progress::begin(global.face());
        let approve = |stack: &str, blocking: &[Blocking]| {
            progress.suspend(|| {
                report::note(&report::data::abandoned(stack, blocking));
                report::confirm(interrupt, &format!("Leave that behind and give up {stack}?"), self.yes)
                    .unwrap_or(false)
            })
        };
        let mut report = engine::destroy::destroy(Teardown {
            context: Context {
                cloud,
                tell: &events,
                interrupt,
                waiting: self.waits.begin(global, interrupt),
            },
            deployed: &deployed,
            role_arn: self.role_arn.as_deref(),
            objects: &data.versions(),
            no_drain: self.no_drain,
            lifted: Lifted {
                tagged: false,
                by_hand: self.disable_protection,
            },
            force: self.force,
            approve: &approve,
        })
        .await;
        drop(events);
        progress.end().await;
        if !report.kept.is_empty() {
            report.import_with = Some(self.import_with(global, empties));
        }
        Ok((report, data))
    }

    /// What the file says holds once it is deployed. Who set `on_destroy: keep` in it doesn't mean to lose the data all the
    /// same.
    fn refuse_to_lose_what_the_file_keeps(&self, global: &Global, meant: &Meant, data: &Data) -> Result<()> {
        let lost = lost_though_the_file_keeps(meant.file.as_ref(), &meant.name, data);
        if lost.is_empty() {
            return Ok(());
        }
        Err(Error::refused(format!(
            "the file of {} says `on_destroy: keep`, but was not deployed with it, so this would delete {}",
            meant.name,
            lost.join(", ")
        ))
        .with_help(format!(
            "run `{}`, then the same command again; or set `on_destroy: empty`",
            self.deploy_words(global)
        )))
    }

    fn question(&self, deployed: &Deployed) -> String {
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

    /// How data that was kept comes into a new deployment. Only what is retained can be imported.
    fn import_with(&self, global: &Global, empties: bool) -> String {
        let deploy = self.deploy_words(global);
        match empties {
            true => format!("{deploy}, once the file says `on_destroy: keep`"),
            false => deploy,
        }
    }

    fn deploy_words(&self, global: &Global) -> String {
        match self.which.file_words() {
            Some(file) => global.with_whereabouts(&format!("qfleet deploy {file}")),
            None => "qfleet deploy with the environment's file".to_owned(),
        }
    }

    fn show(&self, global: &Global, destroyed: &Destroyed) -> Result<()> {
        let again = global.with_whereabouts(&format!("qfleet destroy {}", self.which.words()));
        report::result(global.output, destroyed, || {
            report::receipt::destroyed(destroyed, &again)
        });
        destroyed.result()
    }
}

/// What would be deleted of an environment whose file says `on_destroy: keep`.
pub(super) fn lost_though_the_file_keeps(file: Option<&Environment>, name: &str, data: &Data) -> Vec<String> {
    let bucket = file.and_then(|file| file.bucket.as_ref());
    if bucket.is_none_or(|bucket| bucket.on_destroy == OnDestroy::Empty) {
        return Vec::new();
    }
    let artifacts = names::stack(name, "artifacts");
    let buckets = data.buckets.iter().map(|one| (&one.stack, &one.bucket, one.kept));
    let queues = data.queues.iter().map(|one| (&one.stack, &one.queue, one.kept));
    let lost = buckets
        .chain(queues)
        .filter(|(stack, _, kept)| **stack != artifacts && !kept);
    lost.map(|(_, name, _)| name.clone()).collect()
}

/// What the stacks hold.
async fn look(cloud: &Cloud, deployed: &Deployed) -> std::result::Result<Data, CloudError> {
    let holdings = holdings(cloud, &deployed.stacks).await?;
    Ok(Data::read(cloud, &holdings, Timestamp::now()).await)
}

/// What is to be looked for afterwards.
fn subject(meant: &Meant, known: Known, report: &Report) -> Subject {
    let stages = meant.file.iter().flat_map(|file| &file.stages);
    let mut subject = Subject {
        environment: meant.name.clone(),
        stages: stages.map(|stage| stage.name.clone()).collect(),
        known,
        ..Subject::default()
    };
    for kept in &report.kept {
        subject.keep(&kept.resource_type, &kept.name);
    }
    for abandoned in &report.abandoned {
        subject.give_up(&abandoned.resource_type, &abandoned.name);
    }
    subject
}

pub(super) fn used_by_others(environment: &str, users: &[foreign::Foreign]) -> Error {
    let list: String = users.iter().map(|user| format!("\n  {user}")).collect();
    Error::refused(format!(
        "{environment} is used by others, and nothing was deleted:{list}"
    ))
    .with_help("let go of what they use, as named, then run the same command again")
}
