//! `qfleet send ENV FILE… | DIR | -`

use std::path::{Component, Path, PathBuf};

use clap::Args;
use futures_util::future::join;
use futures_util::stream::{StreamExt, iter};
use schemars::JsonSchema;
use serde::Serialize;

use super::global::{Env, Global};
use super::numbers::whole;
use crate::cloud::Cloud;
use crate::cloud::sqs::messages::job_id_size;
use crate::deployed::address::Address;
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::jobs::Failed;
use crate::jobs::bodies::{Bodies, Count, only_files};
use crate::jobs::destinations::{Destinations, no_such_stage};
use crate::jobs::event::{Doing, Event};
use crate::jobs::files::{self, LocalFile};
use crate::jobs::messages::{Job, Sender, Sent};
use crate::jobs::replies::{Jobs, Replies, Wait};
use crate::jobs::upload::{self, Upload};
use crate::report::form::Output;
use crate::report::{self, transfer::Transfer};

/// Arguments of `send`.
#[derive(Debug, Args)]
#[command(after_help = "\
A folder stands for all files in it; their paths in it become the ends of their keys. An object under the same key is \
overwritten, which is an event, too. Large files are sent in parts. With --stage, nothing is uploaded: files hold \
the bodies of messages for that stage's queue, of at most 1 MiB each.

Everything that is to be sent is checked before anything is sent. After Ctrl-C it says how much was sent (exit code 130).

With --wait, each message carries an id, and each reply to it is shown when it comes: the id and what the worker said, a \
line each. Replies to other commands' jobs are left to them. At the end it is said which jobs were not replied to, with \
exit code 1, or 130 after Ctrl-C; their replies wait for a day.

Examples:
  qfleet send lab photos/                        all files of a folder
  qfleet send lab a.jpg --repeat 100 --rate 5    a load to watch the fleet with
  qfleet send lab --stage resize job.json        one message
  generate | qfleet send lab --stage resize --lines -
  qfleet send lab --stage resize --wait job.json one message, and what the worker says of it")]
pub struct Send {
    #[command(flatten)]
    env: Env,
    /// Files and folders; with --stage, `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Send the content of each file as a message to this stage's queue, instead of uploading it
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Send each line as a message, instead of the whole file; blank lines are left out
    #[arg(long, requires = "stage")]
    lines: bool,
    /// Most files, or messages, to send a second
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Send everything this many times; files get different keys: 01/a.jpg, 02/a.jpg, …
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<u32>(1..=1_000_000, 100))]
    repeat: u32,
    /// Wait for a reply to each message; the stage must have `replies: true`
    #[arg(long, requires = "stage")]
    wait: bool,
    /// How long to wait after the last message was sent (`30s`, `1h`)
    #[arg(long, value_name = "LENGTH", default_value = "30m", requires = "wait")]
    timeout: Duration,
    /// Goes before each key, after the watched prefix (`batch-7/`)
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true, conflicts_with = "stage", value_parser = prefix)]
    prefix: String,
}

/// What was sent to a stage.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Document {
    #[serde(flatten)]
    address: Address,
    stage: String,
    #[serde(flatten)]
    sent: Sent,
    /// What became of the jobs, with --wait.
    #[serde(flatten)]
    replies: Option<Replies>,
}

