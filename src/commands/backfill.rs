//! `qfleet backfill ENV STAGE`

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::global::{Env, Global};
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::error::{Error, Reason, Result};
use crate::interrupt::Interrupt;
use crate::jobs::backfill::{self, Found};
use crate::jobs::destinations::{Intake, Queues};
use crate::jobs::event::{Doing, Event};
use crate::jobs::messages::{Sender, Sent};
use crate::report::form::Output;
use crate::report::{self, transfer::Transfer};

/// Arguments of `backfill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Files that were in the bucket before a stage was subscribed to it made no event for it. This sends the stage's queue \
an event for each object under the watched prefix, in the form that S3 sends; where the stage has `only`, for each object \
that it gets. Objects that the stage knows already get \
a second one.

Examples:
  qfleet backfill lab move                 say how many objects there are, ask, send
  qfleet backfill lab move --dry-run       only say how many
  qfleet backfill lab move --yes --rate 50")]
pub struct Backfill {
    #[command(flatten)]
    env: Env,
    /// Stage that is fed by the bucket
    #[arg(value_name = "STAGE")]
    stage: String,
    /// Only say how many objects there are
    #[arg(long)]
    dry_run: bool,
    /// Most messages to send a second
    #[arg(long, value_name = "N", value_parser = super::send::rate)]
    rate: Option<f64>,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// What is to be sent, and where.
struct Target {
    address: Address,
    queues: Queues,
    intake: Intake,
    found: Found,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    address: &'a Address,
    stage: &'a str,
    bucket: &'a str,
    /// What the objects' keys begin with.
    prefix: &'a str,
    /// What they end in, where the stage chooses: one of these.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suffix: &'a [String],
    /// How many objects there are that a message can be sent for.
    objects: u64,
    /// Their size in bytes.
    object_bytes: u64,
    dry_run: bool,
    /// None when nothing was to be sent.
    #[serde(flatten)]
    sent: Option<Sent>,
}

impl Backfill {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.find()?;
        global.run(None, async |interrupt| {
            let (cloud, destinations) = interrupt.unless_stopped(global.destinations(&environment)).await?;
            let queues = destinations.fed_by_bucket(&self.stage)?;
            let intake = destinations.files_of(&self.stage)?;
            let found = interrupt.unless_stopped(backfill::count(&cloud, &intake)).await?;
            if global.output == Output::Text {
                report::prose(&report::jobs::found(found, &intake));
            }
            let target = Target {
                address: destinations.deployed.address,
                queues,
                intake,
                found,
            };
            let sent = if self.dry_run || found.objects == 0 {
                None
            } else {
                self.confirm(&target, interrupt)?;
                Some(self.send(global, &cloud, &target, interrupt).await)
            };
            self.show(global, &target, sent)
        })
    }

    fn confirm(&self, target: &Target, interrupt: &Interrupt) -> Result<()> {
        let Target { address, queues, .. } = target;
        let question = format!(
            "Send {} messages to {} in {}?",
            target.found.objects,
            report::jobs::queue_name(&queues.queue),
            address.place()
        );
        if report::confirm(interrupt, &question, self.yes)? {
            Ok(())
        } else {
            Err(Error::refused("not confirmed: nothing was sent").because(Reason::NotConfirmed))
        }
    }

    async fn send(&self, global: &Global, cloud: &Cloud, target: &Target, interrupt: &Interrupt) -> Sent {
        let queue = &target.queues.queue;
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Sending,
            to: queue.clone(),
            items: target.found.objects,
            bytes: None,
        });
        let sender = Sender {
            cloud,
            queue,
            rate: self.rate,
            tell: &tell,
            sent: None,
            interrupt,
        };
        let events = backfill::events(cloud, &target.address, &target.intake);
        let sent = sender.send(events, target.found.objects).await;
        drop(tell);
        transfer.end().await;
        sent
    }

    fn show(&self, global: &Global, target: &Target, sent: Option<Sent>) -> Result<()> {
        let document = Document {
            address: &target.address,
            stage: &target.queues.stage,
            bucket: &target.intake.bucket,
            prefix: &target.intake.prefix,
            suffix: &target.intake.only.suffix,
            objects: target.found.objects,
            object_bytes: target.found.bytes,
            dry_run: self.dry_run,
            sent,
        };
        match (global.output, &document.sent) {
            (Output::Text, Some(sent)) => report::prose(&report::jobs::sent(sent)),
            (Output::Text, None) => {}
            (Output::Json, _) => report::json(&document),
            (Output::Jsonl, _) => report::json_line(&BTreeMap::from([("result", &document)])),
        }
        document.sent.map_or(Ok(()), |sent| sent.result())
    }
}
