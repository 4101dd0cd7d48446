//! Empties a bucket, which CloudFormation deletes only when nothing is in it.

use super::event::{Event, Events};
use crate::cloud::{Cloud, CloudError};

/// Deletes everything in a bucket, and tells how far it is.
///
/// # Errors
/// When something in it can't be deleted.
pub async fn empty(cloud: &Cloud, tell: &Events, bucket: &str) -> Result<(), CloudError> {
    let deleted_objects = cloud
        .empty_bucket(bucket, |deleted_objects| {
            tell.tell(Event::Emptying {
                bucket: bucket.to_owned(),
                deleted_objects,
            });
        })
        .await?;
    tell.tell(Event::Emptied {
        bucket: bucket.to_owned(),
        deleted_objects,
    });
    Ok(())
}
