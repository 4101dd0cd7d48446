//! `drift` on the emulator: what is changed behind CloudFormation's back is found and classed, and nothing else is.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::harness::{Aws, Output, Test, account, emulator};

const REGION: &str = "us-east-2";

fn lab(account: &str, more: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: empty}}\nstages:\n  - name: work\n    \
         from: bucket\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: {{program: program, types: \
         [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n{more}"
    )
}

fn deployed(account: &str, more: &str) -> Output {
    Test::new()
        .file("lab.yaml", lab(account, more))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run()
}

fn drift(there: &Output, args: &[&str]) -> Test {
    there.then().args(["drift", "lab.yaml"]).args(args).emulated()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// Every difference as `stack resource property class found_by`.
fn findings(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for stack in document["stacks"].as_array().expect("stacks") {
        assert_eq!(stack["error"], Value::Null, "{stack:#}");
        for resource in stack["resources"].as_array().expect("resources") {
            for finding in resource["differences"].as_array().expect("differences") {
                all.push(
                    [
                        &stack["part"],
                        &resource["logical_id"],
                        &finding["property"],
                        &finding["class"],
                        &finding["found_by"],
                    ]
                    .map(text)
                    .join(" "),
                );
            }
        }
    }
    all
}

/// IAM has no client in the tests: its protocol is a form.
fn assume_role_policy(account: &str, role: &str, policy: &str) {
    let form = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("Version", "2010-05-08"),
        ("RoleName", role),
        ("PolicyDocument", policy),
    ];
    let credential = format!("AWS4-HMAC-SHA256 Credential={account}/20250101/us-east-1/iam/aws4_request, Signature=0");
    ureq::post(emulator())
        .header("Authorization", credential)
        .send_form(form)
        .expect("changed");
}

/// The physical id of a resource.
async fn physical_id(aws: &Aws, stack: &str, logical_id: &str) -> String {
    let asked = aws.cloudformation.describe_stack_resource().stack_name(stack);
    let found = asked.logical_resource_id(logical_id).send().await.expect("a resource");
    let detail = found.stack_resource_detail().expect("its detail");
    detail.physical_resource_id().expect("its id").to_owned()
}

#[test]
fn nothing_is_found_on_a_fresh_deploy_of_a_shipped_file() {
    let repository = env!("CARGO_MANIFEST_DIR");
    for name in ["lab", "production"] {
        let shipped = std::fs::read_to_string(format!("{repository}/stacks/{name}.yaml")).expect("a shipped file");
        let own = shipped.lines().filter(|line| !line.starts_with("account:"));
        let own = own
            .collect::<Vec<_>>()
            .join("\n")
            .replace("../examples", &format!("{repository}/examples"));
        let file = format!("{own}\naccount: \"{}\"\n", account());
        let there = Test::new()
            .file("it.yaml", file)
            .args(["deploy", "it.yaml", "--yes"])
            .emulated()
            .run();
        let looked = there
            .then()
            .args(["drift", "it.yaml", "--fail", "--all", "--output", "json"])
            .emulated()
            .run()
            .json();
        assert_eq!(findings(&looked), Vec::<String>::new(), "{name}");
        assert_eq!(looked["verdict"], "in_sync");
        assert!(looked["checked"].as_u64() >= Some(10), "{looked:#}");
    }
}

#[test]
fn what_was_changed_is_found_and_classed() {
    let account = account();
    let there = deployed(&account, "");
    drift(&there, &["--fail"])
        .stdout_contains("In sync: nothing that matters differs")
        .run();

    wait(async {
        let aws = Aws::new(&account, REGION);
        let queue = physical_id(&aws, "lab-work", "Queue").await;
        let topic = physical_id(&aws, "lab-intake", "Topic").await;
        let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#;
        aws.sqs
            .set_queue_attributes()
            .queue_url(&queue)
            .attributes(QueueAttributeName::VisibilityTimeout, "17")
            .attributes(QueueAttributeName::Policy, open)
            .attributes(QueueAttributeName::SqsManagedSseEnabled, "false")
            .send()
            .await
            .expect("changed");
        aws.sns
            .set_topic_attributes()
            .topic_arn(&topic)
            .attribute_name("DisplayName")
            .attribute_value("mine")
            .send()
            .await
            .expect("changed");
        let subscription = physical_id(&aws, "lab-work", "Subscription").await;
        aws.sns
            .unsubscribe()
            .subscription_arn(subscription)
            .send()
            .await
            .expect("gone");
        let group = physical_id(&aws, "lab-work", "Group").await;
        aws.autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(&group)
            .max_size(9)
            .send()
            .await
            .expect("changed");
        let bucket = physical_id(&aws, "lab-intake", "Bucket").await;
        let nothing = aws_sdk_s3::types::NotificationConfiguration::builder().build();
        aws.s3
            .put_bucket_notification_configuration()
            .bucket(bucket)
            .notification_configuration(nothing)
            .send()
            .await
            .expect("changed");
        let role = physical_id(&aws, "lab-work", "Role").await;
        let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
        tokio::task::spawn_blocking(move || assume_role_policy(&account, &role, anybody))
            .await
            .expect("changed");
    });

    let looked = drift(&there, &["--fail", "--output", "json"]).status(3).run().json();
    let found = findings(&looked);
    for expected in [
        "intake Bucket NotificationConfiguration/TopicConfigurations dangerous qfleet",
        "intake Topic DisplayName unexpected qfleet",
        "work Queue VisibilityTimeout unexpected cloudformation",
        "work Queue SqsManagedSseEnabled dangerous qfleet",
        "work QueuePolicy PolicyDocument dangerous qfleet",
        "work Subscription  unexpected cloudformation",
        "work Group MaxSize unexpected qfleet",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected}: {found:#?}");
    }
    let role: Vec<&String> = found.iter().filter(|line| line.starts_with("work Role ")).collect();
    assert!(
        !role.is_empty() && role.iter().all(|line| line.contains(" dangerous ")),
        "{found:#?}"
    );
    assert_eq!(looked["verdict"], "drifted");

    let shown = drift(&there, &[]).run().stdout;
    for line in [
        "    unexpected VisibilityTimeout: it was changed\n        deployed  120\n        actual    17\n",
        "    DANGEROUS PolicyDocument: the policy allows more, or denies less, than deployed\n",
        "found by qfleet; line ",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    drift(&there, &["--output", "markdown"])
        .stdout_contains("## Drift of lab\n")
        .stdout_contains(
            "| Queue | VisibilityTimeout | unexpected | `120` | `17` | it was changed; found by CloudFormation; line ",
        )
        .run();
    // The emulator makes an ordinary change set of one that should revert drift: that is seen, and thrown away.
    drift(&there, &["--revert", "--yes"])
        .status(1)
        .stdout_contains("lab-work: this endpoint knows no change sets that revert drift\n")
        .stderr_contains("not put back: lab-work Queue VisibilityTimeout\n")
        .stderr_contains("error: this endpoint can't revert drift")
        .stderr_contains("`qfleet deploy lab.yaml` puts back only")
        .run();
    // A drifted stack never counts as unchanged: CloudFormation is asked.
    there
        .then()
        .args(["plan", "lab.yaml", "--output", "json", "--verbose"])
        .emulated()
        .stderr_contains("CreateChangeSet")
        .run();
}

#[test]
fn what_the_file_lets_differ_does_not_count() {
    let account = account();
    let more = "drift:\n  ignore:\n    - {resource: work.Group, property: MaxSize, reason: raised for the sale}\n";
    let there = deployed(&account, more);
    wait(async {
        let aws = Aws::new(&account, REGION);
        let group = physical_id(&aws, "lab-work", "Group").await;
        let changed = aws
            .autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(&group);
        changed.max_size(9).send().await.expect("changed");
    });
    drift(&there, &["--fail"])
        .stdout_lacks("MaxSize")
        .stdout_contains("1 ignored not shown: --all")
        .run();
    drift(&there, &["--fail", "--all", "--part", "work"])
        .stdout_contains("    ignored MaxSize: raised for the sale\n")
        .stdout_lacks("lab-intake")
        .run();
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let account = account();
    let test = || {
        Test::new()
            .file("lab.yaml", lab(&account, ""))
            .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
    };
    test()
        .args(["drift", "lab.yaml"])
        .emulated()
        .status(1)
        .stdout("")
        .stderr_contains("lab is not deployed in account")
        .run();
    test()
        .args(["status", "lab.yaml", "--output", "markdown"])
        .emulated()
        .status(2)
        .stderr_contains("this command has no --output markdown")
        .run();
    let wrong = "drift:\n  ignore:\n    - {resource: wrok.Group, property: MaxSize, reason: x}\n    - {resource: Group, \
                 property: MaxSize, reason: x}\n    - {resource: Group, property: MaxSize, reason: ''}\n";
    Test::new()
        .file("lab.yaml", lab(&account, wrong))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["drift", "lab.yaml"])
        .emulated()
        .status(2)
        .stderr_contains("there is no part `wrok`")
        .stderr_contains("did you mean `work`?")
        .stderr_contains("must be text that isn't empty")
        .run();
}
