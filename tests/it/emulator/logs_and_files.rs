//! `qfleet logs` and `qfleet files` on the emulator: what was logged, counted, linked to and fetched is what is there.

use std::process::Command;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use jiff::Timestamp;

use crate::deployed::{Emulated, REGION, uploads_in};

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

/// The command that is shown is run as it is.
#[test]
fn what_is_uploaded_with_a_link_is_a_job_and_nothing_else_can_be_uploaded_with_it() {
    let lab = Emulated::deploy();
    let key = "uploads/in folder/it's ümläut; a,b.txt";
    let made = lab.run(&["files", "lab.yaml", "--upload-link", key, "--max-size", "1MiB"]);
    let made = made.stderr("").run();
    let posted = |command: &str, bytes: &[u8]| {
        std::fs::write(made.path("it's ümläut; a,b.txt"), bytes).expect("a file");
        let mut sh = Command::new("sh");
        let command = format!(
            "{} --silent --show-error --noproxy '*' --write-out '%{{http_code}}'",
            command.trim_end()
        );
        let done = sh
            .args(["-c", &command])
            .current_dir(made.path("."))
            .output()
            .expect("a shell");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    assert_eq!(posted(&made.stdout, b"a job"), "204");
    let told = lab.take(&lab.queue, 1);
    let told = uploads_in(told.iter().map(|message| message.body().expect("a body")));
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        [(lab.bucket.clone(), key.to_owned())]
    );
    let got = lab.run(&["files", "lab.yaml", "--get", key, "--to", "got.txt"]).run();
    assert_eq!(std::fs::read(got.path("got.txt")).expect("a file"), b"a job");

    let large = posted(&made.stdout, &vec![0; (1 << 20) + 1]);
    assert!(large.contains("EntityTooLarge") && large.ends_with("400"), "{large}");
    let elsewhere = posted(&made.stdout.replace("key=uploads/in folder/", "key=uploads/"), b"x");
    assert!(
        elsewhere.contains("AccessDenied") && elsewhere.ends_with("403"),
        "{elsewhere}"
    );
}

#[test]
fn pages_of_the_origins_that_are_named_may_post() {
    let lab = Emulated::deploy();
    let cors = || lab.aws(async |aws| aws.s3.get_bucket_cors().bucket(&lab.bucket).send().await.ok());
    assert!(cors().is_none(), "nobody was named");
    let file = std::fs::read_to_string(lab.deployed.path("lab.yaml")).expect("a file");
    let file = file.replace(
        "versioning: true",
        "versioning: true, browsers: ['https://app.example.com']",
    );
    let deployed = lab.run(&["deploy", "lab.yaml", "--yes"]).file("lab.yaml", file).run();
    let cors = cors().expect("a configuration");
    let [rule] = cors.cors_rules() else { panic!("{cors:?}") };
    assert_eq!(rule.allowed_origins(), ["https://app.example.com"]);
    assert_eq!(rule.allowed_methods(), ["POST"]);
    assert!(rule.allowed_headers().is_empty(), "{rule:?}");
    deployed.then().args(["drift", "lab.yaml"]).emulated().run();
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
    lab.run(&["files", "lab.yaml", "--get", "processed/waits"])
        .status(1)
        .stderr_contains("there is no \"processed/waits\"")
        .stderr_contains("isn't processed yet")
        .run();
    lab.run(&["files", "lab.yaml", "--get", "cat.jpg"])
        .status(1)
        .stderr_contains("give the whole key, with its prefix")
        .run();
}
