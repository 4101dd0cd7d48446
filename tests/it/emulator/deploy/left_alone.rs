//! What neither a deploy nor a destroy takes away: what is protected, data that is to stay, and what is somebody else's.

use super::*;

#[test]
fn what_is_protected_stays_until_it_is_deployed_without() {
    let account = account();
    let first = test(&account, "protect: true")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run();
    let refused = first.then().args(["destroy", "lab.yaml", "--yes"]).emulated().status(4);
    refused.stderr_contains("is protected").run();
    // A file that says otherwise isn't enough: what is deployed counts.
    let unprotected = first.then().file("lab.yaml", lab(&account, ""));
    unprotected
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .status(4)
        .run();
    assert_eq!(stacks(&account).0.len(), 4);
    let lifted = first.then().args(["deploy", "lab.yaml", "--yes"]).emulated();
    lifted.stdout_contains("termination protection off").run();
    first.then().args(["destroy", "lab.yaml", "--yes"]).emulated().run();
    assert_eq!(stacks(&account).0.len(), 0);
}

#[test]
fn kept_data_is_kept_and_named() {
    let account = account();
    let keep = lab(&account, "").replace("on_destroy: empty", "on_destroy: keep");
    let first = Test::new()
        .file("lab.yaml", keep)
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n");
    let first = first.args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    let bucket = format!("lab-{account}-{REGION}");
    wait(async {
        let put = Aws::new(&account, REGION)
            .s3
            .put_object()
            .bucket(&bucket)
            .key("uploads/precious.txt");
        put.body(b"precious".to_vec().into()).send().await.expect("an object");
    });
    let destroyed = first.then().args(["destroy", "lab.yaml", "--yes"]).emulated();
    destroyed
        .stdout_contains(format!("kept: {bucket} (AWS::S3::Bucket)"))
        .stdout_contains(format!("= s3://{bucket}: 1 object (8 B), counted\n"))
        .stdout_lacks(format!("- s3://{bucket}:"))
        .run();
    let kept = wait(async {
        let aws = Aws::new(&account, REGION);
        let object = aws
            .s3
            .get_object()
            .bucket(&bucket)
            .key("uploads/precious.txt")
            .send()
            .await
            .expect("the object");
        aws.sqs
            .get_queue_url()
            .queue_name("lab-work")
            .send()
            .await
            .expect("the queue");
        object.body.collect().await.expect("its bytes").into_bytes()
    });
    assert_eq!(&kept[..], b"precious");
}

#[test]
fn a_stack_of_somebody_else_is_left_alone() {
    let account = account();
    wait(async {
        let theirs = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#;
        let create = Aws::new(&account, REGION)
            .cloudformation
            .create_stack()
            .stack_name("lab-intake");
        create.template_body(theirs).send().await.expect("a stack");
    });
    for verb in ["plan", "deploy"] {
        let refused = test(&account, "").args([verb, "lab.yaml"]).emulated().status(4);
        refused
            .stderr_contains("the stack lab-intake is there already and was not made by qfleet")
            .run();
    }
    test(&account, "")
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .stdout_contains("gone already")
        .run();
    assert_eq!(stacks(&account).0, ["lab-intake CREATE_COMPLETE"]);
}
