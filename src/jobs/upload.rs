//! Files put into the bucket: several at once, large ones in parts.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::stream::{StreamExt, TryStreamExt, iter};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::destinations::Intake;
use super::event::{Event, Events};
use super::files::LocalFile;
use super::pace::Pace;
use super::{FAILURES, Failed};
use crate::cloud::s3::uploads::{Piece, part_length};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;
use crate::error;
use crate::interrupt::{GRACE, Interrupt};

/// How many files are sent at once.
const FILES: usize = 16;
/// How many requests are on their way at once, parts of large files included. More would only share the same bandwidth.
const REQUESTS: usize = 16;
/// From this size on, a file is sent in parts: what fails then is sent again a part at a time, not from the beginning.
const IN_PARTS_FROM: u64 = 16 << 20;
/// How long a part is, unless that makes too many.
const PART: u64 = 8 << 20;

/// Everything that uploading works with.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    pub cloud: &'a Cloud,
    /// The bucket and the watched prefix.
    pub intake: &'a Intake,
    pub files: &'a [LocalFile],
    /// In front of each name, behind the watched prefix.
    pub prefix: &'a str,
    /// How often, each time under other keys.
    pub repeat: u32,
    /// The most files a second.
    pub rate: Option<f64>,
    /// Told of what happens.
    pub tell: &'a Events,
    /// After it, nothing is begun.
    pub interrupt: &'a Interrupt,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Uploaded {
    #[serde(flatten)]
    pub address: Address,
    pub bucket: String,
    /// The prefix that the keys begin with.
    pub prefix: String,
    /// Whether all of it is there.
    pub succeeded: bool,
    /// How many files are there.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// What isn't there, and why.
    pub failed: Vec<Failed>,
    /// How many were not begun, or given up, because it was interrupted or too much failed.
    pub not_sent: u64,
    /// Keys that were on their way when it was interrupted: they may be there.
    pub unknown: Vec<String>,
}

impl Uploaded {
    /// How the command ends. The reasons were shown before.
    pub fn result(&self) -> error::Result<()> {
        super::result(self.succeeded, &self.failed)
    }
}

/// What became of a file.
enum Fate {
    Sent(u64),
    Failed(Failed),
    GivenUp,
    Unknown(String),
}

/// What repetitions put in front of names: a folder each, so that names differ whatever they are. Nothing when there
/// is one.
pub fn round(number: u32, of: u32) -> String {
    match of {
        0 | 1 => String::new(),
        _ => format!("{number:0width$}/", width = of.to_string().len()),
    }
}

