//! Templates of one's own: what nobody may empty, and what an update leaves.

use std::time::Duration;

use crate::deployed::stack;
use crate::endpoint::{Endpoint, Existing, Script, Verb};
use crate::harness::Test;
use crate::lab::{with_file, with_file_at};

/// What `AWS::LanguageExtensions` is made of: no resource of it has a name yet
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>).
const ORIGINAL: &str = "\
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Files:
    - Which
    - [Photos, Videos]
    - 'Files${Which}':
        Type: AWS::S3::Bucket
        DeletionPolicy: Retain
        Properties: {BucketName: !Sub 'lab-${Which}'}
";

const PROCESSED: &str = r#"{"Resources": {
  "FilesPhotos": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "lab-photos"}},
  "FilesVideos": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "lab-videos"}}}}"#;

/// An environment of an extra alone, whose file says `on_destroy: empty`.
fn expanded(processed: &str) -> Endpoint {
    let db: Existing = stack("db")
        .tag("qfleet:template", "own")
        .tag("qfleet:on-destroy", "empty")
        .body(processed);
    let endpoint = Endpoint::serve(Script::new().existing(db).expanded_from("lab-db", ORIGINAL));
    endpoint.world(|world| {
        for bucket in ["lab-photos", "lab-videos"] {
            world.services.put_object(bucket, "one", "bytes");
        }
    });
    endpoint
}

fn destroy(endpoint: &Endpoint) -> Test {
    with_file_at(endpoint, "name: lab\n").args(["destroy", "--name", "lab", "--region", "us-east-2", "--yes"])
}

fn keys(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.keys("lab-photos"))
}

#[test]
fn a_bucket_that_a_macro_makes_and_retains_is_never_emptied() {
    let endpoint = expanded(PROCESSED);
    let gone = destroy(&endpoint).run();
    assert!(
        gone.stdout.contains("kept: lab-photos (AWS::S3::Bucket)"),
        "{}",
        gone.stdout
    );
    assert_eq!(keys(&endpoint), ["one"]);
    assert!(endpoint.calls("DeleteObjects").is_empty());
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn one_whose_policy_is_a_function_is_left_alone_with_its_stack() {
    let by_function = PROCESSED.replacen(r#""Retain""#, r#"{"Ref": "Policy"}"#, 1);
    let parameters = r#"{"Parameters": {"Policy": {"Type": "String", "Default": "Retain"}}, "#;
    let by_function = by_function.replacen('{', parameters, 1);
    let endpoint = expanded(&by_function);
    let refused = destroy(&endpoint).status(4);
    refused
        .stderr_contains("doesn't say in plain words what becomes of FilesPhotos")
        .stderr_contains("give it a `DeletionPolicy` without a function")
        .run();
    assert_eq!(keys(&endpoint), ["one"]);
    assert!(endpoint.calls("DeleteStack").is_empty());
}

const FILE: &str = "\
name: lab
region: us-east-2
dashboard: false
extras:
  - {name: db, template: own/db.yaml, gives: [Group]}
stages:
  - name: work
    workers: {instances: {program: program, types: [t3.micro], min: 1, max: 1, security_groups: [db.Group]}}
";

const TEMPLATE: &str = "\
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: of the workers}
  Other:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: another one}
Outputs:
  Group: {Value: !GetAtt Group.GroupId}
";

/// What EC2 says (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const IN_USE: &str =
    "resource sg-1 has a dependent object (Service: Ec2, Status Code: 400, Error Code: DependencyViolation)";

fn without(resource: &str) -> String {
    let begin = TEMPLATE.find(&format!("  {resource}:\n")).expect("it");
    let rest = &TEMPLATE[begin..];
    let end = rest.match_indices('\n').nth(2).expect("three lines").0 + 1;
    format!("{}{}", &TEMPLATE[..begin], &rest[end..])
}

#[test]
fn what_an_update_drops_and_cannot_delete_is_named_with_what_deletes_it() {
    let endpoint = Endpoint::serve(Script::new().fails("lab-db", "Other", Verb::Delete, IN_USE));
    let there = with_file_at(&endpoint, FILE)
        .file("own/db.yaml", TEMPLATE)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let name = endpoint.world(|world| {
        let stack = world.find("lab-db").expect("its stack");
        let group = world.stacks[stack].resource("Other").expect("the group");
        group.physical_id.clone().expect("a name")
    });
    let deploy = there.then().file("own/db.yaml", without("Other"));
    let done = deploy.args(["deploy", "lab.yaml", "--yes", "--output", "json"]).run();
    let left = &done.json()["left_over"];
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left:#}");
    assert_eq!(
        (&left[0]["stack"], &left[0]["name"], &left[0]["why"], &left[0]["reason"]),
        (
            &"lab-db".into(),
            &name.as_str().into(),
            &"not_deleted".into(),
            &IN_USE.into()
        )
    );
    let command = format!("aws ec2 delete-security-group --group-id {name} --region us-east-2");
    assert_eq!(left[0]["delete_with"], command.as_str());
    assert_eq!(endpoint.status("lab-db").as_deref(), Some("UPDATE_COMPLETE"));
}

/// CloudFormation gives up a group that is still used: who used it lets go of it first.
#[test]
fn who_uses_a_dropped_security_group_no_more_is_deployed_before_it() {
    let each = Duration::from_millis(300);
    let endpoint = Endpoint::serve(Script::new().resources_take(each));
    let there = with_file_at(&endpoint, FILE)
        .file("own/db.yaml", TEMPLATE)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let file = FILE
        .replace(", gives: [Group]", "")
        .replace(", security_groups: [db.Group]", "");
    let template = without("Group");
    let (resources, _) = template.split_once("Outputs:").expect("outputs");
    there
        .then()
        .file("lab.yaml", file)
        .file("own/db.yaml", resources)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let updated = |name: &str| {
        endpoint.world(|world| {
            let stack = world.find(name).expect("the stack");
            world.stacks[stack].updated.expect("an update")
        })
    };
    assert!(updated("lab-db") >= updated("lab-work") + each);
}

#[test]
fn a_long_template_is_deployed_alone_by_the_bucket_for_programs() {
    let long = format!("#{}\n{TEMPLATE}", "x".repeat(52_000));
    let endpoint = Endpoint::serve(Script::new());
    let alone = |test: Test| {
        test.file("own/db.yaml", &long)
            .args(["deploy", "lab.yaml", "--yes", "--only", "db"])
    };
    alone(with_file_at(&endpoint, FILE))
        .status(4)
        .stderr_contains("goes by the bucket for programs, which isn't there")
        .stderr_contains("--only artifacts")
        .run();
    let there = with_file_at(&endpoint, FILE)
        .file("own/db.yaml", &long)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let called = endpoint.calls("CreateChangeSet");
    let of_extra: Vec<_> = called
        .iter()
        .filter(|call| call.stack.as_deref() == Some("lab-db"))
        .collect();
    assert!(of_extra.iter().any(|call| call.input.text("TemplateURL").is_some()));
    let longer = format!("{long}# More.\n");
    let again = there.then().file("own/db.yaml", &longer);
    again.args(["deploy", "lab.yaml", "--yes", "--only", "db"]).run();
    let rendered = with_file(FILE).file("own/db.yaml", &long);
    let rendered = rendered
        .args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"])
        .run()
        .json();
    let mut stacks = rendered["stacks"].as_array().expect("stacks").iter();
    let db = stacks.find(|stack| stack["part"] == "db").expect("the extra");
    assert_eq!(db["needs"], serde_json::json!(["artifacts"]));
}