impl Send {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.find()?;
        let Some(stage) = self.stage.clone() else {
            if only_files(&self.files)?.is_none() {
                return Err(Error::usage("standard input can't be uploaded: a file has a name")
                    .with_help("write it to a file first, or send it to a queue with --stage"));
            }
            let files = files::collect(&self.files)?;
            return global.run(None, async |interrupt| {
                let (cloud, destinations) = interrupt.unless_stopped(global.destinations(&environment)).await?;
                self.upload(global, &cloud, destinations, &files, interrupt).await
            });
        };
        // Before anything listens for signals: nobody could end a command that waits for its input.
        let (bodies, count) = self.bodies().map_err(|error| {
            // Whoever names a wrong stage has the wrong files, too. Without the file, AWS must be asked, and later is.
            let stages = environment.stages();
            match stages.is_empty() || stages.contains(&stage) {
                true => error,
                false => no_such_stage(&environment.name, &stage, &stages.join(", ")),
            }
        })?;
        global.run(None, async |interrupt| {
            let (cloud, destinations) = interrupt.unless_stopped(global.destinations(&environment)).await?;
            self.send(global, &cloud, destinations, &stage, (&bodies, count), interrupt)
                .await
        })
    }

    /// The messages that are to be sent, all of them good.
    fn bodies(&self) -> Result<(Bodies, Count)> {
        let bodies = match only_files(&self.files)? {
            Some(paths) => Bodies::of_files(files::collect_apart(paths)?, self.lines),
            None => Bodies::of_stdin(std::io::stdin().lock(), self.lines)?,
        };
        let id_size = if self.wait { job_id_size(&new_id()) } else { 0 };
        let bodies = bodies.with_room_for(id_size);
        let mut count = bodies.check()?;
        count.bytes += count.messages.saturating_mul(id_size as u64);
        Ok((bodies, count))
    }

    async fn upload(
        &self,
        global: &Global,
        cloud: &Cloud,
        destinations: Destinations,
        files: &[LocalFile],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let intake = destinations.intake()?;
        let rounds = upload::round(self.repeat, self.repeat).len();
        files::check_keys(files, &format!("{}{}", intake.prefix, self.prefix), rounds)?;
        let key = |file: &LocalFile| {
            let round = upload::round(1, self.repeat);
            format!("{}{}{round}{}", intake.prefix, self.prefix, file.name)
        };
        let for_none = destinations.for_no_stage(files.iter().map(key));
        let repeat = u64::from(self.repeat);
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Uploading,
            to: format!("s3://{}/{}{}", intake.bucket, intake.prefix, self.prefix),
            items: files.len() as u64 * repeat,
            bytes: Some(bytes.saturating_mul(repeat)),
        });
        if let Some(warning) = for_none {
            tell.warn(warning);
        }
        let upload = Upload {
            cloud,
            intake: &intake,
            files,
            prefix: &self.prefix,
            repeat: self.repeat,
            rate: self.rate,
            tell: &tell,
            interrupt,
        };
        let report = upload.run(destinations.deployed.address).await;
        drop(tell);
        transfer.end().await;
        report::result(global.output, &report, || report::jobs::uploaded(&report));
        report.result()
    }

    async fn send(
        &self,
        global: &Global,
        cloud: &Cloud,
        destinations: Destinations,
        stage: &str,
        (bodies, count): (&Bodies, Count),
        interrupt: &Interrupt,
    ) -> Result<()> {
        let queues = destinations.queues(Some(stage))?;
        let reply_queue = match (self.wait, &queues.replies) {
            (false, _) => None,
            (true, Some(url)) => Some(url.as_str()),
            (true, None) => {
                return Err(
                    Error::usage(format!("nothing was sent: the stage `{stage}` has no queue for replies")).with_help(
                        "set `replies: true` on the stage in its file, deploy, and have its worker reply; or send without --wait",
                    ),
                );
            }
        };
        let repeat = u64::from(self.repeat);
        let total = count.messages.saturating_mul(repeat);
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Sending,
            to: queues.queue.clone(),
            items: total,
            bytes: Some(count.bytes.saturating_mul(repeat)),
        });
        let open = Jobs::default();
        let note = |job: &Job| {
            if let Some(id) = job.message.extras.job_id() {
                open.sent(id, &job.name);
            }
        };
        let sender = Sender {
            cloud,
            queue: &queues.queue,
            rate: self.rate,
            tell: &tell,
            sent: Some(&note),
            interrupt,
        };
        let jobs = iter(0..self.repeat).flat_map(|_| iter(bodies.read()));
        // It was fine when it was checked.
        let jobs = jobs.map(|job| {
            let job = job.and_then(|job| if self.wait { with_id(job) } else { Ok(job) });
            job.map_err(|message| Failed {
                what: "what was checked has changed".into(),
                message,
            })
        });
        let sending = async {
            let sent = sender.send(jobs, total).await;
            let left = open.all_sent();
            if let Some(queue) = reply_queue.filter(|_| left > 0) {
                tell.tell(Event::JobsStarted {
                    doing: Doing::Waiting,
                    to: queue.to_owned(),
                    items: left as u64,
                    bytes: None,
                });
            }
            sent
        };
        let (sent, replies) = match reply_queue {
            None => (sending.await, None),
            Some(queue) => {
                let wait = Wait {
                    cloud,
                    queue,
                    jobs: &open,
                    patience: std::time::Duration::from_secs(self.timeout.as_secs()),
                    tell: &tell,
                    interrupt,
                };
                let mut all = Vec::new();
                let collecting = wait.collect(|reply| match global.output {
                    Output::Json => all.push(reply),
                    Output::Text | Output::Jsonl => tell.tell(Event::Replied(reply)),
                });
                let (sent, ()) = join(sending, collecting).await;
                let replies = (global.output == Output::Json).then_some(all);
                (sent, Some(Replies { replies, ..wait.end() }))
            }
        };
        drop(tell);
        transfer.end().await;
        let document = Document {
            address: destinations.deployed.address,
            stage: queues.stage,
            sent,
            replies,
        };
        report::result(global.output, &document, || {
            let replies = document.replies.as_ref();
            report::jobs::sent(&document.sent) + &replies.map_or(String::new(), report::jobs::replies)
        });
        document.sent.result()?;
        document.replies.map_or(Ok(()), |replies| replies.result())
    }
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn with_id(job: Job) -> std::result::Result<Job, String> {
    let message = job.message.with_job_id(&new_id()).map_err(|error| error.to_string())?;
    Ok(Job { message, ..job })
}

/// A number of things a second.
pub(super) fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.001 to 100000 is expected, as in 5 or 0.5".into()),
    }
}

/// The beginning of keys, which other programs may take for a path.
fn prefix(text: &str) -> std::result::Result<String, String> {
    let is_plain = |component| matches!(component, Component::Normal(_));
    let as_path = Path::new(text);
    if text.contains("//") || text.contains("/./") || !as_path.components().all(is_plain) {
        return Err("it must not begin with a slash, and have neither `.`, `..` nor an empty name in it".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_would_not_be_what_they_seem() {
        for good in ["", "batch-7/", "a/b/c", "with space/ü-"] {
            assert_eq!(prefix(good).as_deref(), Ok(good));
        }
        for bad in ["/", "/a", "../a", "a/../b", "./a", "a/./b", "a//b", ".."] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_more_than_nothing() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for bad in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
