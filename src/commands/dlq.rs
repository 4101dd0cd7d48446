//! `qfleet dlq sample|redrive|purge ENV [STAGE]`

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::named::{Meant, Named};
use crate::cloud::sqs::message_moves::FASTEST;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::jobs::destinations::Queues;
use crate::jobs::redrive::Redrive;
use crate::jobs::sample::sample;
use crate::report::form::Output;
use crate::report::{self, transfer::Transfer};

/// Arguments of `dlq`.
#[derive(Debug, Args)]
pub struct Dlq {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show some dead letters: what they say, how often and when they were received
    Sample(SampleArgs),
    /// Send dead letters back to the queue that they came from
    Redrive(RedriveArgs),
    /// Delete all dead letters
    Purge(PurgeArgs),
}

#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    which: Named,
    /// Stage; may be left out when there is only one
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// The same, where ENV is left out
    #[arg(long = "stage", value_name = "STAGE", conflicts_with = "stage")]
    by_option: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
SQS can't show messages without handing them out: each look receives them, which raises their receive count by one and \
hides them from others for the seconds that it takes. Then they are shown again, also after an error or Ctrl-C. A \
dead-letter queue passes nothing on, however often its messages are received: nothing gets lost.

Examples:
  qfleet dlq sample lab
  qfleet dlq sample lab move --count 1 --output json | jq -r '.messages[].body'")]
struct SampleArgs {
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u8).range(1..=100))]
    count: u8,
}

#[derive(Debug, Args)]
#[command(after_help = "\
SQS moves the messages itself, in a message move task; one that runs already is waited for. It goes on when this \
command is interrupted, and the same command waits for it again. Where there are no such tasks, as in the local \
emulator, each message is sent to the queue and then deleted from the dead letters.

Examples:
  qfleet dlq redrive lab
  qfleet dlq redrive lab move --max-rate 10   gently: what still fails comes back")]
struct RedriveArgs {
    #[command(flatten)]
    which: Which,
    /// At most so many messages a second; without it, as many as SQS thinks right
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST)))]
    max_rate: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
What is purged is gone for good. SQS takes up to a minute to delete everything, and refuses a second purge within that \
minute.

Examples:
  qfleet dlq purge lab                     say how many messages, ask, delete
  qfleet dlq purge lab move --yes")]
struct PurgeArgs {
    #[command(flatten)]
    which: Which,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Purged {
    #[serde(flatten)]
    address: Address,
    stage: String,
    /// The URL of the dead-letter queue.
    queue: String,
    /// About how many there were, as SQS counted them before.
    messages: u64,
}

impl Dlq {
    pub fn run(self, global: &Global) -> Result<()> {
        match self.verb {
            Verb::Sample(args) => args.run(global),
            Verb::Redrive(args) => args.run(global),
            Verb::Purge(args) => args.run(global),
        }
    }
}

impl Which {
    async fn find(
        &self,
        global: &Global,
        environment: &Meant,
        interrupt: &Interrupt,
    ) -> Result<(Cloud, Address, Queues)> {
        let (cloud, destinations) = interrupt.unless_stopped(global.destinations(environment)).await?;
        let queues = destinations.queues(self.stage.as_ref().or(self.by_option.as_ref()).map(String::as_str))?;
        Ok((cloud, destinations.deployed.address, queues))
    }
}

impl SampleArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, address, queues) = self.which.find(global, &environment, interrupt).await?;
            let (tell, transfer) = Transfer::begin(global.face());
            let seen = sample(&cloud, address, &queues, self.count.into(), &tell, interrupt).await;
            drop(tell);
            transfer.end().await;
            let seen = seen?;
            let depth = match global.output {
                Output::Text => cloud.queue_depth(&queues.dead_letters).await.unwrap_or_default(),
                Output::Json | Output::Jsonl => None,
            };
            report::result(global.output, &seen, || report::jobs::sample(&seen, depth));
            seen.result()
        })
    }
}

impl RedriveArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, address, queues) = self.which.find(global, &environment, interrupt).await?;
            let (tell, transfer) = Transfer::begin(global.face());
            let redrive = Redrive {
                cloud: &cloud,
                queues: &queues,
                max_rate: self.max_rate,
                tell: &tell,
                interrupt,
            };
            let redriven = redrive.run(address).await;
            drop(tell);
            transfer.end().await;
            let redriven = redriven?;
            report::result(global.output, &redriven, || report::jobs::redriven(&redriven));
            redriven.result()
        })
    }
}

impl PurgeArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, address, queues) = self.which.find(global, &environment, interrupt).await?;
            let queue = queues.dead_letters;
            let depth = interrupt.unless_stopped(cloud.queue_depth(&queue)).await?;
            let depth = depth.ok_or_else(|| {
                Error::failed(format!("there is no queue {queue}")).with_help(
                    "somebody deleted it: `qfleet drift` shows what else is gone, and a deploy makes it again",
                )
            })?;
            // Also where SQS counts none: its counts are late by up to a minute.
            let question = report::jobs::purge_question(&queue, depth);
            if !report::confirm(interrupt, &question, self.yes)? {
                return Err(Error::refused("not confirmed: nothing was deleted"));
            }
            let purge = cloud.purge_queue(&queue);
            purge.await.map_err(|error| not_purged(&queue, error))?;
            let messages = depth.total();
            let text = report::jobs::purged(&queue, depth);
            let purged = Purged {
                address,
                stage: queues.stage,
                queue,
                messages,
            };
            report::result(global.output, &purged, || text);
            Ok(())
        })
    }
}

fn not_purged(queue: &str, error: CloudError) -> Error {
    if !error.is("PurgeQueueInProgress") {
        return error.into();
    }
    Error::failed(format!(
        "{} was purged less than a minute ago, and SQS may still be at it",
        report::jobs::queue_name(queue)
    ))
    .with_help("messages that came since then are still there: wait a minute, then run the same command again")
}
