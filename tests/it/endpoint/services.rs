//! The least of the other services: what a deployment needs beside CloudFormation, in memory.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::calls::Call;
use super::listing;
use super::parts::Multiparts;
use super::query::Refusal;
use super::queues::{Queues, older_code};
use super::xml::{Fields, escape};

/// Objects by bucket and key, parameters by name, and queues.
#[derive(Debug, Default)]
pub struct Services {
    buckets: BTreeMap<String, BTreeMap<String, Bytes>>,
    parameters: BTreeMap<String, String>,
    pub queues: Queues,
    pub multiparts: Multiparts,
    /// How many objects a page of a listing holds.
    pub objects_a_page: Option<usize>,
}

/// An answer that isn't of the query protocol.
#[derive(Debug)]
pub struct Plain {
    pub status: u16,
    pub content_type: &'static str,
    pub error_code: Option<String>,
    /// SQS's, of its older protocol.
    pub older_code: Option<String>,
    pub body: Bytes,
}

impl Plain {
    /// A JSON document.
    pub fn json(document: &Value) -> Self {
        Plain::ok("application/json", document.to_string())
    }

    pub(super) fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Plain {
            status: 200,
            content_type,
            error_code: None,
            older_code: None,
            body: body.into(),
        }
    }

    fn s3_error(status: u16, code: &str) -> Self {
        Plain {
            status,
            content_type: "application/xml",
            error_code: Some(code.to_owned()),
            older_code: None,
            body: format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>").into(),
        }
    }

    fn json_error(refusal: &Refusal) -> Self {
        Plain {
            status: refusal.status,
            content_type: "application/x-amz-json-1.1",
            error_code: Some(refusal.code.clone()),
            older_code: None,
            body: json!({"__type": refusal.code, "message": refusal.message})
                .to_string()
                .into(),
        }
    }

    /// An error in the form of the service that was called.
    pub fn refusal(call: &Call, refusal: &Refusal) -> Self {
        match call.service {
            super::calls::Service::S3 => Plain {
                body: format!(
                    "<Error><Code>{}</Code><Message>{}</Message></Error>",
                    refusal.code,
                    escape(&refusal.message)
                )
                .into(),
                ..Plain::s3_error(refusal.status, &refusal.code)
            },
            super::calls::Service::Sqs => Plain {
                content_type: "application/x-amz-json-1.0",
                error_code: None,
                older_code: Some(older_code(&refusal.code)),
                body: json!({"__type": format!("com.amazonaws.sqs#{}", refusal.code), "message": refusal.message})
                    .to_string()
                    .into(),
                ..Plain::json_error(refusal)
            },
            _ => Plain::json_error(refusal),
        }
    }
}

impl Services {
    pub fn make_bucket(&mut self, name: &str) {
        self.buckets.entry(name.to_owned()).or_default();
    }

    pub fn delete_bucket(&mut self, name: &str) {
        self.buckets.remove(name);
    }

    pub fn holds_objects(&self, bucket: &str) -> bool {
        self.buckets.get(bucket).is_some_and(|objects| !objects.is_empty())
    }

    pub fn put_object(&mut self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        self.buckets
            .entry(bucket.to_owned())
            .or_default()
            .insert(key.to_owned(), bytes.into());
    }

