//! `qfleet dlq`: dead letters looked at, sent back and deleted; on the emulator, and on the scriptable endpoint, which
//! fails as told.

mod redrive;

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::deployed::{DEAD_LETTERS, Emulated, interrupted, lab, serve, stage, test};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::in_a_terminal;

/// An endpoint with these dead letters.
fn dead(script: Script, bodies: &[&str]) -> Endpoint {
    let endpoint = lab(script);
    endpoint.world(|world| world.services.queues.make(DEAD_LETTERS, bodies));
    endpoint
}

fn bodies(endpoint: &Endpoint, queue: &str) -> Vec<String> {
    endpoint.world(|world| world.services.queues.bodies(queue))
}

/// Dead letters that nobody can receive now.
fn hidden(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.queues.hidden(DEAD_LETTERS, world.now))
}

fn text(value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
    value.build().expect("a value")
}

#[test]
fn looking_at_dead_letters_loses_none_and_hides_none() {
    let lab = Emulated::deploy();
    lab.run(&["dlq", "sample", "lab.yaml", "work"])
        .stdout("No messages were received from lab-work-dlq.\n")
        .run();
    lab.aws(async |aws| {
        for number in 0..25 {
            let send = aws.sqs.send_message().queue_url(&lab.dead_letters);
            let body = format!(
                "{{\"job\": {number}, \"bell\": \"\u{7f}\", \"long\": \"{}\"}}",
                "x".repeat(400)
            );
            let send = send.message_body(body).message_attributes("origin", text("test"));
            send.send().await.expect("sent");
        }
    });
    let sample = |args: &[&str]| lab.run(&["dlq", "sample", "lab.yaml", "work"]).args(args);
    let seen = sample(&["--count", "23", "--output", "json"]).run().json();
    let messages = seen["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 23);
    assert!(messages.iter().all(|message| message["receives"] == 1), "{seen}");
    assert!(
        messages[0]["body"].as_str().is_some_and(|body| body.len() > 400),
        "whole: {seen}"
    );
    assert_eq!(messages[0]["attributes"]["origin"], "test", "{seen}");
    for time in ["sent", "first_received"] {
        let at = messages[0][time].as_str().map(str::parse::<jiff::Timestamp>);
        assert!(at.is_some_and(|at| at.is_ok()), "{time}: {seen}");
    }
    assert_eq!(seen["hidden"], serde_json::json!([]), "{seen}");
    assert_eq!(lab.depth(&lab.dead_letters), (25, 0), "all can be received at once");

    let shown = sample(&["--count", "2"])
        .stdout_contains("2 messages of about 25 in lab-work-dlq\n")
        .stdout_contains("received once before this look, first 20")
        .stdout_contains("\\u{7f}")
        .stdout_contains("… (4")
        .run();
    assert!(!shown.stdout.contains(&"x".repeat(400)), "{}", shown.stdout);
    assert_eq!(lab.depth(&lab.dead_letters), (25, 0));
}

/// What workers received counts, not the look that shows it.
#[test]
fn a_message_that_failed_as_often_as_it_may_says_so() {
    let lab = Emulated::deploy();
    lab.aws(async |aws| {
        aws.sqs
            .send_message()
            .queue_url(&lab.queue)
            .message_body("nonsense")
            .send()
            .await
            .expect("sent");
        // The default of `max_receives`, and the receive that finds it to be too much.
        for _ in 0..=5 {
            let receive = aws.sqs.receive_message().queue_url(&lab.queue);
            receive.visibility_timeout(0).send().await.expect("an answer");
        }
    });
    lab.wait_for(&lab.dead_letters, 1);
    let look = |text: &str| {
        let look = lab.run(&["dlq", "sample", "lab.yaml", "work"]);
        look.stdout_contains(text)
            .stdout_contains("\nEach look counts as a receive.\n")
            .run();
    };
    look("received 5 times before this look, first 20");
    look("received 6 times before this look, first 20");
}

#[test]
fn what_was_received_is_shown_again_also_after_an_error() {
    let script = Script::new().fault(
        On::action("ReceiveMessage").numbers(2..=2),
        Fault::refuse(
            400,
            "AccessDeniedException",
            "not authorized to perform: sqs:ReceiveMessage",
        ),
    );
    let endpoint = dead(script, &["1"; 15]);
    endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.refuse("ChangeMessageVisibilityBatch", "1", "InternalError", false, 2);
    });
    test(&endpoint)
        .args(["dlq", "sample", "lab.yaml", "--count", "15"])
        .status(1)
        .stderr_contains("sqs:ReceiveMessage")
        .stderr_contains("lacks this permission")
        .run();
    assert_eq!(hidden(&endpoint), [] as [&str; 0]);
    assert_eq!(endpoint.calls("ChangeMessageVisibilityBatch").len(), 2);
}

