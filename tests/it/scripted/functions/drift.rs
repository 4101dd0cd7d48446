//! What differs from what was deployed, and what CloudFormation can put back.

use super::*;
use crate::endpoint::Drifted;

fn look(script: Script) -> Value {
    look_at(&serve(script))
}

fn look_at(endpoint: &Endpoint) -> Value {
    at(endpoint)
        .args(["drift", "--name", "lab", "--output", "json"])
        .run()
        .json()
}

/// Each difference as `resource property class`.
fn findings(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = document["stacks"][0]["resources"].as_array().expect("resources");
    let all = resources.iter().filter(|resource| {
        resource["resource_type"]
            .as_str()
            .is_some_and(|of| of.contains("Lambda"))
    });
    let all = all.flat_map(|resource| {
        let differences = resource["differences"].as_array().expect("differences").iter();
        differences.map(|one| {
            format!(
                "{} {} {}",
                text(&resource["logical_id"]),
                text(&one["property"]),
                text(&one["class"])
            )
        })
    });
    all.collect()
}

#[test]
fn a_function_as_it_was_deployed_has_not_drifted() {
    let document = look(well());
    assert_eq!(findings(&document), [] as [&str; 0]);
    let not_checked = document["stacks"][0]["not_checked"].as_array().expect("what wasn't");
    let of_lambda = not_checked
        .iter()
        .filter(|one| one["resource_type"].as_str().is_some_and(|of| of.contains("Lambda")));
    assert_eq!(of_lambda.collect::<Vec<_>>(), [] as [&Value; 0]);
}

#[test]
fn changes_of_a_function_are_found() {
    let finds = |what: &str, wanted: &[&str], change: fn(&mut ScriptedFunction)| {
        assert_eq!(findings(&look(well().function(function(change)))), wanted, "{what}");
    };
    finds("its code", &["Function Code/CodeSha256 dangerous"], |function| {
        set(
            &mut function.changed,
            json!({"CodeSha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
        );
    });
    finds(
        "its time and its memory",
        &["Function MemorySize unexpected", "Function Timeout unexpected"],
        |function| {
            set(&mut function.changed, json!({"MemorySize": 128, "Timeout": 3}));
        },
    );
    let variables = [
        "Function Environment/Variables/DEBUG unexpected",
        "Function Environment/Variables/QFLEET_QUEUE_URL unexpected",
    ];
    finds("its variables", &variables, |function| {
        let mine = json!({"QFLEET_QUEUE_URL": "https://mine", "QFLEET_MESSAGES_AT_ONCE": "5", "DEBUG": "1"});
        set(&mut function.changed, json!({"Environment": {"Variables": mine}}));
    });
    finds("its role", &["Function Role dangerous"], |function| {
        set(
            &mut function.changed,
            json!({"Role": "arn:aws:iam::111122223333:role/admin"}),
        );
    });
    finds(
        "where it logs",
        &["Function LoggingConfig/LogGroup unexpected"],
        |function| {
            set(
                &mut function.changed,
                json!({"LoggingConfig": {"LogGroup": "/aws/lambda/mine"}}),
            );
        },
    );
    finds("a layer", &["Function Layers unexpected"], |function| {
        set(
            &mut function.changed,
            json!({"Layers": [{"Arn": "arn:aws:lambda:us-east-2:444455556666:layer:mine:1"}]}),
        );
    });
    finds(
        "turned off",
        &["Function ReservedConcurrentExecutions dangerous"],
        |function| {
            function.reserved_concurrency = Some(0);
        },
    );
    finds(
        "limited",
        &["Function ReservedConcurrentExecutions unexpected"],
        |function| {
            function.reserved_concurrency = Some(2);
        },
    );
    finds("invoked by somebody else", &["Function Policy dangerous"], |function| {
        let anybody = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"});
        function.policy = Some(json!({"Version": "2012-10-17", "Statement": [anybody]}));
    });
    finds("gone", &["Function  dangerous"], |function| function.is_gone = true);
}

#[test]
fn changes_of_a_mapping_are_found() {
    let finds = |what: &str, wanted: &[&str], changed: Value| {
        let mut scripted = mapping("Enabled");
        set(&mut scripted.changed, changed);
        assert_eq!(findings(&look(well().mapping(scripted))), wanted, "{what}");
    };
    finds(
        "its batches",
        &["Mapping BatchSize unexpected"],
        json!({"BatchSize": 10}),
    );
    finds(
        "what it reports",
        &["Mapping FunctionResponseTypes dangerous"],
        json!({"FunctionResponseTypes": []}),
    );
    finds(
        "its most",
        &["Mapping ScalingConfig/MaximumConcurrency unexpected"],
        json!({"ScalingConfig": {"MaximumConcurrency": 2}}),
    );
    finds(
        "another function",
        &["Mapping FunctionName dangerous"],
        json!({"FunctionName": "mine"}),
    );
    let filter = json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}});
    finds("a filter", &["Mapping FilterCriteria dangerous"], filter);
    for state in ["Disabled", "Disabling"] {
        let document = look(well().mapping(mapping(state)));
        assert_eq!(findings(&document), ["Mapping Enabled dangerous"], "{state}");
    }
    let without = Script::new().function(function(|_| {}));
    assert_eq!(findings(&look(without)), ["Mapping  dangerous"]);
}

fn revert(script: Script, status: i32) -> (Value, Endpoint) {
    let endpoint = serve(script);
    let args = ["drift", "--name", "lab", "--revert", "--yes", "--output", "json"];
    (at(&endpoint).args(args).status(status).run().json(), endpoint)
}

/// CloudFormation sees it, because the template says that it receives.
#[test]
fn a_mapping_that_somebody_disabled_is_enabled_again() {
    let disabled = Drifted::new("lab-move", "Mapping", "MODIFIED")
        .properties(r#"{"Enabled":"true"}"#, r#"{"Enabled":"false"}"#)
        .difference("/Enabled", "true", "false", "NOT_EQUAL");
    let (document, endpoint) = revert(well().mapping(mapping("Disabled")).drifted(disabled), 0);
    let revert = &document["revert"];
    let of_lambda = |line: &&Value| line.as_str().is_some_and(|line| line.contains("Mapping"));
    let not_reverted = revert["not_reverted"].as_array().expect("a list");
    assert_eq!(not_reverted.iter().find(of_lambda), None);
    assert_eq!(revert["plans"][0]["changes"][0]["states"][0]["template"], "true");
    assert_eq!(endpoint.world(|world| world.mapping_state()), "Enabled");
    assert_eq!(findings(&look_at(&endpoint)), [] as [&str; 0]);
}

/// It compares no code, and nothing that the template leaves out: that is said.
#[test]
fn what_cloudformation_does_not_see_is_said_to_stay() {
    let changed = function(|function| {
        set(
            &mut function.changed,
            json!({"CodeSha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
        );
        function.reserved_concurrency = Some(0);
    });
    let (document, endpoint) = revert(well().function(changed), 1);
    let not_reverted: Vec<&str> = document["revert"]["not_reverted"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .filter(|line| line.contains(" Function "))
        .collect();
    assert_eq!(
        not_reverted,
        [
            "lab-move Function Code/CodeSha256",
            "lab-move Function ReservedConcurrentExecutions"
        ]
    );
    assert!(endpoint.calls("ExecuteChangeSet").is_empty());
}
