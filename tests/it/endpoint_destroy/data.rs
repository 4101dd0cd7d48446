//! Data that stays, and comes into a new deployment.

use super::{BUCKET, destroy, intake, nothing_was_deleted, part, serve, work};
use crate::endpoint::{Endpoint, Fault, On, Script, Verb};
use crate::harness::Output;
use crate::lab::{LAB, with_file_at};

/// An environment with an object in its bucket.
fn deployed(endpoint: &Endpoint, file: &str) -> Output {
    let output = with_file_at(endpoint, file).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.world(|world| world.services.put_object(BUCKET, "uploads/a.txt", "a"));
    output
}

fn has_the_object(endpoint: &Endpoint) -> bool {
    endpoint.world(|world| world.services.object(BUCKET, "uploads/a.txt").is_some())
}

fn kept(output: &Output) -> Vec<String> {
    let json = output.json();
    let kept = json["kept"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = kept
        .iter()
        .map(|kept| kept["name"].to_string().replace('"', ""))
        .collect();
    names.sort();
    names
}

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

/// Names of the stacks whose creation took in what was there.
fn importing(endpoint: &Endpoint) -> Vec<String> {
    let calls = endpoint.calls("CreateChangeSet").into_iter();
    let importing = calls.filter(|call| call.input.text("ImportExistingResources") == Some("true"));
    let mut stacks: Vec<String> = importing.filter_map(|call| call.stack).collect();
    stacks.sort();
    stacks.dedup();
    stacks
}

#[test]
fn data_that_a_lab_keeps_on_request_comes_into_a_deployment_that_keeps_it() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, LAB);
    assert_eq!(importing(&endpoint), [] as [&str; 0]);
    let json = ["--output", "json"];
    let gone = there
        .then()
        .args(["destroy", "lab.yaml", "--yes", "--keep-data"])
        .args(json)
        .run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    assert!(has_the_object(&endpoint));
    let dead_letters = format!("{QUEUE}-dlq");
    assert_eq!(kept(&gone), [QUEUE, dead_letters.as_str(), BUCKET]);
    let with = gone.json()["import_with"].clone();
    assert_eq!(with, "qfleet deploy lab.yaml, once the file says `on_destroy: keep`");
    let artifacts = endpoint.world(|world| world.services.keys("lab-artifacts-111122223333-us-east-2"));
    assert_eq!(artifacts, [] as [&str; 0], "programs can be made again");

    // As the file is, the stack would delete it: refused before anything is made.
    let refused = gone.then().args(["deploy", "lab.yaml", "--yes"]).status(4);
    refused
        .stderr_contains(BUCKET)
        .stderr_contains("on_destroy: keep")
        .run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);

    let keeps = LAB.replace("on_destroy: empty", "on_destroy: keep");
    let plan = gone.then().file("lab.yaml", &keeps).args(["plan", "lab.yaml"]);
    let plan = plan.stdout_contains("3 imported").run();
    for id in ["Bucket", "Queue", "DeadLetterQueue"] {
        let shown = plan
            .stdout
            .lines()
            .any(|line| line.contains(&format!("← {id} ")) && line.contains("imported"));
        assert!(shown, "{id}: {}", plan.stdout);
    }
    gone.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(importing(&endpoint), ["lab-intake", "lab-work"]);
    assert!(has_the_object(&endpoint));
    assert!(
        endpoint.world(|world| world.kept.is_empty()),
        "all of it has a stack again"
    );

    // And out again, by what the file says, without another update; and in again.
    let executed = endpoint.calls("ExecuteChangeSet").len();
    let out = gone.then().args(["destroy", "lab.yaml", "--yes"]).args(json).run();
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), executed);
    assert_eq!(kept(&out), [QUEUE, dead_letters.as_str(), BUCKET]);
    assert_eq!(out.json()["import_with"], "qfleet deploy lab.yaml");
    assert!(has_the_object(&endpoint));
    gone.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert!(has_the_object(&endpoint));
}

/// CloudFormation says it then, if something is in the way.
#[test]
fn who_may_not_look_for_kept_data_can_deploy() {
    let endpoint = Endpoint::serve(Script::new().fault(On::action("GetQueueUrl"), Fault::access_denied("GetQueueUrl")));
    deployed(&endpoint, LAB);
    assert_eq!(endpoint.stacks().len(), 4);
}

/// A rollback would take the queues with it, for all that is known.
#[test]
fn a_deployment_that_fails_with_data_that_it_took_in_loses_none_and_goes_on() {
    let endpoint = Endpoint::serve(Script::new());
    let file = format!("lifetime: 8h\n{}", LAB.replace("on_destroy: empty", "on_destroy: keep"));
    let there = deployed(&endpoint, &file);
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    endpoint.rescript(|script| script.fails_times("lab-work", "LogGroup", Verb::Create, "not today", 1));
    let failed = there.then().args(["deploy", "lab.yaml", "--yes"]).status(1);
    failed.stderr_contains("not today").run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("CREATE_FAILED"));
    assert!(has_the_object(&endpoint));
    let deleted = |world: &mut crate::endpoint::World| {
        let mut events = world.stacks.iter().flat_map(|stack| &stack.events);
        events.any(|event| event.kind == "AWS::SQS::Queue" && event.status == "DELETE_COMPLETE")
    };
    assert!(!endpoint.world(deleted));
    there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_COMPLETE"));
    assert!(!endpoint.world(deleted));
}

