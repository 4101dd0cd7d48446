//! Whoever is to be told when an alarm goes off: a topic of the environment's own, with a mailbox that has to agree first.

use serde_json::Value;

use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::{LAB, with_file, with_file_at};

fn told(whom: &str) -> String {
    format!("{LAB}alerts: {{{whom}}}\n")
}

fn deployed(endpoint: &Endpoint) -> Output {
    let file = told("email: ops@example.com");
    with_file_at(endpoint, &file)
        .args(["deploy", "lab.yaml", "--yes"])
        .run()
}

fn status(there: &Output) -> Value {
    let run = there.then().args(["status", "lab.yaml", "--output", "json"]);
    run.run().json()
}

fn ids(status: &Value) -> Vec<&str> {
    let findings = status["findings"].as_array().expect("findings").iter();
    let ids = findings.filter_map(|finding| finding["id"].as_str());
    ids.filter(|id| id.starts_with("alerts")).collect()
}

#[test]
fn a_mailbox_that_has_not_agreed_is_a_finding_and_goes_with_the_environment() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    assert!(
        endpoint.stacks().contains(&"lab-alerts".to_owned()),
        "{:?}",
        endpoint.stacks()
    );
    let status = status(&there);
    assert_eq!(status["alerts"]["email"], "ops@example.com");
    assert_eq!(status["alerts"]["state"], "unconfirmed");
    assert_eq!(ids(&status), ["alerts-unconfirmed"]);
    let again = there.then().args(["status", "lab.yaml"]).run();
    assert!(
        again
            .stdout
            .contains("alerts go to ops@example.com, once it has confirmed them"),
        "{}",
        again.stdout
    );

    let destroyed = there.then().args(["destroy", "lab.yaml", "--yes", "--output", "json"]);
    let receipt = destroyed.run().json();
    let rows = receipt["receipt"]["resources"].as_array();
    let rows = rows.unwrap_or_else(|| panic!("{receipt:#}")).iter();
    let of_alerts: Vec<(&str, &str)> = rows
        .filter(|row| row["stack"] == "lab-alerts")
        .filter_map(|row| Some((row["resource_type"].as_str()?, row["fate"].as_str()?)))
        .collect();
    for kind in ["AWS::SNS::Topic", "AWS::SNS::Subscription"] {
        assert!(of_alerts.contains(&(kind, "deleted")), "{of_alerts:?} {receipt:#}");
    }
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn a_mailbox_that_has_agreed_is_told() {
    let arn = "arn:aws:sns:us-east-2:111122223333:topic:6b0e71bd-0000-4000-8000-000000000000";
    // As after `aws sns subscribe`: it isn't the one that the stack made.
    let again = |mailbox| Script::new().subscribed(":lab-alerts-Topic-", arn, "email", mailbox);
    let endpoint = Endpoint::serve(again("ops@example.com"));
    let there = deployed(&endpoint);
    let status = status(&there);
    assert_eq!(status["alerts"]["state"], "confirmed");
    assert_eq!(ids(&status), [] as [&str; 0]);
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);

    let endpoint = Endpoint::serve(again("boss@example.com"));
    let there = deployed(&endpoint);
    let destroy = there.then().args(["destroy", "lab.yaml", "--yes"]).status(4);
    destroy.stderr_contains("boss@example.com (email) is subscribed").run();
}

#[test]
fn alarms_act_on_the_topic_that_the_file_names() {
    let topic = "arn:aws:sns:us-east-2:111122223333:ops";
    let rendered = |file: &str| {
        let args = ["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
        let all = with_file(file).args(args).run().json();
        let stacks = all["stacks"].as_array().unwrap_or_else(|| panic!("{all:#}")).clone();
        let parts: Vec<String> = stacks.iter().map(|stack| stack["part"].to_string()).collect();
        let mut stages = stacks.into_iter().filter(|stack| stack["part"] == "work");
        (stages.next().expect("the stage"), parts)
    };
    let (quiet, _) = rendered(LAB);
    let (stage, parts) = rendered(&told(&format!("topic: '{topic}'")));
    assert!(!parts.iter().any(|part| part.contains("alerts")), "{parts:?}");
    assert_eq!(stage["parameters"]["AlertsTopicArn"]["literal"], topic);
    let acts = |stage: &Value| stage.to_string().matches("AlarmActions: [!Ref AlertsTopicArn]").count();
    // Dead letters, latency, and nobody who works.
    assert_eq!((acts(&quiet), acts(&stage)), (0, 3));
    let (of_mailbox, parts) = rendered(&told("email: ops@example.com"));
    assert!(parts.iter().any(|part| part.contains("alerts")), "{parts:?}");
    assert_eq!(of_mailbox["parameters"]["AlertsTopicArn"]["output"]["part"], "alerts");
}
