//! What templates say of the table of results: who may do what to it, and what workers are told.

use std::path::Path;

use qfleet::blueprint::{self, Blueprint, Placement, template};
use qfleet::environment;
use serde_json::{Value, json};

/// A stage of instances with a function beside them, and one of a function alone.
fn rendered(results: &str) -> Blueprint {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mover = root.join("examples/mover");
    let lambda =
        format!("lambda: {{program: {mover:?}, handler: mover.function.handler, runtime: python3.13, timeout: 5s}}");
    let text = format!(
        "name: lab\nregion: us-east-2\n{results}stages:\n  - name: both\n    workers:\n      instances: {{program: \
         {mover:?}, types: [t4g.small]}}\n      {lambda}\n      active: instances\n  - name: alone\n    workers:\n      \
         {lambda}\n"
    );
    let environment = environment::parse(&root.join("lab.yaml"), text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local: false,
    };
    blueprint::render(&environment, &placement).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

fn read(blueprint: &Blueprint, part: &str) -> Value {
    let stack = blueprint.stacks.iter().find(|stack| stack.part == part);
    Value::Object(template::read(&stack.expect("a stack").body).expect("a template"))
}

/// The statements of all roles that name DynamoDB.
fn statements(template: &Value) -> Vec<Value> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let roles = resources.filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role");
    let statements = roles.flat_map(|(_, role)| {
        let policies = role["Properties"]["Policies"].as_array().cloned().unwrap_or_default();
        policies.into_iter().flat_map(|policy| {
            let statements = policy["PolicyDocument"]["Statement"].as_array().cloned();
            statements.unwrap_or_default()
        })
    });
    statements
        .filter(|statement| statement.to_string().contains("dynamodb"))
        .collect()
}

#[test]
fn every_workers_role_may_write_to_the_own_table_and_to_no_other() {
    let blueprint = rendered("results: {ttl: 30d}\n");
    for (part, roles) in [("both", 2), ("alone", 1)] {
        let template = read(&blueprint, part);
        let found = statements(&template);
        let wanted = json!({
            "Sid": "RecordResults",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            "Resource": {"Ref": "ResultsTableArn"},
        });
        assert_eq!(found, vec![wanted; roles], "{part}");
        let stack = blueprint
            .stacks
            .iter()
            .find(|stack| stack.part == part)
            .expect("a stack");
        assert!(stack.needs.contains(&"results".to_owned()), "{:?}", stack.needs);
        assert_eq!(
            stack.parameters["ResultsTableArn"],
            blueprint::Value::Output {
                part: "results".into(),
                key: "TableArn".into()
            }
        );
    }
}

#[test]
fn workers_of_both_kinds_are_told_the_table_and_how_long_to_keep_a_record() {
    for (ttl, seconds) in [("30d", Some("2592000")), ("forever", None)] {
        let blueprint = rendered(&format!("results: {{ttl: {ttl}}}\n"));
        for part in ["both", "alone"] {
            let template = read(&blueprint, part);
            let variables = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
            assert_eq!(
                variables["QFLEET_RESULTS_TABLE"],
                json!({"Ref": "ResultsTable"}),
                "{part}"
            );
            assert_eq!(variables["QFLEET_RESULTS_TTL_SECONDS"].as_str(), seconds, "{part}");
        }
        let template = read(&blueprint, "both");
        let settings = template["Outputs"]["WorkerEnvironment"]["Value"].to_string();
        assert!(settings.contains("QFLEET_RESULTS_TABLE=${ResultsTable}"), "{settings}");
        let told = settings.contains("QFLEET_RESULTS_TTL_SECONDS=2592000");
        assert_eq!(told, seconds.is_some(), "{settings}");
    }
}

#[test]
fn without_results_nothing_speaks_of_a_table() {
    let blueprint = rendered("");
    assert!(blueprint.stacks.iter().all(|stack| stack.part != "results"));
    for stack in &blueprint.stacks {
        let body = stack.body.to_lowercase();
        assert!(
            !body.contains("dynamodb") && !body.contains("qfleet_results"),
            "{}",
            stack.name
        );
    }
}

/// As bucket and queues.
#[test]
fn the_table_is_kept_unless_the_bucket_goes() {
    for (bucket, policy) in [
        ("bucket: {on_destroy: empty}\n", "Delete"),
        ("bucket: {on_destroy: keep}\n", "RetainExceptOnCreate"),
        ("", "RetainExceptOnCreate"),
    ] {
        let template = read(&rendered(&format!("{bucket}results: {{}}\n")), "results");
        assert_eq!(template["Resources"]["Table"]["DeletionPolicy"], policy, "{bucket}");
        let name = &template["Resources"]["Table"]["Properties"]["TableName"];
        assert_eq!(name, "lab-results", "what is imported has a literal name");
    }
}

/// One rule for all data: the bucket's `on_destroy`, else that of the file; without a word it stays.
#[test]
fn table_and_queues_stay_or_go_alike_with_a_bucket_and_without() {
    for (file, stays) in [
        ("results: {}\n", true),
        ("results: {}\non_destroy: keep\n", true),
        ("results: {}\non_destroy: empty\n", false),
        ("results: {}\nbucket: {}\n", true),
        ("results: {}\nbucket: {on_destroy: keep}\n", true),
        ("results: {}\nbucket: {on_destroy: empty}\n", false),
    ] {
        let blueprint = rendered(file);
        let (policy, tag) = match stays {
            true => ("RetainExceptOnCreate", "keep"),
            false => ("Delete", "empty"),
        };
        for (part, id) in [("results", "Table"), ("alone", "Queue"), ("both", "DeadLetterQueue")] {
            assert_eq!(
                read(&blueprint, part)["Resources"][id]["DeletionPolicy"],
                policy,
                "{file}{id}"
            );
            let stack = blueprint.stacks.iter().find(|stack| stack.part == part);
            assert_eq!(stack.expect("a stack").tags["qfleet:on-destroy"], tag, "{file}{part}");
        }
    }
}
