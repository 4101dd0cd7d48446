//! Tags are copied with a template or a script. A stack that is called otherwise than its tags say is somebody else's.

use serde_json::Value;

use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::Test;
use crate::scripted::destroy::{destroy, with_endpoint};

/// Somebody's stack with our tags, a bucket in it and an object in that.
fn payroll() -> Endpoint {
    let stack = Existing::new("payroll", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "intake")
        .tag("qfleet:protect", "false")
        .tag("qfleet:on-destroy", "empty")
        .body("Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: payroll}\n");
    let listed = [("aws:cloudformation:stack-name", "payroll")];
    let script = Script::new()
        .existing(stack)
        .listed_with("lab", "arn:aws:s3:::payroll", &listed);
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        world.services.put_object("payroll", "salaries", "secret");
        world
            .services
            .set_parameter("/qfleet/lab/expires", "2020-01-02T15:00:00Z");
    });
    endpoint
}

fn run(endpoint: &Endpoint, args: &[&str]) -> Value {
    with_endpoint(Test::new(), endpoint)
        .args(args)
        .args(["--output", "json"])
        .run()
        .json()
}

#[test]
fn a_stack_that_only_carries_the_tags_is_left_alone() {
    let endpoint = payroll();
    assert_eq!(run(&endpoint, &["list"])["environments"], Value::Array(vec![]));
    let status = run(&endpoint, &["status", "--name", "lab"]);
    assert_eq!(status["findings"][0]["id"], "not-deployed", "{status:#}");
    assert_eq!(run(&endpoint, &["reap", "--yes"])["environments"], Value::Array(vec![]));
    let gone = destroy(&endpoint).args(["--region", "us-east-2"]);
    gone.stdout_contains("gone already").stdout_lacks("payroll").run();
    assert_eq!(endpoint.stacks(), ["payroll"]);
    for action in ["DeleteStack", "DeleteObjects", "UpdateTerminationProtection"] {
        assert_eq!(endpoint.calls(action).len(), 0, "{action}");
    }
}

/// A stack that only ever had change sets shows no tags. Without a change set of ours, only its name speaks for it.
#[test]
fn a_stack_that_only_has_the_name_is_left_alone() {
    let two = Existing::new("lab-two", "REVIEW_IN_PROGRESS");
    let endpoint = Endpoint::serve(Script::new().existing(two));
    let gone = destroy(&endpoint).args(["--region", "us-east-2"]);
    gone.stdout_contains("gone already").run();
    assert_eq!(endpoint.stacks(), ["lab-two"]);
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
}
