//! Empties a bucket, which CloudFormation deletes only when nothing is in it.
//!
//! ```text
//! listing ─▶ pages (a few wait) ─▶ DeleteObjects, several at once ─┬─▶ gone
//!                ▲                                                 ├─▶ tried again, a little later
//!                └── until there is nothing left ◀── late objects  └─▶ can't be deleted: named
//! uploads ─▶ AbortMultipartUpload, several at once
//! ```
//!
//! What it holds at a time doesn't grow with the bucket: at most a dozen pages of 1,000 keys.

mod stuck;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join;
use futures_util::stream::{StreamExt, TryStreamExt, iter, unfold};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use stuck::Stuck;

use crate::cloud::CloudError;
use crate::cloud::s3::deletion::{Undeleted, fits_xml};
use crate::cloud::s3::versions::{Marker, Page, Version};
use crate::engine::event::Event;
use crate::engine::operation::Context;
use crate::engine::outcome::Failed;
use crate::error::Error;
use crate::interrupt::until;

/// How many calls of DeleteObjects are on their way at once, each with up to 1,000 keys. A prefix stands for 3,500
/// deletes a second (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>), and a call
/// takes a second or so: more would only be told to slow down.
const CALLS: usize = 8;
/// How many pages of the listing may wait for one of these calls; one more waits to join them.
const AHEAD: usize = 2;
/// How many uploads are aborted at once, or objects deleted singly because their keys don't fit into XML.
const SINGLES: usize = 16;
/// How often a bucket is looked through. What is written to more often than that isn't at rest.
const PASSES: usize = 5;
/// The pauses, in seconds, before trying again what S3 couldn't delete just now.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];
/// How long a throttled call is made again, beyond the SDK's own retries.
const PATIENCE: Duration = Duration::from_secs(600);
/// After this many objects that can't be deleted, nothing more is tried: they have a cause in common.
const GIVE_UP: u64 = 1000;
/// How often the progress is told.
const OFTEN: Duration = Duration::from_secs(1);

/// A bucket that is emptied.
struct Emptying<'a> {
    context: Context<'a>,
    bucket: &'a str,
    /// How much there is to delete, as far as it is known.
    total: Option<u64>,
    deleted: AtomicU64,
    aborted: AtomicU64,
    told: Mutex<Option<Instant>>,
    stuck: Mutex<Stuck>,
}

/// Deletes every version and delete marker in a bucket and aborts its open uploads, tells how far it is, and looks again
/// until nothing is there. `total` is how many versions and delete markers there are, as far as it is known. A bucket
/// that isn't there is empty.
///
/// # Errors
/// When something in it can't be deleted; when it is stopped by an interrupt or the end of its time. It can be called
/// again.
pub async fn empty(context: Context<'_>, bucket: &str, total: Option<u64>) -> Result<(), Failed> {
    let emptying = Emptying {
        context,
        bucket,
        total,
        deleted: AtomicU64::new(0),
        aborted: AtomicU64::new(0),
        told: Mutex::new(None),
        stuck: Mutex::new(Stuck::default()),
    };
    let began = Instant::now();
    let ended = tokio::select! {
        biased;
        ended = emptying.until_nothing_is_left() => ended,
        () = context.interrupt.too_late() => Ok(false),
        () = until(context.waiting.deadline) => Ok(false),
    };
    emptying.ended(ended, began)
}

