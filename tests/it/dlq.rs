//! `qfleet dlq`: dead letters looked at, sent back and deleted; on the emulator, and on the scriptable endpoint, which
//! has SQS's message move tasks and fails as told.

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::deployed::{DEAD_LETTERS, Emulated, QUEUE, interrupted, lab, serve, stage, test};
use crate::endpoint::{Endpoint, Fault, On, Script, arn_of};
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

fn unknown_operation() -> Fault {
    Fault::refuse(400, "InvalidAction", "The action is not valid for this endpoint.")
}

/// A service that has no message move tasks.
fn without_tasks() -> Script {
    Script::new()
        .fault(On::action("ListMessageMoveTasks"), unknown_operation())
        .fault(On::action("StartMessageMoveTask"), unknown_operation())
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
        .stdout_contains("received 2 times, first 20")
        .stdout_contains("\\u{7f}")
        .stdout_contains("… (4")
        .run();
    assert!(!shown.stdout.contains(&"x".repeat(400)), "{}", shown.stdout);
    assert_eq!(lab.depth(&lab.dead_letters), (25, 0));
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

#[test]
fn the_emulator_has_no_tasks_and_dead_letters_go_back_all_the_same() {
    let lab = Emulated::deploy();
    lab.aws(async |aws| {
        for number in 0..25 {
            let send = aws.sqs.send_message().queue_url(&lab.dead_letters);
            let binary = MessageAttributeValue::builder()
                .data_type("Binary.gz")
                .binary_value(vec![0, 159].into());
            let send = send
                .message_body(format!("job {number} 🚚\n"))
                .message_attributes("origin", text("grün"))
                .message_attributes("data", binary.build().expect("a value"))
                .message_group_id("tenant-7");
            send.send().await.expect("sent");
        }
    });
    let moved = lab.run(&["dlq", "redrive", "lab.yaml", "work", "--output", "json"]);
    let moved = moved.run().json();
    assert_eq!(
        (&moved["moved"], &moved["how"]),
        (&25.into(), &"by_hand".into()),
        "{moved}"
    );
    assert_eq!(lab.depth(&lab.dead_letters), (0, 0));
    let there = lab.take(&lab.queue, 25);
    let mut there_bodies: Vec<&str> = there.iter().map(|message| message.body().expect("a body")).collect();
    there_bodies.sort_unstable();
    let mut expected: Vec<String> = (0..25).map(|number| format!("job {number} 🚚\n")).collect();
    expected.sort();
    assert_eq!(there_bodies, expected);
    for message in there {
        let attributes = message.message_attributes.expect("attributes");
        assert_eq!(attributes["origin"], text("grün"));
        assert_eq!(attributes["data"].data_type(), "Binary.gz");
        assert_eq!(attributes["data"].binary_value().expect("bytes").as_ref(), [0, 159]);
        assert_eq!(attributes.len(), 2);
        let system = message.attributes.expect("system attributes");
        assert_eq!(system[&"MessageGroupId".into()], "tenant-7");
    }
    lab.run(&["dlq", "redrive", "lab.yaml", "work"])
        .stdout("lab-work-dlq is empty: nothing to redrive.\n")
        .run();
}

#[test]
fn a_message_is_deleted_only_when_it_was_sent() {
    let endpoint = dead(without_tasks(), &["good", "refused", "stuck"]);
    endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.refuse("SendMessageBatch", "refused", "InvalidMessageContents", true, 99);
        queues.refuse("DeleteMessageBatch", "stuck", "InternalError", false, 99);
    });
    let moved = test(&endpoint)
        .args(["dlq", "redrive", "lab.yaml", "--output", "json"])
        .status(1)
        .stderr_contains("InvalidMessageContents")
        .stderr_contains("it was sent, but is still among the dead letters, too: InternalError")
        .run()
        .json();
    assert_eq!(bodies(&endpoint, QUEUE), ["good", "stuck"]);
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["refused", "stuck"]);
    assert_eq!(
        (&moved["moved"], &moved["succeeded"]),
        (&1.into(), &false.into()),
        "{moved}"
    );
    assert_eq!(moved["failed"].as_array().map(Vec::len), Some(2), "{moved}");
    assert_eq!(hidden(&endpoint), ["stuck"], "the other can be received at once");
}

