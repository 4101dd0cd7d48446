//! What `destroy` finds to be left, against AWS's documented answers: listings lag, instances take their time, reads are
//! denied.

mod whose;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::deployed::{REGION, test};
use crate::endpoint::{Endpoint, Existing, Fault, On, Script};
use crate::harness::{Following, Output, Test};
use qfleet::cloud::Cloud;
use qfleet::observe::leftovers::{self, Fate, Patience, Subject};

const HERE: &str = "us-east-2:111122223333";

/// One that Auto Scaling made for the group of a stage.
const ALARM: (&str, &str) = (
    "AWS::CloudWatch::Alarm",
    "TargetTracking-lab-work-Group-1A-AlarmHigh-6f",
);

fn log_group(name: &str) -> String {
    format!("arn:aws:logs:{HERE}:log-group:{name}")
}

/// A stage's queue, whose policy nobody can read, and a topic.
fn work() -> Existing {
    Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", "empty")
        .body(
            "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n  QueuePolicy:\n    \
             Type: AWS::SQS::QueuePolicy\n    Properties: {Queues: [!Ref Queue]}\n  Topic:\n    Type: AWS::SNS::Topic\n",
        )
}

fn destroy(endpoint: &Endpoint, status: i32) -> Output {
    let run = test(endpoint).args(["destroy", "--name", "lab", "--yes", "--output", "json"]);
    run.env("AWS_REGION", REGION).status(status).run()
}

fn serve(script: Script) -> Endpoint {
    Endpoint::serve(script.existing(work()))
}

/// Type, fate and what says so, of what isn't simply deleted.
fn noteworthy(receipt: &Value) -> Vec<(String, String, String)> {
    let rows = receipt["resources"].as_array().expect("rows").iter();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.filter(|row| row["fate"] != "deleted")
        .map(|row| (text(row, "resource_type"), text(row, "name"), text(row, "fate")))
        .collect()
}

fn rows(found: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let own = |(one, two, three): &(&str, &str, &str)| ((*one).into(), (*two).into(), (*three).into());
    found.iter().map(own).collect()
}

#[test]
fn what_was_in_the_stacks_is_asked_for_resource_by_resource() {
    let endpoint = serve(Script::new());
    endpoint.world(|world| {
        world
            .services
            .set_parameter("/qfleet/lab/expires", "2026-01-02T15:00:00Z")
    });
    let shown = destroy(&endpoint, 0).json();
    let receipt = &shown["receipt"];
    assert_eq!(
        (&receipt["clean"], &receipt["complete"]),
        (&true.into(), &true.into()),
        "{receipt:#}"
    );
    let evidence = |of_type: &str| {
        let mut rows = receipt["resources"].as_array().expect("rows").iter();
        let row = rows.find(|row| row["resource_type"] == of_type).expect("a row");
        assert_eq!(row["fate"], "deleted");
        row["evidence"].as_str().expect("evidence").to_owned()
    };
    for (of_type, said_by) in [
        ("AWS::CloudFormation::Stack", "DescribeStacks"),
        ("AWS::SQS::Queue", "GetQueueAttributes"),
        ("AWS::SNS::Topic", "GetTopicAttributes"),
        ("AWS::SSM::Parameter", "GetParameter"),
        // Nobody can read it: CloudFormation's own word, by the ARN of the stack that is gone.
        ("AWS::SQS::QueuePolicy", "CloudFormation DELETE_COMPLETE"),
    ] {
        assert_eq!(evidence(of_type), said_by, "{of_type}");
    }
    assert_eq!(receipt["resources"].as_array().map(Vec::len), Some(5), "{receipt:#}");
}

