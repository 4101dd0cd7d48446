//! Listings of objects, a page at a time (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Bytes;

use super::xml::escape;

/// The answer to ListObjectVersions in a bucket that keeps no versions. `query` is the request's, `most` how many
/// objects a page has.
pub fn versions(objects: &BTreeMap<String, Bytes>, query: &str, most: usize) -> String {
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameter = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let encode = parameter("encoding-type") == "url";
    let shown = |key: &str| {
        if encode {
            form_urlencoded::byte_serialize(key.as_bytes()).collect()
        } else {
            escape(key)
        }
    };
    let (prefix, after) = (parameter("prefix"), parameter("key-marker"));
    let wanted = objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    let wanted: Vec<_> = wanted.collect();
    let page = &wanted[..most.min(wanted.len())];
    let mut body = format!("<IsTruncated>{}</IsTruncated>", page.len() < wanted.len());
    if encode {
        body += "<EncodingType>url</EncodingType>";
    }
    for (key, bytes) in page {
        let _ = write!(
            body,
            "<Version><Key>{}</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><ETag>&quot;{:032x}&quot;</ETag>\
             <Size>{}</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Version>",
            shown(key),
            bytes.len(),
            bytes.len()
        );
    }
    if let (true, Some((last, _))) = (page.len() < wanted.len(), page.last()) {
        let _ = write!(
            body,
            "<NextKeyMarker>{}</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>",
            shown(last)
        );
    }
    format!("<ListVersionsResult>{body}</ListVersionsResult>")
}
