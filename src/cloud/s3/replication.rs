//! The bucket that another one is to be copied to, in whichever region it is.

use schemars::JsonSchema;
use serde::Serialize;

use super::buckets::FoundBucket;
use crate::cloud::{Cloud, CloudError, explain, unless};

/// Whether S3 can copy to a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// It is there, and keeps versions.
    Ready,
    Missing,
    /// It keeps no versions.
    Unversioned,
    /// It is another account's, or reading it is denied: S3 answers alike.
    Denied,
}

/// What S3 goes by when it copies from a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The ARN of the role that it does so with.
    pub role: String,
    /// The ARN of each rule's bucket, and whether the rule is enabled.
    pub to: Vec<(String, bool)>,
}

impl Cloud {
    /// The rules by which this bucket's files are copied; none where it has none
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>).
    ///
    /// # Errors
    /// When S3 can't be asked.
    pub async fn replication_rules(&self, bucket: &str) -> Result<Option<Rules>, CloudError> {
        let asked = self.s3.get_bucket_replication().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketReplication", error));
        let answer = unless(&["ReplicationConfigurationNotFoundError"], answer)?;
        let set = answer.and_then(|answer| answer.replication_configuration);
        Ok(set.map(|set| Rules {
            to: set
                .rules()
                .iter()
                .filter_map(|rule| {
                    Some((
                        rule.destination()?.bucket().to_owned(),
                        rule.status().as_str() == "Enabled",
                    ))
                })
                .collect(),
            role: set.role,
        }))
    }

    /// Asks about a bucket that this account's are copied to: where it is, then there whether it keeps versions.
    ///
    /// # Errors
    /// When S3 can't be asked, there or here.
    pub async fn destination(&self, bucket: &str) -> Result<Destination, CloudError> {
        let there = match self.find_bucket(bucket).await? {
            FoundBucket::Here => None,
            FoundBucket::Elsewhere(region) => Some(self.in_region(&region)),
            FoundBucket::Missing => return Ok(Destination::Missing),
            FoundBucket::Denied => return Ok(Destination::Denied),
        };
        let s3 = there.as_ref().map_or(&self.s3, |there| &there.s3);
        let asked = s3.get_bucket_versioning().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        match answer.map_err(|error| explain("GetBucketVersioning", error)) {
            Ok(answer) if answer.status().is_some_and(|status| status.as_str() == "Enabled") => Ok(Destination::Ready),
            Ok(_) => Ok(Destination::Unversioned),
            Err(error) if error.is("AccessDenied") => Ok(Destination::Denied),
            Err(error) if error.is("NoSuchBucket") => Ok(Destination::Missing),
            Err(error) => Err(error),
        }
    }
}
