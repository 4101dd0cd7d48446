//! What a request is about, as far as it is harmless: names of stacks, queues and buckets, and no values.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// Fields that only name something. All others may hold what is nobody's business: bodies, parameters, templates, filters.
const NAMES: [&str; 31] = [
    "AlarmName",
    "AutoScalingGroupName",
    "AutoScalingGroupNames.member.1",
    "ChangeSetName",
    "DestinationArn",
    "GroupName",
    "HookName",
    "InstanceId",
    "InstanceIds.member.1",
    "LifecycleHookName",
    "LoadBalancerArn",
    "LogicalResourceId",
    "Name",
    "Path",
    "PolicyName",
    "QueueName",
    "QueueUrl",
    "ResourceTypeFilter",
    "RoleName",
    "SecretId",
    "SourceArn",
    "StackDriftDetectionId",
    "StackName",
    "SubscriptionArn",
    "TableName",
    "TargetGroupArn",
    "TargetGroupArns.member.1",
    "TopicArn",
    "TypeName",
    "logGroupName",
    "logGroupNamePrefix",
];
/// So much of a name is shown, in characters.
const LONGEST: usize = 200;

/// What a request is about: `("StackName", "lab-work")`.
pub(in crate::cloud) fn asked(request: &HttpRequest) -> Vec<(String, String)> {
    let body = request.body().bytes().unwrap_or_default();
    let header = |name: &str| request.headers().get(name).unwrap_or_default();
    let is_name = |name: &str| NAMES.contains(&name);
    let pairs: Vec<(String, String)> = if header("content-type").starts_with("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(body).filter(|(name, _)| is_name(name));
        pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    } else if !header("x-amz-target").is_empty() {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let fields = body.as_object().into_iter().flatten().filter(|(name, _)| is_name(name));
        fields
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    } else {
        of_url(request.uri()).into_iter().collect()
    };
    pairs.into_iter().map(|(name, value)| (name, shown(&value))).collect()
}

/// Of a bucket's URL, the bucket: keys are the users' business. Of another service that has paths, the path, in which its
/// functions and distributions are named.
fn of_url(uri: &str) -> Option<(String, String)> {
    let url: url::Url = uri.parse().ok()?;
    let host = url.host_str()?;
    // S3 has no path of its own; its bucket stands before `.s3`, or with a path style first in the path.
    let before = host
        .find(".s3.")
        .or_else(|| host.find(".s3-"))
        .filter(|_| host.contains("amazonaws"));
    if let Some(before) = before {
        return Some(("bucket".into(), host[..before].to_owned()));
    }
    let path = url.path();
    let of_version = path.split('/').nth(1).unwrap_or_default();
    match of_version {
        "" => None,
        // `/2015-03-31/functions/…`, `/2020-05-31/distribution/…`
        version if version.starts_with("20") && version.len() == 10 => Some(("path".into(), path.to_owned())),
        // What is asked in CBOR: `/service/GraniteServiceVersion20100801/operation/…`
        "service" if path.contains("/operation/") => None,
        bucket => Some(("bucket".into(), bucket.to_owned())),
    }
}

/// Where a request goes, without path and query.
pub(in crate::cloud) fn server(uri: &str) -> String {
    let url: Result<url::Url, _> = uri.parse();
    url.map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn shown(value: &str) -> String {
    // `https://sqs.us-east-2.amazonaws.com/111122223333/lab-work`
    let value = match value.strip_prefix("http").and_then(|url| url.rsplit('/').next()) {
        Some(name) if value.contains("://") => name,
        _ => value,
    };
    let printable = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn request(uri: &str, headers: &[(&'static str, &'static str)], body: &'static str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri(uri.to_owned()).expect("a URI");
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        request
    }

    #[test]
    fn names_are_told_and_values_are_not() {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let json = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "AmazonSQS.SendMessage"),
        ];
        for (request, is) in [
            (
                request(
                    "https://cloudformation.us-east-2.amazonaws.com/",
                    &form,
                    "Action=CreateChangeSet&StackName=lab-work&Parameters.member.1.ParameterValue=secret&TemplateBody=x",
                ),
                "StackName=lab-work",
            ),
            (
                request(
                    "https://sqs.us-east-2.amazonaws.com/",
                    &json,
                    r#"{"QueueUrl": "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work", "MessageBody": "secret"}"#,
                ),
                "QueueUrl=lab-work",
            ),
            (
                request("https://lab-files.s3.us-east-2.amazonaws.com/a/b?x=1", &[], "secret"),
                "bucket=lab-files",
            ),
            (
                request("http://127.0.0.1:4566/lab-files/a/b?x=1", &[], "secret"),
                "bucket=lab-files",
            ),
            (
                request(
                    "https://lambda.us-east-2.amazonaws.com/2015-03-31/functions/lab-work?x=1",
                    &[],
                    "{}",
                ),
                "path=/2015-03-31/functions/lab-work",
            ),
            (
                request(
                    "https://monitoring.us-east-2.amazonaws.com/service/G/operation/GetMetricData",
                    &[],
                    "x",
                ),
                "",
            ),
        ] {
            let said: Vec<String> = asked(&request)
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(said.join(" "), is);
        }
        assert_eq!(
            server("http://me:pass@127.0.0.1:9/a?X-Amz-Signature=1"),
            "http://127.0.0.1:9"
        );
    }
}
