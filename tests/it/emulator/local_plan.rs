//! What the plan says on the emulator of what would be replaced: what AWS would do, whatever the emulator thinks.

use aws_sdk_cloudformation::types::{Capability, Parameter};
use serde_json::Value;

use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";

fn lab(account: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: empty}}\nstages:\n  - name: work\n    \
         from: bucket\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: {{program: program, types: \
         [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
    )
}

fn deployed(account: &str) -> Output {
    Test::new()
        .file("lab.yaml", lab(account))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run()
}

/// The modified resources of a plan and of their properties, `Group` and `Group/MaxSize`, with what is said of each.
fn replacements(plan: &Value) -> Vec<(String, String)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value["replacement"].as_str().expect("a word").to_owned();
    let mut all = Vec::new();
    for change in list(&plan["stacks"]).iter().flat_map(|stack| list(&stack["changes"])) {
        let id = change["logical_id"].as_str().expect("a name");
        all.push((id.to_owned(), word(&change)));
        for property in list(&change["properties"]) {
            let path = property["path"].as_str().expect("a path");
            all.push((format!("{id}{}", path.replace("/Properties", "")), word(&property)));
        }
    }
    all
}

#[test]
fn what_changes_in_place_on_aws_is_neither_replaced_nor_refused_nor_asked_about() {
    let account = account();
    let first = deployed(&account);
    // What refers to a group or a bucket that stays isn't changed by it.
    for (from, to, changed, unchanged) in [
        ("max: 3", "max: 5", "Group/MaxSize", "BacklogScaling"),
        // On AWS that depends on the group's update policy, and ours rolls it.
        (
            "[t3.micro]",
            "[t3.micro, t3.small]",
            "Group/MixedInstancesPolicy",
            "BacklogScaling",
        ),
        (
            "on_destroy: empty",
            "on_destroy: empty, uploads: in/",
            "Bucket/NotificationConfiguration",
            "BucketPolicy/Bucket",
        ),
        // The subscription and the scaling get the queue's ARN and name, which stay.
        (
            "visibility_timeout: 2m",
            "visibility_timeout: 3m",
            "Queue/VisibilityTimeout",
            "BacklogScaling/AutoScalingGroupName",
        ),
    ] {
        let run = first.then().file("lab.yaml", lab(&account).replace(from, to));
        let plan = run.args(["plan", "lab.yaml", "--output", "json"]).emulated().run();
        // The image behind the name is the same.
        assert!(!plan.stdout.contains("/aws/service/ami-"), "{}", plan.stdout);
        let said = replacements(&plan.json());
        assert!(said.iter().any(|(path, _)| path.starts_with(changed)), "{said:?}");
        assert!(said.iter().all(|(_, word)| word == "no"), "{said:?}");
        assert!(!said.iter().any(|(path, _)| path.starts_with(unchanged)), "{said:?}");
    }

    let work = lab(&account);
    let stage = work.split_once("  - name: work\n").expect("a stage").1;
    let more = stage.replace("from: bucket", "from: work");
    let run = first.then().file("lab.yaml", format!("{work}  - name: more\n{more}"));
    let added = run.args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    assert!(added.stderr.contains("updated lab-work"), "{}", added.stderr);
    assert!(!added.stderr.contains("would lose"), "{}", added.stderr);
}

#[test]
fn another_name_of_a_queue_still_replaces_it_and_what_is_subscribed_with_it() {
    let account = account();
    let first = deployed(&account);
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(rename_queue(&account));
    let plan = first.then().args(["plan", "lab.yaml", "--output", "json"]).emulated();
    let refused = plan.status(4).stderr_contains("--allow-replace Queue").run();
    let said = replacements(&refused.json());
    for path in ["Queue", "Queue/QueueName", "Subscription", "Subscription/Endpoint"] {
        assert!(said.contains(&(path.to_owned(), "yes".to_owned())), "{path}: {said:?}");
    }
    assert!(said.contains(&("Group".to_owned(), "no".to_owned())), "{said:?}");
}

/// Past qfleet, whose file can't say so.
async fn rename_queue(account: &str) {
    let client = Aws::new(account, REGION).cloudformation;
    let template = client.get_template().stack_name("lab-work").send().await;
    let template = template.expect("a template").template_body.expect("a text");
    let renamed = template.replace("QueueName: \"lab-work\"", "QueueName: \"lab-old\"");
    assert_ne!(renamed, template);
    let stacks = client.describe_stacks().stack_name("lab-work").send().await;
    let stacks = stacks.expect("the stack");
    let keys = stacks.stacks()[0].parameters().iter();
    let parameters = keys.map(|parameter| {
        let parameter = Parameter::builder().parameter_key(parameter.parameter_key().expect("a key"));
        parameter.use_previous_value(true).build()
    });
    let update = client.update_stack().stack_name("lab-work").template_body(renamed);
    let update = update.set_parameters(Some(parameters.collect()));
    update
        .capabilities(Capability::CapabilityIam)
        .send()
        .await
        .expect("an update");
}
