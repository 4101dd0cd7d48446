//! Where EC2 is asked: it has no client of the SDK's, and is found as if it had.

use crate::endpoint::{Endpoint, Script};
use crate::harness::Test;
use crate::lab::{self, LAB};

const ASKED: &str = "DescribeInstanceTypeOfferings";

/// Two endpoints: that of all services, and that of EC2.
fn both() -> (Endpoint, Endpoint, Test) {
    let (all, ec2) = (Endpoint::serve(Script::new()), Endpoint::serve(Script::new()));
    let plan = lab::at(&all).args(["plan", "lab.yaml"]);
    (all, ec2, plan)
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[test]
fn an_endpoint_for_ec2_alone_is_asked_and_no_other() {
    let (all, ec2, plan) = both();
    plan.env("AWS_ENDPOINT_URL_EC2", ec2.url()).run();
    assert_eq!((all.calls(ASKED).len(), ec2.calls(ASKED).is_empty()), (0, false));

    let (all, ec2, _) = both();
    let profile = format!(
        "[default]\nendpoint_url = {}\nservices = mine\n\n[services mine]\nec2 =\n  endpoint_url = {}\n",
        all.url(),
        ec2.url()
    );
    lab::with_file(LAB)
        .file("config", &profile)
        .env("AWS_CONFIG_FILE", "config")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .args(["plan", "lab.yaml"])
        .run();
    assert_eq!((all.calls(ASKED).len(), ec2.calls(ASKED).is_empty()), (0, false));
}

#[test]
fn the_endpoint_of_the_command_line_counts_for_ec2_too() {
    let (all, ec2, plan) = both();
    let plan = plan.args(["--endpoint-url", all.url()]);
    plan.env("AWS_ENDPOINT_URL_EC2", ec2.url()).run();
    assert_eq!((all.calls(ASKED).is_empty(), ec2.calls(ASKED).len()), (false, 0));
}
