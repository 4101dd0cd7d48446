//! What the command prints, as who pipes it on gets it.

use serde_json::Value as Json;

use crate::harness::Test;
use crate::lab::{LAB, with_file};
use crate::offline::least_privilege::statements::{each, texts};

fn iam(file: &str) -> Test {
    with_file(file).args(["iam", "lab.yaml"])
}

fn known() -> String {
    LAB.replace("bucket:", "account: \"111122223333\"\nbucket:")
}

/// The actions of a policy, each with its resources.
fn allowed(policy: &Json) -> Vec<(String, Vec<String>)> {
    let statements = each(&policy["Statement"]).iter();
    let pairs = statements.flat_map(|statement| {
        let resources = texts(&statement["Resource"]);
        let actions = texts(&statement["Action"]).into_iter();
        actions.map(move |action| (action, resources.clone()))
    });
    pairs.collect()
}

fn has(policy: &Json, action: &str) -> bool {
    allowed(policy).iter().any(|(known, _)| known == action)
}

#[test]
fn a_policy_is_printed_as_it_is_and_reads_no_configuration() {
    let printed = iam(&known()).args(["--for", "status"]).stderr("").run();
    let policy = printed.json();
    assert_eq!(policy["Version"], "2012-10-17");
    for action in [
        "sqs:GetQueueAttributes",
        "cloudwatch:GetMetricData",
        "autoscaling:DescribeScalingActivities",
    ] {
        assert!(has(&policy, action), "{action}");
    }
    // It only looks, and the lab has no functions.
    for (action, _) in allowed(&policy) {
        let name = action.split_once(':').expect("a service").1;
        assert!(
            ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb)),
            "{action}"
        );
        assert!(!action.starts_with("lambda:"), "{action}");
    }
    let queues = allowed(&policy)
        .into_iter()
        .find(|(action, _)| action == "sqs:GetQueueAttributes");
    assert_eq!(queues.expect("queues").1, ["arn:aws:sqs:us-east-2:111122223333:lab-*"]);
}

#[test]
fn who_plans_makes_change_sets_and_executes_none() {
    let policy = iam(&known()).args(["--for", "plan"]).run().json();
    assert!(has(&policy, "cloudformation:CreateChangeSet"));
    for action in [
        "cloudformation:ExecuteChangeSet",
        "iam:CreateRole",
        "iam:PassRole",
        "sqs:CreateQueue",
    ] {
        assert!(!has(&policy, action), "{action}");
    }
}

#[test]
fn an_unknown_account_is_any_and_that_is_said() {
    let printed = iam(LAB)
        .args(["--for", "status"])
        .stderr_contains("no account is known")
        .run();
    let queues = allowed(&printed.json())
        .into_iter()
        .find(|(action, _)| action == "sqs:GetQueueAttributes");
    assert_eq!(queues.expect("queues").1, ["arn:aws:sqs:us-east-2:*:lab-*"]);
    let given = printed
        .then()
        .args(["iam", "lab.yaml", "--for", "status", "--account", "111122223333"]);
    assert!(given.stderr("").run().stdout.contains(":111122223333:lab-*"));
}

#[test]
fn who_hands_on_a_role_may_do_so_and_makes_nothing_by_themselves() {
    let role = "arn:aws:iam::111122223333:role/cloudformation";
    let all = iam(&known()).args(["--output", "jsonl"]).run().json_lines();
    assert!(all.iter().any(|policy| has(policy, "sqs:CreateQueue")));
    let printed = iam(&known()).args(["--role-arn", role]).run();
    let policy = printed.json();
    assert!(!has(&policy, "sqs:CreateQueue") && !has(&policy, "iam:CreateRole"));
    let passes = each(&policy["Statement"])
        .iter()
        .find(|statement| statement["Action"] == "iam:PassRole");
    let passes = passes.expect("the role is passed");
    assert_eq!(passes["Resource"], role);
    assert_eq!(
        passes["Condition"]["StringEquals"]["iam:PassedToService"],
        "cloudformation.amazonaws.com"
    );
    // What CloudFormation's own role may do is asked of nobody else.
    let own = printed
        .then()
        .args(["iam", "lab.yaml", "--for", "cloudformation", "--output", "jsonl"]);
    let own = own.run().json_lines();
    assert!(own.iter().any(|policy| has(policy, "sqs:CreateQueue")));
    assert!(own.iter().all(|policy| !policy.to_string().contains("aws:CalledVia")));
}

