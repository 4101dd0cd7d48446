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
use crate::cloud::s3::notification_document::Merge;
use crate::error::Error;

/// How often to write before somebody else is named as the reason.
const ATTEMPTS: usize = 5;
/// How long after a write to read again: longer than another qfleet takes from its read to its write.
const SETTLED: Duration = Duration::from_secs(2);

/// What became of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// Nothing was to be done.
    Unchanged,
    Done(Told),
    /// There is no such bucket any more.
    Gone,
}

/// Has the bucket tell the environment of what is `wanted`, and of nothing else.
///
/// # Errors
/// A refusal when something of others is in the way; failures of S3; that others keep writing.
pub async fn set(context: Context<'_>, stack: &str, wanted: &Notifications) -> Result<Set, Failed> {
    let Context { cloud, tell, .. } = context;
    let bucket = &wanted.bucket;
    let mut told: Option<Told> = None;
    for _ in 0..=ATTEMPTS {
        context.may_begin(stack)?;
        let read = cloud.bucket_notifications(bucket).await;
        let Some(found) = read.map_err(|error| about(stack, bucket, error))? else {
            return Ok(Set::Gone);
        };
        let Merge {
            text,
            added,
            removed,
            others,
        } = found.merge(wanted);
        let Some(text) = text else {
            let Some(told) = told else { return Ok(Set::Unchanged) };
            tell.tell(Event::Notifications {
                stack: stack.to_owned(),
                told: told.clone(),
            });
            return Ok(Set::Done(told));
        };
        let conflicts = found.conflicts(wanted);
        if !conflicts.is_empty() {
            return Err(in_the_way(stack, bucket, &conflicts).into());
        }
        if let Some(why) = too_many(&found, wanted) {
            return Err(Error::refused(format!("{stack}: {why}")).into());
        }
        match cloud.put_bucket_notifications(bucket, text).await {
            Ok(()) if told.is_none() => {
                told = Some(Told {
                    bucket: bucket.clone(),
                    added: added.len(),
                    removed: removed.len(),
                    others,
                });
            }
            Ok(()) => {}
            Err(error) if error.is("NoSuchBucket") => return Ok(Set::Gone),
            // Somebody else writes just now.
            Err(error) if error.is("OperationAborted") => {}
            Err(error) => return Err(about(stack, bucket, error).into()),
        }
        let pause = if cloud.local { LOCAL } else { SETTLED };
        let settled = async {
            sleep(pause).await;
            Ok::<_, Failed>(())
        };
        context.prepare(stack, settled).await?;
    }
    let what = format!("{stack}: somebody else keeps writing the notifications of {bucket}");
    let help = "see who does, such as another deploy or Terraform, and run the same command again when that is over";
    Err(Error::failed(what).with_help(help).into())
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
