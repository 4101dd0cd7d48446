//! What `qfleet init` writes, at work.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Aws, Output, Test, account, emulator, tools_path};

/// What `init` writes is no sketch: it checks, deploys, works on a file, and goes again.
#[tokio::test]
async fn what_is_written_works() {
    let account = account();
    let written = Test::new().args(["init", "--name", "photo-lab"]).run();
    let file = written.path("stacks/photo-lab.yaml");
    let text = written.read("stacks/photo-lab.yaml");
    let named = text.replace("# account: \"111122223333\"", &format!("account: \"{account}\""));
    assert_ne!(text, named, "the file has lost its example of an account");
    fs::write(&file, named.replace("# region: us-east-2", "region: us-east-2")).expect("written");

    written
        .then()
        .linted()
        .args(["check", "photo-lab"])
        .stdout_lacks("warning")
        .run();
    // A stage more, which hears of what the first one did.
    let more = "  - name: next\n    from: work\n    workers:\n      instances: {program: ../worker, types: [t4g.small], \
                min: 1, max: 1}\n";
    fs::write(&file, written.read("stacks/photo-lab.yaml") + more).expect("written");
    written.then().args(["deploy", "photo-lab", "--yes"]).emulated().run();
    let outputs = written
        .then()
        .args(["outputs", "photo-lab", "--output", "json"])
        .emulated()
        .run()
        .json();
    let bucket = outputs["outputs"]["intake"]["BucketName"]
        .as_str()
        .expect("a bucket")
        .to_owned();
    let settings = outputs["outputs"]["work"]["WorkerEnvironment"]
        .as_str()
        .expect("settings");

    let aws = Aws::new(&account, "us-east-2");
    let upload = aws
        .s3
        .put_object()
        .bucket(&bucket)
        .key("uploads/a b+c.txt")
        .body(b"12345".to_vec().into());
    upload.send().await.expect("uploaded");
    let mut worker = Worker::start(&written, settings, &account);
    let result = loop {
        let result = aws
            .s3
            .get_object()
            .bucket(&bucket)
            .key("processed/a b+c.txt.json")
            .send()
            .await;
        match result {
            Ok(found) => break found.body.collect().await.expect("its content").into_bytes(),
            Err(_) => worker.must_still_run(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["file"], "uploads/a b+c.txt");
    assert_eq!(result["bytes"], 5);
    assert_eq!(
        result["sha256"],
        "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    );
    let next = outputs["outputs"]["next"]["QueueUrl"].as_str().expect("a queue");
    let received = aws.sqs.receive_message().queue_url(next).wait_time_seconds(10).send();
    let received = received.await.expect("an answer");
    let event: serde_json::Value = serde_json::from_str(received.messages()[0].body().expect("a body")).expect("JSON");
    assert_eq!(event["Records"][0]["s3"]["bucket"]["name"], bucket.as_str());
    assert_eq!(event["Records"][0]["s3"]["object"]["key"], "processed/a+b%2Bc.txt.json");
    worker.must_end_when_asked();

    written.then().args(["destroy", "photo-lab", "--yes"]).emulated().run();
    let stacks = aws.cloudformation.describe_stacks().send().await.expect("an answer");
    assert!(stacks.stacks().is_empty(), "{stacks:?}");
}

/// The written worker, run as systemd would run it.
struct Worker {
    process: Child,
    log: std::path::PathBuf,
    deadline: Instant,
}

impl Worker {
    fn start(written: &Output, settings: &str, account: &str) -> Self {
        let log = written.path("worker.log");
        let output = fs::File::create(&log).expect("a log");
        let mut command = Command::new(written.path("worker/run"));
        command.env_clear().env("PATH", tools_path());
        for line in settings.lines() {
            let (name, value) = line.split_once('=').expect("NAME=value");
            command.env(name, value.trim_matches('"'));
        }
        let process = command
            .env("AWS_ENDPOINT_URL", emulator())
            .env("AWS_ACCESS_KEY_ID", account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("QFLEET_POLL_SECONDS", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a handle"))
            .stderr(output)
            .spawn()
            .expect("the worker runs");
        Worker {
            process,
            log,
            deadline: Instant::now() + Duration::from_secs(60),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn must_still_run(&mut self) {
        let ended = self.process.try_wait().expect("a child");
        assert!(ended.is_none(), "the worker ended with {ended:?}:\n{}", self.said());
        assert!(
            Instant::now() < self.deadline,
            "the worker did nothing in a minute:\n{}",
            self.said()
        );
    }

    fn must_end_when_asked(&mut self) {
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status()
            .expect("kill");
        assert!(asked.success());
        let ended = self.process.wait().expect("its end");
        assert!(ended.success(), "the worker ended with {ended}:\n{}", self.said());
        assert!(self.said().ends_with("INFO stopped\n"), "{}", self.said());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
