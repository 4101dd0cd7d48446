//! `drift` against answers in AWS's documented shape: classes, pages, detections that are slow, fail or are refused.

use std::time::Duration;

use crate::endpoint::{Drifted, Endpoint, Existing, Fault, On, Script};
use crate::harness::Test;

const LAB: &str = "\
name: lab
region: us-east-2
stages:
  - name: work
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 3}
    scaling: {seconds_per_message: 1}
";

/// Types that qfleet doesn't compare itself, so that only detection speaks.
const TEMPLATE: &str = "\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: a
      ManagedPolicyArns: [a, b]
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 30
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a
  Profile:
    Type: AWS::IAM::InstanceProfile
";

fn stack(name: &str, status: &str) -> Existing {
    let part = name.strip_prefix("lab-").expect("a stack of lab");
    Existing::new(name, status)
        .body(TEMPLATE)
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", part)
}

fn test(endpoint: &Endpoint) -> Test {
    Test::new()
        .file("lab.yaml", LAB)
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .args(["drift", "lab.yaml"])
}

/// A role that was given more, a log group that keeps less, a group that is gone, a list in another order.
fn drifted() -> Script {
    Script::new()
        .page(1)
        .existing(stack("lab-work", "UPDATE_COMPLETE"))
        .drifted(
            Drifted::new("lab-work", "Role", "MODIFIED")
                .properties(
                    r#"{"Description":"a","ManagedPolicyArns":["a","b"],"Tags":[{"Key":"k","Value":"1"}]}"#,
                    r#"{"Description":"b","ManagedPolicyArns":["b","a"],"Tags":[{"Key":"k","Value":"1"},{"Key":"aws:x","Value":"1"}]}"#,
                )
                .difference("/Description", "a", "b", "NOT_EQUAL")
                .difference("/ManagedPolicyArns/0", "a", "b", "NOT_EQUAL")
                .difference("/ManagedPolicyArns/1", "b", "a", "NOT_EQUAL")
                .difference("/Tags/1", "null", r#"{"Key":"aws:x","Value":"1"}"#, "ADD"),
        )
        .drifted(
            Drifted::new("lab-work", "Logs", "MODIFIED")
                .properties(r#"{"RetentionInDays":30}"#, r#"{"RetentionInDays":1}"#)
                .difference("/RetentionInDays", "30", "1", "NOT_EQUAL"),
        )
        .drifted(Drifted::new("lab-work", "Group", "DELETED"))
}

const TEXT: &str = "\
Drift of lab in account 111122223333, us-east-2

lab-work drifted (3 resources checked, 1 not)
  Role  AWS::IAM::Role
    unexpected Description: it was changed
        deployed  a
        actual    b
        found by CloudFormation; line 5 of the deployed template
  Logs  AWS::Logs::LogGroup
    unexpected RetentionInDays: it was changed
        deployed  30
        actual    1
        found by CloudFormation; line 10 of the deployed template
";

#[test]
fn every_page_is_read_and_each_difference_is_classed() {
    let endpoint = Endpoint::serve(drifted().detections_take(Duration::from_secs(2)));
    let said = test(&endpoint).args(["--fail"]).status(3).stderr("").run().stdout;
    assert!(said.starts_with(TEXT), "{said}");
    assert!(
        said.contains("  Group  AWS::EC2::SecurityGroup\n    unexpected "),
        "{said}"
    );
    assert!(said.contains(": it was deleted\n"), "{said}");
    let end = "Drifted: 3 differences, in what was checked (3 resources). 1 resource could be compared by neither \
               CloudFormation nor qfleet.\n2 equal in meaning, 1 expected not shown: --all\n";
    assert!(said.ends_with(end), "{said}");
    assert_eq!(endpoint.calls("DescribeStackResourceDrifts").len(), 3, "a page each");
    let looks = endpoint.calls("DescribeStackDriftDetectionStatus").len();
    assert!((2..=4).contains(&looks), "{looks} looks in two seconds");

    let all = test(&endpoint).args(["--all"]).run().stdout;
    for line in [
        "    equal ManagedPolicyArns/0: the same, written otherwise\n",
        "    expected Tags/1: a tag of AWS's own\n",
        "  not checked: Profile: neither CloudFormation nor qfleet compares it\n",
    ] {
        assert!(all.contains(line), "{line}{all}");
    }
    let document = test(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(document["verdict"], "drifted");
    assert_eq!(document["checked"], 3);
    assert_eq!(document["not_checked"], 1);
    let role = &document["stacks"][0]["resources"][0];
    assert_eq!(role["logical_id"], "Role");
    assert_eq!(role["differences"][0]["property"], "Description");
    assert_eq!(role["differences"][0]["class"], "unexpected");
    assert_eq!(role["differences"][0]["found_by"], "cloudformation");
    assert_eq!(role["differences"][0]["line"], 5);
    test(&endpoint)
        .args(["--output", "markdown"])
        .stdout_contains(
            "| Role | Description | unexpected | `a` | `b` | it was changed; found by CloudFormation; line 5",
        )
        .stdout_contains("| Group | (deleted) | unexpected |")
        .run();
}

#[test]
fn a_detection_that_fails_for_a_resource_says_so_and_counts_it() {
    let script = Script::new()
        .existing(stack("lab-work", "CREATE_COMPLETE"))
        .detection_fails("lab-work", "Failed to detect drift on resource [Role]")
        .drifted(Drifted::new("lab-work", "Role", "UNKNOWN").reason("Access denied: iam:GetRole"))
        .drifted(Drifted::new("lab-work", "Logs", "IN_SYNC"));
    let endpoint = Endpoint::serve(script);
    test(&endpoint)
        .args(["--fail", "--all"])
        .stdout_contains("lab-work in sync (1 resource checked, 3 not)\n")
        .stdout_contains("    detection was incomplete: Failed to detect drift on resource [Role]\n")
        .stdout_contains("  not checked: Role: CloudFormation: Access denied: iam:GetRole\n")
        .stdout_contains("In sync: nothing that matters differs in what was checked (1 resource). 3 resources could")
        .run();
}

#[test]
fn a_stack_that_cannot_be_looked_at_is_a_failure_and_hides_no_other() {
    let script = drifted().existing(stack("lab-intake", "UPDATE_IN_PROGRESS"));
    let endpoint = Endpoint::serve(script);
    test(&endpoint)
        .args(["--fail"])
        .status(1)
        .stdout_contains(
            "lab-intake could not be checked: DetectStackDrift failed: Drift detection cannot be performed",
        )
        .stdout_contains("lab-work drifted")
        .stdout_contains(" 1 stack could not be checked.\n")
        .run();
}

#[test]
fn throttling_and_a_detection_of_somebody_else_are_waited_for() {
    let script = drifted()
        .detections_take(Duration::from_millis(500))
        .fault(On::action("DetectStackDrift").numbers(1..=2), Fault::throttling())
        .fault(
            On::action("DescribeStackResourceDrifts").numbers(1..=2),
            Fault::throttling(),
        );
    let endpoint = Endpoint::serve(script);
    // Its folder lives as long as it does.
    let first = test(&endpoint);
    let mut running = first
        .command()
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("qfleet runs");
    endpoint.wait_until("a detection runs", |world| !world.detections.is_empty());
    test(&endpoint)
        .args(["--fail"])
        .status(3)
        .stdout_contains("lab-work drifted")
        .run();
    assert!(running.wait().expect("it ends").success());
    assert!(endpoint.calls("DetectStackDrift").len() >= 4);
}
