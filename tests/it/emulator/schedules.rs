//! Jobs by the clock, as the emulator's Scheduler sends them: deployed, sent, changed and destroyed.

use std::time::{Duration, Instant};

use crate::deployed::REGION;
use crate::harness::{Aws, Output, Test, account, emulator};

const PATIENCE: Duration = Duration::from_secs(150);
/// Characters that mean something to YAML, JSON, CloudFormation and a shell.
const BODY: &str = "{\"job\": \"it's ${AWS::Region} & $(id) ü\"}";

fn environment(account: &str, schedules: &[(&str, &str)]) -> String {
    let schedules: String = schedules
        .iter()
        .map(|(cron, body)| {
            let body = serde_json::Value::from(*body);
            format!("      - {{cron: \"{cron}\", time_zone: Europe/Berlin, body: {body}}}\n")
        })
        .collect();
    let schedules = match schedules.as_str() {
        "" => String::new(),
        schedules => format!("    schedules:\n{schedules}"),
    };
    format!(
        "name: clock\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\ndashboard: false\nstages:\n  - name: work\n\
         {schedules}    workers:\n      instances: {{program: program, types: [t3.micro], min: 1, max: 1}}\n"
    )
}

fn run(test: Test) -> Output {
    tokio::task::block_in_place(|| test.emulated().run())
}

/// The expressions of the account's schedules, as the emulator keeps them.
fn expressions(account: &str) -> Vec<String> {
    let get = |path: &str| -> serde_json::Value {
        let credential = format!("Credential={account}/20270101/{REGION}/scheduler/aws4_request");
        let header = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=none");
        let answer = ureq::get(format!("{}{path}", emulator()))
            .header("Authorization", header)
            .call();
        let text = answer.expect("an answer").body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    };
    let listed = get("/schedules");
    let listed = listed["Schedules"].as_array().expect("a list");
    let mut all: Vec<String> = listed
        .iter()
        .map(|one| {
            let (name, group) = (&one["Name"], &one["GroupName"]);
            let path = format!(
                "/schedules/{}?groupName={}",
                name.as_str().expect("text"),
                group.as_str().expect("text")
            );
            get(&path)["ScheduleExpression"].as_str().expect("text").to_owned()
        })
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_comes_when_its_minute_does_and_no_schedule_outlives_its_stage() {
    let account = account();
    let aws = Aws::new(&account, REGION);
    let deployed = run(Test::new()
        .file(
            "clock.yaml",
            environment(&account, &[("* * * * *", BODY), ("0 3 * * 5-7", "rare")]),
        )
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["deploy", "clock.yaml", "--yes", "--output", "json"]));
    let outputs = &deployed.json()["outputs"]["work"];
    let queue = outputs["QueueUrl"].as_str().expect("an output");
    assert_eq!(
        expressions(&account),
        ["cron(* * * * ? *)", "cron(0 3 ? * SUN,FRI,SAT *)"]
    );

    let began = Instant::now();
    let body = loop {
        let received = aws.sqs.receive_message().queue_url(queue).wait_time_seconds(5);
        let received = received.send().await.expect("an answer").messages.unwrap_or_default();
        if let Some(message) = received.first() {
            break message.body.clone();
        }
        assert!(began.elapsed() < PATIENCE, "no job came");
    };
    assert_eq!(body.as_deref(), Some(BODY));

    let status = run(deployed.then().args(["status", "clock.yaml", "--output", "json"])).json();
    let schedules = &status["stages"][0]["schedules"];
    assert_eq!(schedules[1]["cron"], "0 3 * * 5-7", "{status}");
    assert!(
        schedules[1]["next"]
            .as_str()
            .is_some_and(|next| next.ends_with("T03:00:00Z")),
        "{status}"
    );
    run(deployed
        .then()
        .args(["status", "clock.yaml"])
        .stdout_contains("schedule  * * * * * UTC: next "));

    let changed = run(deployed
        .then()
        .file("clock.yaml", environment(&account, &[("30 4 1 * *", "rare")]))
        .args(["deploy", "clock.yaml", "--yes"]));
    assert_eq!(expressions(&account), ["cron(30 4 1 * ? *)"], "{}", changed.stderr);
    run(deployed.then().args(["drift", "clock.yaml"]));
    run(deployed.then().args(["destroy", "clock.yaml", "--yes"]));
    assert_eq!(expressions(&account), [""; 0]);
}
