//! `qfleet send --wait`: each who waits gets the replies to its own jobs. With a real worker on the emulator; who else waits,
//! what comes twice and what never comes, on the scriptable endpoint.

use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::deployed::{QUEUE, REGION, interrupted, serve, stage, test};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Aws, Output, Test, account, wait_until};

const REPLIES: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work-replies";

/// The stage `work`, whose workers reply: the tests play them.
fn lab(script: Script) -> Endpoint {
    let endpoint = serve(script.existing(stage("work").output("ReplyQueueUrl", REPLIES)));
    endpoint.world(|world| {
        world.services.queues.make(QUEUE, &[]);
        world.services.queues.make(REPLIES, &[]);
    });
    endpoint
}

/// Two jobs, which are waited for.
fn send(endpoint: &Endpoint, more: &[&str]) -> Test {
    test(endpoint)
        .args(["send", "lab.yaml", "--stage", "work", "--wait", "--lines", "jobs"])
        .args(more)
        .file("jobs", "first\nsecond\n")
}

/// The ids of the two jobs, when both are there.
fn ids(endpoint: &Endpoint) -> Vec<String> {
    let ids = || endpoint.world(|world| world.services.queues.job_ids(QUEUE));
    wait_until("both jobs are there", || ids().len() == 2);
    ids()
}

fn reply(endpoint: &Endpoint, id: &str, body: &str) {
    endpoint.world(|world| world.services.queues.reply(REPLIES, id, body));
}

fn ended(child: Child) -> (i32, String, String) {
    let ended = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        ended.status.code().unwrap_or(-1),
        text(ended.stdout),
        text(ended.stderr),
    )
}

#[test]
fn each_job_is_shown_once_and_others_replies_are_left_to_them() {
    let endpoint = lab(Script::new());
    let send = send(&endpoint, &["--output", "jsonl"]);
    let child = send.spawn();
    let ids = ids(&endpoint);
    assert_ne!(ids[0], ids[1]);
    reply(&endpoint, "of-another-command", "not yours");
    endpoint.world(|world| world.services.queues.make(REPLIES, &["without an id"]));
    // Twice, as a job may be done twice.
    reply(&endpoint, &ids[1], "two");
    reply(&endpoint, &ids[1], "two again");
    reply(&endpoint, &ids[0], "one\n\u{1b}[2J");
    let (code, stdout, stderr) = ended(child);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut replied: Vec<(&Value, &Value, &Value)> = lines
        .iter()
        .filter(|line| line["event"] == "replied")
        .map(|line| (&line["job"], &line["job_id"], &line["body"]))
        .collect();
    replied.sort_by_key(|(job, ..)| job.as_str());
    assert_eq!(
        json!(replied),
        json!([
            ["jobs, line 1", ids[0], "one\n\u{1b}[2J"],
            ["jobs, line 2", ids[1], "two"]
        ])
    );
    let result = &lines.last().expect("a result")["result"];
    assert_eq!((&result["replied"], &result["open"]), (&json!(2), &json!([])));

    let now = Instant::now();
    endpoint.world(|world| {
        let queues = &world.services.queues;
        assert_eq!(queues.bodies(REPLIES), ["not yours", "without an id"]);
        let soon = now + Duration::from_secs(2);
        assert!(queues.hidden(REPLIES, soon).is_empty(), "who waits for it gets it soon");
    });
}

/// A reply that nobody waits for any more is in the way of the others, for a shorter part of the time each time it comes.
#[test]
fn what_is_nobodys_is_hidden_for_longer_each_time() {
    let endpoint = lab(Script::new());
    reply(&endpoint, "of-one-who-left", "nobody's");
    let send = send(&endpoint, &[]);
    let child = send.spawn();
    let ids = ids(&endpoint);
    let hidden = || -> Vec<u64> {
        let calls = endpoint.calls("ChangeMessageVisibilityBatch");
        let bodies = calls
            .iter()
            .map(|call| serde_json::from_slice::<Value>(&call.body).expect("JSON"));
        bodies
            .filter_map(|body| body["Entries"][0]["VisibilityTimeout"].as_u64())
            .collect()
    };
    wait_until("it came four times", || hidden().len() >= 4);
    assert_eq!(hidden()[..4], [1, 1, 2, 4]);
    for id in &ids {
        reply(&endpoint, id, "done");
    }
    let (code, stdout, stderr) = ended(child);
    assert_eq!(code, 0, "{stdout}{stderr}");
    endpoint.world(|world| assert_eq!(world.services.queues.bodies(REPLIES), ["nobody's"]));
}

