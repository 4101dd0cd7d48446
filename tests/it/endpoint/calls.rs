//! Requests as they come in: which action of which service, about which stack, when.

use axum::body::Bytes;
use axum::http::request::Parts;
use tokio::time::Instant;

use super::query::Input;

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    pub at: Instant,
    pub service: Service,
    /// The API's name of it, e.g. `DescribeStacks` or `PutObject`.
    pub action: String,
    /// Parameters of the query protocol.
    pub input: Input,
    /// The name of the stack that it is about, if it says.
    pub stack: Option<String>,
    pub body: Bytes,
    pub path: String,
    /// The region that it was signed for.
    pub region: String,
    /// The command that made it, where the harness ran it.
    pub by: Option<String>,
    /// What S3 is to hold an object against, and to tell with it.
    pub checksum: Checksum,
}

/// Headers of S3 (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>).
#[derive(Debug, Clone, Default)]
pub struct Checksum {
    /// `x-amz-checksum-sha256`
    pub given: Option<String>,
    /// `x-amz-checksum-mode: ENABLED`
    pub is_asked_for: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    CloudFormation,
    Sts,
    AutoScaling,
    Sns,
    Iam,
    Ec2,
    LoadBalancing,
    /// JSON, with the action as the path.
    Account,
    /// CBOR, with the action in the path.
    CloudWatch,
    /// JSON, with the action in a header.
    Json,
    Sqs,
    /// The same protocol as of `Json`.
    Quotas,
    S3,
    /// JSON, with the resource in the path.
    Lambda,
    /// REST with XML.
    CloudFront,
    Other,
}

const SHA256: &str = "x-amz-checksum-sha256";

impl Call {
    pub fn read(parts: &Parts, body: Bytes, at: Instant) -> Self {
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        // Credential=AKIA…/20250101/us-east-1/cloudformation/aws4_request
        let scope = |place| {
            header("authorization")
                .split('/')
                .nth(place)
                .unwrap_or_default()
                .to_owned()
        };
        let (region, signed_for) = (scope(2), scope(3));
        let form = header("content-type").starts_with("application/x-www-form-urlencoded");
        let input = if form { Input::parse(&body) } else { Input::default() };
        let (service, action) = if let Some((service, action)) = header("x-amz-target").split_once('.') {
            let service = match service {
                "AmazonSQS" => Service::Sqs,
                "ServiceQuotasV20190624" => Service::Quotas,
                _ => Service::Json,
            };
            (service, action.to_owned())
        } else if let Some(action) = input.text("Action") {
            let service = match input.text("Version") {
                Some("2010-05-15") => Service::CloudFormation,
                Some("2011-06-15") => Service::Sts,
                Some("2011-01-01") => Service::AutoScaling,
                Some("2010-03-31") => Service::Sns,
                Some("2010-05-08") => Service::Iam,
                Some("2016-11-15") => Service::Ec2,
                Some("2015-12-01") => Service::LoadBalancing,
                _ => Service::Other,
            };
            (service, action.to_owned())
        } else if let Some((service, action)) = rpc(parts.uri.path()) {
            (service, action)
        } else if signed_for == "account" {
            let action = parts.uri.path().trim_start_matches('/');
            let (first, rest) = action.split_at(action.len().min(1));
            (Service::Account, first.to_uppercase() + rest)
        } else if signed_for == "lambda" {
            (Service::Lambda, lambda_action(parts))
        } else if signed_for == "cloudfront" {
            (Service::CloudFront, super::cloudfront::action(parts))
        } else if signed_for == "s3" {
            (Service::S3, s3_action(parts))
        } else {
            (Service::Other, parts.uri.path().to_owned())
        };
        let stack = stack_of(&input);
        Call {
            at,
            service,
            action,
            input,
            stack,
            body,
            // In memory, a request's URI is whole.
            region,
            by: by(header("user-agent")),
            checksum: Checksum {
                given: parts.headers.contains_key(SHA256).then(|| header(SHA256).to_owned()),
                is_asked_for: header("x-amz-checksum-mode") == "ENABLED",
            },
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        }
    }
}

