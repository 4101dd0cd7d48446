//! `qfleet dlq sample|redrive|purge ENV [STAGE]`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::named::{Meant, Named};
use super::numbers::whole;
use crate::cloud::sqs::message_moves::FASTEST;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::deployed::stage::Stage;
use crate::error::{Error, Reason, Result};
use crate::interrupt::Interrupt;
use crate::jobs::destinations::Queues;
use crate::jobs::redrive::Redrive;
use crate::jobs::sample::{Sample, sample};
use crate::observe::old_workers::OldWorkers;
use crate::report::form::Output;
use crate::report::next::Step;
use crate::report::{self, transfer::Transfer};
use crate::shell;

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
    /// Most messages to show
    #[arg(long, value_name = "N", default_value = "10", value_parser = whole::<u8>(1..=100, 5))]
    count: u8,
}

#[derive(Debug, Args)]
#[command(after_help = "\
SQS moves the messages itself, in a message move task; one that runs already is waited for. It goes on when this \
command is interrupted, and the same command waits for it again. Where there are no such tasks, as in the local \
emulator, each message is sent to the queue and then deleted from the dead letters.

It warns where instances of the stage are older than its last deploy, and so would get what only new ones can work on.

Examples:
  qfleet dlq redrive lab
  qfleet dlq redrive lab move --max-rate 10   gently: what still fails comes back")]
struct RedriveArgs {
    #[command(flatten)]
    which: Which,
    /// Most messages to move a second; without it, SQS decides
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u64::from(FASTEST), 50))]
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
    /// Don't ask for confirmation
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
    ) -> Result<(Cloud, Deployed, Queues)> {
        let (cloud, destinations) = interrupt.unless_stopped(global.destinations(environment)).await?;
        let queues = destinations.queues(self.stage.as_ref().or(self.by_option.as_ref()).map(String::as_str))?;
        Ok((cloud, destinations.deployed, queues))
    }
}

impl SampleArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, deployed, queues) = self.which.find(global, &environment, interrupt).await?;
            let (tell, transfer) = Transfer::begin(global.face());
            let seen = sample(&cloud, deployed.address, &queues, self.count.into(), &tell, interrupt).await;
            drop(tell);
            transfer.end().await;
            let seen = seen?;
            let depth = match global.output {
                Output::Text => cloud.queue_depth(&queues.dead_letters).await.unwrap_or_default(),
                Output::Json | Output::Jsonl => None,
            };
            let next = self.next(global, &seen);
            report::result(global.output, &seen, || report::jobs::sample(&seen, depth, &next));
            seen.result()
        })
    }
}

impl SampleArgs {
    /// What to do with what was seen: why it failed, the file, and the way back once that is mended.
    fn next(&self, global: &Global, seen: &Sample) -> Vec<Step> {
        let environment = self.which.which.words();
        let of = |verb: &str, more: &str| global.with_whereabouts(&format!("qfleet {verb} {environment} {more}"));
        let stage = format!("--stage {}", seen.stage);
        let firsts = seen.messages.iter().filter_map(|letter| letter.first_received);
        let since = hours_since(firsts.min(), Timestamp::now());
        let file = seen.messages.iter().find_map(|letter| letter.files.first());
        let mut steps = Vec::new();
        match file.map(|file| shell::word(file)) {
            Some(file) => {
                let logs = format!("{stage} --since {since}h --filter {file}");
                steps.push(Step::new(of("logs", &logs), "why, where the worker logs the file"));
                steps.push(Step::new(of("files", &format!("--get {file}")), "the file itself"));
            }
            None => {
                let logs = of("logs", &format!("{stage} --since {since}h"));
                steps.push(Step::new(logs, "why, where the worker logs it"));
            }
        }
        let back = "all of them back to the queue, once that is mended";
        steps.push(Step::new(of("dlq redrive", &stage), back));
        steps
    }
}

/// So many whole hours that the time is in them; an hour where it isn't known.
fn hours_since(time: Option<Timestamp>, now: Timestamp) -> i64 {
    time.map_or(0, |time| now.duration_since(time).as_hours()).max(0) + 1
}

impl RedriveArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, deployed, queues) = self.which.find(global, &environment, interrupt).await?;
            let warning = self.of_old_workers(global, &cloud, &deployed, &queues);
            let warning = interrupt
                .unless_stopped(async { Ok::<_, Error>(warning.await) })
                .await?;
            let (tell, transfer) = Transfer::begin(global.face());
            warning.into_iter().for_each(|warning| tell.warn(warning));
            let redrive = Redrive {
                cloud: &cloud,
                queues: &queues,
                max_rate: self.max_rate,
                tell: &tell,
                interrupt,
            };
            let redriven = redrive.run(deployed.address).await;
            drop(tell);
            transfer.end().await;
            let redriven = redriven?;
            report::result(global.output, &redriven, || report::jobs::redriven(&redriven));
            redriven.result()
        })
    }

    /// What to know before where workers are older than the last deploy: it may be that which mends them.
    async fn of_old_workers(
        &self,
        global: &Global,
        cloud: &Cloud,
        deployed: &Deployed,
        queues: &Queues,
    ) -> Option<String> {
        let stage = Stage::of(deployed.part(&queues.stage)?)?;
        let environment = self.which.which.words();
        let of = |verb: &str, more: &str| global.with_whereabouts(&format!("qfleet {verb} {environment} {more}"));
        match OldWorkers::of(cloud, &deployed.address.environment, &stage).await {
            Ok(old) => Some(report::jobs::old_workers(
                &stage.name,
                old?,
                &of("status", "--watch"),
                &of("dlq redrive", &format!("--stage {}", stage.name)),
            )),
            Err(error) => Some(format!(
                "whether all workers of {} are of the last deploy isn't known: {error}",
                stage.name
            )),
        }
    }
}

impl PurgeArgs {
    fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, Deployed { address, .. }, queues) = self.which.find(global, &environment, interrupt).await?;
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
                return Err(Error::refused("not confirmed: nothing was deleted").because(Reason::NotConfirmed));
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