#[test]
fn what_is_left_by_name_or_by_tag_is_named_with_the_command_that_removes_it() {
    let endpoint = serve(
        Script::new()
            .left("AWS::Logs::LogGroup", "lab-work-LogGroup-1A")
            .listed("lab", &log_group("lab-work-LogGroup-1A"))
            .left("AWS::CloudWatch::Alarm", "lab-work-LatencyAlarm-1A")
            .listed(
                "lab",
                &format!("arn:aws:cloudwatch:{HERE}:alarm:lab-work-LatencyAlarm-1A"),
            )
            .left(
                "AWS::CloudWatch::Alarm",
                "TargetTracking-lab-work-Group-1A-AlarmHigh-6f",
            )
            .left("AWS::IAM::Role", "lab-work-Role-1A")
            .left("AWS::AutoScaling::AutoScalingGroup", "renamed-by-hand")
            .left("AWS::AutoScaling::AutoScalingGroup", "lab-work-Group-1A-Untagged")
            .left("AWS::EC2::Volume", "vol-1")
            .listed("lab", &format!("arn:aws:ec2:{HERE}:volume/vol-1"))
            .left("AWS::SNS::Topic", &format!("arn:aws:sns:{HERE}:lab-work-Topic-Left"))
            .tagged(&format!("arn:aws:sns:{HERE}:lab-work-Topic-Left"), "lab")
            // Somebody else's stack was called like that, too: what has no tag, a role for other queues, one for none,
            // and an alarm on another queue.
            .left("AWS::Logs::LogGroup", "lab-work-LogGroup-Untagged")
            .left("AWS::Logs::LogGroup", "/aws/lambda/lab-work-Function-1A")
            .left("AWS::CloudWatch::Alarm", "lab-work-LatencyAlarm-Untagged")
            .left(
                "AWS::CloudWatch::Alarm",
                "TargetTracking-lab-work-GroupOfPayroll-1A-AlarmHigh-6f",
            )
            .left(
                "AWS::SNS::Topic",
                &format!("arn:aws:sns:{HERE}:lab-work-Topic-Untagged"),
            )
            .left("AWS::IAM::Role", "lab-work-RoleOfPayroll-1A")
            .left("AWS::IAM::Role", "lab-work-RoleWithoutPolicy-1A")
            .left(
                "AWS::SNS::Subscription",
                &format!("arn:aws:sns:{HERE}:lab-intake-Topic-Gone:6f2a"),
            )
            // What a user tagged belongs to no part.
            .left("AWS::EC2::Volume", "vol-by-hand")
            .listed("lab", &format!("arn:aws:ec2:{HERE}:volume/vol-by-hand"))
            // Of neighbours: an environment whose name begins alike, the same one in another region, another stage.
            .left("AWS::Logs::LogGroup", "lab-2-work-LogGroup-1A")
            .listed("lab-2", &log_group("lab-2-work-LogGroup-1A"))
            .left(
                "AWS::CloudWatch::Alarm",
                "TargetTracking-lab-2-work-Group-1A-AlarmHigh-6f",
            )
            .left("AWS::IAM::Role", "lab-2-work-Role-1A")
            .left("AWS::IAM::Role", "lab-work-RoleElsewhere-1A")
            .left("AWS::SNS::Topic", &format!("arn:aws:sns:{HERE}:lab-2-intake-Topic-1A"))
            .left(
                "AWS::SNS::Subscription",
                &format!("arn:aws:sns:{HERE}:lab-2-intake-Topic-1A:6f2a"),
            )
            .left(
                "AWS::SQS::Queue",
                "https://sqs.us-east-2.amazonaws.com/111122223333/lab-2-work",
            )
            .left("AWS::AutoScaling::AutoScalingGroup", "lab-2-work-Group-1A-Untagged")
            .left("AWS::EC2::Volume", "vol-2")
            .listed("lab-2", &format!("arn:aws:ec2:{HERE}:volume/vol-2")),
    );
    let shown = destroy(&endpoint, 1).json();
    assert_eq!(shown["succeeded"], true, "all stacks went: {shown:#}");
    let receipt = &shown["receipt"];
    assert_eq!(receipt["clean"], false);
    let subscription = format!("arn:aws:sns:{HERE}:lab-intake-Topic-Gone:6f2a");
    let topic = format!("arn:aws:sns:{HERE}:lab-work-Topic-Left");
    let expected = [
        (
            "AWS::AutoScaling::AutoScalingGroup",
            "lab-work-Group-1A-Untagged",
            "left_over",
        ),
        ("AWS::AutoScaling::AutoScalingGroup", "renamed-by-hand", "left_over"),
        (
            "AWS::CloudWatch::Alarm",
            "TargetTracking-lab-work-Group-1A-AlarmHigh-6f",
            "left_over",
        ),
        ("AWS::CloudWatch::Alarm", "lab-work-LatencyAlarm-1A", "left_over"),
        ("AWS::EC2::Volume", "vol-1", "left_over"),
        ("AWS::IAM::Role", "lab-work-Role-1A", "left_over"),
        ("AWS::Logs::LogGroup", "lab-work-LogGroup-1A", "left_over"),
        ("AWS::SNS::Subscription", &subscription, "left_over"),
        ("AWS::SNS::Topic", &topic, "left_over"),
    ];
    assert_eq!(noteworthy(receipt), rows(&expected));
    let commands: Vec<&str> = receipt["resources"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["remove_with"].as_str())
        .collect();
    let region = "--region us-east-2";
    let delete_group = "aws autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name";
    let commands_expected = [
        format!("{delete_group} lab-work-Group-1A-Untagged {region}"),
        format!("{delete_group} renamed-by-hand {region}"),
        format!("aws cloudwatch delete-alarms --alarm-names TargetTracking-lab-work-Group-1A-AlarmHigh-6f {region}"),
        format!("aws cloudwatch delete-alarms --alarm-names lab-work-LatencyAlarm-1A {region}"),
        format!("aws ec2 delete-volume --volume-id vol-1 {region}"),
        "aws cloudcontrol delete-resource --type-name AWS::IAM::Role --identifier lab-work-Role-1A".to_owned(),
        format!("aws logs delete-log-group --log-group-name lab-work-LogGroup-1A {region}"),
        format!("aws sns unsubscribe --subscription-arn {subscription} {region}"),
        format!("aws sns delete-topic --topic-arn {topic} {region}"),
    ];
    assert_eq!(commands, commands_expected);
}

