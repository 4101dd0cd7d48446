//! Data that stays, and comes into a new deployment.

use crate::endpoint::{Endpoint, Fault, On, Script, Verb};
use crate::harness::Output;
use crate::lab::{LAB, with_file_at};
use crate::scripted::destroy::{BUCKET, destroy, intake, nothing_was_deleted, serve, work};

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

/// Names of the stacks for which a change set was made with this parameter.
fn with(endpoint: &Endpoint, parameter: &str, value: &str) -> Vec<String> {
    let calls = endpoint.calls("CreateChangeSet").into_iter();
    let importing = calls.filter(|call| call.input.text(parameter) == Some(value));
    let mut stacks: Vec<String> = importing.filter_map(|call| call.stack).collect();
    stacks.sort();
    stacks.dedup();
    stacks
}

#[test]
fn data_that_is_to_be_kept_now_is_kept_by_a_deploy_and_comes_into_the_next_one() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, LAB);
    let by_itself = || with(&endpoint, "ImportExistingResources", "true");
    let by_name = || with(&endpoint, "ChangeSetType", "IMPORT");
    assert_eq!((by_itself(), by_name()), (vec![], vec![]));
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
    // CloudFormation finds a bucket by its name, and no queue: that is identified by its URL.
    assert_eq!(
        (by_itself(), by_name()),
        (vec!["lab-intake".into()], vec!["lab-work".into()])
    );
    assert!(has_the_object(&endpoint));
    let queues = endpoint.world(|world| {
        let work = world.find("lab-work").expect("it is there");
        let ids = ["Queue", "DeadLetterQueue"].map(|id| world.stacks[work].resource(id).cloned());
        ids.map(|queue| queue.and_then(|queue| queue.physical_id).unwrap_or_default())
    });
    assert_eq!(queues, [QUEUE, dead_letters.as_str()]);
    assert_eq!(deleted_queues(&endpoint), 0);
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

/// How often a queue was deleted.
fn deleted_queues(endpoint: &Endpoint) -> usize {
    endpoint.world(|world| {
        let events = world.stacks.iter().flat_map(|stack| &stack.events);
        let of_queues = events.filter(|event| event.kind == "AWS::SQS::Queue");
        of_queues.filter(|event| event.status == "DELETE_COMPLETE").count()
    })
}

/// A rollback would take the bucket with it, for all that is known. Queues were in the stack before.
#[test]
fn a_deployment_that_fails_with_data_that_it_took_in_loses_none_and_goes_on() {
    let endpoint = Endpoint::serve(Script::new());
    let file = format!("lifetime: 8h\n{}", LAB.replace("on_destroy: empty", "on_destroy: keep"));
    let there = deployed(&endpoint, &file);
    there.then().args(["destroy", "lab.yaml", "--yes"]).run();
    endpoint.rescript(|script| {
        let script = script.fails_times("lab-intake", "BucketPolicy", Verb::Create, "not today", 1);
        script.fails_times("lab-work", "LogGroup", Verb::Create, "not now", 1)
    });
    for (stack, why, status) in [
        ("lab-intake", "not today", "CREATE_FAILED"),
        ("lab-work", "not now", "UPDATE_ROLLBACK_COMPLETE"),
    ] {
        let failed = there.then().args(["deploy", "lab.yaml", "--yes"]).status(1);
        failed.stderr_contains(why).run();
        assert_eq!(endpoint.status(stack).as_deref(), Some(status));
        assert!(has_the_object(&endpoint));
        if status == "CREATE_FAILED" {
            let refused = there.then().args(["recover", "lab.yaml", "--yes"]).status(4);
            refused.stdout_contains("it took in data that was kept").run();
            assert_eq!(endpoint.status(stack).as_deref(), Some(status));
        }
    }
    there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_COMPLETE"));
    assert!(has_the_object(&endpoint));
    assert_eq!(deleted_queues(&endpoint), 0);
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
        "aws cloudformation delete-stack --stack-name lab-work --retain-resources Queue --region us-east-2",
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