#[test]
fn what_was_received_is_shown_again_also_after_an_interrupt() {
    let script = Script::new().fault(On::action("ReceiveMessage").numbers(2..=2), Fault::Stall);
    let endpoint = dead(script, &["1"; 15]);
    let sample = test(&endpoint).args(["dlq", "sample", "lab.yaml", "--count", "15"]);
    let (code, _, _) = interrupted(&sample, &endpoint, |endpoint| {
        endpoint.calls("ReceiveMessage").len() == 2
    });
    assert_eq!(code, 130);
    assert_eq!(endpoint.calls("ReceiveMessage").len(), 2, "it wasn't tried again");
    assert_eq!(hidden(&endpoint), [] as [&str; 0]);
}

#[test]
fn what_can_not_be_shown_again_is_named() {
    let endpoint = dead(Script::new(), &["good", "bad"]);
    endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.refuse("ChangeMessageVisibilityBatch", "bad", "InternalError", false, 99);
    });
    let seen = test(&endpoint)
        .args(["dlq", "sample", "lab.yaml", "--output", "json"])
        .stderr_contains("could not be shown to others again at once: InternalError: as the script says")
        .run()
        .json();
    assert_eq!(seen["messages"].as_array().map(Vec::len), Some(2), "{seen}");
    assert_eq!(seen["hidden"].as_array().map(Vec::len), Some(1), "{seen}");
    assert_eq!(hidden(&endpoint), ["bad"]);
}

/// The key stands behind what SNS says, further than a terminal shows.
#[test]
fn a_dead_letter_names_its_file_and_what_to_do_with_it() {
    let event = r#"{"Records":[{"s3":{"object":{"key":"uploads/a+b.txt"}}}]}"#;
    let notification = serde_json::json!({"Signature": "x".repeat(400), "Type": "Notification", "Message": event});
    let endpoint = dead(Script::new(), &[&notification.to_string()]);
    let sample = |args: &[&str]| test(&endpoint).args(["dlq", "sample", "lab.yaml"]).args(args);
    let seen = sample(&["--output", "json"]).run().json();
    assert_eq!(
        seen["messages"][0]["files"],
        serde_json::json!(["uploads/a b.txt"]),
        "{seen}"
    );
    sample(&[])
        .stdout_contains("\n  file uploads/a b.txt\n")
        .stdout_contains("\n  qfleet logs lab.yaml --stage work --since ")
        .stdout_contains("h --filter 'uploads/a b.txt'")
        .stdout_contains("\n  qfleet files lab.yaml --get 'uploads/a b.txt'")
        .stdout_contains("\n  qfleet dlq redrive lab.yaml --stage work")
        .run();
    let other = dead(Script::new(), &["nonsense"]);
    let seen = test(&other).args(["dlq", "sample", "lab.yaml"]);
    seen.stdout_contains("\n  qfleet logs lab.yaml --stage work --since ")
        .stdout_lacks("--get")
        .run();
}

