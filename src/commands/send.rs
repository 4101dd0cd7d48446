//! `qfleet send ENV FILE… | DIR | -`

use std::path::{Component, Path, PathBuf};

use clap::Args;
use futures_util::stream::{StreamExt, iter};
use schemars::JsonSchema;
use serde::Serialize;

use super::global::{Env, Global};
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::jobs::Failed;
use crate::jobs::bodies::{Bodies, Count, only_files};
use crate::jobs::destinations::Destinations;
use crate::jobs::event::{Doing, Event};
use crate::jobs::files::{self, LocalFile};
use crate::jobs::messages::{Sender, Sent};
use crate::jobs::upload::{self, Upload};
use crate::report::{self, transfer::Transfer};

/// Arguments of `send`.
#[derive(Debug, Args)]
#[command(after_help = "\
A folder stands for all files in it; their paths in it become the ends of their keys. What is there under the same key \
is overwritten, which is an event, too. Large files are sent in parts. With --stage, nothing is uploaded: files hold \
the bodies of messages for that stage's queue, of at most 1 MiB each.

Everything that is to be sent is checked before anything is sent. Ctrl-C says how much went (exit code 130).

Examples:
  qfleet send lab photos/                        all files of a folder
  qfleet send lab a.jpg --repeat 100 --rate 5    a load to watch the fleet with
  qfleet send lab --stage resize job.json        one message
  generate | qfleet send lab --stage resize --lines -")]
pub struct Send {
    #[command(flatten)]
    env: Env,
    /// Files and folders; with --stage, `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Send the content of each file as a message to this stage's queue, instead of uploading it
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Each line is a message, and not the whole file; blank lines are left out
    #[arg(long, requires = "stage")]
    lines: bool,
    /// At most so many files, or messages, a second
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Send everything so many times; files under keys that differ, 01/a.jpg, 02/a.jpg, …
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,
    /// In front of each key, behind the watched prefix (`batch-7/`)
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
}

impl Send {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
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
        let bodies = match only_files(&self.files)? {
            Some(paths) => Bodies::of_files(files::collect_apart(paths)?, self.lines),
            None => Bodies::of_stdin(std::io::stdin().lock(), self.lines)?,
        };
        let count = bodies.check()?;
        global.run(None, async |interrupt| {
            let (cloud, destinations) = interrupt.unless_stopped(global.destinations(&environment)).await?;
            self.send(global, &cloud, destinations, &stage, (&bodies, count), interrupt)
                .await
        })
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
        let repeat = u64::from(self.repeat);
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Uploading,
            to: format!("s3://{}/{}{}", intake.bucket, intake.prefix, self.prefix),
            items: files.len() as u64 * repeat,
            bytes: Some(bytes.saturating_mul(repeat)),
        });
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
        let repeat = u64::from(self.repeat);
        let total = count.messages.saturating_mul(repeat);
        let (tell, transfer) = Transfer::begin(global.face());
        tell.tell(Event::JobsStarted {
            doing: Doing::Sending,
            to: queues.queue.clone(),
            items: total,
            bytes: Some(count.bytes.saturating_mul(repeat)),
        });
        let sender = Sender {
            cloud,
            queue: &queues.queue,
            rate: self.rate,
            tell: &tell,
            interrupt,
        };
        let jobs = iter(0..self.repeat).flat_map(|_| iter(bodies.read()));
        // It was fine when it was checked.
        let jobs = jobs.map(|job| {
            job.map_err(|message| Failed {
                what: "what was checked has changed".into(),
                message,
            })
        });
        let sent = sender.send(jobs, total).await;
        drop(tell);
        transfer.end().await;
        let document = Document {
            address: destinations.deployed.address,
            stage: queues.stage,
            sent,
        };
        report::result(global.output, &document, || report::jobs::sent(&document.sent));
        document.sent.result()
    }
}

/// A number of things a second.
pub(super) fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("it must be a number from 0.001 to 100000".into()),
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
