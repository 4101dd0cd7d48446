//! The objects under a prefix, a page at a time.

use jiff::Timestamp;

use crate::cloud::s3::versions::{Marker, Page};
use crate::cloud::{Cloud, CloudError};

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
}
