//! `qfleet logs` and `qfleet files` on the emulator: what was logged, counted, linked to and fetched is what is there.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use jiff::Timestamp;

use crate::deployed::{Emulated, REGION};

/// Puts events into a stream of a stage's log group, each so many seconds ago.
fn log(lab: &Emulated, stage: &str, stream: &str, events: &[(i64, &str)]) {
    let outputs = &lab.deployed.json()["outputs"][stage];
    let group = outputs["LogGroupName"].as_str().expect("an output").to_owned();
    let now = Timestamp::now().as_millisecond();
    let events = events.iter().map(|(ago, message)| {
        let event = InputLogEvent::builder().timestamp(now - ago * 1000).message(*message);
        event.build().expect("an event")
    });
    let events: Vec<InputLogEvent> = events.collect();
    lab.aws(async |aws| {
        let make = aws
            .logs
            .create_log_stream()
            .log_group_name(&group)
            .log_stream_name(stream);
        make.send().await.expect("a stream");
        let put = aws.logs.put_log_events().log_group_name(&group).log_stream_name(stream);
        put.set_log_events(Some(events)).send().await.expect("put");
    });
}

#[test]
fn what_instances_logged_is_read() {
    let lab = Emulated::deploy();
    lab.run(&["logs", "lab.yaml"])
        .stdout("")
        .stderr_contains("lab: nothing was logged in the last 10m")
        .run();
    log(
        &lab,
        "work",
        "i-01/worker",
        &[(60, "took cat.jpg"), (20, "moved cat.jpg")],
    );
    log(
        &lab,
        "next",
        "i-02/cloud-init",
        &[(3600, "long ago"), (40, "[qfleet] \"done\"")],
    );
    let logs = lab.run(&["logs", "lab.yaml"]).stderr("").run().stdout;
    let lines: Vec<&str> = logs.lines().map(|line| &line[22..]).collect();
    assert_eq!(
        lines,
        [
            "work i-01/worker  took cat.jpg",
            "next i-02/cloud-init  [qfleet] \"done\"",
            "work i-01/worker  moved cat.jpg",
        ]
    );
    let of = |more: &[&str]| {
        let logs = lab
            .run(&["logs", "lab.yaml", "--output", "jsonl"])
            .args(more.iter().copied());
        logs.run().json_lines()
    };
    assert_eq!(of(&["--instance", "i-02", "--since", "2h"]).len(), 2);
    assert_eq!(of(&["work", "--filter", "moved cat"])[0]["message"], "moved cat.jpg");
}

#[test]
fn files_are_counted_linked_to_and_fetched() {
    let lab = Emulated::deploy();
    let key = "processed/folder/a b+c%20&d=1?x#ümläut🚚.bin";
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    lab.aws(async |aws| {
        // The bucket keeps versions: what was deleted is none.
        for (key, body) in [
            (key, bytes.clone()),
            ("uploads/gone", b"x".to_vec()),
            ("uploads/waits", b"123".to_vec()),
        ] {
            aws.s3
                .put_object()
                .bucket(&lab.bucket)
                .key(key)
                .body(body.into())
                .send()
                .await
                .expect("put");
        }
        aws.s3
            .delete_object()
            .bucket(&lab.bucket)
            .key("uploads/gone")
            .send()
            .await
            .expect("deleted");
    });
    let counted = lab.run(&["files", "lab.yaml", "--output", "json"]).run().json();
    assert_eq!(counted["region"], REGION);
    assert_eq!(counted["waiting"]["objects"], 1, "{counted}");
    assert_eq!(counted["waiting"]["newest"]["key"], "uploads/waits");
    assert_eq!(counted["processed"]["bytes"], 100_000, "{counted}");
    assert_eq!(counted["processed"]["newest"]["key"], key);
    assert!(
        counted["processed"]["newest"]["age_seconds"].as_u64() < Some(600),
        "{counted}"
    );

    let link = lab.run(&["files", "lab.yaml", "--link", key]).stderr("").run().stdout;
    let got = ureq::get(link.trim())
        .call()
        .expect("an answer")
        .body_mut()
        .read_to_vec()
        .expect("bytes");
    assert!(got == bytes, "what the link leads to is another file");
    let got = lab.run(&["files", "lab.yaml", "--get", key, "--to", "got.bin"]).run();
    assert!(
        std::fs::read(got.path("got.bin")).expect("a file") == bytes,
        "what was fetched is another file"
    );
}