impl Emptying<'_> {
    /// Whether it came to its end: otherwise it was stopped, or something can't be deleted.
    async fn until_nothing_is_left(&self) -> Result<bool, CloudError> {
        for _ in 0..PASSES {
            let (versions, uploads) = try_join(self.delete_all(), self.abort_all()).await?;
            if !self.goes_on() || self.stuck_so_far() > 0 {
                return Ok(false);
            }
            if versions + uploads == 0 {
                return Ok(true);
            }
        }
        let bucket = self.bucket;
        self.context.tell.warn(format!(
            "s3://{bucket} is being written to: whenever it was empty, something was there again; stop what writes to it"
        ));
        Ok(true)
    }

    /// Looks through the bucket once. How many versions and delete markers it found.
    async fn delete_all(&self) -> Result<u64, CloudError> {
        let (pages, waiting) = mpsc::channel(AHEAD);
        let list = async move {
            let mut next = Some(Marker::default());
            while let (Some(from), true) = (next.take(), self.goes_on()) {
                let list = || self.context.cloud.versions(self.bucket, "", from.clone());
                let page: Page<Version> = patiently(list).await?;
                next = page.next;
                if !page.entries.is_empty() && pages.send(page.entries).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let pages = unfold(waiting, async |mut waiting| Some((waiting.recv().await?, waiting)));
        let calls = pages
            .map(|page: Vec<Version>| self.delete(page))
            .buffer_unordered(CALLS);
        let delete = calls.try_fold(0, async |all, found| Ok(all + found));
        let ((), found) = try_join(list, delete).await?;
        Ok(found)
    }

    /// Deletes a page of the listing, and says how many were on it. What S3 can't delete is kept in mind.
    async fn delete(&self, page: Vec<Version>) -> Result<u64, CloudError> {
        let found = page.len() as u64;
        if !self.goes_on() {
            return Ok(0);
        }
        self.tell();
        let (mut left, singles): (Vec<Version>, Vec<Version>) = page.into_iter().partition(|one| fits_xml(&one.key));
        self.delete_singly(singles).await?;
        let mut pauses = PAUSES.into_iter().map(Duration::from_secs);
        while !left.is_empty() && self.goes_on() {
            let undeleted = patiently(|| self.context.cloud.delete_versions(self.bucket, &left)).await?;
            self.gone((left.len() - undeleted.len().min(left.len())) as u64);
            let (again, stuck): (Vec<_>, Vec<_>) = undeleted.into_iter().partition(Undeleted::may_pass);
            self.stuck(stuck);
            left.retain(|version| again.iter().any(|one| one.is(version)));
            match pauses.next() {
                Some(pause) if !again.is_empty() => sleep(pause).await,
                _ => {
                    self.stuck(again);
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn delete_singly(&self, versions: Vec<Version>) -> Result<(), CloudError> {
        let deletes = iter(versions).map(async |version| {
            let mut pauses = PAUSES.into_iter().map(Duration::from_secs);
            while self.goes_on() {
                let undeleted = patiently(|| self.context.cloud.delete_version(self.bucket, &version)).await?;
                match (undeleted, pauses.next()) {
                    (None, _) => {
                        self.gone(1);
                        break;
                    }
                    (Some(undeleted), Some(pause)) if undeleted.may_pass() => sleep(pause).await,
                    (Some(undeleted), _) => {
                        self.stuck(vec![undeleted]);
                        break;
                    }
                }
            }
            Ok(())
        });
        deletes.buffer_unordered(SINGLES).try_collect().await
    }

    /// Aborts the uploads that are open, once. How many there were. Parts that were on their way meanwhile may keep one
    /// open: the next look finds it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>).
    async fn abort_all(&self) -> Result<u64, CloudError> {
        let mut found = 0;
        let mut next = Some(Marker::default());
        while let (Some(from), true) = (next.take(), self.goes_on()) {
            let page = patiently(|| self.context.cloud.open_uploads(self.bucket, from.clone())).await?;
            next = page.next;
            found += page.entries.len() as u64;
            let aborts = iter(page.entries).map(async |upload| {
                if self.goes_on() {
                    patiently(|| self.context.cloud.abort_upload(self.bucket, &upload)).await?;
                    self.aborted.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), CloudError>(())
            });
            aborts.buffer_unordered(SINGLES).try_collect::<()>().await?;
        }
        Ok(found)
    }

    /// Whether something new may be begun.
    fn goes_on(&self) -> bool {
        let in_time = self
            .context
            .waiting
            .deadline
            .is_none_or(|deadline| Instant::now() < deadline);
        in_time && self.stuck_so_far() < GIVE_UP && !self.context.interrupt.asked()
    }

    fn stuck_so_far(&self) -> u64 {
        self.stuck.lock().map_or(0, |stuck| stuck.count())
    }

    fn gone(&self, more: u64) {
        self.deleted.fetch_add(more, Ordering::Relaxed);
        self.tell();
    }

    fn stuck(&self, more: Vec<Undeleted>) {
        if let Ok(mut stuck) = self.stuck.lock() {
            stuck.add(more);
        }
    }

    /// Tells how far it is, if that wasn't told a moment ago.
    fn tell(&self) {
        let Ok(mut told) = self.told.lock() else { return };
        let now = Instant::now();
        if told.is_some_and(|told| now - told < OFTEN) {
            return;
        }
        *told = Some(now);
        self.context.tell.tell(Event::Emptying {
            bucket: self.bucket.to_owned(),
            deleted_objects: self.deleted.load(Ordering::Relaxed),
            total_objects: self.total,
        });
    }

    fn ended(self, ended: Result<bool, CloudError>, began: Instant) -> Result<(), Failed> {
        let bucket = self.bucket;
        let is_empty = match ended {
            Ok(is_empty) => is_empty,
            Err(error) if error.is("NoSuchBucket") => true,
            Err(error) => return Err(error.about(&format!("s3://{bucket} can't be emptied")).into()),
        };
        let deleted = self.deleted.into_inner();
        let stuck = self.stuck.into_inner().unwrap_or_default();
        if is_empty {
            self.context.tell.tell(Event::Emptied {
                bucket: bucket.to_owned(),
                deleted_objects: deleted,
                aborted_uploads: self.aborted.into_inner(),
                seconds: began.elapsed().as_secs_f64(),
            });
            return Ok(());
        }
        if stuck.count() > 0 {
            return Err(stuck.explain(bucket).into());
        }
        // All that were counted may be gone, and others may have come since.
        let (is, of) = match self.total {
            Some(total) if deleted >= total => ("may not be empty", String::new()),
            Some(total) => ("is not empty", format!(" of {total}")),
            None => ("is not empty", String::new()),
        };
        let so_far = format!("s3://{bucket} {is} yet: {deleted}{of} objects were deleted");
        let again = "the same command goes on with it";
        if self.context.interrupt.asked() {
            self.context.tell.warn(format!("{so_far}; {again}"));
            return Err(Failed::Stopped);
        }
        let error = Error::failed(format!("{so_far}, and the time of --timeout is over"));
        Err(error.with_help(again).into())
    }
}

/// Calls again as long as the call is throttled, a few seconds apart, within ten minutes.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, CloudError>>,
{
    let began = Instant::now();
    loop {
        match call().await {
            Err(error) if error.is_throttling() && began.elapsed() < PATIENCE => sleep(Duration::from_secs(5)).await,
            answer => return answer,
        }
    }
}
