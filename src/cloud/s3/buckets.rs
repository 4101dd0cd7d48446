//! Whether a bucket is there, and whose it is.

use crate::cloud::{Cloud, CloudError, explain, unless};

/// What S3 says of a bucket of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cloud) enum BucketState {
    There,
    Missing,
    /// It is another account's, or reading it is denied. Without permission to list it, S3 answers so for a bucket, whoever's
    /// it is (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
    Denied,
}

impl Cloud {
    pub(in crate::cloud) async fn bucket_state(&self, name: &str) -> Result<BucketState, CloudError> {
        let asked = self.s3.head_bucket().bucket(name);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        answer.map_or_else(
            // An answer without a body has no code: the status is all it says.
            |error| match error.raw_response().map(|response| response.status().as_u16()) {
                Some(404) => Ok(BucketState::Missing),
                Some(403) => Ok(BucketState::Denied),
                _ => Err(explain("HeadBucket", error)),
            },
            |_| Ok(BucketState::There),
        )
    }

    /// Whether this account has a bucket of this name. One of somebody else's counts as none: it can't be used.
    pub async fn has_bucket(&self, name: &str) -> Result<bool, CloudError> {
        Ok(self.bucket_state(name).await? == BucketState::There)
    }

    /// A tag of a bucket; none when it hasn't that tag, or isn't there
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html>).
    pub async fn bucket_tag(&self, bucket: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.s3.get_bucket_tagging().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let found = unless(
            &["NoSuchTagSet", "NoSuchBucket"],
            answer.map_err(|error| explain("GetBucketTagging", error)),
        )?;
        let tags = found.into_iter().flat_map(|found| found.tag_set);
        Ok(tags.into_iter().find(|tag| tag.key == key).map(|tag| tag.value))
    }
}
