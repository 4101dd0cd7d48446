//! One file for two regions: what a standby's templates hold, and that no name is needed twice.

use std::collections::{BTreeMap, BTreeSet};

use qfleet::blueprint::template;
use serde_json::{Value, json};

use crate::harness::Test;
use crate::lab::with_file;
use crate::offline::options::together::every_option_in;

const FILE: &str = "\
name: lab
standby: [us-west-2]
bucket: {on_destroy: empty}
alerts: {email: ops@example.com}
stages:
  - name: work
    from: bucket
    schedules: [{cron: '0 3 * * *', body: night}]
    workers: {instances: {program: program, types: [t3.micro]}}
    scaling: {seconds_per_message: 10}
web: {instances: {program: program, types: [t3.micro]}, feeds: [work]}
";

fn test(region: &str) -> Test {
    with_file(FILE).args(["render", "lab.yaml", "--account", "111122223333", "--region", region])
}

/// Each part's template in a region.
fn rendered(region: &str) -> BTreeMap<String, Value> {
    let all = test(region).args(["--output", "json"]).run().json();
    let stacks = all["stacks"].as_array().expect("stacks").iter();
    let read = |stack: &Value| template::read(stack["template"].as_str().expect("a template")).expect("a template");
    stacks
        .map(|stack| (stack["part"].as_str().expect("a part").to_owned(), read(stack).into()))
        .collect()
}

fn types(template: &Value) -> BTreeSet<&str> {
    let resources = template["Resources"].as_object().expect("resources").values();
    resources.filter_map(|resource| resource["Type"].as_str()).collect()
}

