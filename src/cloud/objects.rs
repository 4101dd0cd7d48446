//! The objects under a prefix, a page at a time.

use std::borrow::Cow;

use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;

use super::{Cloud, CloudError, explain, instant};

/// An object as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
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

/// Where a listing goes on.
#[derive(Debug, Clone, Default)]
pub struct Marker {
    key: Option<String>,
    version: Option<String>,
}

impl Cloud {
    /// A page of the objects under a prefix, and where the next one begins, if there is one. Of each key only the
    /// current version; what was deleted is left out. A page can be empty and still not be the last.
    ///
    /// Versions are listed, because the plain listing doesn't name the current one
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).
    pub async fn objects(
        &self,
        bucket: &str,
        prefix: &str,
        from: Marker,
    ) -> Result<(Vec<Object>, Option<Marker>), CloudError> {
        let page = self
            .s3
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .expected_bucket_owner(&self.account)
            // A key may hold characters that XML can't.
            .encoding_type(EncodingType::Url)
            .set_key_marker(from.key)
            .set_version_id_marker(from.version)
            .send()
            .await
            .map_err(|error| explain("ListObjectVersions", error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let current = page
            .versions()
            .iter()
            .filter(|version| version.is_latest() == Some(true));
        let objects = current.filter_map(|version| {
            Some(Object {
                key: decoded(version.key()?, is_encoded).into_owned(),
                bytes: version.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
                e_tag: version.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                // Put before the bucket kept versions, or in one that never did.
                version: version.version_id().filter(|id| *id != "null").map(str::to_owned),
                modified: instant(version.last_modified()),
            })
        });
        let next = page.is_truncated().unwrap_or_default().then(|| Marker {
            key: page.next_key_marker().map(|key| decoded(key, is_encoded).into_owned()),
            version: page.next_version_id_marker().map(str::to_owned),
        });
        Ok((objects.collect(), next))
    }
}

/// Keys of an encoded listing are form-encoded: a space is a plus sign.
fn decoded(key: &str, is_encoded: bool) -> Cow<'_, str> {
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