#[test]
fn only_policies_change_in_the_update_that_keeps_data() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, LAB);
    let before = endpoint.calls("CreateChangeSet").len();
    // A newer image since then would roll the fleet, if it were looked up again.
    endpoint.world(|world| {
        let image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
        world.services.set_parameter(image, "ami-00000000000000new");
    });
    there.then().args(["destroy", "lab.yaml", "--yes", "--keep-data"]).run();
    let updates: Vec<_> = endpoint.calls("CreateChangeSet").split_off(before);
    assert_eq!(updates.len(), 2, "of the stacks that hold data");
    let touched = endpoint.world(|world| {
        let stacks = world.stacks.iter().filter(|stack| stack.name != "lab-artifacts");
        let events = stacks.flat_map(|stack| &stack.events);
        let updated = events.filter(|event| event.status == "UPDATE_IN_PROGRESS" && !event.kind.ends_with("::Stack"));
        let mut ids: Vec<_> = updated.map(|event| event.resource_id.clone()).collect();
        ids.sort();
        ids
    });
    assert_eq!(touched, ["Bucket", "DeadLetterQueue", "Queue"]);
    for update in updates {
        let body = update.input.text("TemplateBody").expect("a template");
        assert!(
            body.contains("DeletionPolicy: \"Retain\"") && body.contains("UpdateReplacePolicy: \"Retain\""),
            "{body}"
        );
        assert!(body.contains("# "), "its comments are as they were");
        let tags = update.input.pairs("Tags", "Key", "Value");
        assert_eq!(tags.get("qfleet:environment").map(String::as_str), Some("lab"));
    }
}

#[test]
fn what_a_template_retains_is_not_emptied_whatever_its_tags_say() {
    let retained = intake().body(
        "\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: lab-111122223333-us-east-2}
",
    );
    let endpoint = serve(Script::new().existing(retained));
    let output = destroy(&endpoint).args(["--output", "json"]).run();
    assert_eq!(kept(&output), [BUCKET]);
    assert!(has_the_object(&endpoint));
    assert_eq!(endpoint.calls("CreateChangeSet").len(), 0);
    assert_eq!(
        output.json()["import_with"],
        "qfleet deploy with the environment's file, once the file says `on_destroy: keep`"
    );
}

#[test]
fn what_the_tags_keep_is_kept_also_where_the_template_would_delete_it() {
    let endpoint = serve(Script::new().existing(intake().tag("qfleet:on-destroy", "keep")));
    let output = destroy(&endpoint).args(["--output", "json"]).run();
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 1);
    assert_eq!(kept(&output), [BUCKET]);
    assert!(has_the_object(&endpoint));
    assert_eq!(
        output.json()["import_with"],
        "qfleet deploy with the environment's file"
    );
}

#[test]
fn a_stack_that_is_half_deleted_keeps_its_data_by_name() {
    let half = part(
        "work",
        "",
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n  Topic:\n    Type: AWS::SNS::Topic\n",
    );
    let script = |times| {
        let half = half.clone().resource("Topic", "DELETE_FAILED", "in use");
        let script = Script::new().existing(half.status("DELETE_FAILED"));
        script.fails_times("lab-work", "Topic", Verb::Delete, "in use", times)
    };
    let endpoint = serve(script(0));
    let output = destroy(&endpoint).args(["--keep-data", "--output", "json"]).run();
    assert_eq!(
        endpoint.calls("DeleteStack")[0].input.texts("RetainResources"),
        ["Queue"]
    );
    assert_eq!(kept(&output), [QUEUE]);
    assert!(endpoint.world(|world| world.kept.contains(QUEUE)));
    // By force, too: a forced deletion would take the queue with it.
    let endpoint = serve(script(9));
    let output = destroy(&endpoint)
        .args(["--keep-data", "--force", "--output", "json"])
        .run();
    let last = endpoint.calls("DeleteStack").pop().expect("a deletion");
    assert_eq!(last.input.texts("RetainResources"), ["Topic", "Queue"]);
    assert_eq!(last.input.text("DeletionMode"), None);
    assert_eq!(kept(&output), [QUEUE]);
    assert_eq!(output.json()["abandoned"][0]["resource_type"], "AWS::SNS::Topic");
}

#[test]
fn a_stack_that_cannot_be_updated_is_refused_before_it_loses_anything() {
    let stuck = work().status("UPDATE_ROLLBACK_FAILED");
    let endpoint = serve(Script::new().existing(stuck));
    destroy(&endpoint)
        .args(["--keep-data"])
        .status(4)
        .stderr_contains("the data of lab-work can't be kept: it is UPDATE_ROLLBACK_FAILED")
        .stderr_contains("qfleet recover")
        .run();
    nothing_was_deleted(&endpoint);
}

#[test]
fn an_update_that_fails_keeps_everything() {
    let endpoint = serve(
        Script::new()
            .existing(intake())
            .fails("lab-intake", "Bucket", Verb::Update, "not now"),
    );
    destroy(&endpoint)
        .args(["--keep-data"])
        .status(1)
        .stderr_contains("not now")
        .run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
    assert!(has_the_object(&endpoint));
    assert_eq!(
        endpoint.status("lab-intake").as_deref(),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
    // The same command again goes on.
    endpoint.rescript(|_| Script::new());
    destroy(&endpoint).args(["--keep-data"]).run();
    assert!(has_the_object(&endpoint));
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}