#[test]
fn nobody_works_where_it_stands_by_and_all_else_is_there() {
    let (here, there) = (rendered("us-east-2"), rendered("us-west-2"));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for part in ["work", "web"] {
        let missing: BTreeSet<_> = types(&here[part]).difference(&types(&there[part])).copied().collect();
        let mut works = BTreeSet::from(["AWS::AutoScaling::AutoScalingGroup", "AWS::AutoScaling::ScalingPolicy"]);
        if part == "web" {
            // Nobody is told that nobody answers.
            works.insert("AWS::CloudWatch::Alarm");
        }
        assert_eq!(missing, works, "{part}");
        assert_eq!(there[part]["Outputs"]["Paused"]["Value"], "standby", "{part}");
        assert_eq!(here[part]["Outputs"]["Paused"], Value::Null, "{part}");
    }
    let alarms = |template: &Value| {
        let names = template["Resources"].as_object().expect("resources").keys();
        names
            .filter(|name| name.ends_with("Alarm"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(alarms(&there["work"]), ["DeadLettersAlarm"]);
    let state = |of: &BTreeMap<String, Value>| of["work"]["Resources"]["Schedule1"]["Properties"]["State"].clone();
    assert_eq!((state(&here), state(&there)), (json!("ENABLED"), json!("DISABLED")));
}

#[test]
fn a_pause_of_a_stage_leaves_its_schedules_on() {
    let paused = FILE.replace("workers: {", "workers: {active: none, ");
    let rendered = with_file(&paused).args([
        "render",
        "lab.yaml",
        "--region",
        "us-east-2",
        "--account",
        "111122223333",
    ]);
    rendered.stdout_contains("State: ENABLED").run();
    let advised = "the stage is paused, and its schedules go on";
    let check = |file: &str| with_file(file).args(["check", "lab.yaml"]).run();
    let (paused, not) = (check(&paused), check(FILE));
    assert!(
        format!("{}{}", paused.stdout, paused.stderr).contains(advised),
        "{}",
        paused.stderr
    );
    assert!(!format!("{}{}", not.stdout, not.stderr).contains(advised));
}

/// The bucket in us-west-2 is the one that is copied to.
const COPIED: &str = "\
name: lab
bucket: {uploads: in/, versioning: true, replicate_to: 'arn:aws:s3:::lab-111122223333-us-west-2'}
stages:
  - name: work
    from: bucket
    workers: {instances: {program: program, types: [t3.micro], min: 1, max: 1}}
";

fn intake(region: &str) -> Value {
    let test = with_file(COPIED).args(["render", "lab.yaml", "--account", "111122223333", "--region", region]);
    let all = test.args(["--output", "json"]).run().json();
    let stacks = all["stacks"].as_array().expect("stacks").iter();
    let intake = stacks
        .clone()
        .find(|stack| stack["part"] == "intake")
        .expect("the bucket's");
    template::read(intake["template"].as_str().expect("a template"))
        .expect("a template")
        .into()
}

#[test]
fn uploads_are_copied_by_a_role_that_can_do_nothing_else() {
    let template = intake("us-east-2");
    let resources = &template["Resources"];
    assert_eq!(
        resources["Bucket"]["Properties"]["ReplicationConfiguration"],
        json!({"Role": {"Fn::GetAtt": ["ReplicationRole", "Arn"]}, "Rules": [{
            "Id": "uploads", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "in/"},
            "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {"Bucket": "arn:aws:s3:::lab-111122223333-us-west-2"},
        }]})
    );
    let arn = |rest: &[&str]| {
        let parts = [json!("arn:"), json!({"Ref": "AWS::Partition"}), json!(":s3:::")];
        let parts: Vec<Value> = parts.into_iter().chain(rest.iter().map(|part| json!(part))).collect();
        json!({"Fn::Join": ["", parts]})
    };
    let own = "lab-111122223333-us-east-2";
    let role = &resources["ReplicationRole"]["Properties"];
    assert_eq!(
        role["Policies"][0]["PolicyDocument"]["Statement"],
        json!([
            {"Sid": "ReadWhatToCopy", "Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
             "Resource": arn(&[own])},
            {"Sid": "ReadUploads", "Effect": "Allow",
             "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"],
             "Resource": arn(&[own, "/", "in/*"])},
            {"Sid": "WriteCopies", "Effect": "Allow",
             "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
             "Resource": arn(&["lab-111122223333-us-west-2", "/", "in/*"]),
             "Condition": {"StringEqualsIfExists": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}},
        ])
    );
    let trust = &role["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust[0]["Principal"], json!({"Service": "s3.amazonaws.com"}));
    assert_eq!(
        template["Outputs"]["ReplicatesTo"]["Value"],
        "arn:aws:s3:::lab-111122223333-us-west-2"
    );

    // And nothing that is meant for the bucket's own policy.
    let delivered = COPIED.replace("stages:", "delivery: {}\nstages:");
    let render = with_file(&delivered).args([
        "render",
        "lab.yaml",
        "--account",
        "111122223333",
        "--region",
        "us-east-2",
    ]);
    let text = render.run().stdout;
    let of_role = text
        .split("  ReplicationRole:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n  Topic").next());
    assert!(!of_role.expect("the role").contains("DistributionReads"), "{text}");

    // The same file where the copies go.
    let there = intake("us-west-2");
    assert_eq!(there["Resources"]["ReplicationRole"], Value::Null);
    assert_eq!(
        there["Resources"]["Bucket"]["Properties"]["ReplicationConfiguration"],
        Value::Null
    );
    assert_eq!(there["Outputs"]["ReplicatesTo"], Value::Null);
}

#[test]
fn files_that_are_not_copied_are_advice() {
    let said = with_file(FILE).args(["check", "lab.yaml"]).run().stdout;
    assert!(said.contains("us-west-2 gets no copies of the files"), "{said}");
    let copied = FILE.replace(
        "on_destroy: empty",
        "versioning: true, replicate_to: 'arn:aws:s3:::other'",
    );
    let said = with_file(&copied).args(["check", "lab.yaml"]).run().stdout;
    assert!(!said.contains("gets no copies"), "{said}");
    let elsewhere = FILE.replace("    from: bucket\n", "");
    let said = with_file(&elsewhere).args(["check", "lab.yaml"]).run().stdout;
    assert!(!said.contains("gets no copies"), "{said}");
}

/// What of its properties names a resource for a whole account, or for all of AWS. Of the other types, names belong to a
/// region, or CloudFormation makes them.
const GLOBAL: [(&str, &str); 12] = [
    // "Dashboard names can only be used once per account, including across AWS Regions"
    // (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html)
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    // Of all accounts (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
    ("AWS::S3::Bucket", "BucketName"),
    // IAM and CloudFront know no regions.
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::CloudFront::CachePolicy", "CachePolicyConfig/Name"),
    ("AWS::CloudFront::Distribution", "DistributionConfig/Aliases"),
    ("AWS::CloudFront::Function", "Name"),
    ("AWS::CloudFront::KeyGroup", "KeyGroupConfig/Name"),
    ("AWS::CloudFront::OriginAccessControl", "OriginAccessControlConfig/Name"),
    ("AWS::CloudFront::OriginRequestPolicy", "OriginRequestPolicyConfig/Name"),
    (
        "AWS::CloudFront::ResponseHeadersPolicy",
        "ResponseHeadersPolicyConfig/Name",
    ),
];

/// Types whose names, where they are given any, belong to a region.
const REGIONAL: [&str; 13] = [
    "AWS::AutoScaling::",
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::",
    "AWS::EC2::",
    "AWS::ElasticLoadBalancingV2::",
    "AWS::Lambda::",
    "AWS::Logs::",
    // A policy of a bucket, not a thing of its own.
    "AWS::S3::BucketPolicy",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::SSM::",
    "AWS::Scheduler::",
    "AWS::RDS::",
];

/// Names of the account, or of all, in templates of a region: each with its type.
fn global_names(bodies: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    for body in bodies {
        let template = template::read(body).expect("a template");
        let resources = template["Resources"].as_object().expect("resources");
        for resource in resources.values() {
            let of_type = resource["Type"].as_str().expect("a type");
            match GLOBAL.iter().find(|(global, _)| *global == of_type) {
                Some((_, property)) => {
                    let name = resource.pointer(&format!("/Properties/{property}"));
                    // One that is worked out by CloudFormation may hold the region: then it isn't the same text.
                    names.extend(name.map(|name| (of_type.to_owned(), name.to_string())));
                }
                None => assert!(
                    REGIONAL.iter().any(|regional| of_type.starts_with(regional)),
                    "do names of {of_type} belong to a region, or to the account?"
                ),
            }
        }
    }
    names
}

#[test]
fn no_global_name_is_needed_in_two_regions() {
    let [here, there] =
        [("us-east-2", false), ("us-west-2", true)].map(|(region, by)| global_names(&every_option_in(region, by)));
    for of_type in [
        "AWS::S3::Bucket",
        "AWS::CloudWatch::Dashboard",
        "AWS::CloudFront::Distribution",
    ] {
        assert!(here.iter().any(|(known, _)| known == of_type), "{of_type}");
    }
    let both: Vec<_> = here.intersection(&there).collect();
    // Not even worked out: a text that is the same in both has to hold the region.
    let same: Vec<_> = both.iter().filter(|(_, name)| !name.contains("AWS::Region")).collect();
    assert!(same.is_empty(), "{same:#?}");
}
