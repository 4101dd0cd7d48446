//! `destroy` against AWS's documented answers: what stands in the way, what is refused, what stays.

mod copied_tags;
mod data;
mod groups;
mod mappings;
mod refused;

use crate::endpoint::{Endpoint, Existing, Script, Verb, World};
use crate::harness::{Output, Test};

/// A stack of the environment `lab`, whose file is lost.
fn part(part: &str, needs: &str, body: &str) -> Existing {
    let stack = Existing::new(&format!("lab-{part}"), "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", part)
        .tag("qfleet:protect", "false")
        .tag("qfleet:on-destroy", "empty")
        .body(body);
    match needs {
        "" => stack,
        needs => stack.tag("qfleet:needs", needs),
    }
}

const BUCKET: &str = "lab-111122223333-us-east-2";

/// A bucket whose policy goes first, and a topic.
fn intake() -> Existing {
    part(
        "intake",
        "",
        "\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: lab-111122223333-us-east-2}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties: {Bucket: !Ref Bucket, PolicyDocument: {Version: '2012-10-17', Statement: []}}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: lab-uploads}
Outputs:
  TopicArn:
    Value: !Ref Topic
    Export: {Name: lab-topic}
",
    )
    .output("TopicArn", "arn:aws:sns:us-east-2:111122223333:lab-uploads")
}

/// A stage with a queue alone.
fn work() -> Existing {
    part(
        "work",
        "intake",
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n",
    )
}

/// An endpoint that holds the stacks of the script, and an object in the bucket.
fn serve(script: Script) -> Endpoint {
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| world.services.put_object(BUCKET, "uploads/a.txt", "a"));
    endpoint
}

fn with_endpoint(test: Test, endpoint: &Endpoint) -> Test {
    test.env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_REGION", "us-east-2")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

/// `destroy --name lab --yes`, in a folder without files.
fn destroy(endpoint: &Endpoint) -> Test {
    with_endpoint(Test::new(), endpoint).args(["destroy", "--name", "lab", "--yes"])
}

/// The names of the calls so far that match, in order.
fn order(endpoint: &Endpoint, actions: &[&str]) -> Vec<String> {
    endpoint.world(|world| {
        let calls = world
            .calls
            .iter()
            .filter(|call| actions.contains(&call.action.as_str()));
        calls.map(|call| call.action.clone()).collect()
    })
}

fn nothing_was_deleted(endpoint: &Endpoint) {
    for action in [
        "DeleteStack",
        "DeleteObjects",
        "UpdateTerminationProtection",
        "ExecuteChangeSet",
    ] {
        assert_eq!(endpoint.calls(action).len(), 0, "{action}");
    }
}

/// Runs it, and does something to the world as soon as the stack is being deleted.
fn while_it_is_deleted(
    endpoint: &Endpoint,
    stack: &str,
    interfere: impl FnOnce(&mut World) + Send,
    run: impl FnOnce() -> Output,
) -> Output {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            endpoint.wait_until("the stack is being deleted", |world| {
                let found = world.find(stack);
                found.is_some_and(|found| world.stacks[found].status == "DELETE_IN_PROGRESS")
            });
            endpoint.world(interfere);
        });
        run()
    })
}

fn attempts(output: &Output) -> usize {
    output.stderr.matches("tried again").count()
}

#[test]
fn without_its_file_all_is_found_by_tags_and_what_is_gone_is_a_success() {
    let other = Existing::new("lab-2-intake", "CREATE_COMPLETE").tag("qfleet:environment", "lab-2");
    let endpoint = serve(Script::new().existing(intake()).existing(work()).existing(other));
    destroy(&endpoint).run();
    assert_eq!(endpoint.stacks(), ["lab-2-intake"], "a neighbour's stay");
    let deleted: Vec<_> = endpoint
        .calls("DeleteStack")
        .into_iter()
        .filter_map(|call| call.stack)
        .collect();
    assert_eq!(deleted, ["lab-work", "lab-intake"]);
    let again = destroy(&endpoint).args(["--region", "us-east-2"]);
    let again = again.stdout_regex(r"^lab is gone already, or never was in account \d{12}, [a-z0-9-]+: nothing to do\.\nlab: nothing is left over in us-east-2.\n$");
    again.run();
    let json = destroy(&endpoint).args(["--region", "us-east-2", "--output", "json"]);
    let json = json.run().json();
    assert_eq!(json["succeeded"], true);
    assert_eq!(json["stacks"], serde_json::json!([]));
}

