//! Everything that a bucket holds, a page at a time: versions of objects, delete markers, and uploads that never ended.

use std::borrow::Cow;

use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;

use crate::cloud::{Cloud, CloudError, explain, instant};

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub key: String,
    /// Its id; `null` for what was put while the bucket kept no versions.
    pub id: String,
    /// Whether it is what the key stands for now.
    pub is_latest: bool,
    /// Whether it only says that the object is deleted.
    pub is_marker: bool,
    /// Its size in bytes; 0 for a delete marker.
    pub bytes: u64,
    /// Its entity tag, without quotes; empty for a delete marker.
    pub e_tag: String,
    /// When it was put.
    pub modified: Option<Timestamp>,
}

/// An upload in parts that was begun and neither completed nor aborted: no listing of objects shows its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key that the object would get.
    pub key: String,
    pub id: String,
}

/// Where a listing goes on: behind this key, and behind this version or upload of it.
#[derive(Debug, Clone, Default)]
pub struct Marker {
    key: Option<String>,
    id: Option<String>,
}

/// A page of a listing, at most 1,000 entries, and where the next one begins, if there is one. A page can be empty and
/// still not be the last.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// Where the next one begins.
    pub next: Option<Marker>,
}

impl Cloud {
    /// A page of the versions and delete markers under a prefix. All of a page's versions come first, then its markers.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
    pub async fn versions(&self, bucket: &str, prefix: &str, from: Marker) -> Result<Page<Version>, CloudError> {
        let page = self
            .s3
            .list_object_versions()
            .bucket(bucket)
            .set_prefix((!prefix.is_empty()).then(|| prefix.to_owned()))
            .expected_bucket_owner(&self.account)
            // A key may hold characters that XML can't.
            .encoding_type(EncodingType::Url)
            .set_key_marker(from.key.clone())
            .set_version_id_marker(from.id.clone())
            .send()
            .await
            .map_err(|error| explain("ListObjectVersions", error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let versions = page.versions().iter().filter_map(|version| {
            Some(Version {
                key: decoded(version.key()?, is_encoded).into_owned(),
                id: version.version_id().unwrap_or(NULL).to_owned(),
                is_latest: version.is_latest().unwrap_or_default(),
                is_marker: false,
                bytes: version.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
                e_tag: version.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                modified: instant(version.last_modified()),
            })
        });
        let markers = page.delete_markers().iter().filter_map(|marker| {
            Some(Version {
                key: decoded(marker.key()?, is_encoded).into_owned(),
                id: marker.version_id().unwrap_or(NULL).to_owned(),
                is_latest: marker.is_latest().unwrap_or_default(),
                is_marker: true,
                bytes: 0,
                e_tag: String::new(),
                modified: instant(marker.last_modified()),
            })
        });
        // S3 goes on behind the marker; the local emulator lists it again.
        let is_new = |version: &Version| !from.is(&version.key, &version.id);
        let entries = versions.chain(markers).filter(is_new).collect();
        let next = page.is_truncated().unwrap_or_default().then(|| Marker {
            key: page.next_key_marker().map(|key| decoded(key, is_encoded).into_owned()),
            id: page.next_version_id_marker().map(str::to_owned),
        });
        Ok(Page { entries, next })
    }

    /// A page of the uploads that are open.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    pub async fn open_uploads(&self, bucket: &str, from: Marker) -> Result<Page<OpenUpload>, CloudError> {
        let page = self
            .s3
            .list_multipart_uploads()
            .bucket(bucket)
            .expected_bucket_owner(&self.account)
            .encoding_type(EncodingType::Url)
            .set_key_marker(from.key)
            .set_upload_id_marker(from.id)
            .send()
            .await
            .map_err(|error| explain("ListMultipartUploads", error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let entries = page.uploads().iter().filter_map(|upload| {
            Some(OpenUpload {
                key: decoded(upload.key()?, is_encoded).into_owned(),
                id: upload.upload_id()?.to_owned(),
            })
        });
        let next = page.is_truncated().unwrap_or_default().then(|| Marker {
            key: page.next_key_marker().map(|key| decoded(key, is_encoded).into_owned()),
            id: page.next_upload_id_marker().map(str::to_owned),
        });
        Ok(Page {
            entries: entries.collect(),
            next,
        })
    }
}

impl Marker {
    fn is(&self, key: &str, id: &str) -> bool {
        self.key.as_deref() == Some(key) && self.id.as_deref() == Some(id)
    }
}

/// The id of what was put while the bucket kept no versions.
const NULL: &str = "null";

impl Version {
    /// Its id, where the bucket kept versions when it was put.
    pub fn kept_id(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|id| *id != NULL)
    }
}

/// Keys of an encoded listing are form-encoded: a space is a plus sign.
pub(super) fn decoded(key: &str, is_encoded: bool) -> Cow<'_, str> {
    if !is_encoded {
        return key.into();
    }
    // A key has no `=` and no `&` in this form, so it is one name without a value.
    let decoded = form_urlencoded::parse(key.as_bytes()).next().map(|(key, _)| key);
    decoded.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_an_encoded_listing_are_decoded_and_others_are_left_alone() {
        let encoded = "uploads/a+b%2Bc%25%F0%9F%9A%9A%01.txt";
        assert_eq!(decoded(encoded, true), "uploads/a b+c%🚚\u{1}.txt");
        assert_eq!(decoded(encoded, false), encoded);
        assert_eq!(decoded("uploads/a%26b%3Dc", true), "uploads/a&b=c");
    }
}
