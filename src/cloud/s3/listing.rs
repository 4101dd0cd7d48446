//! The objects under a prefix, a page at a time.

use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;

use crate::cloud::s3::versions::{Marker, Page, decoded};
use crate::cloud::{Cloud, CloudError, explain, instant};

/// An object as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its entity tag, without quotes.
    pub e_tag: String,
    /// Its version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// When it was put.
    pub modified: Option<Timestamp>,
}

impl Cloud {
    /// A page of the objects under a prefix. Of each key only the current version; what was deleted is left out.
    ///
    /// Versions are listed, because the plain listing doesn't name the current one.
    pub async fn objects(&self, bucket: &str, prefix: &str, from: Marker) -> Result<Page<Object>, CloudError> {
        let Page { entries, next } = self.versions(bucket, prefix, from).await?;
        let current = entries.into_iter().filter(|one| one.is_latest && !one.is_marker);
        let objects = current.map(|one| Object {
            version: one.kept_id().map(str::to_owned),
            key: one.key,
            bytes: one.bytes,
            e_tag: one.e_tag,
            modified: one.modified,
        });
        Ok(Page {
            entries: objects.collect(),
            next,
        })
    }

    /// The same by the plain listing, which doesn't tell versions: old versions and delete markers don't make it longer.
    /// `from` is what the page before named as the next.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
    pub async fn objects_without_versions(
        &self,
        bucket: &str,
        prefix: &str,
        from: Option<String>,
    ) -> Result<(Vec<Object>, Option<String>), CloudError> {
        let page = self
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .expected_bucket_owner(&self.account)
            // A key may hold characters that XML can't.
            .encoding_type(EncodingType::Url)
            .set_continuation_token(from)
            .send()
            .await
            .map_err(|error| explain("ListObjectsV2", error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let objects = page.contents().iter().filter_map(|object| {
            Some(Object {
                key: decoded(object.key()?, is_encoded).into_owned(),
                bytes: object.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
                e_tag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                version: None,
                modified: instant(object.last_modified()),
            })
        });
        Ok((objects.collect(), page.next_continuation_token().map(str::to_owned)))
    }
}
