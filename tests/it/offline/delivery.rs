//! What CloudFront may read and whom it answers, read from the rendered templates; and what a file may say of it.

use qfleet::blueprint::template;
use serde_json::{Value, json};

use crate::harness::Test;
use crate::lab::with_file;

const CERTIFICATE: &str = "arn:aws:acm:us-east-1:111122223333:certificate/6f2a-11";

fn file(bucket: &str, delivery: &str) -> String {
    format!(
        "name: lab\nregion: us-east-2\nbucket: {bucket}\nstages:\n  - {{name: work, from: bucket, workers: {{instances: {{program: \
         program, types: [t3.micro], min: 1, max: 1}}}}}}\n{delivery}"
    )
}

fn test(text: &str) -> Test {
    with_file(text).file("lab.yaml", text)
}

fn rendered(text: &str, args: &[&str]) -> Value {
    let render = test(text).args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"]);
    render.args(args.iter().copied()).run().json()
}

fn part(all: &Value, part: &str) -> (Value, Value) {
    let mut stacks = all["stacks"].as_array().expect("stacks").iter();
    let stack = stacks.find(|stack| stack["part"] == part).expect(part);
    let body = template::read(stack["template"].as_str().expect("a template")).expect("a template");
    (Value::Object(body), stack.clone())
}

