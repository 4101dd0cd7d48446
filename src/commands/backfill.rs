//! `qfleet backfill ENV STAGE`

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::global::{Env, Global};
use crate::cloud::Cloud;
use crate::engine::interrupt::Interrupt;
use crate::error::{Error, Result};
use crate::jobs::backfill::{self, Found};
use crate::jobs::event::{Doing, Event};
use crate::jobs::messages::{Sender, Sent};
use crate::jobs::places::{Address, Intake, Places, Queues};
use crate::report::form::Output;
use crate::report::{self, transfer::Transfer};

/// Arguments of `backfill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Files that were in the bucket before a stage was subscribed to it made no event for it. This sends the stage's queue \
an event for each object under the watched prefix, in the form that S3 sends. Objects that the stage knows already get \
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
    /// At most so many messages a second
    #[arg(long, value_name = "N", value_parser = super::send::rate)]
    rate: Option<f64>,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    address: Address,
    stage: String,
    bucket: String,
    prefix: String,
    objects: u64,
    object_bytes: u64,
    dry_run: bool,
    /// None when nothing was to be sent.
    #[serde(flatten)]
    sent: Option<Sent>,
}

impl Backfill {
    /// Sends.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let interrupt = global.listen()?;
            let cloud = global.connect(Some(&environment)).await?;
            let places = Places::find(&cloud, &environment.name).await?;
            let queues = places.fed_by_bucket(&self.stage)?;
            let intake = places.intake()?;
            let found = tokio::select! {
                found = backfill::count(&cloud, &intake) => found?,
                () = interrupt.wait() => return Err(Error::Interrupted),
            };
            if global.output == Output::Text {
                report::text(&report::jobs::found(found, &intake));
            }
            let sent = if self.dry_run || found.objects == 0 {
                None
            } else {
                let question = format!(
                    "Send {} messages to {} in account {}, {}?",
                    found.objects,
                    report::jobs::queue_name(&queues.queue),
                    cloud.account,
                    cloud.region
                );
                if !report::confirm(&question, self.yes)? {
                    return Err(Error::refused("not confirmed: nothing was sent"));
                }
                Some(
                    self.send(global, &cloud, &places, &queues, &intake, found, &interrupt)
                        .await,
                )
            };
            let document = Document {
                address: places.address,
                stage: queues.stage,
                bucket: intake.bucket,
                prefix: intake.prefix,
                objects: found.objects,
                object_bytes: found.bytes,
                dry_run: self.dry_run,
                sent,
            };
            match global.output {
                Output::Text => {
                    if let Some(sent) = &document.sent {
                        report::text(&report::jobs::sent(sent));
                    }
                }
                Output::Json => report::json(&document),
                Output::Jsonl => report::json_line(&BTreeMap::from([("result", &document)])),
            }
            document.sent.map_or(Ok(()), |sent| sent.result())
        })
    }

    #[expect(clippy::too_many_arguments, reason = "each is another thing, and used once")]
    async fn send(
        &self,
        global: &Global,
        cloud: &Cloud,
        places: &Places,
        queues: &Queues,
        intake: &Intake,
        found: Found,
        interrupt: &Interrupt,
    ) -> Sent {
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Sending,
            to: report::jobs::queue_name(&queues.queue).to_owned(),
            items: found.objects,
            bytes: None,
        });
        let sender = Sender {
            cloud,
            queue: &queues.queue,
            rate: self.rate,
            tell: &tell,
            interrupt,
        };
        let events = backfill::events(cloud, &places.address, intake);
        let sent = sender.send(events, found.objects).await;
        drop(tell);
        transfer.end().await;
        sent
    }
}