#[test]
fn a_listing_that_lags_names_nothing_that_is_left() {
    let endpoint = serve(
        Script::new()
            .listed("lab", &format!("arn:aws:sns:{HERE}:lab-intake-Topic-1A"))
            .listed("lab", &format!("arn:aws:sqs:{HERE}:lab-gone"))
            .listed("lab", &format!("arn:aws:ec2:{HERE}:security-group/sg-1"))
            .listed("lab", &format!("arn:aws:ec2:{HERE}:instance/i-1"))
            .shuts_down("i-1", Duration::ZERO),
    );
    let receipt = destroy(&endpoint, 0).json()["receipt"].clone();
    assert_eq!(noteworthy(&receipt), [], "{receipt:#}");
    assert_eq!(receipt["complete"], true);
}

#[test]
fn what_may_not_be_read_is_unknown_with_its_reason_and_the_rest_is_known() {
    let denied = |action: &str| Fault::access_denied(action);
    let endpoint = serve(
        Script::new()
            .left(ALARM.0, ALARM.1)
            .left("AWS::IAM::Role", "lab-work-Role-1A")
            .fault(On::action("DescribeAlarms"), denied("cloudwatch:DescribeAlarms"))
            .fault(On::action("GetTopicAttributes"), denied("sns:GetTopicAttributes"))
            .fault(On::action("GetResources"), denied("tag:GetResources")),
    );
    let shown = destroy(&endpoint, 1).json();
    let receipt = &shown["receipt"];
    assert_eq!(
        (&receipt["clean"], &receipt["complete"]),
        (&false.into(), &false.into())
    );
    let unknown: Vec<String> = receipt["resources"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["fate"] == "unknown")
        .map(|row| row["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    for action in ["DescribeAlarms", "GetResources"] {
        let said =
            |reason: &String| reason.starts_with(&format!("{action} failed")) && reason.contains("not authorized");
        assert!(unknown.iter().any(said), "{action}: {unknown:#?}");
    }
    let left: Vec<_> = noteworthy(receipt)
        .into_iter()
        .filter(|row| row.2 == "left_over")
        .collect();
    assert_eq!(left, rows(&[("AWS::IAM::Role", "lab-work-Role-1A", "left_over")]));
    // The topic's stack is gone, and CloudFormation says that the topic went with it.
    let topic = receipt["resources"].as_array().expect("rows").iter();
    let mut topic = topic.filter(|row| row["resource_type"] == "AWS::SNS::Topic");
    let topic = topic.next().expect("its row");
    assert_eq!(
        (&topic["fate"], &topic["evidence"]),
        (&"deleted".into(), &"CloudFormation DELETE_COMPLETE".into())
    );
}

#[test]
fn nothing_known_to_be_left_is_a_success_even_where_something_is_unknown() {
    let denied = Fault::access_denied("cloudwatch:DescribeAlarms");
    let endpoint = serve(Script::new().fault(On::action("DescribeAlarms"), denied));
    let receipt = destroy(&endpoint, 0).json()["receipt"].clone();
    assert_eq!((&receipt["clean"], &receipt["complete"]), (&true.into(), &false.into()));
}

#[test]
fn what_is_gone_already_is_looked_for_all_the_same() {
    let run = |endpoint: &Endpoint| -> Test {
        test(endpoint).args(["destroy", "--name", "lab", "--yes", "--region", REGION])
    };
    let endpoint = Endpoint::serve(Script::new());
    run(&endpoint)
        .stdout_regex(r"^lab is gone already, or never was in account \d{12}, [a-z0-9-]+: nothing to do\.\nlab: nothing is left over in us-east-2.\n$")
        .run();
    let calls = endpoint.world(|world| world.calls.len());
    assert!(calls <= 30, "cheaply: {calls} calls");
    // Of an environment without its file no stage is known: only what carries its tag is its.
    let left = Endpoint::serve(
        Script::new()
            .left("AWS::EC2::SecurityGroup", "sg-1")
            .listed("lab", &format!("arn:aws:ec2:{HERE}:security-group/sg-1"))
            .left(ALARM.0, ALARM.1),
    );
    run(&left)
        .status(1)
        .stdout_contains("aws ec2 delete-security-group --group-id sg-1 --region us-east-2")
        .stdout_contains("lab: 1 resource left over (1 left over) in us-east-2.")
        .stdout_lacks("Alarm")
        .run();
    // What removes it goes where it was found.
    let remove = "aws ec2 delete-security-group --group-id sg-1 --region us-east-2 --endpoint-url";
    run(&left)
        .args(["--endpoint-url", left.url()])
        .status(1)
        .stdout_contains(format!("{remove} {}", left.url()))
        .run();
    // With the file, its stages are known, and so are their names.
    test(&left)
        .args(["destroy", "lab.yaml", "--yes"])
        .status(1)
        .stdout_contains(format!("aws cloudwatch delete-alarms --alarm-names {}", ALARM.1))
        .run();
}

#[test]
fn data_that_an_earlier_destroy_kept_is_kept_and_the_programs_bucket_is_left_over() {
    let script = Script::new()
        .tagged("lab-111122223333-us-east-2", "lab")
        .tagged("lab-artifacts-111122223333-us-east-2", "lab");
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        world.services.make_bucket("lab-111122223333-us-east-2");
        world.services.make_bucket("lab-artifacts-111122223333-us-east-2");
        world.services.make_bucket("lab-2-111122223333-us-east-2");
    });
    let receipt = destroy(&endpoint, 1).json()["receipt"].clone();
    let expected = [
        ("AWS::S3::Bucket", "lab-artifacts-111122223333-us-east-2", "left_over"),
        ("AWS::S3::Bucket", "lab-111122223333-us-east-2", "kept"),
    ];
    assert_eq!(noteworthy(&receipt), rows(&expected));
}