fn policy(all: &Value) -> Value {
    let (intake, _) = part(all, "intake");
    intake["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].clone()
}

#[test]
fn cloudfront_may_read_what_is_done_and_only_where_it_delivers() {
    let bucket = "{uploads: in/, processed: out/done/}";
    let statements = policy(&rendered(&file(bucket, "delivery: {}\n"), &[]));
    let statements = statements.as_array().expect("statements");
    assert_eq!(statements.len(), 2, "{statements:#?}");
    assert_eq!(statements[0]["Sid"], "TlsOnly");
    assert_eq!(
        statements[1],
        json!({
            "Sid": "DistributionReads",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/", "out/done/*"]]},
            "Condition": {"ArnLike": {
                "aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*"}
            }},
        })
    );
    let without = rendered(&file(bucket, ""), &[]);
    assert_eq!(policy(&without).as_array().map(Vec::len), Some(1));
    let text = without.to_string();
    assert!(!text.contains("cloudfront") && !text.contains("CloudFront"));
    // The artifacts bucket has the same policy, and nothing of this.
    let (artifacts, _) = part(&rendered(&file(bucket, "delivery: {}\n"), &[]), "artifacts");
    assert!(!artifacts.to_string().contains("cloudfront"));
}

#[test]
fn the_distribution_signs_its_requests_and_answers_by_https() {
    let all = rendered(&file("{processed: out/done/}", "delivery: {}\n"), &[]);
    let (body, stack) = part(&all, "delivery");
    assert_eq!(stack["needs"], json!(["intake"]));
    let access = &body["Resources"]["OriginAccess"]["Properties"]["OriginAccessControlConfig"];
    assert_eq!(
        *access,
        json!({
            "Name": "lab-us-east-2",
            "Description": "lab in us-east-2, deployed by qfleet",
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        })
    );
    let distribution = &body["Resources"]["Distribution"]["Properties"];
    // It is in no region, and CloudFormation puts no tags of its own on it.
    assert_eq!(
        distribution["Tags"],
        json!([{"Key": "qfleet:region", "Value": {"Ref": "AWS::Region"}}])
    );
    let config = &distribution["DistributionConfig"];
    assert_eq!(
        config["Origins"],
        json!([{
            "Id": "processed",
            "DomainName": {"Fn::Sub": "${BucketName}.s3.${AWS::Region}.${AWS::URLSuffix}"},
            "OriginPath": "/out/done",
            "OriginAccessControlId": {"Ref": "OriginAccess"},
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }])
    );
    let behavior = &config["DefaultCacheBehavior"];
    assert_eq!(behavior["ViewerProtocolPolicy"], "redirect-to-https");
    assert_eq!(behavior["TrustedKeyGroups"], Value::Null);
    assert_eq!(
        (&config["HttpVersion"], &config["IPV6Enabled"], &config["Enabled"]),
        (&json!("http2and3"), &json!(true), &json!(true))
    );
    // Its own name, with its own certificate.
    assert_eq!(
        (&config["Aliases"], &config["ViewerCertificate"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        body["Outputs"]["Url"]["Value"],
        json!({"Fn::Sub": "https://${Distribution.DomainName}"})
    );
    let (dashboard, stack) = part(&all, "dashboard");
    assert_eq!(stack["parameters"]["Distribution"]["output"]["key"], "DistributionId");
    let text = dashboard["Resources"]["Dashboard"]["Properties"]["DashboardBody"].to_string();
    // CloudFront's metrics are in one region, whatever the environment's is.
    let requests =
        r#"\"AWS/CloudFront\", \"Requests\", \"Region\", \"Global\", \"DistributionId\", \"${Distribution}\""#;
    assert!(text.contains(requests), "{text}");
    assert_eq!(text.matches(r#"\"region\": \"us-east-1\""#).count(), 3, "{text}");
}

#[test]
fn a_name_of_ones_own_comes_with_its_certificate_and_not_to_the_emulator() {
    let delivery = format!(
        "delivery: {{domain: files.example.com, certificate: \"{CERTIFICATE}\", key_groups: [0123-4567, 89ab-cdef]}}\n"
    );
    let text = file("{}", &delivery);
    let (body, stack) = part(&rendered(&text, &[]), "delivery");
    let config = &body["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    assert_eq!(config["Aliases"], json!(["files.example.com"]));
    assert_eq!(
        config["ViewerCertificate"],
        json!({
            "AcmCertificateArn": {"Ref": "CertificateArn"},
            "SslSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
        })
    );
    assert_eq!(stack["parameters"]["CertificateArn"], json!({"literal": CERTIFICATE}));
    assert_eq!(body["Outputs"]["Url"]["Value"], "https://files.example.com");
    let trusted = json!(["0123-4567", "89ab-cdef"]);
    assert_eq!(config["DefaultCacheBehavior"]["TrustedKeyGroups"], trusted);
    // There, the name would be that of what really runs.
    let (body, stack) = part(&rendered(&text, &["--local"]), "delivery");
    let config = &body["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    assert_eq!(
        (&config["Aliases"], &config["ViewerCertificate"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(config["DefaultCacheBehavior"]["TrustedKeyGroups"], trusted);
    assert_eq!(stack["parameters"]["CertificateArn"], Value::Null);
    // It asks the bucket without TLS: only what it plays of CloudFront may.
    let condition = |args: &[&str]| policy(&rendered(&text, args))[0]["Condition"].clone();
    let tls = json!({"aws:SecureTransport": "false"});
    assert_eq!(condition(&[]), json!({ "Bool": tls }));
    assert_eq!(
        condition(&["--local"]),
        json!({"Bool": tls, "ArnNotLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/*"}})
    );
}

/// CloudFront moves a name only to a distribution that has a certificate for it.
#[test]
fn where_it_stands_by_it_has_the_certificate_and_not_the_name() {
    let delivery =
        format!("delivery: {{domain: files.example.com, certificate: \"{CERTIFICATE}\"}}\nstandby: [us-west-2]\n");
    let (body, stack) = part(
        &rendered(&file("{}", &delivery), &["--region", "us-west-2"]),
        "delivery",
    );
    let config = &body["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    assert_eq!(config["Aliases"], Value::Null);
    assert_eq!(
        config["ViewerCertificate"]["AcmCertificateArn"],
        json!({"Ref": "CertificateArn"})
    );
    assert_eq!(stack["parameters"]["CertificateArn"], json!({"literal": CERTIFICATE}));
    assert_eq!(
        body["Outputs"]["Url"]["Value"],
        json!({"Fn::Sub": "https://${Distribution.DomainName}"})
    );
}

/// The certificate is in us-east-1 wherever the environment is, and says nothing of where that is.
#[test]
fn the_certificate_does_not_say_where_the_environment_is() {
    let delivery = format!("delivery: {{domain: files.example.com, certificate: \"{CERTIFICATE}\"}}\n");
    let text = file("{}", &delivery).replace("region: us-east-2\n", "");
    let plain = rendered(&text, &[]);
    let without = rendered(&file("{}", "").replace("region: us-east-2\n", ""), &[]);
    let bucket = |all: &Value| part(all, "intake").0["Resources"]["Bucket"]["Properties"]["BucketName"].clone();
    assert_eq!(bucket(&plain), bucket(&without));
}

#[test]
fn what_cannot_be_delivered_is_said_on_its_line() {
    let arn = |region: &str| CERTIFICATE.replace("us-east-1", region);
    let own =
        |domain: &str, certificate: &str| format!("delivery:\n  domain: {domain}\n  certificate: \"{certificate}\"\n");
    for (text, place, message) in [
        (
            file("{}", "delivery: {}\n")
                .replace("bucket: {}\n", "")
                .replace("from: bucket, ", ""),
            "lab.yaml:5:1",
            "`delivery` hands out files of a `bucket`, and there is none",
        ),
        (
            file("{processed: a=1/}", "delivery: {}\n"),
            "lab.yaml:3:21",
            "with `delivery`, `processed` is part of addresses, and `a=1/` has a `=`",
        ),
        (
            file("{}", "delivery: {}\n").replace("us-east-2", "us-gov-west-1"),
            "lab.yaml:6:1",
            "`us-gov-west-1` is none of these",
        ),
        (
            file("{}", "delivery:\n  domain: files.example.com\n"),
            "lab.yaml:7:3",
            "`domain` needs a `certificate`",
        ),
        (
            file("{}", &format!("delivery:\n  certificate: \"{CERTIFICATE}\"\n")),
            "lab.yaml:7:3",
            "`certificate` needs a `domain`",
        ),
        (
            file("{}", &own("files.example.com", &arn("us-east-2"))),
            "lab.yaml:8:16",
            "the certificate is in `us-east-2`, and CloudFront takes those of `us-east-1` only",
        ),
        (
            file("{}", &own("files.example.com", CERTIFICATE)).replace("region:", "account: \"444455556666\"\nregion:"),
            "lab.yaml:9:16",
            "the certificate belongs to account 111122223333, and the environment to 444455556666",
        ),
        (
            file("{}", &own("d1.cloudfront.net", CERTIFICATE)),
            "lab.yaml:7:11",
            "`d1.cloudfront.net` is a name that CloudFront gives",
        ),
        (
            file("{}", &own("https://files.example.com", CERTIFICATE)),
            "lab.yaml:7:11",
            "must be a name in DNS such as `files.example.com`, in lower case, without `https://`",
        ),
        (
            file("{}", "delivery: {key_groups: [0123-4567, 0123-4567]}\n"),
            "lab.yaml:6:36",
            "`0123-4567` is in the list twice",
        ),
        (
            file("{}", "delivery: {key_groups: [no]}\n"),
            "lab.yaml:6:25",
            "must be the id of a CloudFront key group",
        ),
    ] {
        let refused = test(&text).args(["check", "lab.yaml"]).status(2).run();
        let said = refused.stderr.replace("\n  \u{2502} ", " ");
        assert!(
            said.contains(place) && said.contains(message),
            "{place} {message}\n{said}"
        );
        assert!(said.contains("error: 1 problem in "), "{said}");
    }
    // Where the file doesn't say the region, whoever renders does.
    let text = file("{}", "delivery: {}\n").replace("region: us-east-2\n", "");
    let render = test(&text)
        .args(["render", "lab.yaml", "--region", "cn-north-1"])
        .status(2);
    render.stderr_contains("and `cn-north-1` is none").run();
}

#[test]
fn without_key_groups_it_is_said_that_everybody_may_fetch() {
    let advice = "everybody who knows the name of a file under `processed/` can fetch it from the internet";
    let open = test(&file("{}", "delivery: {}\n")).args(["check", "lab.yaml"]).run();
    assert!(
        (open.stdout.clone() + &open.stderr).contains(advice),
        "{}{}",
        open.stdout,
        open.stderr
    );
    let signed = test(&file("{}", "delivery: {key_groups: [0123-4567]}\n"))
        .args(["check", "lab.yaml"])
        .run();
    assert!(
        !(signed.stdout.clone() + &signed.stderr).contains("can fetch it"),
        "{}{}",
        signed.stdout,
        signed.stderr
    );
}

#[test]
fn more_key_groups_than_cloudfront_takes_by_default_are_advised_against() {
    let advised = |groups: &str| {
        let text = file("{}", &format!("delivery: {{key_groups: [{groups}]}}\n"));
        let checked = test(&text).args(["check", "lab.yaml"]).run();
        let said = (checked.stdout + &checked.stderr).replace("\n  \u{2502} ", " ");
        said.contains("CloudFront takes 4 key groups by default, and here are 5")
    };
    assert!(!advised("0123-451, 0123-452, 0123-453, 0123-454"));
    assert!(advised("0123-451, 0123-452, 0123-453, 0123-454, 0123-455"));
}

/// 64 characters are the most for an origin access control.
#[test]
fn the_longest_names_fit() {
    let name = qfleet::blueprint::names::origin_access(&"n".repeat(24), "ap-southeast-99");
    assert!(name.len() <= 64, "{name}");
    let comment = qfleet::blueprint::names::of_delivery(&"n".repeat(24), "ap-southeast-99");
    assert!(comment.len() <= 128, "{comment}");
}
