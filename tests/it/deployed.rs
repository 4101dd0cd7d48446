//! An environment that is there already: on the scriptable endpoint, or deployed to the emulator.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{Message, QueueAttributeName};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Aws, Output, Test, account, find_ministack, wait_until};

pub const BUCKET: &str = "lab-111122223333-us-east-2";
pub const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
pub const DEAD_LETTERS: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work-dlq";
pub const REGION: &str = "us-east-2";

/// A bucket, a stage that it feeds, and a stage after that.
fn file(account: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: empty, versioning: true}}\nstages:\n  \
         - name: work\n    from: bucket\n    workers:\n      instances: {{program: program, types: [t3.micro], min: 1, \
         max: 1}}\n  - name: next\n    from: work\n    workers:\n      instances: {{program: program, types: \
         [t3.micro], min: 1, max: 1}}\n"
    )
}

/// A stack of the environment, without outputs.
pub fn stack(part: &str) -> Existing {
    Existing::new(&format!("lab-{part}"), "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", part)
}

/// The bucket's stack.
pub fn intake() -> Existing {
    stack("intake")
        .output("BucketName", BUCKET)
        .output("UploadsPrefix", "uploads/")
}

/// A stage's stack.
pub fn stage(name: &str) -> Existing {
    let queue = format!("https://sqs.us-east-2.amazonaws.com/111122223333/lab-{name}");
    stack(name)
        .output("DeadLetterQueueUrl", &format!("{queue}-dlq"))
        .output("QueueUrl", &queue)
}

/// A bucket and the stage `work`, which it feeds.
pub fn lab(script: Script) -> Endpoint {
    let endpoint = serve(
        script
            .existing(intake())
            .existing(stage("work").parameter("TopicArn", "arn")),
    );
    endpoint.world(|world| {
        world.services.make_bucket(BUCKET);
        world.services.queues.make(QUEUE, &[]);
        world.services.queues.make(DEAD_LETTERS, &[]);
    });
    endpoint
}

/// An endpoint that plays this script.
pub fn serve(script: Script) -> Endpoint {
    Endpoint::serve(script)
}

/// A run against an endpoint.
pub fn test(endpoint: &Endpoint) -> Test {
    Test::new()
        .file("lab.yaml", file("111122223333"))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

/// Starts the binary, and interrupts it when the endpoint is as wanted. Its exit code, standard output and error.
pub fn interrupted(test: &Test, endpoint: &Endpoint, wanted: impl Fn(&Endpoint) -> bool) -> (i32, String, String) {
    signalled(test, endpoint, Signal::SIGINT, wanted)
}

/// Starts the binary, and sends it a signal when the endpoint is as wanted. Its exit code, standard output and error.
pub fn signalled(
    test: &Test,
    endpoint: &Endpoint,
    signal: Signal,
    wanted: impl Fn(&Endpoint) -> bool,
) -> (i32, String, String) {
    let child = test.spawn();
    wait_until("the endpoint is as wanted", || wanted(endpoint));
    let process = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    kill(process, signal).expect("signalled");
    let ended = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        ended.status.code().unwrap_or(-1),
        text(ended.stdout),
        text(ended.stderr),
    )
}

/// A lab that is deployed to the emulator.
pub struct Emulated {
    pub deployed: Output,
    pub account: String,
    pub bucket: String,
    pub queue: String,
    pub next: String,
    pub dead_letters: String,
}

impl Emulated {
    pub fn deploy() -> Self {
        let account = account();
        let deployed = Test::new()
            .file("lab.yaml", file(&account))
            .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
            .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
            .emulated()
            .run();
        let report = deployed.json();
        let output = |part: &str, key: &str| report["outputs"][part][key].as_str().expect("an output").to_owned();
        Emulated {
            bucket: output("intake", "BucketName"),
            queue: output("work", "QueueUrl"),
            next: output("next", "QueueUrl"),
            dead_letters: output("work", "DeadLetterQueueUrl"),
            deployed,
            account,
        }
    }

    /// The next run, with the options that lead to it.
    pub fn run(&self, args: &[&str]) -> Test {
        self.deployed.then().args(args).emulated()
    }

    /// Clients past qfleet, and a runtime for them.
    pub fn aws<T>(&self, work: impl AsyncFnOnce(Aws) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(work(Aws::new(&self.account, REGION)))
    }

    /// Takes every message out of a queue that holds so many.
    pub fn take(&self, queue: &str, count: usize) -> Vec<Message> {
        let deadline = Instant::now() + Duration::from_secs(120);
        self.aws(async |aws| {
            let mut all = Vec::new();
            // One more look than needed: there must not be more.
            while all.len() < count || !all.is_empty() && depth_of(&aws, queue).await.0 > 0 {
                assert!(Instant::now() < deadline, "{} of {count} messages came", all.len());
                let received = aws.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
                let received = received
                    .wait_time_seconds(1)
                    .message_attribute_names("All")
                    .message_system_attribute_names("All".into());
                all.extend(received.send().await.expect("an answer").messages.unwrap_or_default());
            }
            assert_eq!(all.len(), count, "{all:#?}");
            all
        })
    }

    /// Messages that are visible in a queue, and those that aren't.
    pub fn depth(&self, queue: &str) -> (usize, usize) {
        self.aws(async |aws| depth_of(&aws, queue).await)
    }

    /// Waits until so many messages are visible in a queue: events come a moment after the upload.
    pub fn wait_for(&self, queue: &str, count: usize) {
        wait_until(&format!("{queue} shows {count} messages"), || {
            self.depth(queue).0 >= count
        });
        assert_eq!(self.depth(queue), (count, 0));
    }

    /// Deletes what is in a queue.
    pub fn purge(&self, queue: &str) {
        self.aws(async |aws| aws.sqs.purge_queue().queue_url(queue).send().await.expect("purged"));
    }
}

async fn depth_of(aws: &Aws, queue: &str) -> (usize, usize) {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let asked = aws.sqs.get_queue_attributes().queue_url(queue);
    let answer = asked
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .expect("attributes");
    let attributes = answer.attributes().expect("some");
    let [visible, hidden] = names.map(|name| attributes[&name].parse().expect("a number"));
    (visible, hidden)
}

/// Bucket and key of each upload that these messages tell of, as the example worker reads them.
pub fn uploads_in<'a>(bodies: impl IntoIterator<Item = &'a str>) -> BTreeSet<(String, String)> {
    let script = "import json, sys\nfrom mover.events import uploads_in\n\
                  found = [upload for body in json.load(sys.stdin) for upload in uploads_in(body)]\n\
                  json.dump([[upload.bucket, upload.key] for upload in found], sys.stdout)";
    let bodies: Vec<&str> = bodies.into_iter().collect();
    let mut child = Command::new(find_ministack().with_file_name("python"))
        .args(["-B", "-c", script])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let stdin = child.stdin.take().expect("a pipe");
    serde_json::to_writer(stdin, &bodies).expect("written");
    let ended = child.wait_with_output().expect("its output");
    assert!(ended.status.success(), "the worker can't read {bodies:#?}");
    let uploads: Vec<(String, String)> = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(uploads.len(), bodies.len(), "one each");
    uploads.into_iter().collect()
}