#[test]
fn interrupted_by_hand_nothing_is_lost() {
    let script = without_tasks().fault(On::action("SendMessageBatch").numbers(2..=2), Fault::Stall);
    let names: Vec<String> = (0..30).map(|number| format!("job {number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let endpoint = dead(script, &names);
    let redrive = test(&endpoint).args(["dlq", "redrive", "lab.yaml", "--output", "json"]);
    let (code, said, _) = interrupted(&redrive, &endpoint, |endpoint| {
        endpoint.calls("SendMessageBatch").len() == 2
    });
    assert_eq!(code, 130);
    let moved: serde_json::Value = serde_json::from_str(&said).expect("one document");
    assert_eq!(
        (&moved["moved"], &moved["unknown"]),
        (&10.into(), &10.into()),
        "{moved}"
    );
    let mut all = bodies(&endpoint, QUEUE);
    assert_eq!(all.len(), 10);
    all.extend(bodies(&endpoint, DEAD_LETTERS));
    all.sort();
    assert_eq!(all, names);
    assert_eq!(endpoint.calls("ReceiveMessage").len(), 2, "and nothing more was begun");
}

/// A worker may fail at once what is sent back to it.
#[test]
fn by_hand_no_more_go_back_than_there_were() {
    let endpoint = dead(without_tasks(), &["1", "2", "3"]);
    endpoint.world(|world| world.services.queues.bounces = Some((DEAD_LETTERS.into(), 50)));
    test(&endpoint)
        .args(["dlq", "redrive", "lab.yaml", "--max-rate", "2"])
        .stdout_contains("moved 3 messages from lab-work-dlq to lab-work")
        .run();
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["1", "2", "3"]);
    let received: Vec<u64> = endpoint
        .calls("ReceiveMessage")
        .iter()
        .map(|call| {
            let input: serde_json::Value = serde_json::from_slice(&call.body).expect("JSON");
            input["MaxNumberOfMessages"].as_u64().expect("a number")
        })
        .collect();
    assert_eq!(
        received,
        [2, 1],
        "as many as the rate allows, and as many as there were"
    );
}

#[test]
fn sqs_moves_dead_letters_itself_where_it_can() {
    let endpoint = dead(Script::new(), &["1", "2", "3", "4", "5"]);
    endpoint.world(|world| {
        world.services.queues.moved_a_look = 4;
        // One that has nothing to do with us ended before.
        let (from, to) = (arn_of(DEAD_LETTERS), arn_of(QUEUE));
        world.services.queues.start(&from, &to);
        world.services.queues.end_tasks("COMPLETED");
        world.services.queues.unlisted = 1;
        world.services.queues.uncounted = 2;
    });
    let lines = test(&endpoint)
        .args(["dlq", "redrive", "lab.yaml", "--max-rate", "7", "--output", "jsonl"])
        .run()
        .json_lines();
    assert_eq!(bodies(&endpoint, QUEUE), ["1", "2", "3", "4", "5"]);
    assert_eq!(endpoint.world(|world| world.services.queues.rate()), Some(7));
    assert_eq!(endpoint.calls("ReceiveMessage").len(), 0);
    let progress: Vec<u64> = lines.iter().filter_map(|line| line["moved"].as_u64()).collect();
    assert_eq!(
        progress,
        [0, 4, 4, 4, 5],
        "looked at until it has ended and is counted: {lines:#?}"
    );
    let result = &lines.last().expect("a result")["result"];
    assert_eq!(
        (&result["moved"], &result["how"]),
        (&5.into(), &"task".into()),
        "{result}"
    );
}

#[test]
fn a_task_that_runs_already_is_waited_for() {
    // Seen at once; or only when a second one is refused.
    for unlisted in [0, 1] {
        let endpoint = dead(Script::new(), &["1", "2", "3"]);
        endpoint.world(|world| {
            world.services.queues.unlisted = unlisted;
            let (from, to) = (arn_of(DEAD_LETTERS), arn_of(QUEUE));
            world.services.queues.start(&from, &to);
        });
        let moved = test(&endpoint)
            .args(["dlq", "redrive", "lab.yaml", "--max-rate", "7", "--output", "json"])
            .stderr_contains("started before")
            .run()
            .json();
        assert_eq!(
            (&moved["moved"], &moved["how"]),
            (&3.into(), &"running_task".into()),
            "{moved}"
        );
        assert_eq!(bodies(&endpoint, QUEUE), ["1", "2", "3"]);
        assert_eq!(endpoint.calls("StartMessageMoveTask").len(), unlisted as usize);
    }
}

#[test]
fn a_task_that_ends_badly_is_a_failure() {
    for (status, reason) in [("FAILED", "AccessDenied"), ("CANCELLED", "somebody cancelled the task")] {
        let endpoint = dead(Script::new(), &["1", "2", "3"]);
        endpoint.world(|world| world.services.queues.tasks_end = Some((status, "AccessDenied")));
        test(&endpoint)
            .args(["dlq", "redrive", "lab.yaml"])
            .status(1)
            .stdout_contains("moved 1 message from")
            .stdout_contains(reason)
            .stdout_contains("still in lab-work-dlq")
            .run();
        assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["2", "3"]);
    }
}

