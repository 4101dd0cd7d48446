//! `qfleet status` against answers in AWS's documented shape: what is found, what can't be read, what it costs.

mod shown;

use std::time::Duration;

use jiff::Timestamp;
use qfleet::cloud::Cloud;
use qfleet::observe::findings::Words;
use qfleet::observe::reads::{Stacks, status};
use serde_json::Value;

use crate::deployed::Emulated;
use crate::endpoint::{Endpoint, Existing, Fault, Gate, On, Script, ScriptedActivity, ScriptedGroup};
use crate::harness::Test;
use crate::lab;
use crate::scripted::watch;

const LAB: &str = "\
name: lab
region: us-east-2
account: \"111122223333\"
bucket: {on_destroy: empty}
dashboard: false
stages:
  - name: work
    from: bucket
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 3}
    scaling: {seconds_per_message: 1}
";
const TOPIC: &str = "arn:aws:sns:us-east-2:111122223333:lab-intake-Topic";
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-2:111122223333:lab-work";
const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
const DEAD: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work-dead";
const GROUP: &str = "lab-work-Group";
const HIGH: &str = "TargetTracking-lab-work-Group-AlarmHigh-1";
const LOW: &str = "TargetTracking-lab-work-Group-AlarmLow-2";
const LATENCY: &str = "lab-work-LatencyAlarm-3";
const DEAD_LETTERS: &str = "lab-work-DeadLettersAlarm-4";

