//! Templates that let do more, or less, than they should: each is found.

use std::fs;

use qfleet::blueprint::{self, Blueprint, Placement, Value, template};
use qfleet::environment::{self, Environment};
use serde_json::{Value as Json, json};

use super::{ACCOUNT, faults};
use crate::offline::options::together::{REGION, folder};

/// With a policy of each kind.
const EVERYTHING: &str = "
name: lab
alerts: {email: ops@example.com}
results: {}
delivery: {}
bucket: {versioning: true, replicate_to: 'arn:aws:s3:::other-bucket'}
stages:
  - name: a
    from: bucket
    replies: true
    schedules: [{cron: '0 3 * * *', body: nightly}]
    workers:
      instances: {program: program, types: [t4g.small], secrets: {DB: /app/db}, session_manager: true}
  - name: b
    from: a
    workers: {lambda: {program: program, handler: app.handler, runtime: python3.13}}
web: {feeds: [a], instances: {program: program, types: [t4g.small], spot: true}}
";

fn everything() -> (Environment, Blueprint) {
    let folder = folder();
    let path = folder.path().join("lab.yaml");
    fs::write(&path, EVERYTHING).expect("writes");
    let environment = environment::load(&path).unwrap_or_else(|problems| panic!("{problems:?}"));
    let placement = Placement {
        account: ACCOUNT.into(),
        region: REGION.into(),
        local: false,
    };
    let blueprint = blueprint::render(&environment, &placement).unwrap_or_else(|problems| panic!("{problems:?}"));
    // As JSON, which is read in a fraction of the time.
    let parts = blueprint.parts.clone();
    let blueprint = parts
        .iter()
        .fold(blueprint, |blueprint, part| changed(&blueprint, part, |_| {}));
    (environment, blueprint)
}

/// The same with another template for a part.
fn changed(blueprint: &Blueprint, part: &str, change: impl FnOnce(&mut Json)) -> Blueprint {
    let mut changed = blueprint.clone();
    let stack = changed.stacks.iter_mut().find(|stack| stack.part == part);
    let stack = stack.unwrap_or_else(|| panic!("no part {part}"));
    let mut body = Json::Object(template::read(&stack.body).expect("a template"));
    change(&mut body);
    stack.body = body.to_string();
    changed
}

/// Where the statements of all policies are: the part, and the path in its template.
fn statements(blueprint: &Blueprint) -> Vec<(String, String)> {
    fn collect(value: &Json, path: &str, found: &mut Vec<String>) {
        let children: Vec<(String, &Json)> = match value {
            Json::Array(items) => items.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect(),
            Json::Object(entries) => entries.iter().map(|(key, it)| (key.clone(), it)).collect(),
            _ => return,
        };
        for (name, child) in children {
            let path = format!("{path}/{name}");
            if child.get("Effect").is_some() {
                found.push(path);
            } else {
                collect(child, &path, found);
            }
        }
    }
    let mut all = Vec::new();
    for stack in &blueprint.stacks {
        let body = Json::Object(template::read(&stack.body).expect("a template"));
        let mut found = Vec::new();
        collect(&body, "", &mut found);
        all.extend(found.into_iter().map(|path| (stack.part.clone(), path)));
    }
    all
}

type Change = fn(&mut Json);