#[test]
fn several_documents_are_numbered_and_each_is_printed_by_itself() {
    let everything = ["--for", "deploy", "--for", "destroy", "--for", "status"];
    let printed = iam(&known()).args(everything).args(["--output", "json"]);
    let printed = printed
        .stderr_contains("together they are longer than a managed policy may be")
        .run();
    let all = printed.json();
    let count = all.as_array().expect("several").len();
    for number in 1..=count {
        let one = printed
            .then()
            .args(["iam", "lab.yaml", "--document", &number.to_string()])
            .args(everything);
        assert_eq!(one.stderr("").run().json(), all[number - 1]);
    }
    let none = printed
        .then()
        .args(["iam", "lab.yaml", "--document", "9"])
        .args(everything);
    none.status(2)
        .stderr_contains(format!("give a number from 1 to {count}"))
        .run();
    let destroys = |more: &[&str]| {
        let test = printed
            .then()
            .args(["iam", "lab.yaml", "--for", "destroy", "--output", "jsonl"]);
        test.args(more).run().json_lines().len()
    };
    assert_eq!((destroys(&[]), destroys(&["--inline"])), (2, 1));
}

#[test]
fn what_it_is_for_is_a_command() {
    let wrong = iam(&known()).args(["--for", "everything"]).status(2);
    wrong.stderr_contains("[possible values: plan, deploy,").run();
}

/// Nobody knows beforehand what is in whose lab: environments of any name, in any region, but only what carries the tag.
#[test]
fn who_reaps_deletes_what_carries_the_tag_whatever_it_is_called() {
    let all = iam(&known())
        .args(["--for", "reap", "--output", "jsonl"])
        .run()
        .json_lines();
    let statements = all.iter().flat_map(|policy| each(&policy["Statement"]));
    let mut deletes = statements.filter(|statement| {
        let actions = texts(&statement["Action"]);
        actions.iter().any(|action| action == "cloudformation:DeleteStack")
    });
    let deletes = deletes.next().expect("stacks are deleted");
    assert_eq!(deletes["Resource"], "arn:aws:cloudformation:*:111122223333:stack/*-*/*");
    assert_eq!(
        deletes["Condition"]["Null"]["aws:ResourceTag/qfleet:environment"],
        "false"
    );
}

/// One role for the environments of all pull requests, and for no other.
#[test]
fn environments_of_many_names_have_one_policy() {
    let all = iam(&known())
        .args(["--names", "pr-*", "--output", "jsonl"])
        .run()
        .stdout;
    for part in [
        ":stack/pr-*-*/*",
        ":sqs:us-east-2:111122223333:pr-*-*",
        "arn:aws:s3:::pr-*-artifacts-111122223333-us-east-2",
        r#""StringLike":{"aws:ResourceTag/qfleet:environment":"pr-*"}"#,
    ] {
        assert!(all.contains(part), "{part}");
    }
    assert!(!all.contains(":lab-") && !all.contains("/lab-"));
    let wrong = iam(&known()).args(["--names", "PR*"]).status(2);
    wrong.stderr_contains("lower-case letters, digits and hyphens").run();
}

/// Managed policies can be attached that the file names, and no others.
#[test]
fn only_the_files_own_managed_policies_can_be_attached() {
    let policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    let with = known().replace("min: 1", &format!("policies: [{policy}], min: 1"));
    let attaches = |file: &str| {
        let all = iam(file).args(["--output", "jsonl"]).run().json_lines();
        let statements: Vec<Json> = all
            .iter()
            .flat_map(|policy| each(&policy["Statement"]).to_vec())
            .collect();
        statements.into_iter().find(|statement| {
            texts(&statement["Action"])
                .iter()
                .any(|action| action == "iam:AttachRolePolicy")
        })
    };
    assert!(attaches(&known()).is_none());
    let attaches = attaches(&with).expect("it can be attached");
    assert_eq!(attaches["Condition"]["ArnEquals"]["iam:PolicyARN"], policy);
}

/// In China, IAM, ARNs and EC2 have other names.
#[test]
fn a_partition_has_its_own_names() {
    let file = known().replace("us-east-2", "cn-north-1");
    let all = iam(&file).args(["--output", "jsonl"]).run().stdout;
    assert!(all.contains("ec2.amazonaws.com.cn") && all.contains("arn:aws-cn:sqs:cn-north-1:"));
    assert!(!all.contains("arn:aws:"));
}

#[test]
fn what_an_own_template_needs_is_known_or_said_not_to_be() {
    let template = "Resources:\n  Thing:\n    Type: AWS::Kinesis::Stream\n";
    let file = known().replace("stages:", "extras:\n  - {name: own, template: own.yaml}\nstages:");
    let printed = with_file(&file).file("own.yaml", template).args(["iam", "lab.yaml"]);
    printed
        .stderr_contains("for AWS::Kinesis::Stream aren't known: add them by hand")
        .run();
}