impl Upload<'_> {
    /// Uploads. Ends early after an interrupt or [`FAILURES`] failures.
    pub async fn run(self, address: Address) -> Uploaded {
        let began = Instant::now();
        let pace = Pace::new(self.rate);
        let requests = Semaphore::new(REQUESTS);
        let failures = AtomicUsize::new(0);
        let goes_on = || !self.interrupt.asked() && failures.load(Ordering::Relaxed) < FAILURES;
        let all = (1..=self.repeat).flat_map(|number| {
            let round = round(number, self.repeat);
            let key = move |file: &LocalFile| format!("{}{}{round}{}", self.intake.prefix, self.prefix, file.name);
            self.files.iter().map(move |file| (key(file), file))
        });
        let fates = iter(all.take_while(|_| goes_on())).map(async |(key, file)| {
            tokio::select! {
                biased;
                () = self.interrupt.wait() => return Fate::GivenUp,
                () = pace.take(1) => {}
            }
            if !goes_on() {
                return Fate::GivenUp;
            }
            let fate = self.one(key, file, &requests).await;
            if let Fate::Failed(failed) = &fate {
                failures.fetch_add(1, Ordering::Relaxed);
                self.tell.tell(Event::NotSent(failed.clone()));
            }
            fate
        });
        let mut report = Uploaded {
            address,
            bucket: self.intake.bucket.clone(),
            prefix: format!("{}{}", self.intake.prefix, self.prefix),
            succeeded: false,
            files: 0,
            bytes: 0,
            seconds: 0.0,
            failed: Vec::new(),
            not_sent: 0,
            unknown: Vec::new(),
        };
        let mut fates = std::pin::pin!(fates.buffer_unordered(FILES));
        while let Some(fate) = fates.next().await {
            match fate {
                Fate::Sent(bytes) => {
                    report.files += 1;
                    report.bytes += bytes;
                }
                Fate::Failed(failed) => report.failed.push(failed),
                Fate::Unknown(key) => report.unknown.push(key),
                Fate::GivenUp => {}
            }
        }
        let total = self.files.len() as u64 * u64::from(self.repeat);
        report.not_sent = total - report.files - report.failed.len() as u64 - report.unknown.len() as u64;
        report.succeeded = report.files == total;
        report.seconds = began.elapsed().as_secs_f64();
        report
    }

    async fn one(&self, key: String, file: &LocalFile, requests: &Semaphore) -> Fate {
        let sent = match file.is_unchanged() {
            Ok(true) if file.bytes < IN_PARTS_FROM => self.in_one_piece(&key, file, requests).await,
            Ok(true) => self.in_parts(&key, file, requests).await,
            Ok(false) => Err(Stop::Failed(CHANGED.into())),
            Err(error) => Err(Stop::Failed(error.to_string())),
        };
        match sent {
            Ok(in_parts) => {
                let bytes = file.bytes;
                self.tell.tell(Event::FileSent { key, bytes, in_parts });
                Fate::Sent(bytes)
            }
            Err(Stop::Failed(message)) => Fate::Failed(Failed {
                what: file.path.display().to_string(),
                message,
            }),
            Err(Stop::GivenUp) => Fate::GivenUp,
            Err(Stop::Unknown) => Fate::Unknown(key),
        }
    }

    async fn in_one_piece(&self, key: &str, file: &LocalFile, requests: &Semaphore) -> Result<u64, Stop> {
        let _permit = self.turn(requests).await?;
        let piece = piece(&file.path, 0, file.bytes);
        let put = self.cloud.put_file(&self.intake.bucket, key, piece);
        tokio::select! {
            put = put => put?,
            () = self.interrupt.too_late() => return Err(Stop::Unknown),
        }
        Ok(0)
    }

    /// Leaves nothing behind when it doesn't finish.
    async fn in_parts(&self, key: &str, file: &LocalFile, requests: &Semaphore) -> Result<u64, Stop> {
        let upload = tokio::select! {
            begun = self.cloud.begin_multipart(&self.intake.bucket, key) => begun?,
            () = self.interrupt.too_late() => return Err(Stop::GivenUp),
        };
        let length = part_length(file.bytes, PART);
        let parts = (1..).zip((0..file.bytes).step_by(usize::try_from(length).unwrap_or(usize::MAX)));
        let parts = iter(parts).map(async |(number, offset)| {
            let _permit = self.turn(requests).await?;
            let bytes = length.min(file.bytes - offset);
            let part = upload.put(number, piece(&file.path, offset, bytes)).await?;
            let key = key.to_owned();
            self.tell.tell(Event::PartSent { key, bytes });
            Ok::<_, Stop>(part)
        });
        let put = async {
            let parts: Vec<_> = parts.buffer_unordered(REQUESTS).try_collect().await?;
            match file.is_unchanged() {
                Ok(true) => Ok(parts),
                _ => Err(Stop::Failed(CHANGED.into())),
            }
        };
        let put = tokio::select! {
            biased;
            () = self.interrupt.wait() => Err(Stop::GivenUp),
            put = put => put,
        };
        let completed = match put {
            Ok(parts) => tokio::select! {
                completed = upload.complete(parts) => completed.map_err(Stop::from),
                () = self.interrupt.too_late() => return Err(Stop::Unknown),
            },
            Err(stop) => Err(stop),
        };
        if completed.is_err() {
            // Not for ever: somebody may be waiting.
            let aborted = timeout(GRACE, upload.abort()).await;
            if !matches!(aborted, Ok(Ok(()))) {
                let bucket = &self.intake.bucket;
                let text = match self.intake.is_somebody_elses {
                    false => "its parts could not be deleted; the bucket's lifecycle rule does it after a week",
                    true => {
                        "its parts could not be deleted: they are paid for until `aws s3api abort-multipart-upload`, or a \
                         lifecycle rule of the bucket (AbortIncompleteMultipartUpload), deletes them"
                    }
                };
                self.tell.warn(format!("s3://{bucket}/{key}: {text}"));
            }
        }
        completed.map(|()| file.bytes)
    }

    async fn turn<'s>(&self, requests: &'s Semaphore) -> Result<SemaphorePermit<'s>, Stop> {
        tokio::select! {
            biased;
            () = self.interrupt.wait() => Err(Stop::GivenUp),
            permit = requests.acquire() => permit.map_err(|_| Stop::GivenUp),
        }
    }
}

const CHANGED: &str = "it was changed meanwhile: send it again once it is complete";

/// Why a file isn't there.
enum Stop {
    Failed(String),
    GivenUp,
    Unknown,
}

impl From<CloudError> for Stop {
    fn from(error: CloudError) -> Self {
        Stop::Failed(error.to_string())
    }
}

fn piece(path: &Path, offset: u64, length: u64) -> Piece<'_> {
    Piece { path, offset, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_sort_in_their_order_and_one_adds_nothing() {
        assert_eq!(round(1, 1), "");
        assert_eq!(round(1, 10), "01/");
        assert_eq!(round(10, 10), "10/");
    }
}
