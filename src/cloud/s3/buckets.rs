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

/// The same, with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundBucket {
    /// It is this account's, and in this region.
    Here,
    Missing,
    Denied,
    /// In that region.
    Elsewhere(String),
}

const HEAD: &str = "HeadBucket";

impl Cloud {
    pub(in crate::cloud) async fn bucket_state(&self, name: &str) -> Result<BucketState, CloudError> {
        Ok(match self.find_bucket(name).await? {
            FoundBucket::Here => BucketState::There,
            FoundBucket::Missing => BucketState::Missing,
            FoundBucket::Denied => BucketState::Denied,
            FoundBucket::Elsewhere(region) => {
                let message = format!("the bucket {name} is in {region}");
                return Err(CloudError {
                    operation: HEAD,
                    code: Some("PermanentRedirect".to_owned()),
                    message,
                });
            }
        })
    }

    /// Whether there is a bucket of this name, and where. "The Region of a bucket" is in the headers of every answer about
    /// one, refusals included (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
    pub async fn find_bucket(&self, name: &str) -> Result<FoundBucket, CloudError> {
        let asked = self.s3.head_bucket().bucket(name);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let elsewhere = |region: Option<&str>| {
            let other = region.filter(|region| *region != self.region);
            other.map(|region| FoundBucket::Elsewhere(region.to_owned()))
        };
        let error = match answer {
            Ok(answer) => return Ok(elsewhere(answer.bucket_region()).unwrap_or(FoundBucket::Here)),
            Err(error) => error,
        };
        let response = error.raw_response();
        // An answer without a body has no code: the status is all it says.
        let status = response.map(|response| response.status().as_u16());
        let region = response.and_then(|response| response.headers().get("x-amz-bucket-region"));
        match (status, elsewhere(region)) {
            (Some(404), _) => Ok(FoundBucket::Missing),
            (_, Some(elsewhere)) => Ok(elsewhere),
            (Some(403), None) => Ok(FoundBucket::Denied),
            _ => Err(explain(HEAD, error)),
        }
    }

    /// The key of KMS that objects are encrypted with where they don't say otherwise, if it is a customer's: with AWS's own,
    /// whoever may use the bucket may use the key
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>).
    pub async fn bucket_key(&self, bucket: &str) -> Result<Option<String>, CloudError> {
        let asked = self.s3.get_bucket_encryption().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketEncryption", error));
        let found = unless(&["ServerSideEncryptionConfigurationNotFoundError"], answer)?;
        let rules = found.and_then(|found| found.server_side_encryption_configuration);
        let rules = rules.into_iter().flat_map(|rules| rules.rules);
        let keys = rules.filter_map(|rule| rule.apply_server_side_encryption_by_default?.kms_master_key_id);
        Ok(keys.into_iter().find(|key| !key.ends_with("alias/aws/s3")))
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