#[test]
fn after_a_destroy_that_failed_nothing_is_looked_for() {
    let endpoint = serve(Script::new().fails("lab-work", "Topic", crate::endpoint::Verb::Delete, "no"));
    let shown = destroy(&endpoint, 1).json();
    assert_eq!(shown["receipt"], Value::Null, "{shown:#}");
    assert!(endpoint.calls("GetResources").is_empty());
}

/// An instance that somebody detached from its group shuts down: by its tag it is found.
async fn look_for_an_instance(shuts_down_for: u64) -> (leftovers::Receipt, Duration) {
    let endpoint = Endpoint::in_memory(
        Script::new()
            .listed("lab", &format!("arn:aws:ec2:{HERE}:instance/i-1"))
            .shuts_down("i-1", Duration::from_secs(shuts_down_for)),
    );
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", REGION);
    let subject = Subject {
        environment: "lab".into(),
        ..Subject::default()
    };
    let began = Instant::now();
    let patience = Patience::with(&cloud);
    let receipt = leftovers::look(&cloud, &subject, patience, jiff::Timestamp::UNIX_EPOCH).await;
    (receipt, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_shuts_down_is_waited_for_and_not_for_ever() {
    let (receipt, took) = look_for_an_instance(40).await;
    assert!(receipt.clean && receipt.resources.is_empty(), "{receipt:#?}");
    assert!((40..50).contains(&took.as_secs()), "{took:?}");
    let (receipt, took) = look_for_an_instance(100_000).await;
    assert_eq!(receipt.count(Fate::LeftOver), 1, "{receipt:#?}");
    assert_eq!(
        receipt.resources[0].reason.as_deref(),
        Some("it is shutting-down still")
    );
    let terminate = "aws ec2 terminate-instances --instance-ids i-1 --region us-east-2";
    assert_eq!(receipt.resources[0].remove_with.as_deref(), Some(terminate));
    assert!((110..=125).contains(&took.as_secs()), "{took:?}");
    // What is gone at once isn't waited for.
    assert!(look_for_an_instance(0).await.1 < Duration::from_secs(5));
}

/// Two minutes were waited for SQS to forget it.
#[tokio::test(start_paused = true)]
async fn a_queue_that_an_earlier_destroy_kept_is_not_waited_for() {
    for (policy, fate, waits) in [("Retain", Some(Fate::Kept), false), ("Delete", None, true)] {
        let body = format!(
            "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: {policy}\n    Properties: {{QueueName: lab-work}}\n"
        );
        let queue = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
        let endpoint = Endpoint::in_memory(Script::new().existing(work().body(&body)));
        endpoint.world(|world| world.services.queues.make(queue, &[]));
        let cloud = Cloud::over(endpoint.http_client(), "111122223333", REGION);
        cloud.delete_stack("lab-work", None).await.expect("begun");
        while endpoint.status("lab-work").is_some() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // SQS still lists it, and tells of it, for a minute after it was deleted.
        endpoint.rescript(|script| script.left("AWS::SQS::Queue", queue));
        let forgets = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            if waits {
                endpoint.rescript(Script::forgets_what_is_left);
            }
        };
        let subject = Subject {
            environment: "lab".into(),
            ..Subject::default()
        };
        let patience = Patience::with(&cloud);
        let began = Instant::now();
        let look = async {
            let receipt = leftovers::look(&cloud, &subject, patience, jiff::Timestamp::UNIX_EPOCH).await;
            (receipt, began.elapsed())
        };
        let ((receipt, took), ()) = futures_util::future::join(look, forgets).await;
        let fates: Vec<Fate> = receipt.resources.iter().map(|row| row.fate).collect();
        assert_eq!(fates, fate.into_iter().collect::<Vec<_>>(), "{receipt:#?}");
        assert_eq!(took > Duration::from_secs(45), waits, "{took:?}");
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}

/// What was asked for is done by then; only the proof is missing.
#[test]
fn a_look_that_is_interrupted_keeps_the_report_of_what_was_done() {
    for output in ["json", "text"] {
        let script = Script::new().listed("lab", &format!("arn:aws:ec2:{HERE}:instance/i-1"));
        let endpoint = serve(script.shuts_down("i-1", Duration::from_secs(3600)));
        let run = test(&endpoint).env("AWS_REGION", REGION);
        let destroy = Following::start(run.args(["destroy", "--name", "lab", "--yes", "--output", output]));
        endpoint.wait_until("it is waited for", |world| {
            let mut calls = world.calls.iter().rev();
            calls.any(|call| call.action == "GetResource" && String::from_utf8_lossy(&call.body).contains("i-1"))
        });
        destroy.signal(Signal::SIGINT);
        let shown = destroy.rest().join("\n");
        let (code, said) = destroy.end();
        assert_eq!(code, 130, "{said}");
        if output == "json" {
            let shown: Value = serde_json::from_str(&shown).expect("a document");
            assert_eq!(shown["succeeded"], true);
            assert_eq!(shown["stacks"][0]["outcome"], "done", "{shown:#}");
            assert_eq!(shown["receipt"], Value::Null);
        } else {
            let again = "`qfleet destroy --name lab --yes` looks again";
            assert!(said.contains(again), "{said}");
        }
    }
}
