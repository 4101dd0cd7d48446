//! Listings, a page at a time: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::buckets::Bucket;
use super::xml::escape;

/// What a request for a page says, and how long a page is.
pub struct Asked {
    parameters: BTreeMap<String, String>,
    most: usize,
}

impl Asked {
    pub fn new(query: &str, most: usize) -> Self {
        Asked {
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            most,
        }
    }

    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    fn encodes(&self) -> bool {
        self.parameter("encoding-type") == "url"
    }

    /// A key as the answer has it: as it is, which no parser may take, or encoded.
    fn shown(&self, key: &str) -> String {
        if self.encodes() {
            form_urlencoded::byte_serialize(key.as_bytes()).collect()
        } else {
            escape(key)
        }
    }

    /// What comes behind the markers, whether or not these are still there. `id_marker` is the name of the one that goes
    /// with the key's, `later` whether an id comes behind another one.
    fn behind(&self, id_marker: &str, later: fn(&str, &str) -> bool, all: impl Iterator<Item = Entry>) -> Vec<Entry> {
        let (prefix, key, id) = (
            self.parameter("prefix"),
            self.parameter("key-marker"),
            self.parameter(id_marker),
        );
        let is_behind = |entry: &Entry| match entry.key.as_str().cmp(key) {
            Ordering::Less => false,
            Ordering::Equal => !id.is_empty() && later(&entry.id, id),
            Ordering::Greater => true,
        };
        all.filter(|entry| entry.key.starts_with(prefix) && is_behind(entry))
            .collect()
    }

    /// The page, and its last entry when there is more.
    fn page(&self, entries: Vec<Entry>, next_id: &str) -> String {
        let page = &entries[..self.most.min(entries.len())];
        let is_truncated = page.len() < entries.len();
        let mut body = format!("<IsTruncated>{is_truncated}</IsTruncated>");
        if self.encodes() {
            body += "<EncodingType>url</EncodingType>";
        }
        for entry in page {
            body += &entry.xml;
        }
        if let (true, Some(last)) = (is_truncated, page.last()) {
            let key = self.shown(&last.key);
            let _ = write!(
                body,
                "<NextKeyMarker>{key}</NextKeyMarker><{next_id}>{}</{next_id}>",
                last.id
            );
        }
        body
    }
}

struct Entry {
    key: String,
    id: String,
    xml: String,
}

/// The answer to ListObjectVersions.
pub fn versions(bucket: &Bucket, asked: &Asked) -> String {
    let entries = bucket.versions().map(|(key, version, is_latest)| {
        let element = if version.bytes.is_some() {
            "Version"
        } else {
            "DeleteMarker"
        };
        let mut xml = format!(
            "<Key>{}</Key><VersionId>{}</VersionId><IsLatest>{is_latest}</IsLatest>\
             <LastModified>2026-01-02T03:04:05.000Z</LastModified>",
            asked.shown(key),
            version.id
        );
        if let Some(bytes) = &version.bytes {
            let length = bytes.len();
            let _ = write!(xml, "<ETag>&quot;{length:032x}&quot;</ETag><Size>{length}</Size>");
        }
        Entry {
            key: key.to_owned(),
            id: version.id.clone(),
            xml: format!("<{element}>{xml}</{element}>"),
        }
    });
    let behind = asked.behind("version-id-marker", |one, other| one < other, entries);
    let body = asked.page(behind, "NextVersionIdMarker");
    format!("<ListVersionsResult>{body}</ListVersionsResult>")
}

/// The answer to ListObjectsV2. Its token is opaque: here, the last key of the page before.
pub fn objects(bucket: &Bucket, asked: &Asked) -> String {
    let (prefix, after) = (asked.parameter("prefix"), asked.parameter("continuation-token"));
    let all = bucket.current().into_iter();
    let all: Vec<String> = all
        .filter(|key| key.starts_with(prefix) && key.as_str() > after)
        .collect();
    let page = &all[..asked.most.min(all.len())];
    let mut body = format!("<IsTruncated>{}</IsTruncated>", page.len() < all.len());
    if asked.encodes() {
        body += "<EncodingType>url</EncodingType>";
    }
    for key in page {
        let length = bucket.get(key).map_or(0, |bytes| bytes.len());
        let key = asked.shown(key);
        let _ = write!(
            body,
            "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
             <ETag>&quot;{length:032x}&quot;</ETag><Size>{length}</Size></Contents>"
        );
    }
    if let (true, Some(last)) = (page.len() < all.len(), page.last()) {
        let _ = write!(body, "<NextContinuationToken>{}</NextContinuationToken>", escape(last));
    }
    format!("<ListBucketResult>{body}</ListBucketResult>")
}

/// The answer to ListMultipartUploads: `uploads` are keys and ids, by key, of each the oldest first.
pub fn uploads(uploads: Vec<(String, String)>, asked: &Asked) -> String {
    let entries = uploads.into_iter().map(|(key, id)| Entry {
        xml: format!(
            "<Upload><Key>{}</Key><UploadId>{id}</UploadId></Upload>",
            asked.shown(&key)
        ),
        key,
        id,
    });
    let behind = asked.behind("upload-id-marker", |one, other| one > other, entries);
    let body = asked.page(behind, "NextUploadIdMarker");
    format!("<ListMultipartUploadsResult>{body}</ListMultipartUploadsResult>")
}
