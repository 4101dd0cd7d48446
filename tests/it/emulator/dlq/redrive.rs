//! Dead letters sent back: by hand on the emulator and where the scriptable endpoint is told to have no message move
//! tasks, and by such tasks elsewhere.

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::deployed::{DEAD_LETTERS, Emulated, QUEUE, interrupted, serve, stage, test};
use crate::emulator::dlq::{bodies, dead, hidden, text};
use crate::endpoint::{Endpoint, Fault, On, Script, ScriptedGroup, arn_of};

fn unknown_operation() -> Fault {
    Fault::refuse(400, "InvalidAction", "The action is not valid for this endpoint.")
}

/// A service that has no message move tasks.
fn without_tasks() -> Script {
    Script::new()
        .fault(On::action("ListMessageMoveTasks"), unknown_operation())
        .fault(On::action("StartMessageMoveTask"), unknown_operation())
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
        .stdout("nothing was moved: no messages were found in lab-work-dlq\n")
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
        // A task of somebody else's that has ended.
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

/// SQS counts none, and there are some, more than one request brings: by a task, and by hand.
#[test]
fn what_is_not_counted_yet_goes_back_all_the_same() {
    for (script, how) in [(Script::new(), "task"), (without_tasks(), "by_hand")] {
        let names: Vec<String> = (0..25).map(|number| format!("job {number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let endpoint = dead(script, &names);
        endpoint.world(|world| {
            world.services.queues.counts_late = true;
            world.services.queues.moved_a_look = 25;
            world.services.queues.empty_receives = 2;
        });
        let moved = test(&endpoint).args(["dlq", "redrive", "lab.yaml", "--output", "jsonl"]);
        let lines = moved.run().json_lines();
        let moved = &lines.last().expect("a result")["result"];
        assert_eq!((&moved["moved"], &moved["how"]), (&25.into(), &how.into()), "{moved}");
        assert!(
            lines.iter().all(|line| line["of"] != 0),
            "nobody knows of how many: {lines:#?}"
        );
        assert_eq!(bodies(&endpoint, QUEUE), names);
        let again = test(&endpoint).args(["dlq", "redrive", "lab.yaml", "--output", "json"]);
        assert_eq!(again.run().json()["how"], "nothing");
    }
}

/// A worker fails at once what is sent back to it: it goes back once, counted or not.
#[test]
fn by_hand_what_comes_back_uncounted_does_not_go_round() {
    let endpoint = dead(without_tasks(), &["1", "2", "3"]);
    endpoint.world(|world| {
        world.services.queues.counts_late = true;
        world.services.queues.bounces = Some((DEAD_LETTERS.into(), 50));
    });
    test(&endpoint)
        .args(["dlq", "redrive", "lab.yaml"])
        .stdout_contains("moved 3 messages from lab-work-dlq to lab-work")
        .run();
    assert_eq!(bodies(&endpoint, DEAD_LETTERS), ["1", "2", "3"]);
    assert_eq!(
        hidden(&endpoint),
        [] as [&str; 0],
        "all of them can be received at once"
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

/// Instances that a deploy has yet to replace get what is sent back.
#[test]
fn instances_of_before_the_last_deploy_are_told_of_before() {
    let group = ScriptedGroup::new(
        "lab-work-Group",
        &["us-east-2a:i-01", "us-east-2b:i-02", "us-east-2c:i-03"],
    );
    // One that was told to go takes nothing any more.
    let group = group.and("us-east-2a", "i-04", "Terminating:Wait").version("2");
    let of = |script: Script, old: &[&str]| {
        let group = old.iter().fold(group.clone(), |group, id| group.launched_from(id, "1"));
        let work = stage("work").output("GroupName", "lab-work-Group");
        let endpoint = serve(script.existing(work).group(group));
        endpoint.world(|world| {
            world.services.queues.make(QUEUE, &[]);
            world.services.queues.make(DEAD_LETTERS, &["one"]);
        });
        endpoint
    };
    let redrive = |endpoint: &Endpoint| test(endpoint).args(["dlq", "redrive", "lab.yaml", "work"]);
    let endpoint = of(Script::new(), &["i-02", "i-04"]);
    redrive(&endpoint)
        .stderr_contains("warning: 1 of 3 instances of work is older than its last deploy")
        .stderr_contains("`qfleet status lab.yaml --watch` shows")
        .stdout_contains("moved 1 message")
        .run();
    let lines = redrive(&of(Script::new(), &["i-01", "i-02"]))
        .args(["--output", "jsonl"])
        .run();
    assert!(
        lines.stdout.contains("2 of 3 instances of work are older than"),
        "{}",
        lines.stdout
    );
    redrive(&of(Script::new(), &["i-04"]))
        .stderr_lacks("before its last deploy")
        .run();

    // Without the right to know, it goes on.
    let refusal = Fault::refuse(403, "AccessDenied", "not authorized");
    let script = Script::new().fault(On::action("DescribeAutoScalingGroups"), refusal);
    redrive(&of(script, &["i-02"]))
        .stderr_contains("whether all workers of work are of the last deploy isn't known")
        .stdout_contains("moved 1 message")
        .run();
}