/// `… app/deploy …` (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html>).
fn by(agent: &str) -> Option<String> {
    let app = agent.split(' ').find_map(|word| word.strip_prefix("app/"))?;
    (!app.is_empty()).then(|| app.to_owned())
}

/// `/service/GraniteServiceVersion20100801/operation/GetMetricData`
/// (<https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>).
fn rpc(path: &str) -> Option<(Service, String)> {
    let (service, action) = path.strip_prefix("/service/")?.split_once("/operation/")?;
    (service == "GraniteServiceVersion20100801").then(|| (Service::CloudWatch, action.to_owned()))
}

/// `name`, or the name in `arn:aws:cloudformation:region:account:stack/name/id`.
fn stack_of(input: &Input) -> Option<String> {
    let named = input.text("StackName")?;
    Some(match named.strip_prefix("arn:") {
        Some(arn) => arn.split('/').nth(1)?.to_owned(),
        None => named.to_owned(),
    })
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>
fn lambda_action(parts: &Parts) -> String {
    let on_mapping = parts.uri.path().starts_with("/2015-03-31/event-source-mappings/");
    let on_tags = parts.uri.path().starts_with("/2017-03-31/tags/");
    let on_function = parts.uri.path().starts_with("/2015-03-31/functions/");
    match (parts.method.as_str(), on_mapping) {
        ("GET", false) if parts.uri.path().ends_with("/account-settings") => "GetAccountSettings",
        ("GET", true) => "GetEventSourceMapping",
        ("PUT", true) => "UpdateEventSourceMapping",
        ("GET", false) if on_function && parts.uri.path().ends_with("/policy") => "GetPolicy",
        ("GET", false) if on_function => "GetFunction",
        ("POST", false) if on_function && parts.uri.path().ends_with("/invocations") => "Invoke",
        ("GET", false) if on_tags => "ListTags",
        ("POST", false) if on_tags => "TagResource",
        ("DELETE", false) if on_tags => "UntagResource",
        (method, _) => method,
    }
    .to_owned()
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>, path style.
fn s3_action(parts: &Parts) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let asks = |name: &str| form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == name);
    let on_object = parts
        .uri
        .path()
        .trim_start_matches('/')
        .split_once('/')
        .is_some_and(|(_, key)| !key.is_empty());
    match (parts.method.as_str(), on_object) {
        ("HEAD", true) => "HeadObject",
        ("HEAD", false) => "HeadBucket",
        ("GET", true) => "GetObject",
        ("GET", false) if asks("versions") => "ListObjectVersions",
        ("GET", false) if asks("uploads") => "ListMultipartUploads",
        ("GET", false) if asks("cors") => "GetBucketCors",
        ("GET", false) if asks("encryption") => "GetBucketEncryption",
        ("GET", false) if asks("notification") => "GetBucketNotificationConfiguration",
        ("GET", false) if asks("ownershipControls") => "GetBucketOwnershipControls",
        ("GET", false) if asks("policy") => "GetBucketPolicy",
        ("GET", false) if asks("publicAccessBlock") => "GetPublicAccessBlock",
        ("GET", false) if asks("replication") => "GetBucketReplication",
        ("GET", false) if asks("tagging") => "GetBucketTagging",
        ("GET", false) if asks("versioning") => "GetBucketVersioning",
        ("GET", false) if parts.uri.path() == "/" => "ListBuckets",
        ("GET", false) => "ListObjectsV2",
        ("PUT", false) if asks("notification") => "PutBucketNotificationConfiguration",
        ("PUT", true) if asks("uploadId") => "UploadPart",
        ("PUT", true) => "PutObject",
        ("POST", true) if asks("uploads") => "CreateMultipartUpload",
        ("POST", true) if asks("uploadId") => "CompleteMultipartUpload",
        ("DELETE", true) if asks("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) => "DeleteObject",
        ("POST", false) if asks("delete") => "DeleteObjects",
        (method, _) => method,
    }
    .to_owned()
}