#[test]
fn for_people_a_reply_is_a_line_that_does_nothing_to_the_terminal() {
    let endpoint = lab(Script::new());
    let send = send(&endpoint, &[]);
    let child = send.spawn();
    let ids = ids(&endpoint);
    reply(&endpoint, &ids[0], "one\n\u{1b}[2J");
    reply(&endpoint, &ids[1], "two");
    let (code, stdout, stderr) = ended(child);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(
        stdout.contains(&format!("{}  one\\n\\u{{1b}}[2J\n", ids[0])),
        "{stdout}"
    );
    assert!(stdout.contains(&format!("{}  two\n", ids[1])), "{stdout}");
    assert!(stdout.ends_with("2 of 2 jobs replied to\n"), "{stdout}");
    assert!(
        stderr.contains("waiting for replies to 2 messages from lab-work-replies"),
        "{stderr}"
    );
}

#[test]
fn what_never_comes_is_named_when_the_time_is_over() {
    let endpoint = lab(Script::new());
    let send = send(&endpoint, &["--timeout", "1s", "--output", "json"]);
    let child = send.spawn();
    let ids = ids(&endpoint);
    reply(&endpoint, &ids[1], "two");
    let (code, stdout, stderr) = ended(child);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(document["open"], json!([{"job_id": ids[0], "job": "jobs, line 1"}]));
    assert_eq!(document["replied"], 1, "{document}");
    assert_eq!(document["replies"][0]["body"], "two", "{document}");
    assert_eq!(document["succeeded"], true, "all was sent: {document}");
}

#[test]
fn interrupted_it_says_what_is_still_open() {
    let endpoint = lab(Script::new());
    let (code, stdout, _) = interrupted(&send(&endpoint, &[]), &endpoint, |endpoint| {
        endpoint.calls("ReceiveMessage").len() > 3 && endpoint.calls("SendMessageBatch").len() == 1
    });
    let ids = ids(&endpoint);
    assert_eq!(code, 130, "{stdout}");
    assert!(
        stdout.contains(
            "0 of 2 jobs replied to\n2 jobs: no reply; one that still comes waits in lab-work-replies for a day"
        ),
        "{stdout}"
    );
    for (id, line) in ids.iter().zip(["jobs, line 1", "jobs, line 2"]) {
        assert!(stdout.contains(&format!("  {id} {line}\n")), "{stdout}");
    }
}

#[test]
fn who_may_not_receive_replies_is_told_and_the_jobs_are_named() {
    let denied = Fault::refuse(400, "AccessDeniedException", "not authorized: sqs:ReceiveMessage");
    let endpoint = lab(Script::new().fault(On::action("ReceiveMessage"), denied));
    let (code, stdout, stderr) = ended(send(&endpoint, &[]).spawn());
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stderr.contains("replies can't be received"), "{stderr}");
    assert!(
        stdout.contains("sent 2 messages") && stdout.contains("2 jobs: no reply"),
        "{stdout}"
    );
}

#[test]
fn without_a_queue_for_replies_nothing_is_sent() {
    let endpoint = serve(Script::new().existing(stage("work")));
    send(&endpoint, &[])
        .status(2)
        .stderr_contains("nothing was sent: the stage `work` has no queue for replies")
        .stderr_contains("set `replies: true` on the stage")
        .run();
    assert!(endpoint.calls("SendMessageBatch").is_empty());
    // Without --wait there is no id, and nobody is to reply.
    test(&endpoint)
        .args(["send", "lab.yaml", "--stage", "work", "job"])
        .file("job", "x")
        .run();
    assert!(endpoint.world(|world| world.services.queues.job_ids(QUEUE)).is_empty());
}

