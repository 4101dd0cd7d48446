//! Whoever is to be told when an alarm goes off: a topic of the environment's own, with a mailbox that has to agree first.

use serde_json::Value;

use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Output, Test};
use crate::lab::{LAB, with_file};

const TOPIC: &str = "arn:aws:sns:us-east-2:111122223333:lab-alerts";
const MAILBOX: &str = "email: ops@example.com";

/// The stacks of the lab when it tells this one.
fn rendered(whom: &str) -> Vec<Value> {
    let file = format!("{LAB}alerts: {{{whom}}}\n");
    let args = ["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
    let all = with_file(&file).args(args).run().json();
    all["stacks"].as_array().unwrap_or_else(|| panic!("{all:#}")).clone()
}

fn part(stacks: &[Value], name: &str) -> Option<Value> {
    stacks.iter().find(|stack| stack["part"] == name).cloned()
}

/// The stack that qfleet makes, but for the topic's name, which is known here.
fn alerts() -> Existing {
    let stack = part(&rendered(MAILBOX), "alerts").expect("the stack");
    let body = stack["template"].as_str().unwrap_or_else(|| panic!("{stack:#}"));
    let name = "    Type: AWS::SNS::Topic\n    Properties: {TopicName: lab-alerts}\n";
    let named = body.replace("    Type: AWS::SNS::Topic\n", name);
    let subscribes = format!("      TopicArn: {TOPIC}\n");
    let named = named.replace("      TopicArn: !Ref Topic\n", &subscribes);
    assert!(named.contains(name) && named.contains(&subscribes), "{named}");
    Existing::new("lab-alerts", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "alerts")
        .tag("qfleet:protect", "false")
        .tag("qfleet:on-destroy", "empty")
        .body(&named)
        .output("TopicArn", TOPIC)
        .output("Email", "ops@example.com")
}

fn run(endpoint: &Endpoint, args: &[&str]) -> Test {
    Test::new()
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_REGION", "us-east-2")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .args(args)
}

fn status(endpoint: &Endpoint) -> (Value, Vec<String>) {
    let args = ["status", "--name", "lab", "--output", "json"];
    let status = run(endpoint, &args).run().json();
    let findings = status["findings"].as_array().expect("findings").iter();
    let ids = findings.filter_map(|finding| finding["id"].as_str().map(str::to_owned));
    let ids = ids.filter(|id| id.starts_with("alerts")).collect();
    (status["alerts"].clone(), ids)
}

fn destroy(endpoint: &Endpoint) -> Test {
    run(endpoint, &["destroy", "--name", "lab", "--yes", "--output", "json"])
}

/// What became of topic and subscription.
fn fates(destroyed: &Output) -> Vec<(String, String)> {
    let receipt = destroyed.json()["receipt"]["resources"].clone();
    let rows = receipt.as_array().unwrap_or_else(|| panic!("{receipt:#}")).iter();
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = rows.map(|row| (of(row, "resource_type"), of(row, "fate")));
    rows.filter(|(kind, _)| kind == "AWS::SNS::Topic" || kind == "AWS::SNS::Subscription")
        .collect()
}

#[test]
fn a_mailbox_that_has_not_agreed_is_a_finding_and_goes_with_the_environment() {
    let endpoint = Endpoint::serve(Script::new().existing(alerts()));
    let (said, ids) = status(&endpoint);
    assert_eq!(
        (&said["email"], &said["state"]),
        (&"ops@example.com".into(), &"unconfirmed".into())
    );
    assert_eq!(ids, ["alerts-unconfirmed"]);
    run(&endpoint, &["status", "--name", "lab"])
        .stdout_contains("alerts go to ops@example.com, once it has confirmed them")
        .run();
    let gone = |kind: &str| (kind.to_owned(), "deleted".to_owned());
    assert_eq!(
        fates(&destroy(&endpoint).run()),
        [gone("AWS::SNS::Subscription"), gone("AWS::SNS::Topic")]
    );
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn a_mailbox_that_was_subscribed_again_is_told_and_is_nobody_elses() {
    // As after `aws sns subscribe`: it isn't the one that the stack made.
    let again = |mailbox| {
        let arn = format!("{TOPIC}:6b0e71bd-0000-4000-8000-000000000000");
        Endpoint::serve(
            Script::new()
                .existing(alerts())
                .subscribed(":lab-alerts", &arn, "email", mailbox),
        )
    };
    let endpoint = again("ops@example.com");
    let (said, ids) = status(&endpoint);
    assert_eq!(said["state"], "confirmed");
    assert_eq!(ids, [] as [&str; 0]);
    destroy(&endpoint).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);

    destroy(&again("boss@example.com"))
        .status(4)
        .stderr_contains("boss@example.com (email) is subscribed")
        .run();
}

/// An alarm's actions are in its own region: the environment's may be said by the file, by an option or by a variable.
#[test]
fn a_topic_in_another_region_than_the_alarms_is_refused() {
    let lab = |region: &str| {
        let file = format!(
            "{LAB}alerts: {{topic: '{}'}}\n",
            TOPIC.replace("us-east-2", "eu-west-1")
        );
        with_file(&file.replace("region: us-east-2\n", region))
    };
    let here = "region: us-east-2\n";
    let elsewhere = |test: Test| {
        test.status(2)
            .stderr_contains("the topic is in `eu-west-1`, and the environment's alarms are in `us-east-2`")
            .stderr_contains("alerts.topic")
    };
    let render = ["render", "lab.yaml"];
    elsewhere(lab(here).args(render)).run();
    elsewhere(lab("").args(render).env("AWS_REGION", "us-east-2")).run();
    lab(here).args(render).args(["--region", "eu-west-1"]).run();
    elsewhere(lab("region: eu-west-1\n").args(render).args(["--region", "us-east-2"])).run();
    // Where no region is known, the topic's is.
    lab("").args(render).run();
    // The emulator doesn't mind.
    lab(here).args(render).args(["--local"]).run();

    // Where a profile says which region it is, only those know who read it.
    let endpoint = Endpoint::serve(Script::new());
    let config =
        "[profile work]\nregion = us-east-2\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n";
    let deploy = lab("")
        .file("home/.aws/config", config)
        .env("AWS_ENDPOINT_URL", endpoint.url());
    elsewhere(deploy.args(["deploy", "lab.yaml", "--yes", "--profile", "work"])).run();
    assert_eq!(endpoint.calls("CreateChangeSet").len(), 0);
}

#[test]
fn alarms_act_on_the_topic_that_the_file_names() {
    let topic = "arn:aws:sns:us-east-2:111122223333:ops";
    let stacks = rendered(&format!("topic: '{topic}'"));
    assert!(part(&stacks, "alerts").is_none(), "{stacks:?}");
    let stage = part(&stacks, "work").expect("the stage");
    assert_eq!(stage["parameters"]["AlertsTopicArn"]["literal"], topic);
    // Dead letters, latency, and nobody who works.
    assert_eq!(
        stage.to_string().matches("AlarmActions: [!Ref AlertsTopicArn]").count(),
        3
    );
    let of_mailbox = part(&rendered(MAILBOX), "work").expect("the stage");
    assert_eq!(of_mailbox["parameters"]["AlertsTopicArn"]["output"]["part"], "alerts");
}
