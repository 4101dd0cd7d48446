//! Objects: put, found, and all of them deleted.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// Puts an object, unless one is there under that key already: keys name their content.
    /// Says whether it was put.
    pub async fn put_object_once(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<bool, CloudError> {
        match self
            .s3
            .head_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .send()
            .await
        {
            Ok(_) => return Ok(false),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
            Err(error) => return Err(explain("HeadObject", error)),
        }
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(|_| true)
            .map_err(|error| explain("PutObject", error))
    }

    /// The text of an object, if it is there.
    pub async fn object_text(&self, bucket: &str, key: &str) -> Result<Option<String>, CloudError> {
        let got = self
            .s3
            .get_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        let object = match got {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(explain("GetObject", error)),
        };
        let bytes = object
            .body
            .collect()
            .await
            .map_err(|error| unusable("GetObject", &error))?
            .into_bytes();
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Deletes one object.
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

    /// Deletes every object of a bucket with all versions and delete markers, and aborts every multipart upload.
    /// Tells `progress` how many were deleted so far. A bucket that isn't there is empty. Returns how many.
    pub async fn empty_bucket(&self, bucket: &str, progress: impl Fn(u64)) -> Result<u64, CloudError> {
        match self.empty_bucket_that_is_there(bucket, progress).await {
            Err(error) if error.is("NoSuchBucket") => Ok(0),
            result => result,
        }
    }

    async fn empty_bucket_that_is_there(&self, bucket: &str, progress: impl Fn(u64)) -> Result<u64, CloudError> {
        self.abort_uploads(bucket).await?;
        let mut deleted = 0;
        let mut markers: (Option<String>, Option<String>) = (None, None);
        loop {
            let page = self
                .s3
                .list_object_versions()
                .bucket(bucket)
                .expected_bucket_owner(&self.account)
                .set_key_marker(markers.0)
                .set_version_id_marker(markers.1)
                .send()
                .await
                .map_err(|error| explain("ListObjectVersions", error))?;
            let versions = page
                .versions()
                .iter()
                .map(|version| (version.key(), version.version_id()));
            let delete_markers = page
                .delete_markers()
                .iter()
                .map(|marker| (marker.key(), marker.version_id()));
            let mut batch = Vec::new();
            for (key, version) in versions.chain(delete_markers) {
                let Some(key) = key else { continue };
                let identifier = ObjectIdentifier::builder()
                    .key(key)
                    .set_version_id(version.map(str::to_owned));
                batch.push(
                    identifier
                        .build()
                        .map_err(|error| unusable("ListObjectVersions", &error))?,
                );
            }
            deleted += batch.len() as u64;
            self.delete_objects(bucket, batch).await?;
            progress(deleted);
            if !page.is_truncated().unwrap_or_default() {
                return Ok(deleted);
            }
            markers = (
                page.next_key_marker().map(str::to_owned),
                page.next_version_id_marker().map(str::to_owned),
            );
        }
    }

    /// At most 1,000 objects, the service's limit and also that of a listing's page.
    async fn delete_objects(&self, bucket: &str, batch: Vec<ObjectIdentifier>) -> Result<(), CloudError> {
        if batch.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder().set_objects(Some(batch)).quiet(true).build();
        let answer = self
            .s3
            .delete_objects()
            .bucket(bucket)
            .expected_bucket_owner(&self.account)
            .delete(delete.map_err(|error| unusable("DeleteObjects", &error))?)
            .send()
            .await
            .map_err(|error| explain("DeleteObjects", error))?;
        match answer.errors() {
            [] => Ok(()),
            errors => Err(CloudError {
                operation: "DeleteObjects",
                code: errors[0].code().map(str::to_owned),
                message: errors
                    .iter()
                    .map(|error| {
                        format!(
                            "{}: {}",
                            error.key().unwrap_or_default(),
                            error.message().unwrap_or_default()
                        )
                    })
                    .collect::<Vec<_>>()
                    .join("; "),
            }),
        }
    }

    async fn abort_uploads(&self, bucket: &str) -> Result<(), CloudError> {
        let mut markers: (Option<String>, Option<String>) = (None, None);
        loop {
            let page = self
                .s3
                .list_multipart_uploads()
                .bucket(bucket)
                .expected_bucket_owner(&self.account)
                .set_key_marker(markers.0)
                .set_upload_id_marker(markers.1)
                .send()
                .await
                .map_err(|error| explain("ListMultipartUploads", error))?;
            for upload in page.uploads() {
                let aborted = self
                    .s3
                    .abort_multipart_upload()
                    .bucket(bucket)
                    .expected_bucket_owner(&self.account)
                    .set_key(upload.key().map(str::to_owned))
                    .set_upload_id(upload.upload_id().map(str::to_owned))
                    .send()
                    .await;
                match aborted {
                    Ok(_) => {}
                    Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_upload()) => {}
                    Err(error) => return Err(explain("AbortMultipartUpload", error)),
                }
            }
            if !page.is_truncated().unwrap_or_default() {
                return Ok(());
            }
            markers = (
                page.next_key_marker().map(str::to_owned),
                page.next_upload_id_marker().map(str::to_owned),
            );
        }
    }
}

fn unusable(operation: &'static str, error: &dyn std::error::Error) -> CloudError {
    CloudError {
        operation,
        code: None,
        message: error.to_string(),
    }
}