#[test]
fn each_statement_that_is_widened_or_taken_away_is_found() {
    let (environment, blueprint) = everything();
    assert_eq!(faults(&environment, &blueprint, REGION), [""; 0]);
    let statements = statements(&blueprint);
    assert!(statements.len() > 40, "{statements:?}");
    let changes: [(&str, Change); 8] = [
        ("everything", |statement| statement["Resource"] = json!("*")),
        ("one more", |statement| {
            let before = statement["Resource"].take();
            statement["Resource"] = json!([before, "arn:aws:sqs:us-east-2:111122223333:payroll"]);
        }),
        ("all actions", |statement| statement["Action"] = json!("*")),
        ("another action", |statement| {
            statement["Action"] = json!("sqs:PurgeQueue")
        }),
        ("all but one", |statement| {
            let before = statement["Resource"].take();
            statement.as_object_mut().expect("a statement").remove("Resource");
            statement["NotResource"] = before;
        }),
        ("everybody", |statement| statement["Principal"] = json!({"AWS": "*"})),
        ("whenever", |statement| {
            let statement = statement.as_object_mut().expect("a statement");
            if statement.remove("Condition").is_none() {
                statement.insert("Condition".into(), json!({"Bool": {"aws:SecureTransport": "false"}}));
            }
        }),
        ("the other way round", |statement| {
            let other = if statement["Effect"] == "Allow" {
                "Deny"
            } else {
                "Allow"
            };
            statement["Effect"] = json!(other);
        }),
    ];
    for (part, path) in &statements {
        for (what, change) in &changes {
            let mut is_another = false;
            let other = changed(&blueprint, part, |body| {
                let statement = body.pointer_mut(path).expect("a statement");
                let before = statement.clone();
                change(statement);
                is_another = *statement != before;
            });
            // Some are for everything as they are.
            if is_another {
                assert_ne!(faults(&environment, &other, REGION), [""; 0], "{part} {path}: {what}");
            }
        }
        let (list, at) = path.rsplit_once('/').expect("a list");
        let less = changed(&blueprint, part, |body| {
            let list = body.pointer_mut(list).and_then(Json::as_array_mut).expect("a list");
            list.remove(at.parse().expect("a number"));
        });
        assert_ne!(
            faults(&environment, &less, REGION),
            [""; 0],
            "{part} {path}: taken away"
        );
    }
}

#[test]
fn what_lets_somebody_in_by_another_way_is_found() {
    let (environment, blueprint) = everything();
    let allowing = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "*"}]});
    let more: [(&str, &str, Json); 6] = [
        (
            "a",
            "AWS::IAM::ManagedPolicy",
            json!({"PolicyDocument": allowing.clone()}),
        ),
        (
            "a",
            "AWS::IAM::Role",
            json!({"AssumeRolePolicyDocument": allowing.clone()}),
        ),
        (
            "a",
            "AWS::SQS::QueueInlinePolicy",
            json!({"Queue": {"Ref": "Queue"}, "PolicyDocument": allowing.clone()}),
        ),
        ("a", "AWS::SQS::Queue", json!({"QueueName": "lab-other"})),
        ("b", "AWS::Lambda::Permission", json!({"Principal": "*"})),
        (
            "b",
            "AWS::SecretsManager::Secret",
            json!({"ResourcePolicy": allowing.clone()}),
        ),
    ];
    for (part, kind, properties) in more {
        let other = changed(&blueprint, part, |body| {
            body["Resources"]["More"] = json!({"Type": kind, "Properties": properties});
        });
        assert_ne!(faults(&environment, &other, REGION), [""; 0], "{kind}");
    }
    let managed = json!(["arn:aws:iam::aws:policy/AdministratorAccess"]);
    let other = changed(&blueprint, "a", |body| {
        body["Resources"]["Role"]["Properties"]["ManagedPolicyArns"] = managed;
    });
    assert_ne!(faults(&environment, &other, REGION), [""; 0]);
}

/// What is handed from stack to stack decides what a policy is about.
#[test]
fn a_parameter_that_leads_elsewhere_is_found() {
    let (environment, blueprint) = everything();
    for (part, parameter) in [
        ("a", "BucketName"),
        ("a", "TopicArn"),
        ("a", "ResultsTableArn"),
        ("a", "ArtifactsBucket"),
        ("a", "NextQueueArn1"),
        ("b", "BucketName"),
        ("b", "ResultsTableArn"),
        ("web", "QueueArn1"),
        ("web", "BucketName"),
        ("web", "ResultsTableArn"),
        ("web", "ArtifactsBucket"),
    ] {
        let mut other = blueprint.clone();
        let stack = other.stacks.iter_mut().find(|stack| stack.part == part);
        let parameters = &mut stack.expect("a part").parameters;
        let before = parameters.insert(parameter.into(), Value::Literal("elsewhere".into()));
        assert!(matches!(before, Some(Value::Output { .. })), "{part} {parameter}");
        assert_ne!(faults(&environment, &other, REGION), [""; 0], "{part} {parameter}");
    }
}
