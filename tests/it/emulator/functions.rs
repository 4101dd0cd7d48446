//! A Lambda function on the emulator, with real messages: deployed, fed by a bucket and by another function, changed, and
//! destroyed.

mod watched;

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::types::ParameterType;

use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";
const PATIENCE: Duration = Duration::from_secs(120);

/// Files are moved by the example's function, and noted by one of our own, which the first one feeds. The example's
/// doesn't start without its secret.
fn environment(account: &str) -> String {
    let mover = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");
    format!(
        "name: way\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\nbucket: {{on_destroy: empty}}\nstages:\n  \
         - name: move\n    from: bucket\n    workers:\n      lambda: {{program: {mover:?}, handler: \
         mover.function.handler, runtime: python3.13, max_concurrency: 2, secrets: {{DB_PASSWORD: /app/db}}}}\n  \
         - name: note\n    from: move\n    workers:\n      lambda: {{program: note, handler: note.handler, runtime: \
         python3.13, max_concurrency: 2, environment: {{AUTHOR: \"it's me\"}}}}\n"
    )
}

const HANDLER: &str = r#"
import os
import boto3
from made import WORD

def handler(event, context):
    bucket = boto3.client("s3")
    for record in event["Records"]:
        key = os.environ["QFLEET_PROCESSED_PREFIX"] + "noted/" + record["messageId"]
        words = f"{WORD} {os.environ['AUTHOR']} {os.environ['QFLEET_STAGE']}"
        bucket.put_object(Bucket=os.environ["QFLEET_BUCKET"], Key=key, Body=words.encode())
    return {"batchItemFailures": []}
"#;

fn build(word: &str) -> String {
    format!("#!/bin/sh\nset -eu\necho \"WORD = '{word} $QFLEET_ARCHITECTURE'\" >made.py\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The content of everything under a prefix, once there are so many.
async fn contents(aws: &Aws, bucket: &str, prefix: &str, count: usize) -> Vec<String> {
    let began = Instant::now();
    let keys = loop {
        let listed = aws.s3.list_objects_v2().bucket(bucket).prefix(prefix);
        let listed = listed.send().await.expect("a listing");
        let keys: Vec<String> = listed
            .contents()
            .iter()
            .filter_map(|found| found.key().map(str::to_owned))
            .collect();
        if keys.len() >= count {
            break keys;
        }
        assert!(began.elapsed() < PATIENCE, "{prefix}: {keys:?}, not {count}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut contents = Vec::new();
    for key in keys {
        let got = aws
            .s3
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .expect("an object");
        contents.push(text(&got.body.collect().await.expect("bytes").into_bytes()));
    }
    contents.sort();
    contents
}

/// Until nothing is in a queue, nor in anybody's hands.
async fn empty(aws: &Aws, queue: &str) {
    let began = Instant::now();
    loop {
        let asked = aws.sqs.get_queue_attributes().queue_url(queue);
        let answer = asked
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .expect("attributes");
        let count = |name| answer.attributes().and_then(|all| all.get(&name)).cloned();
        let counts = [
            count(QueueAttributeName::ApproximateNumberOfMessages),
            count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        ];
        if counts.iter().all(|count| count.as_deref() == Some("0")) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{queue}: {counts:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn upload(aws: &Aws, bucket: &str, names: &[&str]) {
    for name in names {
        let put = aws.s3.put_object().bucket(bucket).key(format!("uploads/{name}"));
        put.body(name.as_bytes().to_vec().into()).send().await.expect("is put");
    }
}

fn run(test: Test) -> Output {
    tokio::task::block_in_place(|| test.emulated().run())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_moved_by_a_function_that_feeds_another_one() {
    let account = account();
    let aws = Aws::new(&account, REGION);
    let test = Test::new()
        .file("way.yaml", environment(&account))
        .file("note/note.py", HANDLER)
        .executable("note/build", build("noted"));
    let put = aws.ssm.put_parameter().name("/app/db").value("hunter2");
    let put = put.r#type(ParameterType::SecureString).send().await;
    put.expect("a secret");
    let deployed = run(test
        .args(["deploy", "way.yaml", "--yes", "--output", "json"])
        .stderr_contains("Building"));
    let outputs = &deployed.json()["outputs"];
    let bucket = outputs["intake"]["BucketName"].as_str().expect("an output").to_owned();
    assert!(outputs["move"]["GroupName"].is_null());
    let program = |outputs: &serde_json::Value| outputs["note"]["Program"].as_str().expect("an output").to_owned();

    let names = ["a b.txt", "c+d.txt", "e/f.txt", "ümläut.txt"];
    upload(&aws, &bucket, &names).await;
    let noted = contents(&aws, &bucket, "processed/noted/", names.len()).await;
    assert!(
        noted.iter().all(|words| words == "noted arm64 it's me note"),
        "{noted:?}"
    );
    let mut moved = contents(&aws, &bucket, "processed/", 2 * names.len()).await;
    moved.retain(|content| !noted.contains(content));
    let mut wanted = names.map(str::to_owned).to_vec();
    wanted.sort();
    assert_eq!(moved, wanted);

    // The emulator runs them: there is no fleet to be started.
    let up = run(deployed
        .then()
        .args(["local", "up", "way.yaml", "--detach", "--output", "json"]));
    assert_eq!(
        up.json(),
        serde_json::json!({"environment": "way", "functions": ["move", "note"]})
    );
    run(deployed.then().args(["local", "up", "way.yaml"]).stdout(
        "The emulator runs the functions of move, note. way has no instances, so there is nothing else to start.\n",
    ));

    // As it is, there is nothing to do, and nothing to build. Other code is another program, in the same function.
    run(deployed
        .then()
        .args(["plan", "way.yaml", "--exit-code"])
        .stderr_lacks("Building"));
    let changed = || deployed.then().executable("note/build", build("seen"));
    run(changed()
        .args(["plan", "way.yaml", "--only", "note", "--exit-code"])
        .stderr_contains("Building")
        .stdout_contains("Function")
        .stdout_lacks("replace")
        .status(3));
    let again = run(changed()
        .args(["deploy", "way.yaml", "--yes", "--output", "json"])
        .stderr_lacks("Building"));
    let now = &again.json()["outputs"];
    assert_eq!(now["note"]["FunctionName"], outputs["note"]["FunctionName"]);
    assert_ne!(program(now), program(outputs));
    upload(&aws, &bucket, &["another.txt"]).await;
    let noted = contents(&aws, &bucket, "processed/noted/", names.len() + 1).await;
    assert_eq!(
        noted.last().map(String::as_str),
        Some("seen arm64 it's me note"),
        "{noted:?}"
    );

    // The emulator logs at the end of a run, and makes a log group that is gone anew. Then messages are deleted.
    for stage in ["move", "note"] {
        empty(&aws, outputs[stage]["QueueUrl"].as_str().expect("an output")).await;
    }
    run(deployed
        .then()
        .args(["destroy", "way.yaml", "--yes"])
        .stdout_contains("nothing is left over"));
}