/// The example's function, on the emulator. Its name is its own: the emulator mixes up functions of one name.
fn environment(account: &str) -> String {
    let mover = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");
    format!(
        "name: asked\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\ndashboard: false\nbucket: {{on_destroy: \
         empty}}\nstages:\n  - name: move\n    replies: true\n    workers:\n      lambda: {{program: {mover:?}, handler: \
         mover.function.handler, runtime: python3.13, max_concurrency: 2}}\n"
    )
}

fn run(test: Test) -> Output {
    tokio::task::block_in_place(|| test.emulated().run())
}

/// Jobs of one sender: files of its own, and one that can't be done.
fn jobs(sender: &str) -> String {
    (0..4)
        .map(|number| format!("{{\"move\": \"uploads/{sender}{number}\"}}\n"))
        .chain([format!("{{\"move\": \"elsewhere/{sender}\"}}\n")])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_who_wait_at_once_get_the_answers_of_a_real_worker_to_their_own_jobs() {
    let account = account();
    let aws = Aws::new(&account, REGION);
    let deployed = run(Test::new().file("asked.yaml", environment(&account)).args([
        "deploy",
        "asked.yaml",
        "--yes",
        "--output",
        "json",
    ]));
    let outputs = &deployed.json()["outputs"];
    let output = |part: &str, key: &str| outputs[part][key].as_str().expect("an output").to_owned();
    let (bucket, replies) = (output("intake", "BucketName"), output("move", "ReplyQueueUrl"));
    // The reply to a command that is long gone.
    let gone = aws.sqs.send_message().queue_url(&replies).message_body("nobody's");
    gone.send().await.expect("sent");

    let senders = ["a", "b", "c"];
    let mut children = Vec::new();
    for sender in senders {
        for number in 0..4 {
            let put = aws
                .s3
                .put_object()
                .bucket(&bucket)
                .key(format!("uploads/{sender}{number}"));
            put.body(b"x".to_vec().into()).send().await.expect("is put");
        }
        let file = format!("{sender}.txt");
        let send = deployed
            .then()
            .file(&file, jobs(sender))
            .args(["send", "asked.yaml", "--stage", "move", "--wait", "--timeout", "4m"])
            .args(["--output", "json", "--lines", &file])
            .emulated();
        children.push(send.spawn());
    }
    for (sender, child) in senders.into_iter().zip(children) {
        let (code, stdout, stderr) = tokio::task::block_in_place(|| ended(child));
        assert_eq!(code, 0, "{sender}: {stdout}{stderr}");
        let document: Value = serde_json::from_str(&stdout).expect("one document");
        let mut said: Vec<(String, String, String)> = document["replies"]
            .as_array()
            .expect("replies")
            .iter()
            .map(|reply| {
                let body: Value = serde_json::from_str(reply["body"].as_str().expect("a body")).expect("JSON");
                assert_eq!(body["job"], reply["job_id"], "{reply}");
                let outcome = if body["state"] == "done" {
                    &body["moved"]
                } else {
                    &body["reason"]
                };
                let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
                (text(&reply["job"]), text(&body["state"]), text(outcome))
            })
            .collect();
        said.sort();
        let mut expected: Vec<(String, String, String)> = (1..=4)
            .map(|line| (format!("{sender}.txt, line {line}"), "done".into(), "1".into()))
            .collect();
        let reason = format!("elsewhere/{sender} is not under uploads/");
        expected.push((format!("{sender}.txt, line 5"), "failed".into(), reason));
        assert_eq!(said, expected, "{document}");
    }

    // What is nobody's is still there, and `status` says so.
    let status = run(deployed.then().args(["status", "asked.yaml", "--output", "json"])).json();
    let waiting = &status["stages"][0]["replies"]["waiting"];
    let number = |key: &str| waiting[key].as_u64().expect("a number");
    assert_eq!(number("visible") + number("in_flight"), 1, "{status}");
    run(deployed
        .then()
        .args(["status", "asked.yaml"])
        .stdout_contains("1 waits for who sent the job"));

    run(deployed.then().args(["destroy", "asked.yaml", "--yes"]));
    let left = aws
        .sqs
        .list_queues()
        .queue_name_prefix("asked")
        .send()
        .await
        .expect("a list");
    assert!(left.queue_urls().is_empty(), "{left:?}");
}
