//! Data that stays, and comes into a new deployment.

use super::{BUCKET, destroy, intake, nothing_was_deleted, serve, work};
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
fn data_that_is_to_be_kept_now_is_kept_by_a_deploy_and_comes_into_the_next_one() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, LAB);
    assert_eq!(importing(&endpoint), [] as [&str; 0]);
    let destroy = || there.then().args(["destroy", "lab.yaml", "--yes"]);
    let deploy = || there.then().args(["deploy", "lab.yaml", "--yes"]);

    // What the file says counts once it is deployed.
    let keeps = LAB.replace("on_destroy: empty", "on_destroy: keep");
    let early = destroy().file("lab.yaml", &keeps).status(4);
    early
        .stderr_contains(BUCKET)
        .stderr_contains("`qfleet deploy lab.yaml`")
        .run();
    for action in ["DeleteStack", "DeleteObjects"] {
        assert_eq!(endpoint.calls(action).len(), 0, "{action}");
    }
    deploy().run();

    let gone = destroy().args(["--output", "json"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    assert!(has_the_object(&endpoint));
    let dead_letters = format!("{QUEUE}-dlq");
    assert_eq!(kept(&gone), [QUEUE, dead_letters.as_str(), BUCKET]);
    assert_eq!(gone.json()["import_with"], "qfleet deploy lab.yaml");
    let artifacts = endpoint.world(|world| world.services.keys("lab-artifacts-111122223333-us-east-2"));
    assert_eq!(artifacts, [] as [&str; 0], "programs can be made again");

    // A stack that would delete it is refused before anything is made.
    let refused = deploy().file("lab.yaml", LAB).status(4);
    refused
        .stderr_contains(BUCKET)
        .stderr_contains("on_destroy: keep")
        .run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);

    let plan = there.then().file("lab.yaml", &keeps).args(["plan", "lab.yaml"]);
    let plan = plan.stdout_contains("3 imported").run();
    for id in ["Bucket", "Queue", "DeadLetterQueue"] {
        let shown = plan
            .stdout
            .lines()
            .any(|line| line.contains(&format!("← {id} ")) && line.contains("imported"));
        assert!(shown, "{id}: {}", plan.stdout);
    }
    deploy().run();
    assert_eq!(importing(&endpoint), ["lab-intake", "lab-work"]);
    assert!(has_the_object(&endpoint));
    assert!(
        endpoint.world(|world| world.kept.is_empty()),
        "all of it has a stack again"
    );

    // And out and in again.
    let out = destroy().args(["--output", "json"]).run();
    assert_eq!(kept(&out), [QUEUE, dead_letters.as_str(), BUCKET]);
    deploy().run();
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
fn what_the_tags_keep_and_the_template_would_delete_is_refused_before_the_question() {
    let (deploy, by_hand) = (
        "`on_destroy: keep`",
        "aws cloudformation delete-stack --stack-name lab-work --region us-east-2 --retain-resources Queue",
    );
    for (status, help) in [("CREATE_COMPLETE", deploy), ("DELETE_FAILED", by_hand)] {
        let work = work().tag("qfleet:on-destroy", "keep").status(status);
        let endpoint = serve(Script::new().existing(intake()).existing(work));
        let refused = destroy(&endpoint).status(4);
        let refused =
            refused.stderr_contains("lab-work: its data is to stay, but its deployed template would delete Queue");
        refused.stderr_contains(help).run();
        nothing_was_deleted(&endpoint);
        assert!(has_the_object(&endpoint));
    }
}
