//! A bucket or a queue that is there already under a name of ours: whose it is decides what is said of it.

use crate::endpoint::{Endpoint, Existing, Fault, On, Script};
use crate::harness::Test;
use crate::lab::{self, LAB};

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
const BUCKET: &str = "lab-111122223333-us-east-2";

fn serve(script: Script) -> Endpoint {
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        world.services.make_bucket(BUCKET);
    });
    endpoint
}

/// Another team's stack with both.
fn payroll() -> Existing {
    Existing::new("payroll", "CREATE_COMPLETE").body(
        "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: lab-111122223333-us-east-2}\n  \
         Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n",
    )
}

/// It is refused, nothing was changed, and nothing is to be deleted.
fn refused(endpoint: &Endpoint, run: Test, stacks: &[&str]) {
    run.status(4)
        .stdout_lacks("delete-queue")
        .stdout_lacks("s3 rb")
        .stdout_lacks("on_destroy")
        .stderr_lacks("aws s")
        .run();
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 0);
    assert_eq!(endpoint.stacks(), stacks);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
}

#[test]
fn what_another_stack_holds_is_named_with_it_and_nothing_is_to_be_deleted() {
    // CloudFormation would be asked to take it in.
    let kept = LAB.replace("on_destroy: empty", "on_destroy: keep");
    for file in [LAB, &kept] {
        let endpoint = serve(Script::new().existing(payroll()));
        let run = lab::with_file_at(&endpoint, file).args(["deploy", "lab.yaml", "--yes"]);
        let run = run
            .stdout_contains(format!("{BUCKET} is in the stack payroll already"))
            .stdout_contains(format!("{QUEUE} is in the stack payroll already"));
        refused(&endpoint, run, &["payroll"]);
    }
}

#[test]
fn what_is_nobodys_is_named_with_the_command_that_deletes_it() {
    let endpoint = serve(Script::new());
    endpoint.world(|world| world.kept.insert(QUEUE.into(), "AWS::SQS::Queue".into()));
    let run = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).status(4);
    run.stdout_contains(format!("{QUEUE} is there already, without a stack"))
        .stdout_contains(format!("aws sqs delete-queue --queue-url {QUEUE} --region us-east-2"))
        .stdout_contains(format!("aws s3 rb --force s3://{BUCKET} --region us-east-2"))
        .run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

/// Pasted without it, the command would delete what is called so on AWS.
#[test]
fn what_deletes_it_goes_to_the_endpoint_that_was_asked() {
    let endpoint = serve(Script::new());
    endpoint.world(|world| world.kept.insert(QUEUE.into(), "AWS::SQS::Queue".into()));
    let there = format!("--region us-east-2 --endpoint-url {}", endpoint.url());
    for verb in ["plan", "deploy"] {
        let run = lab::at(&endpoint).args([verb, "lab.yaml", "--endpoint-url", endpoint.url()]);
        let run = if verb == "deploy" { run.args(["--yes"]) } else { run };
        run.status(4)
            .stdout_contains(format!("aws sqs delete-queue --queue-url {QUEUE} {there}"))
            .stdout_contains(format!("aws s3 rb --force s3://{BUCKET} {there}"))
            .run();
    }
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn who_may_not_ask_whose_it_is_is_told_so_and_nothing_is_to_be_deleted() {
    let denied = "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: \
                  cloudformation:DescribeStackResources";
    let fault = Fault::refuse(403, "AccessDenied", denied);
    let endpoint = serve(Script::new().fault(On::action("DescribeStackResources"), fault));
    let run = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]);
    let run = run
        .stdout_contains(format!(
            "{BUCKET} is there already, and whether a stack holds it can't be known"
        ))
        .stdout_contains("not authorized to perform: cloudformation:DescribeStackResources");
    refused(&endpoint, run, &[]);
}
