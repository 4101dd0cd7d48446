//! The notifications of a bucket that is there already: read, merged, written, read again. S3 has no way to write them only
//! if they are as they were read, so somebody else may write in between: what is lost by that of ours is added again, and
//! what is read is written at once, so that little of others' can be lost by ours.

use std::time::Duration;

use tokio::time::sleep;

use super::event::Event;
use super::operation::Context;
use super::outcome::Failed;
use super::pace::LOCAL;
use super::plan::existing_bucket::{in_the_way, too_many};
use super::told::Told;
use crate::blueprint::notifications::Notifications;
use crate::cloud::CloudError;
use crate::cloud::s3::notification_document::Entry;
use crate::error::Error;

/// How often to write before somebody else is named as the reason.
const WRITES: usize = 6;
/// How long after a write to read again: longer than another qfleet takes from its read to its write.
const SETTLED: Duration = Duration::from_secs(2);

/// What became of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// It tells what it should. What of others tells the environment's topics, too, and isn't ours to take out.
    AsWanted { of_others: Vec<Entry> },
    /// There is no such bucket any more.
    Gone,
}

/// Has the bucket tell the environment of what is `wanted`, and of nothing else. What was written is added to `told`, also
/// where this ends in an error afterwards, or where no answer says whether it was.
///
/// # Errors
/// A refusal when something of others is in the way; failures of S3; that others keep writing; that nothing may be begun any
/// more.
pub async fn set(
    context: Context<'_>,
    stack: &str,
    wanted: &Notifications,
    told: &mut Vec<Told>,
) -> Result<Set, Failed> {
    let mut written = None;
    let ended = write(context, stack, wanted, &mut written).await;
    if let Some(written) = written {
        if ended.is_ok() {
            context.tell.tell(Event::Notifications {
                stack: stack.to_owned(),
                told: written.clone(),
            });
        }
        told.push(written);
    }
    ended
}

async fn write(
    context: Context<'_>,
    stack: &str,
    wanted: &Notifications,
    written: &mut Option<Told>,
) -> Result<Set, Failed> {
    let Context { cloud, .. } = context;
    let bucket = &wanted.bucket;
    // Why the last write may have had no effect, and whether it is all that may have been written.
    let mut unsure: Option<(CloudError, bool)> = None;
    for writes in 0..=WRITES {
        context.may_begin(stack)?;
        let read = cloud.bucket_notifications(bucket).await;
        let Some(found) = read.map_err(|error| about(stack, bucket, error))? else {
            return Ok(Set::Gone);
        };
        let merge = found.merge(wanted);
        let Some(text) = merge.text else {
            return Ok(Set::AsWanted {
                of_others: merge.of_others,
            });
        };
        if let Some((_, true)) = unsure {
            *written = None;
        }
        if writes == WRITES {
            break;
        }
        let conflicts = found.conflicts(wanted);
        if !conflicts.is_empty() {
            return Err(in_the_way(stack, bucket, &conflicts).into());
        }
        if let Some(why) = too_many(&found, wanted) {
            return Err(Error::refused(format!("{stack}: {why}")).into());
        }
        let put = cloud.put_bucket_notifications(bucket, text).await;
        unsure = match put {
            Ok(()) => None,
            Err(error) if error.is("NoSuchBucket") => return Ok(Set::Gone),
            Err(error) if passes(&error) => Some((error, written.is_none())),
            Err(error) => return Err(about(stack, bucket, error).into()),
        };
        written.get_or_insert_with(|| Told {
            bucket: bucket.clone(),
            added: merge.added.len(),
            removed: merge.removed.len(),
            others: merge.others,
        });
        let pause = if cloud.local { LOCAL } else { SETTLED };
        let settled = async {
            sleep(pause).await;
            Ok::<_, Failed>(())
        };
        context.prepare(stack, settled).await?;
    }
    if let Some((error, _)) = unsure.filter(|(error, _)| !error.is(ABORTED)) {
        return Err(about(stack, bucket, error).into());
    }
    let what = format!("{stack}: somebody else keeps writing the notifications of {bucket}");
    let help = "see who does, such as another deploy or Terraform, and run the same command again when that is over";
    Err(Error::failed(what).with_help(help).into())
}

/// Somebody else writes just now.
const ABORTED: &str = "OperationAborted";

/// Whether a write that failed so may work another time. It isn't sent again as it is: what it was made from may be old by
/// then. Whether it had an effect isn't known.
fn passes(error: &CloudError) -> bool {
    let code = error.code.as_deref();
    let codes = [ABORTED, "InternalError", "ServiceUnavailable", "RequestTimeout"];
    error.is_throttling() || code.is_none_or(|code| codes.contains(&code))
}

fn about(stack: &str, bucket: &str, error: CloudError) -> Error {
    let is_denied = error.is_denied();
    let failed = error.about(&format!("{stack}: the notifications of {bucket}"));
    match is_denied {
        true => failed.with_help(
            "qfleet needs s3:GetBucketNotification and s3:PutBucketNotification on the bucket; its policy may deny them, too",
        ),
        false => failed,
    }
}