#[test]
fn a_bucket_that_is_filled_again_meanwhile_is_emptied_again() {
    let script = Script::new().existing(intake());
    let endpoint = serve(script.takes("lab-intake", "BucketPolicy", std::time::Duration::from_secs(1)));
    let output = while_it_is_deleted(
        &endpoint,
        "lab-intake",
        |world| world.services.put_object(BUCKET, "uploads/late.txt", "late"),
        || destroy(&endpoint).args(["--output", "json"]).run(),
    );
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    assert_eq!(endpoint.calls("DeleteStack").len(), 2);
    assert!(
        output.stderr.contains("Bucket (AWS::S3::Bucket) is DELETE_FAILED"),
        "{}",
        output.stderr
    );
    assert_eq!(attempts(&output), 1, "{}", output.stderr);
    assert_eq!(output.json()["succeeded"], true);
}

#[test]
fn what_fails_for_good_is_named_with_what_to_do_after_a_bounded_number_of_attempts() {
    for (resource, why, deletes) in [("Bucket", "not empty, says S3", 3), ("Topic", "in use", 2)] {
        let endpoint = serve(
            Script::new()
                .existing(intake())
                .fails("lab-intake", resource, Verb::Delete, why),
        );
        let output = destroy(&endpoint).status(1).run();
        assert_eq!(endpoint.calls("DeleteStack").len(), deletes, "{resource}");
        assert_eq!(endpoint.status("lab-intake").as_deref(), Some("DELETE_FAILED"));
        let (_, summary) = output.stderr.split_once("error: ").expect("a summary");
        for words in [resource, why, "put right what keeps", "--force"] {
            assert!(summary.contains(words), "{words}: {summary}");
        }
    }
}

#[test]
fn a_failure_that_passes_is_tried_again() {
    let endpoint =
        serve(
            Script::new()
                .existing(intake())
                .fails_times("lab-intake", "Topic", Verb::Delete, "in use", 1),
        );
    destroy(&endpoint).run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 2);
}