#[test]
fn interrupted_a_task_goes_on_and_that_is_said() {
    let bodies_of_many = vec!["job"; 500];
    let endpoint = dead(Script::new(), &bodies_of_many);
    let redrive = test(&endpoint).args(["dlq", "redrive", "lab.yaml"]);
    let (code, said, _) = interrupted(&redrive, &endpoint, |endpoint| {
        endpoint.calls("ListMessageMoveTasks").len() == 2
    });
    assert_eq!(code, 130);
    assert!(said.contains("goes on in SQS"), "{said}");
}

#[test]
fn a_task_that_may_not_be_started_moves_nothing() {
    let denied = |action: &str| {
        let text = format!("not authorized to perform: sqs:{action}");
        Fault::refuse(400, "AccessDeniedException", &text)
    };
    for action in ["ListMessageMoveTasks", "StartMessageMoveTask"] {
        let endpoint = dead(Script::new().fault(On::action(action), denied(action)), &["1"]);
        test(&endpoint)
            .args(["dlq", "redrive", "lab.yaml"])
            .status(1)
            .stderr_contains(format!("sqs:{action}"))
            .run();
        assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["1"]);
        assert_eq!(endpoint.calls("ReceiveMessage").len(), 0, "nor by hand");
    }
}

#[test]
fn a_service_that_lists_tasks_but_starts_none_is_helped_out() {
    let refused = Fault::refuse(400, "UnsupportedOperation", "not for this queue");
    let endpoint = dead(
        Script::new().fault(On::action("StartMessageMoveTask"), refused),
        &["1", "2"],
    );
    let moved = test(&endpoint).args(["dlq", "redrive", "lab.yaml", "--output", "json"]);
    let moved = moved.run().json();
    assert_eq!(
        (&moved["moved"], &moved["how"]),
        (&2.into(), &"by_hand".into()),
        "{moved}"
    );
    assert_eq!(bodies(&endpoint, QUEUE), ["1", "2"]);
}

#[test]
fn purging_asks_and_says_how_many() {
    let lab = Emulated::deploy();
    lab.run(&["dlq", "purge", "lab.yaml", "work"])
        .stdout("lab-work-dlq is empty: nothing to purge.\n")
        .run();
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