fn intake() -> Existing {
    Existing::new("lab-intake", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake")
        .output("TopicArn", TOPIC)
}

fn artifacts() -> Existing {
    Existing::new("lab-artifacts", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "artifacts")
}

fn work() -> Existing {
    watch::stage("work")
        .output("QueueArn", QUEUE_ARN)
        .output("LatencyAlarmName", LATENCY)
        .output("DeadLettersAlarmName", DEAD_LETTERS)
        .parameter("TopicArn", TOPIC)
}

fn group() -> ScriptedGroup {
    ScriptedGroup::new(GROUP, &["us-east-2a:i-01", "us-east-2b:i-02"]).policy(
        "BacklogScaling",
        "TargetTrackingScaling",
        &[HIGH, LOW],
    )
}

/// What every lab has, whatever becomes of its stacks and its group.
fn around(work: Existing, group: ScriptedGroup) -> Script {
    Script::new()
        .existing(artifacts())
        .existing(intake())
        .existing(work)
        .group(group)
        .subscription(TOPIC, QUEUE_ARN, true)
        .alarm(HIGH, "OK", "")
        .alarm(LOW, "ALARM", "Threshold Crossed")
        .alarm(LATENCY, "OK", "")
        .alarm(DEAD_LETTERS, "OK", "")
        .series("oldest0", &[(0, 12.0)])
}

/// A lab in which everything is as it should be.
fn healthy() -> Script {
    around(work(), group())
}

fn serve(script: Script) -> Endpoint {
    let endpoint = Endpoint::serve(script);
    furnish(&endpoint);
    endpoint
}

fn furnish(endpoint: &Endpoint) {
    endpoint.world(|world| {
        world.services.queues.make(QUEUE, &[]);
        world.services.queues.make(DEAD, &[]);
    });
}

fn test(endpoint: &Endpoint) -> Test {
    lab::with_file_at(endpoint, LAB).args(["status", "lab.yaml"])
}

fn json(endpoint: &Endpoint) -> Value {
    test(endpoint).args(["--output", "json"]).run().json()
}

fn ids(status: &Value) -> Vec<&str> {
    let findings = status["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["id"].as_str()).collect()
}

#[test]
fn a_stage_costs_twelve_calls() {
    let endpoint = serve(healthy());
    let status = json(&endpoint);
    assert_eq!(ids(&status), [""; 0], "{status:#}");
    assert!(status.get("unknown").is_none(), "{status:#}");
    assert_eq!(status["stages"][0]["group"]["launch_template_version"], "1");
    let mut actions: Vec<String> = endpoint.world(|world| world.calls.iter().map(|call| call.action.clone()).collect());
    actions.sort();
    let expected = [
        "DescribeAlarms",
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribePolicies",
        "DescribeScalingActivities",
        "DescribeStackEvents",
        "DescribeStacks",
        "GetMetricData",
        "GetParameter",
        "GetQueueAttributes",
        "GetQueueAttributes",
        "ListSubscriptionsByTopic",
    ];
    assert_eq!(actions, expected);
}

#[tokio::test(start_paused = true)]
async fn in_three_waves() {
    let gate = Gate::default();
    let endpoint = Endpoint::in_memory(healthy().fault(On::everything(), Fault::Held(gate.clone())));
    furnish(&endpoint);
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let stacks = Stacks::read(&cloud, "lab").await.expect("stacks");
    let read = status(&cloud, stacks, &Words::new(None, "lab"), Timestamp::now()).await;
    assert!(read.unknown.is_empty(), "{:?}", read.unknown);
    assert_eq!(
        gate.waves(),
        [2, 9, 1],
        "stacks; what they name; the alarms that policies name"
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_stages_eight_are_asked_about_at_once() {
    let gate = Gate::default();
    let script = (0..20).fold(Script::new(), |script, n| {
        script.existing(watch::stage(&format!("s{n:02}")))
    });
    let endpoint = Endpoint::in_memory(script.fault(On::action("DescribePolicies"), Fault::Held(gate.clone())));
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let stacks = Stacks::read(&cloud, "lab").await.expect("stacks");
    status(&cloud, stacks, &Words::new(None, "lab"), Timestamp::now()).await;
    // As soon as one is answered, the next is sent.
    let waves = gate.waves();
    assert_eq!((waves[0], waves.iter().sum()), (8, 20), "{waves:?}");
}

#[test]
fn the_stacks_say_whose_account_it_is() {
    let endpoint = serve(healthy());
    assert_eq!(json(&endpoint)["account"], "111122223333");
    assert_eq!(endpoint.calls("GetCallerIdentity").len(), 0);

    let others = serve(healthy().account("999999999999"));
    let refused = test(&others).status(4).stdout("");
    refused.stderr_contains("belong to account 999999999999").run();

    let empty = serve(Script::new());
    test(&empty)
        .stdout_contains("not deployed in account 111122223333")
        .run();
    assert_eq!(empty.calls("GetCallerIdentity").len(), 1);
}

#[test]
fn a_listing_that_leaves_protection_out_is_made_up_for() {
    let script = |group| around(work().protected(), group).listings_leave_protection_out();
    let endpoint = serve(script(group()));
    let status = json(&endpoint);
    let protection = |status: &Value, stack: usize| status["stacks"][stack]["termination_protection"].clone();
    assert_eq!(
        [1, 2].map(|stack| protection(&status, stack)),
        [Value::from(false), Value::from(true)]
    );

    let denied = Fault::refuse(403, "AccessDenied", "not authorized");
    let endpoint = serve(script(group()).fault(On::action("DescribeStacks").stack("lab-work"), denied));
    let status = json(&endpoint);
    assert_eq!(
        [1, 2].map(|stack| protection(&status, stack)),
        [Value::from(false), Value::Null]
    );
    assert_eq!(status["unknown"][0], "lab-work: DescribeStacks failed: not authorized");
}

#[test]
fn each_read_that_fails_is_said_and_leaves_the_rest() {
    // What is missing then, and something that another read says.
    let reads = [
        ("GetParameter", "/expires", "/stages/0/queue"),
        ("GetQueueAttributes", "/stages/0/queue", "/stages/0/group"),
        ("DescribeAutoScalingGroups", "/stages/0/group", "/stages/0/queue"),
        ("DescribeScalingActivities", "/stages/0/activities/0", "/stages/0/group"),
        ("DescribePolicies", "/stages/0/scaling_policies", "/stages/0/alarms/1"),
        (
            "DescribeInstanceRefreshes",
            "/stages/0/instance_refresh",
            "/stages/0/alarms/3",
        ),
        ("DescribeAlarms", "/stages/0/alarms", "/stages/0/scaling_policies/0"),
        (
            "GetMetricData",
            "/stages/0/oldest_message_age_seconds",
            "/stages/0/queue",
        ),
        ("ListSubscriptionsByTopic", "/stages/0/is_subscribed", "/stages/0/queue"),
        (
            "DescribeStackEvents",
            "/stacks/2/last_operation/length_seconds",
            "/stacks/2/last_operation/started_at",
        ),
    ];
    let script = || {
        around(work(), group().refresh("Successful", None, 100)).activity(ScriptedActivity {
            group: GROUP,
            description: "Launching a new EC2 instance: i-02",
            cause: "because",
            status: "Successful",
            message: None,
            ago: Duration::from_secs(7200),
        })
    };
    let known = |status: &Value, pointer: &str| status.pointer(pointer).is_some_and(|value| !value.is_null());
    for (action, missing, there) in reads {
        let denied = Fault::refuse(403, "AccessDenied", &format!("not authorized to perform {action}"));
        let endpoint = serve(script().fault(On::action(action), denied));
        endpoint.world(|world| {
            world
                .services
                .set_parameter("/qfleet/lab/expires", "2100-01-01T00:00:00Z")
        });
        let read = test(&endpoint)
            .args(["--output", "json", "--exit-code"])
            .status(1)
            .stderr("")
            .run();
        let status = read.json();
        assert!(!known(&status, missing), "{action}: {missing} in {status:#}");
        assert!(known(&status, there), "{action}: no {there} in {status:#}");
        let unknown = status["unknown"].as_array().expect("what is unknown");
        let reason = format!("{action} failed: not authorized to perform {action}");
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert!(
            unknown[0].as_str().is_some_and(|said| said.ends_with(&reason)),
            "{unknown:?}"
        );
        assert_eq!(ids(&status), [""; 0], "what isn't known is no finding: {status:#}");

        let text = read.then().args(["status", "lab.yaml"]).run().stdout;
        assert!(text.contains("nothing to look into, in what could be read"), "{text}");
        assert!(text.contains("unknown: ") && text.contains(&reason), "{text}");
    }
    let endpoint = serve(script());
    endpoint.world(|world| {
        world
            .services
            .set_parameter("/qfleet/lab/expires", "2100-01-01T00:00:00Z")
    });
    let status = json(&endpoint);
    for (action, missing, _) in reads {
        assert!(
            known(&status, missing),
            "{action} says nothing when it works: {status:#}"
        );
    }
}

#[test]
fn exit_codes_are_asked_for() {
    let note = || {
        let work = work().drift("DRIFTED", Duration::from_secs(3600));
        around(work, group())
    };
    let warning = || around(work(), group().suspended("Launch"));
    let code = |script: Script, code: i32| {
        let endpoint = serve(script);
        test(&endpoint).args(["--exit-code"]).status(code).stderr("").run();
        test(&endpoint).stderr("").run();
    };
    test(&serve(healthy()))
        .args(["--exit-code", "--watch"])
        .status(2)
        .stdout("")
        .run();
    code(healthy(), 0);
    code(note(), 0);
    code(warning(), 3);
    code(around(work(), ScriptedGroup::new(GROUP, &[])), 3);
    code(Script::new(), 3);
    // What was found counts, whatever could not be read.
    let denied = || Fault::refuse(403, "AccessDenied", "not authorized");
    code(warning().fault(On::action("GetMetricData"), denied()), 3);
    code(note().fault(On::action("GetMetricData"), denied()), 1);
}

#[test]
fn policies_and_alarms_are_read_page_by_page() {
    let group = group().policy("StartFromZero", "StepScaling", &["waiting"]);
    let endpoint = serve(around(work(), group).alarm("waiting", "OK", "").page(1));
    let status = json(&endpoint);
    let alarms = status["stages"][0]["alarms"].as_array().expect("alarms");
    let states: Vec<&str> = alarms.iter().filter_map(|alarm| alarm["state"].as_str()).collect();
    assert_eq!(states, ["OK", "ALARM", "OK", "OK", "OK"], "{status:#}");
    assert_eq!(alarms[0]["since"], "2026-01-02T00:00:00Z");
    assert_eq!(endpoint.calls("DescribeAlarms").len(), 5);
    assert_eq!(endpoint.calls("DescribePolicies").len(), 2);
}

#[test]
fn a_subscription_that_nobody_confirmed_is_none() {
    let endpoint = serve(
        Script::new()
            .existing(artifacts())
            .existing(intake())
            .existing(work())
            .group(group())
            .alarm(HIGH, "OK", "")
            .alarm(LOW, "OK", "")
            .subscription(TOPIC, QUEUE_ARN, false)
            .subscription(TOPIC, "arn:aws:sqs:us-east-2:111122223333:another", true),
    );
    let status = json(&endpoint);
    assert_eq!(ids(&status), ["queue-unsubscribed"]);
    assert_eq!(status["stages"][0]["is_subscribed"], false);

    let another = "arn:aws:sqs:us-east-2:111122223333:another";
    let subscribed = Script::new().existing(work()).group(group()).page(1);
    let subscribed = subscribed
        .subscription(TOPIC, another, true)
        .subscription(TOPIC, QUEUE_ARN, true);
    let endpoint = serve(subscribed);
    assert_eq!(
        json(&endpoint)["stages"][0]["is_subscribed"],
        true,
        "on the second page"
    );
}

#[test]
fn what_is_gone_is_no_unknown() {
    let no_queue = Fault::refuse(400, "QueueDoesNotExist", "The specified queue does not exist.");
    let script = around(work(), ScriptedGroup::new("another", &[]));
    let endpoint = Endpoint::serve(script.fault(On::action("GetQueueAttributes"), no_queue));
    let read = test(&endpoint).args(["--output", "json"]).run();
    let status = read.json();
    let gone = serde_json::json!(["queue", "dead_letter_queue", "group"]);
    assert_eq!(status["stages"][0]["gone"], gone, "{status:#}");
    assert!(status.get("unknown").is_none(), "{status:#}");
    assert_eq!(ids(&status)[0], "resource-gone");
    let text = read.then().args(["status", "lab.yaml"]).run().stdout;
    assert!(
        text.contains("  queue     gone\n") && text.contains("  group     gone\n"),
        "{text}"
    );
}

#[test]
fn an_operation_has_a_length() {
    let endpoint = serve(
        healthy().existing(
            Existing::new("lab-late", "UPDATE_IN_PROGRESS")
                .tag("qfleet:environment", "lab")
                .tag("qfleet:part", "late"),
        ),
    );
    let status = json(&endpoint);
    let operation = |part: &str| {
        let stacks = status["stacks"].as_array().expect("stacks");
        let found = stacks.iter().find(|stack| stack["part"] == part);
        found.expect("a stack")["last_operation"].clone()
    };
    let work = operation("work");
    assert_eq!(work["kind"], "create");
    assert!(
        work["ended_at"].is_string() && work["length_seconds"].is_number(),
        "{work}"
    );
    let intake = operation("intake");
    assert!(
        intake["started_at"].is_string() && intake["ended_at"].is_null(),
        "{intake}"
    );
    let late = operation("late");
    assert_eq!(late["kind"], "update");
    assert!(
        late["ended_at"].is_null() && late["length_seconds"].is_number(),
        "{late}"
    );
}

#[test]
fn an_emulated_lab_is_healthy() {
    let lab = Emulated::deploy();
    let status = lab.run(&["status", "lab.yaml", "--output", "json"]).run().json();
    assert_eq!(ids(&status), [""; 0], "{status:#}");
    assert!(status.get("unknown").is_none(), "{status:#}");
    let stages: Vec<_> = [0, 1].map(|place| &status["stages"][place]["stage"]).into();
    assert_eq!(stages, ["work", "next"], "as in the file: {status:#}");
    assert_eq!(status["stages"][0]["is_subscribed"], true, "{status:#}");
    lab.run(&["status", "lab.yaml", "--exit-code"]).run();

    let body = "work";
    lab.aws(async |aws| {
        aws.sqs
            .send_message()
            .queue_url(&lab.queue)
            .message_body(body)
            .send()
            .await
            .expect("sent")
    });
    let status = lab.run(&["status", "lab.yaml", "--output", "json"]).run().json();
    assert_eq!(ids(&status), ["no-workers"]);
    let command = status["findings"][0]["command"].as_str().expect("a command");
    let expected = format!(
        "qfleet local up lab.yaml --local --endpoint-url {}",
        crate::harness::emulator()
    );
    assert_eq!(command, expected);
}