#[test]
fn purging_asks_and_says_how_many() {
    let lab = Emulated::deploy();
    lab.aws(async |aws| {
        for _ in 0..3 {
            let send = aws.sqs.send_message().queue_url(&lab.dead_letters).message_body("x");
            send.send().await.expect("sent");
        }
    });
    lab.run(&["dlq", "purge", "lab.yaml", "work"])
        .status(4)
        .stderr_contains("Delete about 3 messages in lab-work-dlq for good?")
        .run();
    let question = "for good?";
    let (code, said) = in_a_terminal(
        &lab.run(&["dlq", "purge", "lab.yaml", "work"]),
        80,
        &[(question, "n\r")],
    );
    assert_eq!(code, 4, "{said}");
    assert_eq!(lab.depth(&lab.dead_letters), (3, 0));
    let purged = lab.run(&["dlq", "purge", "lab.yaml", "work", "--yes", "--output", "json"]);
    let purged = purged.run().json();
    assert_eq!(purged["messages"], 3, "{purged}");
    assert_eq!(lab.depth(&lab.dead_letters), (0, 0));
    assert_eq!(lab.depth(&lab.queue), (0, 0));
}

/// SQS counts none, and there are some.
#[test]
fn what_is_not_counted_yet_is_purged_all_the_same() {
    let endpoint = dead(Script::new(), &["1", "2"]);
    endpoint.world(|world| world.services.queues.counts_late = true);
    let purge = test(&endpoint).args(["dlq", "purge", "lab.yaml"]);
    purge
        .status(4)
        .stderr_contains("SQS counts no messages in lab-work-dlq, and can be a minute late")
        .run();
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["1", "2"]);
    let purged = test(&endpoint).args(["dlq", "purge", "lab.yaml", "--yes"]).run();
    assert!(purged.stdout.contains("SQS had counted none"), "{}", purged.stdout);
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), [] as [&str; 0]);
}

#[test]
fn a_queue_that_somebody_deleted_is_not_purged() {
    let gone = Fault::refuse(400, "QueueDoesNotExist", "The specified queue does not exist.");
    let endpoint = dead(Script::new().fault(On::action("GetQueueAttributes"), gone), &[]);
    test(&endpoint)
        .args(["dlq", "purge", "lab.yaml", "work", "--yes"])
        .status(1)
        .stderr_contains(format!("error: there is no queue {DEAD_LETTERS}"))
        .stderr_contains("help: somebody deleted it: `qfleet drift` shows what else is gone")
        .run();
    assert!(endpoint.calls("PurgeQueue").is_empty());
}

#[test]
fn a_second_purge_within_a_minute_is_explained() {
    let message = "Only one PurgeQueue operation on lab-work-dlq is allowed every 60 seconds.";
    let script = Script::new()
        .fault(
            On::action("PurgeQueue").numbers(1..=2),
            Fault::refuse(400, "RequestThrottled", "slow down"),
        )
        .fault(
            On::action("PurgeQueue"),
            Fault::refuse(400, "PurgeQueueInProgress", message),
        );
    let endpoint = dead(script, &["1"]);
    test(&endpoint)
        .args(["dlq", "purge", "lab.yaml", "--yes"])
        .status(1)
        .stderr_contains("lab-work-dlq was purged less than a minute ago")
        .stderr_contains("wait a minute")
        .run();
    assert_eq!(
        endpoint.calls("PurgeQueue").len(),
        3,
        "throttled twice, then refused for good"
    );
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["1"]);
}

#[test]
fn of_several_stages_one_must_be_named() {
    let endpoint = serve(Script::new().existing(stage("one")).existing(stage("two")));
    for verb in ["sample", "redrive", "purge"] {
        test(&endpoint)
            .args(["dlq", verb, "lab.yaml"])
            .status(2)
            .stderr_contains("lab has several stages: name one")
            .stderr_contains("its stages: one, two")
            .run();
    }
    test(&endpoint)
        .args(["dlq", "sample", "lab.yaml", "one", "--count", "101"])
        .status(2)
        .run();
    test(&endpoint)
        .args(["dlq", "redrive", "lab.yaml", "one", "--max-rate", "501"])
        .status(2)
        .run();
    assert_eq!(endpoint.calls("ReceiveMessage").len(), 0);
}
