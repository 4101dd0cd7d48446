//! `drift` on the emulator: what is changed behind CloudFormation's back is found and classed, and nothing else is.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::harness::{Aws, Output, Test, account, emulator};
use crate::lab;

const REGION: &str = "us-east-2";

/// The lab in an account of its own, with more in its file.
fn file(account: &str, more: &str) -> String {
    format!("{}account: \"{account}\"\n{more}", lab::LAB)
}

fn deployed(account: &str, more: &str) -> Output {
    lab::with_file(&file(account, more))
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

/// The line of the deployed template on which a property that differs is set.
fn line_of(document: &Value, property: &str) -> Option<usize> {
    let within = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let resources = within(document, "stacks")
        .into_iter()
        .flat_map(|stack| within(&stack, "resources"));
    let mut all = resources.flat_map(|resource| within(&resource, "differences"));
    let line = all.find(|one| one["property"] == property)?["line"].as_u64()?;
    usize::try_from(line).ok()
}

/// The physical id of a resource.
async fn physical_id(aws: &Aws, stack: &str, logical_id: &str) -> String {
    let asked = aws.cloudformation.describe_stack_resource().stack_name(stack);
    let found = asked.logical_resource_id(logical_id).send().await.expect("a resource");
    let detail = found.stack_resource_detail().expect("its detail");
    detail.physical_resource_id().expect("its id").to_owned()
}

/// What is to be there already.
fn make_bucket(account: &str, name: &str) {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let here = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    let make = async {
        let create = Aws::new(account, REGION).s3.create_bucket().bucket(name);
        create.create_bucket_configuration(here).send().await.expect("a bucket");
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(make);
}

/// Whatever lies in `stacks/`: a file that is added there is looked at by itself.
#[test]
fn nothing_is_found_on_a_fresh_deploy_of_any_shipped_file() {
    let repository = env!("CARGO_MANIFEST_DIR");
    let folder = std::fs::read_dir(format!("{repository}/stacks")).expect("the shipped files");
    let paths = folder.map(|entry| entry.expect("a file").path());
    let files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        // The emulator's database instances have no `MasterUserSecret`: the stack that puts out its ARN can't be made there.
        .filter(|path| !path.ends_with("database.yaml"))
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    for path in files {
        let name = path.display();
        let shipped = std::fs::read_to_string(&path).expect("a shipped file");
        // The bucket of another region isn't there.
        let elsewhere = |line: &&str| line.starts_with("account:") || line.trim_start().starts_with("replicate_to:");
        let own = shipped.lines().filter(|line| !elsewhere(line));
        let own = own
            .collect::<Vec<_>>()
            .join("\n")
            .replace("../examples", &format!("{repository}/examples"))
            .replace(
                "template: database/",
                &format!("template: {repository}/stacks/database/"),
            );
        let account = account();
        if let Some((_, rest)) = own.split_once("\n  existing: ") {
            let bucket = rest.split_whitespace().next().expect("a bucket");
            make_bucket(&account, bucket);
        }
        let file = format!("{own}\naccount: \"{account}\"\n");
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

/// Everything that the emulator lets be changed behind CloudFormation's back. It can't suspend processes of a group.
async fn change_behind_its_back(account: &str) {
    let aws = Aws::new(account, REGION);
    let queue = physical_id(&aws, "lab-work", "Queue").await;
    let anybody =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#;
    let changed = aws.sqs.set_queue_attributes().queue_url(&queue);
    let changed = changed
        .attributes(QueueAttributeName::VisibilityTimeout, "17")
        .attributes(QueueAttributeName::Policy, anybody)
        .attributes(QueueAttributeName::SqsManagedSseEnabled, "false");
    changed.send().await.expect("changed");

    let topic = physical_id(&aws, "lab-intake", "Topic").await;
    let changed = aws.sns.set_topic_attributes().topic_arn(&topic);
    let changed = changed.attribute_name("DisplayName").attribute_value("mine");
    changed.send().await.expect("changed");
    let subscription = physical_id(&aws, "lab-work", "Subscription").await;
    let gone = aws.sns.unsubscribe().subscription_arn(subscription);
    gone.send().await.expect("gone");

    let bucket = physical_id(&aws, "lab-intake", "Bucket").await;
    let nothing = aws_sdk_s3::types::NotificationConfiguration::builder().build();
    let changed = aws.s3.put_bucket_notification_configuration().bucket(&bucket);
    let changed = changed.notification_configuration(nothing);
    changed.send().await.expect("changed");
    let open = aws.s3.delete_public_access_block().bucket(&bucket);
    open.send().await.expect("changed");

    let role = physical_id(&aws, "lab-work", "Role").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let changed = aws.iam.update_assume_role_policy().role_name(&role);
    changed.policy_document(trust).send().await.expect("changed");
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let more = aws.iam.put_role_policy().role_name(&role).policy_name("more");
    more.policy_document(everything).send().await.expect("changed");
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let more = aws.iam.attach_role_policy().role_name(&role).policy_arn(administrator);
    more.send().await.expect("changed");

    let group = physical_id(&aws, "lab-work", "Group").await;
    let changed = aws
        .autoscaling
        .update_auto_scaling_group()
        .auto_scaling_group_name(&group);
    changed.max_size(9).send().await.expect("changed");
    change_scaling(&aws, &group).await;

    let alarm = physical_id(&aws, "lab-work", "DeadLettersAlarm").await;
    let off = aws.cloudwatch.disable_alarm_actions().alarm_names(alarm);
    off.send().await.expect("changed");
}

/// Another target, and another metric math.
async fn change_scaling(aws: &Aws, group: &str) {
    let policies = aws.autoscaling.describe_policies().auto_scaling_group_name(group);
    let policies = policies.send().await.expect("policies");
    let policy = policies.scaling_policies().first().expect("a policy");
    let tracking = policy.target_tracking_configuration().expect("target tracking");
    let specification = tracking.customized_metric_specification().expect("metric math");
    let metrics = specification.metrics().iter().map(|query| {
        let mut query = query.clone();
        query.expression = query.expression.map(|_| "visible".to_owned());
        query
    });
    let mut specification = specification.clone();
    specification.metrics = Some(metrics.collect());
    let mut tracking = tracking.clone();
    tracking.target_value = Some(99.0);
    tracking.customized_metric_specification = Some(specification);
    let put = aws.autoscaling.put_scaling_policy().auto_scaling_group_name(group);
    let put = put
        .set_policy_name(policy.policy_name.clone())
        .policy_type("TargetTrackingScaling");
    put.target_tracking_configuration(tracking)
        .send()
        .await
        .expect("changed");
}

#[test]
fn what_was_changed_is_found_and_classed() {
    let account = account();
    let there = deployed(&account, "");
    drift(&there, &["--fail"])
        .stdout_contains("In sync: nothing that matters differs")
        .run();
    wait(change_behind_its_back(&account));

    let looked = drift(&there, &["--fail", "--output", "json"]).status(3).run().json();
    let mut found = findings(&looked);
    found.sort();
    assert_eq!(
        found,
        [
            "intake Bucket NotificationConfiguration/TopicConfigurations dangerous qfleet",
            "intake Bucket PublicAccessBlockConfiguration dangerous qfleet",
            "intake Topic DisplayName unexpected qfleet",
            "work BacklogScaling TargetTrackingConfiguration/CustomizedMetricSpecification/Metrics unexpected qfleet",
            "work BacklogScaling TargetTrackingConfiguration/TargetValue unexpected qfleet",
            "work DeadLettersAlarm ActionsEnabled dangerous qfleet",
            "work Group MaxSize unexpected qfleet",
            "work Queue SqsManagedSseEnabled dangerous qfleet",
            "work Queue VisibilityTimeout unexpected cloudformation",
            "work QueuePolicy PolicyDocument dangerous qfleet",
            "work Role AssumeRolePolicyDocument/Statement/0/Principal/AWS dangerous cloudformation",
            "work Role AssumeRolePolicyDocument/Statement/0/Principal/Service dangerous cloudformation",
            "work Role ManagedPolicyArns dangerous qfleet",
            "work Role Policies dangerous qfleet",
            "work Subscription  dangerous cloudformation",
        ]
    );
    assert_eq!(looked["verdict"], "drifted");

    // The emulator can't put it back.
    let shown = drift(&there, &[])
        .stdout_lacks("--revert")
        .stderr_lacks("--revert")
        .run()
        .stdout;
    for line in [
        "    unexpected VisibilityTimeout: it was changed\n        deployed  120\n        actual    17\n",
        "    DANGEROUS PolicyDocument: the policy allows more, or denies less, than deployed\n        gone      {\"Sid\":\"TopicSends\"",
        "        new       {\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":\"*\"}\n",
        "        new       {\"PolicyName\":\"more\",\"PolicyDocument\":{\"Version\":\"2012-10-17\",",
        "        new       arn:aws:iam::aws:policy/AdministratorAccess\n",
        "    DANGEROUS: it was deleted: whoever it was for no longer gets what the topic publishes\n        was       arn:aws:sns:",
        "found by qfleet; line ",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    let rendered = there
        .then()
        .args(["render", "lab.yaml", "--out", "rendered"])
        .emulated()
        .run();
    let template = rendered.read("rendered/lab-work.yaml");
    let line = line_of(&looked, "VisibilityTimeout").and_then(|line| template.lines().nth(line - 1));
    assert_eq!(line.map(str::trim), Some("VisibilityTimeout: 120"));
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
        .stderr_contains("`qfleet deploy` puts back only")
        .run();
}

/// The emulator can't revert. What the file changes, a deploy sets; everything else it leaves, and says so before.
#[test]
fn a_deploy_names_known_drift_and_puts_back_only_what_the_file_changes() {
    let account = account();
    let there = deployed(&account, "");
    let plan = |there: &Output, args: &[&str]| there.then().args(["plan", "lab.yaml"]).args(args).emulated();
    plan(&there, &[])
        .stdout_contains("all stacks are as they should be")
        .stdout_lacks("drift")
        .run();
    wait(change_behind_its_back(&account));
    // Nobody has looked yet.
    plan(&there, &[]).stdout_lacks("drift").run();
    drift(&there, &["--fail"]).status(3).run();

    // A deploy would do nothing, and says why that isn't all.
    let planned = plan(&there, &["--exit-code", "--verbose"])
        .stdout_lacks("as they should be")
        .stdout_contains("Nothing to deploy: the file is as it was deployed.\ndrift: lab-work (looked at 20")
        .stdout_contains("Z) was changed behind CloudFormation's back. A deploy doesn't put that back")
        .stdout_contains(format!(
            "`qfleet drift lab.yaml --local --endpoint-url {}` shows it.\n",
            emulator()
        ))
        .stderr_contains("CreateChangeSet")
        .run();
    assert_eq!(planned.stdout.matches("drift:").count(), 1);
    let stacks = plan(&there, &["--output", "json"]).run().json();
    let stacks = stacks["stacks"].as_array().expect("stacks").clone();
    let known: Vec<&Value> = stacks.iter().filter(|stack| !stack["drift"].is_null()).collect();
    assert_eq!(known.len(), 1, "{stacks:#?}");
    assert_eq!(known[0]["part"], "work");
    assert_eq!(known[0]["action"], "unchanged");
    let checked: jiff::Timestamp = known[0]["drift"]["checked_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    assert!(checked > jiff::Timestamp::UNIX_EPOCH);
    let deploy = |there: &Output| there.then().args(["deploy", "lab.yaml", "--yes"]).emulated();
    deploy(&there).stdout_contains("drift: lab-work (looked at ").run();
    there
        .then()
        .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
        .emulated()
        .stderr_contains("lab-work (looked at ")
        .stderr_contains("was changed behind CloudFormation's back")
        .run();
    let left = findings(&drift(&there, &["--output", "json"]).run().json());
    assert!(
        left.contains(&"work Queue VisibilityTimeout unexpected cloudformation".to_owned()),
        "{left:#?}"
    );

    // The file changes two of the properties.
    let changed = file(&account, "").replace("visibility_timeout: 2m", "visibility_timeout: 3m");
    let changed = changed.replace("max: 3", "max: 4");
    deploy(&there.then().file("lab.yaml", changed).args(["check", "lab.yaml"]).run())
        .stdout_contains("drift: lab-work (looked at ")
        .run();
    let left = findings(&drift(&there, &["--output", "json"]).run().json());
    for gone in ["VisibilityTimeout", "MaxSize"] {
        assert!(!left.iter().any(|line| line.contains(gone)), "{gone}: {left:#?}");
    }
    for stays in [
        "intake Topic DisplayName unexpected qfleet",
        "work QueuePolicy PolicyDocument dangerous qfleet",
        "work Subscription  dangerous cloudformation",
    ] {
        assert!(left.iter().any(|line| line == stays), "{stays}: {left:#?}");
    }
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
        .stdout_contains("--all also shows 1 ignored, ")
        .run();
    drift(&there, &["--fail", "--all", "--part", "work"])
        .stdout_contains("    ignored MaxSize: raised for the sale\n")
        .stdout_lacks("lab-intake")
        .run();
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let account = account();
    let test = || lab::with_file(&file(&account, ""));
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
    lab::with_file(&file(&account, wrong))
        .args(["drift", "lab.yaml"])
        .emulated()
        .status(2)
        .stderr_contains("there is no part `wrok`")
        .stderr_contains("did you mean `work`?")
        .stderr_contains("must be text that isn't empty")
        .run();
}
