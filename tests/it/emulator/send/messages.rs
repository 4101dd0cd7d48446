//! `qfleet send --stage`: bodies of messages, from files, lines and standard input.

use std::collections::BTreeSet;

use crate::deployed::{Emulated, QUEUE, interrupted, lab, test};
use crate::endpoint::{Endpoint, Fault, On, Script};

#[test]
fn messages_arrive_as_they_are() {
    let lab = Emulated::deploy();
    let send = |args: &[&str]| lab.run(args).args(["--stage", "next", "--output", "json"]);
    let report = send(&["send", "lab.yaml", "jobs", "--repeat", "2"])
        .file("jobs/1.json", "{\"n\": 1}\n")
        .file("jobs/deep/2.txt", "zwei 🚚\r\n\t<&>")
        .run()
        .json();
    assert_eq!(
        (&report["messages"], &report["bytes"]),
        (&4.into(), &(2 * (9 + 15)).into()),
        "{report}"
    );
    assert_eq!(report["stage"], "next", "{report}");
    send(&["send", "lab.yaml", "lines.txt", "--lines"])
        .file("lines.txt", "l1\r\n\n  \nl2")
        .run();
    send(&["send", "lab.yaml", "-", "--lines"]).stdin("s1\ns2\n").run();
    send(&["send", "lab.yaml", "-"]).stdin("s3\ns4\n").run();

    let mut bodies: Vec<String> = lab
        .take(&lab.next, 9)
        .into_iter()
        .map(|message| message.body.expect("a body"))
        .collect();
    bodies.sort();
    let mut expected = ["{\"n\": 1}\n", "zwei 🚚\r\n\t<&>"].repeat(2);
    expected.extend(["l1", "l2", "s1", "s2", "s3\ns4\n"]);
    expected.sort_unstable();
    assert_eq!(bodies, expected);
    assert_eq!(lab.depth(&lab.queue), (0, 0), "no file was uploaded");
}

#[test]
fn a_thousand_messages_go_by_the_ten_and_never_too_many_bytes_at_once() {
    let endpoint = lab(Script::new());
    let lines: String = (0..1003).map(|n| format!("job {n}\n")).collect();
    test(&endpoint)
        .args(["send", "lab.yaml", "--stage", "work", "--lines", "-"])
        .stdin(lines)
        .stdout_contains("sent 1003 messages")
        .run();
    assert_eq!(endpoint.calls("SendMessageBatch").len(), 101);
    assert_eq!(endpoint.world(|world| world.services.queues.bodies(QUEUE).len()), 1003);

    // The endpoint refuses more than SQS takes.
    let large = "x".repeat(400 * 1024) + "\n";
    test(&endpoint)
        .args(["send", "lab.yaml", "--stage", "work", "--lines", "large.txt"])
        .file("large.txt", large.repeat(7))
        .run();
    assert_eq!(endpoint.calls("SendMessageBatch").len(), 101 + 4);
}

fn bodies(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.queues.bodies(QUEUE))
}

#[test]
fn what_sqs_refuses_is_tried_again_and_then_said_one_by_one() {
    let script = Script::new().fault(
        On::action("SendMessageBatch").numbers(1..=2),
        Fault::refuse(400, "RequestThrottled", "slow down"),
    );
    let endpoint = lab(script);
    endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.refuse("SendMessageBatch", "job 1", "InternalError", false, 2);
        queues.refuse("SendMessageBatch", "job 2", "InvalidMessageContents", true, 9);
        queues.refuse("SendMessageBatch", "job 3", "InternalError", false, 99);
    });
    let sent = test(&endpoint)
        .args([
            "send", "lab.yaml", "--stage", "work", "--lines", "jobs", "--output", "json",
        ])
        .file("jobs", "job 1\njob 2\njob 3\njob 4\n")
        .status(1)
        .stderr_contains("✗ jobs, line 2: InvalidMessageContents: as the script says")
        .run()
        .json();
    assert_eq!(bodies(&endpoint), ["job 1", "job 4"], "and none twice");
    assert_eq!(sent["messages"], 2, "{sent}");
    assert_eq!(sent["succeeded"], false, "{sent}");
    let failed: BTreeSet<&str> = sent["failed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|failed| failed["what"].as_str().expect("text"))
        .collect();
    assert_eq!(failed, BTreeSet::from(["jobs, line 2", "jobs, line 3"]));
    let refused = endpoint.world(|world| {
        let calls = world.calls.iter().filter(|call| call.action == "SendMessageBatch");
        calls
            .filter(|call| String::from_utf8_lossy(&call.body).contains("job 2"))
            .count()
    });
    assert_eq!(
        refused, 3,
        "twice throttled, once refused for good: that isn't tried again"
    );
}

#[test]
fn without_permission_it_ends_soon_and_says_what_is_missing() {
    let denied = || {
        Fault::refuse(
            400,
            "AccessDeniedException",
            "not authorized to perform: sqs:SendMessage",
        )
    };
    let endpoint = lab(Script::new().fault(On::action("SendMessageBatch"), denied()));
    let lines: String = (0..1000).map(|n| format!("job {n}\n")).collect();
    let sent = test(&endpoint)
        .args([
            "send", "lab.yaml", "--stage", "work", "--lines", "-", "--output", "json",
        ])
        .stdin(lines)
        .status(1)
        .stderr_contains("sqs:SendMessage")
        .run()
        .json();
    let calls = endpoint.calls("SendMessageBatch").len();
    assert!(calls <= 16, "{calls} requests that could not succeed");
    let count = |name: &str| sent[name].as_u64().unwrap_or_else(|| panic!("{name}: {sent}"));
    let failed = sent["failed"].as_array().expect("a list").len() as u64;
    assert_eq!(failed + count("not_sent"), 1000);
}

/// The second would go after 1000 s.
#[test]
fn there_are_never_more_than_the_rate_allows() {
    let endpoint = lab(Script::new());
    let send = test(&endpoint)
        .args([
            "send", "lab.yaml", "--stage", "work", "--lines", "jobs", "--rate", "0.001",
        ])
        .file("jobs", "1\n2\n3\n");
    let (code, said, _) = interrupted(&send, &endpoint, |endpoint| !bodies(endpoint).is_empty());
    assert_eq!(code, 130);
    assert!(
        said.contains("sent 1 message (1 B)") && said.contains("2 messages: not sent"),
        "{said}"
    );
    assert_eq!(bodies(&endpoint), ["1"]);
}
