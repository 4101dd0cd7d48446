//! The least of S3, path style (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>).

use axum::body::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::buckets::Bucket;
use super::calls::Call;
use super::listing::{self, Asked};
use super::services::{Plain, Services};
use super::xml::{Fields, escape};

/// The most that DeleteObjects takes (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
const MOST_A_CALL: usize = 1000;

/// Objects that S3 doesn't delete.
#[derive(Debug, Clone)]
pub struct Undeletable {
    /// What their keys begin with.
    pub prefix: String,
    pub code: String,
    pub message: String,
    /// How often; `None`: never mind how often it is tried.
    pub times: Option<u32>,
}

impl Services {
    pub fn make_bucket(&mut self, name: &str) -> &mut Bucket {
        self.buckets.entry(name.to_owned()).or_default()
    }

    pub fn has_bucket(&self, name: &str) -> bool {
        self.buckets.contains_key(name)
    }

    pub fn delete_bucket(&mut self, name: &str) {
        self.buckets.remove(name);
    }

    pub fn holds_objects(&self, bucket: &str) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| !bucket.is_empty())
    }

    pub fn put_object(&mut self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        self.make_bucket(bucket).put(key, bytes.into());
    }

    /// An object's bytes.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.buckets.get(bucket)?.get(key).cloned()
    }

    /// Keys of the objects in a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets.get(bucket).map(Bucket::current).unwrap_or_default()
    }

    /// S3 doesn't delete objects whose keys begin so: `times` times, or never.
    pub fn keeps(&mut self, prefix: &str, code: &str, message: &str, times: Option<u32>) {
        self.undeletable.push(Undeletable {
            prefix: prefix.into(),
            code: code.into(),
            message: message.into(),
            times,
        });
    }

    /// Why S3 doesn't delete the object now: code and message. Counts.
    fn why_kept(&mut self, key: &str) -> Option<(String, String)> {
        let mut all = self.undeletable.iter_mut();
        let found = all.find(|one| key.starts_with(&one.prefix) && one.times != Some(0))?;
        if let Some(times) = &mut found.times {
            *times -= 1;
        }
        Some((found.code.clone(), found.message.clone()))
    }

    /// Somebody puts an object just before the bucket is deleted.
    pub fn is_about_to_delete(&mut self, bucket: &str) {
        if let Some(late) = self.late_objects.iter().position(|(of, _)| of == bucket) {
            let (_, key) = self.late_objects.remove(late);
            self.put_object(bucket, &key, "late");
        }
    }

    /// The object under `https://s3.<region>.amazonaws.com/<bucket>/<key>`.
    pub fn object_at(&self, url: &str) -> Option<String> {
        let (_, path) = url.strip_prefix("https://")?.split_once('/')?;
        let (bucket, key) = path.split_once('/')?;
        Some(String::from_utf8_lossy(self.buckets.get(bucket)?.get(key)?).into_owned())
    }

    /// Whether a bucket keeps versions that is in one region: elsewhere S3 sends the request away, and says where to
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
    pub fn of_a_region(&self, call: &Call) -> Option<Plain> {
        let bucket = call.path.trim_start_matches('/').split(['/', '?']).next()?;
        let bucket = self.buckets.get(bucket)?;
        let region = bucket
            .region
            .as_ref()
            .filter(|_| call.action == "GetBucketVersioning")?;
        if *region != call.region {
            return Some(Plain {
                headers: vec![("x-amz-bucket-region", region.clone())],
                ..Plain::s3_error(301, "PermanentRedirect")
            });
        }
        let status = match bucket.keeps_versions {
            true => "<Status>Enabled</Status>",
            false => "",
        };
        let body = format!("<VersioningConfiguration>{status}</VersioningConfiguration>");
        Some(Plain::ok("application/xml", body))
    }

    /// S3, path style (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>).
    pub fn s3(&mut self, call: &Call, chunked: bool) -> Plain {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let path = path.trim_start_matches('/');
        let parameter = |name: &str| {
            let mut all = form_urlencoded::parse(query.as_bytes());
            all.find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let key = form_urlencoded::parse(format!("k={}", key.replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, key)| key.into_owned())
            .unwrap_or_default();
        let why_kept = match call.action.as_str() {
            "DeleteObject" => self.why_kept(&key),
            _ => None,
        };
        let Some(objects) = self.buckets.get_mut(bucket) else {
            return Plain::no_such_bucket(bucket);
        };
        let xml =
            |name: &str, fields: Fields| Plain::ok("application/xml", format!("<{name}>{}</{name}>", fields.render()));
        match call.action.as_str() {
            "HeadBucket" => match &objects.region {
                // What HeadBucket says of one in another region (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
                Some(region) => Plain {
                    status: 301,
                    headers: vec![("x-amz-bucket-region", region.clone())],
                    ..Plain::ok("application/xml", "")
                },
                None => Plain::ok("application/xml", ""),
            },
            "GetBucketNotificationConfiguration" => objects.notifications.get(),
            "PutBucketNotificationConfiguration" => objects.notifications.put(&call.body),
            "GetBucketEncryption" => Plain::ok("application/xml", objects.encryption()),
            "HeadObject" | "GetObject" => match objects.get(&key) {
                Some(bytes) => Plain {
                    headers: checksum_headers(objects.checksum(&key).filter(|_| call.checksum.is_asked_for)),
                    ..Plain::ok("application/octet-stream", bytes.clone())
                },
                None => Plain::s3_error(404, "NoSuchKey"),
            },
            "PutObject" => {
                let bytes = if chunked {
                    unchunked(&call.body)
                } else {
                    call.body.clone()
                };
                match call.checksum.given.as_deref() {
                    Some(given) if given != sha256(&bytes) => {
                        let message = "The SHA256 you specified did not match the calculated checksum.";
                        return Plain::s3_refusal(400, "BadDigest", message);
                    }
                    Some(given) => objects.put_with(&key, bytes, given),
                    None => objects.put(&key, bytes),
                }
                Plain {
                    headers: checksum_headers(call.checksum.given.as_deref()),
                    ..Plain::ok("application/xml", "")
                }
            }
            "DeleteObject" => match why_kept {
                Some((code, message)) => Plain::s3_refusal(403, &code, &message),
                None => {
                    let version = parameter("versionId");
                    objects.delete(&key, Some(version.as_str()).filter(|version| !version.is_empty()));
                    Plain::no_content()
                }
            },
            "DeleteObjects" => {
                let bucket = bucket.to_owned();
                self.delete_objects(&bucket, call)
            }
            "ListObjectVersions" => {
                let asked = Asked::new(query, self.objects_a_page.unwrap_or(1000));
                Plain::ok("application/xml", listing::versions(objects, &asked))
            }
            "ListObjectsV2" => {
                let asked = Asked::new(query, self.objects_a_page.unwrap_or(1000));
                Plain::ok("application/xml", listing::objects(objects, &asked))
            }
            "CreateMultipartUpload" => {
                let id = self.multiparts.begin(bucket, &key);
                xml("InitiateMultipartUploadResult", Fields::new().text("UploadId", id))
            }
            "UploadPart" => {
                let bytes = if chunked {
                    unchunked(&call.body)
                } else {
                    call.body.clone()
                };
                let number = parameter("partNumber").parse().unwrap_or_default();
                match self.multiparts.put(&parameter("uploadId"), number, bytes) {
                    true => Plain::ok("application/xml", ""),
                    false => Plain::s3_error(404, "NoSuchUpload"),
                }
            }
            "CompleteMultipartUpload" => {
                let text = String::from_utf8_lossy(&call.body).into_owned();
                let Ok(document) = roxmltree::Document::parse(&text) else {
                    return Plain::s3_error(400, "MalformedXML");
                };
                let numbers = document.descendants().filter(|node| node.has_tag_name("PartNumber"));
                let numbers: Vec<u32> = numbers.filter_map(|node| node.text()?.parse().ok()).collect();
                match self.multiparts.complete(&parameter("uploadId"), &numbers) {
                    Ok((key, bytes)) => {
                        objects.put(&key, bytes);
                        xml("CompleteMultipartUploadResult", Fields::new())
                    }
                    Err(code) => Plain::s3_error(400, code),
                }
            }
            "AbortMultipartUpload" => match self.multiparts.abort(&parameter("uploadId")) {
                true => Plain::no_content(),
                false => Plain::s3_error(404, "NoSuchUpload"),
            },
            "ListMultipartUploads" => {
                let asked = Asked::new(query, self.objects_a_page.unwrap_or(1000));
                Plain::ok("application/xml", listing::uploads(self.multiparts.of(bucket), &asked))
            }
            _ => Plain::s3_error(501, "NotImplemented"),
        }
    }

    /// Up to 1,000 keys; each that couldn't be deleted is answered with an error of its own, the others only when it
    /// isn't quiet (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
    fn delete_objects(&mut self, bucket: &str, call: &Call) -> Plain {
        let text = String::from_utf8_lossy(&call.body).into_owned();
        let Ok(document) = roxmltree::Document::parse(&text) else {
            return Plain::s3_error(400, "MalformedXML");
        };
        let text_of = |node: roxmltree::Node<'_, '_>, name: &str| {
            let found = node.children().find(|child| child.has_tag_name(name));
            found.and_then(|child| child.text()).map(str::to_owned)
        };
        let quiet = text_of(document.root_element(), "Quiet").as_deref() == Some("true");
        let nodes = document.root_element().children();
        let nodes: Vec<_> = nodes.filter(|node| node.has_tag_name("Object")).collect();
        if nodes.is_empty() || nodes.len() > MOST_A_CALL {
            return Plain::s3_error(400, "MalformedXML");
        }
        let mut body = String::new();
        for node in nodes {
            let (Some(key), version) = (text_of(node, "Key"), text_of(node, "VersionId")) else {
                return Plain::s3_error(400, "MalformedXML");
            };
            let mut about = Fields::new().text("Key", &key).maybe("VersionId", version.as_ref());
            let element = match self.why_kept(&key) {
                Some((code, message)) => {
                    about = about.text("Code", code).text("Message", message);
                    "Error"
                }
                None => {
                    self.make_bucket(bucket).delete(&key, version.as_deref());
                    "Deleted"
                }
            };
            if element == "Error" || !quiet {
                body += &format!("<{element}>{}</{element}>", about.render());
            }
        }
        Plain::ok("application/xml", format!("<DeleteResult>{body}</DeleteResult>"))
    }
}

