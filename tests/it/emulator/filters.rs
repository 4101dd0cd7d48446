//! Several stages on one bucket, each with `only`: real files, and what is in the queues then.

use std::collections::BTreeSet;

use qfleet::environment::load;
use serde_json::Value;
use tokio::task::block_in_place;

use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";
/// For a stage by its name, or for none.
const FILES: [(&str, &str); 8] = [
    ("films/one_1080p.mp4", "large"),
    ("films/of two words+more=ü_1080p.mov", "large"),
    ("films/one_720p.mp4", "small"),
    ("films/deep/er/two_720p.mov", "small"),
    ("films/one.srt", "subtitles"),
    ("elsewhere/two.vtt", "subtitles"),
    ("films/one_1080P.MP4", "none"),
    ("elsewhere/three_720p.mp4", "none"),
];

fn run(test: Test) -> Output {
    block_in_place(|| test.emulated().run())
}

fn output(deployed: &Value, part: &str, key: &str) -> String {
    deployed["outputs"][part][key].as_str().expect("an output").to_owned()
}

/// The keys that messages in a queue tell of, which are taken out of it.
async fn keys(aws: &Aws, queue: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    loop {
        let asked = aws.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        let received = asked.wait_time_seconds(0).send().await.expect("messages");
        if received.messages().is_empty() {
            return keys;
        }
        for message in received.messages() {
            let body: Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
            for record in body["Records"].as_array().into_iter().flatten() {
                let key = record["s3"]["object"]["key"].as_str().expect("a key");
                let key = form_urlencoded::parse(key.as_bytes())
                    .next()
                    .expect("one")
                    .0
                    .into_owned();
                assert!(
                    keys.insert(key.trim_start_matches("uploads/").to_owned()),
                    "twice: {body}"
                );
            }
            let handle = message.receipt_handle().expect("a handle");
            let deletion = aws.sqs.delete_message().queue_url(queue).receipt_handle(handle);
            deletion.send().await.expect("is deleted");
        }
    }
}

fn of(stage: &str) -> BTreeSet<String> {
    let files = FILES.iter().filter(|(_, of)| *of == stage);
    files.map(|(name, _)| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_gets_its_files_and_no_others() {
    let (repository, account) = (env!("CARGO_MANIFEST_DIR"), account());
    load(format!("{repository}/stacks/renditions.yaml").as_ref()).expect("is good");
    let text = std::fs::read_to_string(format!("{repository}/stacks/renditions.yaml")).expect("a file");
    let text = text
        .replace("../examples", &format!("{repository}/examples"))
        .replace("on_destroy: keep", "on_destroy: empty")
        .replace(
            "region: us-east-2",
            &format!("region: us-east-2\naccount: \"{account}\""),
        );
    let aws = Aws::new(&account, REGION);
    let deployed = run(Test::new()
        .file("it.yaml", text)
        .args(["deploy", "it.yaml", "--yes", "--output", "json"]));
    let outputs = deployed.json();
    let queue = |stage: &str| output(&outputs, stage, "QueueUrl");
    let stages = ["large", "small", "subtitles"];

    // What no stage gets is told before, and goes up all the same.
    let mut send = deployed.then().args(["send", "it.yaml", "up", "--output", "json"]);
    for (name, _) in FILES {
        send = send.file(&format!("up/{name}"), name);
    }
    let sent = run(send.stderr_contains("2 of 8 files are for no stage, such as uploads/"));
    assert_eq!(sent.json()["files"], FILES.len(), "{}", sent.json());
    for stage in stages {
        assert_eq!(keys(&aws, &queue(stage)).await, of(stage), "{stage}");
    }
    let status = run(deployed.then().args(["status", "it.yaml", "--output", "json"])).json();
    assert_eq!(status["unclaimed"]["files"], 2, "{status}");
    let findings = status["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["id"] == "files-unclaimed");
    assert!(found.is_some_and(|found| found["severity"] == "note"), "{findings:#?}");

    // A stage is sent what it gets, and not the others' files.
    let sent = run(deployed
        .then()
        .args(["backfill", "it.yaml", "subtitles", "--yes", "--output", "json"]));
    assert_eq!(sent.json()["objects"], 2, "{}", sent.json());
    assert_eq!(keys(&aws, &queue("subtitles")).await, of("subtitles"));
    let counted = run(deployed.then().args(["backfill", "it.yaml", "large", "--dry-run"]));
    let counted = counted.stdout;
    assert!(
        counted.contains("under s3://") && counted.contains("uploads/films/ that end in _1080p.mp4 or"),
        "{counted}"
    );

    // Another filter is a change to the file, and goes by from then on.
    let changed = deployed
        .read("it.yaml")
        .replace("suffix: [.srt, .vtt]", "suffix: [.srt, .MP4]");
    run(deployed
        .then()
        .file("it.yaml", changed)
        .args(["deploy", "it.yaml", "--yes"]));
    run(deployed.then().args(["send", "it.yaml", "up"]));
    let now = BTreeSet::from(["films/one.srt".to_owned(), "films/one_1080P.MP4".to_owned()]);
    assert_eq!(keys(&aws, &queue("subtitles")).await, now);

    let destroyed = run(deployed
        .then()
        .args(["destroy", "it.yaml", "--yes", "--output", "json"]));
    assert_eq!(destroyed.json()["receipt"]["clean"], true, "{}", destroyed.json());
    let topics = aws.sns.list_topics().send().await.expect("topics");
    assert!(topics.topics().is_empty(), "{topics:?}");
}
