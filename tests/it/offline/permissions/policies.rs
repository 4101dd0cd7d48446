//! What the command prints, as who pipes it on gets it.

use serde_json::Value as Json;

use crate::harness::Test;
use crate::lab::{LAB, with_file};
use crate::offline::least_privilege::statements::{each, texts};

pub fn iam(file: &str) -> Test {
    with_file(file).args(["iam", "lab.yaml"])
}

pub fn known() -> String {
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

/// A policy for a region that nobody named would be good for nothing.
#[test]
fn without_a_region_it_is_refused() {
    let nowhere = || known().replace("region: us-east-2\n", "");
    iam(&nowhere())
        .status(2)
        .stdout("")
        .stderr_contains("no region is known")
        .stderr_contains("give --region, set AWS_REGION, or write `region` into the environment file")
        .run();
    let printed = iam(&nowhere()).args(["--region", "eu-west-1", "--for", "status"]).run();
    assert!(printed.stdout.contains("eu-west-1"), "{}", printed.stdout);
    iam(&nowhere()).args(["--for", "reap"]).run();
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
fn who_deploys_reads_functions_where_a_stage_has_one() {
    let with_handler = |file: &str| iam(file).file("program/app.py", "def handler(event, context): pass\n");
    let printed = |file: &str| with_handler(file).args(["--output", "jsonl"]).run().json_lines();
    // What CloudFormation calls has another name.
    let reads = |policies: &[Json]| {
        let mut statements = policies.iter().flat_map(|policy| each(&policy["Statement"]));
        statements.any(|statement| {
            let own = statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("Qfleet"));
            own && texts(&statement["Action"])
                .iter()
                .any(|action| action == "lambda:GetFunction")
        })
    };
    assert!(!reads(&printed(&known())));
    let function = "lambda: {program: program, handler: app.handler, runtime: python3.13, timeout: 30s}";
    let other = known() + &format!("  - name: other\n    from: work\n    workers: {{{function}}}\n");
    assert!(reads(&printed(&other)));
}

/// A role that plans serves pull requests. Instances boot from the same bucket.
#[test]
fn who_plans_writes_no_program_and_no_template_of_a_deploy() {
    let printed = iam(&known()).args(["--for", "plan"]).run();
    let objects: Vec<(String, Vec<String>)> = allowed(&printed.json())
        .into_iter()
        .filter(|(action, _)| ["s3:GetObject", "s3:PutObject"].contains(&action.as_str()))
        .collect();
    let [(_, read), (_, written)] = &objects[..] else {
        panic!("each stands once: {objects:?}");
    };
    let [only] = &written[..] else {
        panic!("one folder: {written:?}");
    };
    assert!(only.starts_with("arn:aws:s3:::lab-artifacts-"), "{only}");
    assert!(only.ends_with("/templates/plan/*"), "{only}");
    assert_eq!(read, written);
    let writes: Vec<String> = allowed(&printed.json())
        .into_iter()
        .map(|(action, _)| action)
        .filter(|action| action.starts_with("s3:Put") || action.starts_with("s3:Delete"))
        .collect();
    assert_eq!(writes, ["s3:PutObject"]);
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
    // None is left out where they are printed one after the other.
    let text = printed.then().args(["iam", "lab.yaml"]).args(everything).run().stdout;
    let texts: Result<Vec<Json>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    assert_eq!(Json::Array(texts.expect("documents")), all);
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

/// A stack that a first deploy makes carries no tag when its change set is asked for.
#[test]
fn who_deploys_and_reaps_can_make_stacks_and_deletes_only_those_with_the_tag() {
    let all = iam(&known())
        .args(["--for", "deploy", "--for", "reap", "--output", "jsonl"])
        .run()
        .json_lines();
    for (action, is_tagged) in [
        ("CreateChangeSet", false),
        ("ExecuteChangeSet", false),
        ("DeleteStack", true),
    ] {
        let action = format!("cloudformation:{action}");
        let mut statements = all.iter().flat_map(|policy| each(&policy["Statement"]));
        let allows = |statement: &&serde_json::Value| texts(&statement["Action"]).contains(&action);
        let statement = statements.find(allows).expect("it is allowed");
        assert_eq!(!statement["Condition"]["Null"].is_null(), is_tagged, "{action}");
    }
}

/// What only a name tells apart is said.
#[test]
fn who_reaps_is_told_what_a_name_would_narrow() {
    let printed = iam(&known()).args(["--for", "reap"]);
    printed
        .stderr_contains("every bucket that is called *-111122223333-*, whoever made it; --names 'pr-*' narrows it")
        .run();
    let narrow = iam(&known()).args(["--for", "reap", "--names", "pr-*"]).run();
    assert!(!narrow.stderr.contains("any name"), "{}", narrow.stderr);
    assert!(
        narrow.stdout.contains("arn:aws:s3:::pr-*-111122223333-*/*"),
        "{}",
        narrow.stdout
    );
    let deploys = iam(&known()).args(["--for", "deploy"]).run();
    assert!(!deploys.stderr.contains("any name"), "{}", deploys.stderr);
}

/// Groups of instances carry their stack's tags.
#[test]
fn who_reaps_changes_no_group_without_the_tag() {
    let all = iam(&known())
        .args(["--for", "reap", "--output", "jsonl"])
        .run()
        .json_lines();
    let mut groups = 0;
    for statement in all.iter().flat_map(|policy| each(&policy["Statement"])) {
        let actions = texts(&statement["Action"]);
        if actions
            .iter()
            .any(|action| action.starts_with("autoscaling:") && !action.contains("Describe"))
        {
            groups += actions.len();
            assert_eq!(
                statement["Condition"]["Null"]["aws:ResourceTag/qfleet:environment"],
                "false"
            );
        }
    }
    assert!(groups > 5, "{groups}");
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
        r#""StringLikeIfExists":{"aws:ResourceTag/qfleet:environment":"pr-*"}"#,
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