impl Plain {
    fn no_content() -> Self {
        Plain {
            status: 204,
            ..Plain::ok("application/xml", "")
        }
    }

    pub(super) fn s3_refusal(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<Error><Code>{code}</Code><Message>{}</Message></Error>",
            escape(message)
        );
        Plain {
            body: body.into(),
            ..Plain::s3_error(status, code)
        }
    }
}

/// What S3 tells of an object's checksum (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>).
fn checksum_headers(checksum: Option<&str>) -> Vec<(&'static str, String)> {
    let headers = checksum.map(|checksum| {
        [
            ("x-amz-checksum-sha256", checksum.to_owned()),
            ("x-amz-checksum-type", "FULL_OBJECT".to_owned()),
        ]
    });
    headers.into_iter().flatten().collect()
}

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}

/// The bytes in a body of chunks: `size[;…]\r\nbytes\r\n … 0\r\ntrailers`
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>).
fn unchunked(body: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let head = String::from_utf8_lossy(&rest[..end]);
        let size = usize::from_str_radix(head.split(';').next().unwrap_or_default(), 16).unwrap_or_default();
        let start = end + 2;
        if size == 0 || rest.len() < start + size {
            break;
        }
        out.extend_from_slice(&rest[start..start + size]);
        rest = &rest[(start + size + 2).min(rest.len())..];
    }
    out.into()
}
