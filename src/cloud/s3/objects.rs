//! Single objects: put, read, deleted.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use sha2::{Digest, Sha256};

use crate::cloud::{Cloud, CloudError, explain, unless};

impl Cloud {
    /// Puts an object, unless the same is there under that key already: keys name their content. What lies there otherwise was
    /// put by somebody else, and is overwritten. S3 tells the checksum that it took when the object was put; of an object that is
    /// encrypted with a key of KMS only to who may decrypt it, and the bucket for programs uses none
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>).
    /// Says whether it was put.
    pub async fn put_object_once(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<bool, CloudError> {
        let checksum = aws_smithy_types::base64::encode(Sha256::digest(&bytes));
        match self
            .s3
            .head_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .expected_bucket_owner(&self.account)
            .send()
            .await
        {
            Ok(there) if there.checksum_sha256() == Some(checksum.as_str()) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
            Err(error) => return Err(explain("HeadObject", error)),
        }
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(|_| true)
            .map_err(|error| explain("PutObject", error))
    }

    /// The text of an object, if it is there.
    pub async fn object_text(&self, bucket: &str, key: &str) -> Result<Option<String>, CloudError> {
        let Some(body) = self.object(bucket, key).await? else {
            return Ok(None);
        };
        let bytes = body
            .collect()
            .await
            .map_err(|error| unusable("GetObject", &error))?
            .into_bytes();
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The content of an object, if it is there.
    pub(in crate::cloud) async fn object(&self, bucket: &str, key: &str) -> Result<Option<ByteStream>, CloudError> {
        let asked = self.s3.get_object().bucket(bucket).key(key);
        let got = asked.expected_bucket_owner(&self.account).send().await;
        let got = got.map_err(|error| explain("GetObject", error));
        Ok(unless(&["NoSuchKey"], got)?.map(|object| object.body))
    }

    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), CloudError> {
        self.s3
            .delete_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("DeleteObject", error))
    }

    /// The URL under which CloudFormation reads an object of ours.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://s3.{}.amazonaws.com{suffix}/{bucket}/{key}", self.region)
    }
}

fn unusable(operation: &'static str, error: &dyn std::error::Error) -> CloudError {
    CloudError {
        operation,
        code: None,
        message: error.to_string(),
    }
}