#[test]
fn force_leaves_what_cannot_be_deleted_behind_and_names_it() {
    let script = || Script::new().existing(intake()).existing(work());
    let stuck = || script().fails("lab-intake", "Topic", Verb::Delete, "in use by somebody");
    let endpoint = serve(stuck());
    let output = destroy(&endpoint).args(["--force", "--output", "json"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    let deletes = endpoint.calls("DeleteStack");
    let forced: Vec<_> = deletes.iter().map(|call| call.input.text("DeletionMode")).collect();
    // The stage's, then two in vain, then by force.
    assert_eq!(forced, [None, None, None, Some("FORCE_DELETE_STACK")]);
    let topic = "arn:aws:sns:us-east-2:111122223333:lab-uploads";
    assert!(
        output.stderr.contains(&format!("! {topic} (AWS::SNS::Topic)")),
        "{}",
        output.stderr
    );
    let abandoned = serde_json::json!([{
        "stack": "lab-intake",
        "resource_type": "AWS::SNS::Topic",
        "name": topic,
        "reason": "in use by somebody",
    }]);
    assert_eq!(output.json()["abandoned"], abandoned);
    // Where the usual way works, force changes nothing.
    let endpoint = serve(script());
    let output = destroy(&endpoint).args(["--force", "--output", "json"]).run();
    assert!(
        endpoint
            .calls("DeleteStack")
            .iter()
            .all(|call| call.input.text("DeletionMode").is_none())
    );
    assert!(output.json().get("abandoned").is_none());
}

#[test]
fn force_asks_before_it_leaves_anything() {
    let stuck = Script::new()
        .existing(intake())
        .fails("lab-intake", "Topic", Verb::Delete, "in use");
    let endpoint = serve(stuck);
    let run = with_endpoint(Test::new(), &endpoint).args(["destroy", "--name", "lab", "--force"]);
    let answers = [
        ("Destroy lab in account", "y\r"),
        ("Leave that behind and give up lab-intake?", "n\r"),
    ];
    let (code, said) = crate::harness::in_a_terminal(&run, 200, &answers);
    assert_eq!(code, 1, "{said}");
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("DELETE_FAILED"));
}

#[test]
fn nothing_but_a_yes_is_taken_for_one_and_an_interrupt_is_an_interrupt() {
    let endpoint = serve(Script::new().existing(intake()));
    let run = with_endpoint(Test::new(), &endpoint).args(["destroy", "--name", "lab"]);
    for (typed, code, said) in [
        ("maybe\r", 4, "not confirmed: nothing was changed"),
        ("qfleet destroy lab\r", 4, "not confirmed: nothing was changed"),
        ("\r", 4, "not confirmed: nothing was changed"),
        ("\u{3}", 130, "not confirmed: nothing was changed"),
    ] {
        let (ended, screen) = crate::harness::in_a_terminal(&run, 200, &[("Destroy lab in account", typed)]);
        assert_eq!(ended, code, "{typed:?}: {screen}");
        assert!(screen.contains(said), "{typed:?}: {screen}");
        assert!(endpoint.calls("DeleteStack").is_empty(), "{typed:?}");
    }
    let answers = [("Destroy lab in account", "nes\u{7f}\u{7f}\u{7f}yes\r")];
    let (ended, screen) = crate::harness::in_a_terminal(&run, 200, &answers);
    assert_eq!(ended, 0, "{screen}");
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn a_stack_that_somebody_else_deletes_is_waited_for_and_one_that_is_gone_is_done() {
    use crate::endpoint::Happening;
    use std::time::Duration;
    let elsewhere = |stack: &str| Happening::Delete { stack: stack.into() };
    // At work on it when we come.
    let script = Script::new().existing(intake()).existing(work());
    let script = script.takes("lab-work", "Queue", Duration::from_secs(2));
    let endpoint = serve(script.clone().at(Duration::ZERO, elsewhere("lab-work")));
    destroy(&endpoint).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    let ours: Vec<_> = endpoint
        .calls("DeleteStack")
        .into_iter()
        .filter_map(|call| call.stack)
        .collect();
    assert_eq!(ours, ["lab-intake"]);
    // Gone while we were waiting for what needs it.
    let endpoint = serve(script);
    let output = while_it_is_deleted(
        &endpoint,
        "lab-work",
        |world| {
            world.services.delete_bucket(BUCKET);
            let intake = world.find("lab-intake").expect("it is there");
            world.start_delete(intake, None, Vec::new(), false);
        },
        || destroy(&endpoint).args(["--output", "json"]).run(),
    );
    assert_eq!(output.json()["succeeded"], true);
    let ours: Vec<_> = endpoint
        .calls("DeleteStack")
        .into_iter()
        .filter_map(|call| call.stack)
        .collect();
    assert_eq!(ours, ["lab-work"]);
}

#[test]
fn an_operation_that_begins_at_the_last_moment_is_waited_for() {
    use crate::endpoint::{Fault, On};
    let refused = "Stack [lab-work] cannot be deleted while in status UPDATE_IN_PROGRESS";
    let fault = Fault::refuse(400, "ValidationError", refused);
    let script = Script::new().existing(work());
    let endpoint = serve(script.fault(On::action("DeleteStack").numbers(1..=1), fault));
    destroy(&endpoint).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}