    /// An object's bytes.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.buckets.get(bucket)?.get(key).cloned()
    }

    /// Keys of a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|objects| objects.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The object under `https://s3.<region>.amazonaws.com/<bucket>/<key>`.
    pub fn object_at(&self, url: &str) -> Option<String> {
        let (_, path) = url.strip_prefix("https://")?.split_once('/')?;
        let (bucket, key) = path.split_once('/')?;
        Some(String::from_utf8_lossy(self.buckets.get(bucket)?.get(key)?).into_owned())
    }

    /// A parameter's value. Public ones of AWS are there, too.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let public = name
            .starts_with("/aws/service/")
            .then(|| "ami-0123456789abcdef0".to_owned());
        self.parameters.get(name).cloned().or(public)
    }

    /// Parameters under a path, as the API describes them.
    pub fn parameters_under(&self, path: &str) -> Vec<Value> {
        let under = self.parameters.iter().filter(|(name, _)| name.starts_with(path));
        under
            .map(|(name, value)| json!({"Name": name, "Type": "String", "Value": value}))
            .collect()
    }

    pub fn set_parameter(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.to_owned(), value.to_owned());
    }

    /// Systems Manager (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Operations.html>).
    pub fn json(&mut self, call: &Call) -> Plain {
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let name = input["Name"].as_str().unwrap_or_default().to_owned();
        let not_found = || Refusal::new(400, "ParameterNotFound", "");
        let described = |name: &str, value: &str| json!({"Name": name, "Type": "String", "Value": value, "Version": 1});
        let answer =
            match call.action.as_str() {
                "GetParameter" => self
                    .parameter(&name)
                    .map(|value| json!({"Parameter": described(&name, &value)}))
                    .ok_or_else(not_found),
                "GetParameters" => {
                    let names: Vec<&str> = input["Names"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect();
                    let (found, missing): (Vec<&str>, Vec<&str>) =
                        names.into_iter().partition(|name| self.parameter(name).is_some());
                    let found: Vec<Value> = found
                        .into_iter()
                        .map(|name| described(name, &self.parameter(name).unwrap_or_default()))
                        .collect();
                    Ok(json!({"Parameters": found, "InvalidParameters": missing}))
                }
                // "The maximum number of items to return for this call … Maximum value of 10".
                "GetParametersByPath" => {
                    let path = input["Path"].as_str().unwrap_or_default();
                    let under: Vec<Value> = self
                        .parameters
                        .iter()
                        .filter(|(name, _)| name.starts_with(path))
                        .map(|(name, value)| described(name, value))
                        .collect();
                    let start: usize = input["NextToken"]
                        .as_str()
                        .and_then(|at| at.parse().ok())
                        .unwrap_or_default();
                    let end = start + input["MaxResults"].as_u64().unwrap_or(10).min(10) as usize;
                    let page: Vec<&Value> = under.iter().take(end).skip(start).collect();
                    let next = (end < under.len()).then(|| end.to_string());
                    Ok(json!({"Parameters": page, "NextToken": next}))
                }
                // "ParameterAlreadyExists" unless Overwrite is set.
                "PutParameter" if self.parameters.contains_key(&name) && input["Overwrite"] != true => Err(
                    Refusal::new(400, "ParameterAlreadyExists", "The parameter already exists."),
                ),
                "PutParameter" => {
                    self.set_parameter(&name, input["Value"].as_str().unwrap_or_default());
                    Ok(json!({"Version": 1, "Tier": "Standard"}))
                }
                "DeleteParameter" => self.parameters.remove(&name).map(|_| json!({})).ok_or_else(not_found),
                other => Err(Refusal::new(
                    400,
                    "UnknownOperationException",
                    format!("the test's endpoint has no {other}"),
                )),
            };
        match answer {
            Ok(answer) => Plain::ok("application/x-amz-json-1.1", answer.to_string()),
            Err(refusal) => Plain::json_error(&refusal),
        }
    }

    /// SQS.
    pub fn sqs(&mut self, call: &Call) -> Plain {
        match self.queues.answer(call) {
            Ok(answer) => Plain::ok("application/x-amz-json-1.0", answer.to_string()),
            Err(refusal) => Plain::refusal(call, &refusal),
        }
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
        let Some(objects) = self.buckets.get_mut(bucket) else {
            return Plain::s3_error(404, "NoSuchBucket");
        };
        let xml =
            |name: &str, fields: Fields| Plain::ok("application/xml", format!("<{name}>{}</{name}>", fields.render()));
        match call.action.as_str() {
            "HeadBucket" => Plain::ok("application/xml", ""),
            "HeadObject" | "GetObject" => match objects.get(&key) {
                Some(bytes) => Plain::ok("application/octet-stream", bytes.clone()),
                None => Plain::s3_error(404, "NoSuchKey"),
            },
            "PutObject" => {
                let bytes = if chunked {
                    unchunked(&call.body)
                } else {
                    call.body.clone()
                };
                objects.insert(key, bytes);
                Plain::ok("application/xml", "")
            }
            "DeleteObject" => {
                objects.remove(&key);
                Plain {
                    status: 204,
                    ..Plain::ok("application/xml", "")
                }
            }
            "DeleteObjects" => {
                let text = String::from_utf8_lossy(&call.body).into_owned();
                let Ok(document) = roxmltree::Document::parse(&text) else {
                    return Plain::s3_error(400, "MalformedXML");
                };
                let keys = document.descendants().filter(|node| node.has_tag_name("Key"));
                keys.filter_map(|node| node.text())
                    .for_each(|key| drop(objects.remove(key)));
                xml("DeleteResult", Fields::new())
            }
            "ListObjectVersions" => {
                let listed = listing::versions(objects, query, self.objects_a_page.unwrap_or(1000));
                Plain::ok("application/xml", listed)
            }
            "CreateMultipartUpload" => {
                let id = self.multiparts.begin(&key);
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
                        objects.insert(key, bytes);
                        xml("CompleteMultipartUploadResult", Fields::new())
                    }
                    Err(code) => Plain::s3_error(400, code),
                }
            }
            "AbortMultipartUpload" => match self.multiparts.abort(&parameter("uploadId")) {
                true => Plain {
                    status: 204,
                    ..Plain::ok("application/xml", "")
                },
                false => Plain::s3_error(404, "NoSuchUpload"),
            },
            "ListMultipartUploads" => xml("ListMultipartUploadsResult", Fields::new().text("IsTruncated", false)),
            _ => Plain::s3_error(501, "NotImplemented"),
        }
    }
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
