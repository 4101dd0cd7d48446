//! What `status`, `kill-worker` and `logs` say of it.

use std::time::Duration;

use super::*;
use crate::endpoint::{Fault, On};
use crate::harness::{in_a_terminal, without_control};
use crate::lab;

fn status(endpoint: &Endpoint) -> Value {
    let status = at(endpoint)
        .args(["status", "--name", "lab", "--output", "json"])
        .run()
        .json();
    assert_eq!(status.get("unknown"), None, "{status:#}");
    status
}

fn found(status: &Value) -> Vec<&str> {
    let findings = status["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["id"].as_str()).collect()
}

/// With what CloudWatch knows of it.
fn busy() -> Script {
    well()
        .series("invocations0", &[(30, 100.0), (2, 12.0), (1, 8.0)])
        .series("errors0", &[(30, 1.0), (2, 0.0), (1, 2.0)])
        .series("throttles0", &[(30, 3.0), (2, 0.0)])
        .series("concurrent0", &[(3, 6.0), (2, 4.0), (1, 4.0)])
        .series("done0", &[(2, 50.0), (1, 40.0)])
}

#[test]
fn status_tells_how_a_function_and_its_mapping_are() {
    let endpoint = serve(busy());
    let status = status(&endpoint);
    let stage = &status["stages"][0];
    let function = &stage["function"];
    assert_eq!(function["function"], FUNCTION);
    assert_eq!(
        function["configuration"],
        json!({
            "state": "Active", "last_update_status": "Successful", "runtime": "python3.13", "memory_mib": 256,
            "timeout_seconds": 30
        })
    );
    let mapping = &function["event_source_mapping"];
    assert_eq!(
        (&mapping["state"], &mapping["maximum_concurrency"]),
        (&json!("Enabled"), &json!(20))
    );
    assert_eq!(
        function["invocations"],
        json!({
            "last_ten_minutes": {"invocations": 20, "errors": 2, "throttles": 0},
            "last_hour": {"invocations": 120, "errors": 3, "throttles": 3},
            "at_once": 4, "without_effect": false
        })
    );
    assert_eq!(stage["done"]["messages_last_hour"], 90);
    assert_eq!(stage["group"], Value::Null);
    assert_eq!(found(&status), [] as [&str; 0]);
    // What it costs: one call for all metrics, two for the function.
    for (action, calls) in [
        ("GetMetricData", 1),
        ("GetFunction", 1),
        ("GetEventSourceMapping", 1),
        ("ListTags", 0),
    ] {
        assert_eq!(endpoint.calls(action).len(), calls, "{action}");
    }
}

#[test]
fn status_in_eighty_columns_and_in_two_hundred() {
    let endpoint = serve(busy().function(function(|function| {
        function.last_update = (
            "Failed",
            Some("The role defined for the function cannot be assumed by Lambda."),
        );
    })));
    let shown = |columns| {
        let (_, said) = in_a_terminal(&at(&endpoint).args(["status", "--name", "lab"]), columns, &[]);
        let said = without_control(&said).replace("\r\n", "\n");
        said.split_once("stage move\n").expect("the stage").1.to_owned()
    };
    insta::assert_snapshot!("eighty_columns", shown(80));
    insta::assert_snapshot!("two_hundred_columns", shown(200));
}

#[test]
fn what_is_wrong_with_it_is_found() {
    let of = |script: Script| {
        let status = status(&serve(script));
        found(&status).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()
    };
    let of_function = |change: fn(&mut ScriptedFunction)| of(well().function(function(change)));
    assert_eq!(of(Script::new().mapping(mapping("Disabled"))), ["mapping-disabled"]);
    assert_eq!(of(Script::new()), ["resource-gone"]);
    assert_eq!(of_function(|function| function.is_gone = true), ["resource-gone"]);
    assert_eq!(
        of_function(|function| function.state = ("Failed", Some("no role"))),
        ["function-failed"]
    );
    assert_eq!(
        of_function(|function| function.last_update = ("Failed", None)),
        ["function-update-failed"]
    );
    assert_eq!(
        of_function(|function| function.reserved_concurrency = Some(0)),
        ["function-throttled"]
    );
    assert_eq!(
        of_function(|function| function.state = ("Pending", None)),
        [] as [&str; 0]
    );
    let problem = ScriptedMapping {
        last_result: Some("PROBLEM: Function call failed"),
        ..mapping("Enabled")
    };
    assert_eq!(of(Script::new().mapping(problem)), ["mapping-problem"]);
    let failing = well()
        .series("invocations0", &[(2, 4.0), (1, 4.0)])
        .series("errors0", &[(2, 4.0), (1, 4.0)]);
    assert_eq!(of(failing), ["function-fails"]);
    let throttled = well().series("throttles0", &[(2, 4.0)]);
    assert_eq!(of(throttled), ["function-throttled"]);
}

/// One that can't be read leaves the rest.
#[test]
fn what_may_not_be_read_is_unknown() {
    let script = busy().fault(On::action("GetFunction"), Fault::access_denied("GetFunction"));
    let endpoint = serve(script);
    let status = at(&endpoint)
        .args(["status", "--name", "lab", "--output", "json"])
        .run()
        .json();
    let unknown = status["unknown"].as_array().expect("what isn't known");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(
        unknown[0]
            .as_str()
            .is_some_and(|text| text.starts_with("move: GetFunction failed")),
        "{unknown:?}"
    );
    let function = &status["stages"][0]["function"];
    assert_eq!(function["configuration"], Value::Null);
    assert_eq!(function["event_source_mapping"]["state"], "Enabled");
}

#[test]
fn in_a_list_it_has_no_instances() {
    let endpoint = serve(well());
    let list = at(&endpoint).args(["list"]).run().stdout;
    let row: Vec<&str> = list.lines().last().expect("a row").split_whitespace().collect();
    assert_eq!((row[0], row.last()), ("lab", Some(&"-")), "{list}");
    let document = at(&endpoint).args(["list", "--output", "json"]).run().json();
    assert_eq!(document["environments"][0]["functions"], json!(["move"]));
}

#[test]
fn there_is_no_instance_to_kill() {
    let endpoint = serve(well());
    let kill = ["kill-worker", "lab.yaml", "--drain", "--yes"];
    for stage in [[].as_slice(), &["--stage", "move"]] {
        lab::at(&endpoint)
            .args(kill)
            .args(stage)
            .status(2)
            .stderr_contains("move has no instance to kill: a Lambda function works on its messages")
            .stderr_contains("aws lambda update-event-source-mapping --no-enabled --uuid")
            .run();
    }
}

#[test]
fn its_lines_say_which_of_its_environments_logged_them() {
    let ago = Duration::from_secs;
    let stream = format!("2026/01/02/{FUNCTION}[$LATEST]0123456789abcdef0123456789abcdef");
    let endpoint = serve(well().logged("/qfleet/lab-move", &stream, ago(30), "moved a\n"));
    let logs = lab::at(&endpoint).args(["logs", "lab.yaml"]).run();
    assert!(
        logs.stdout.ends_with("Z  move function/01234567  moved a\n"),
        "{}",
        logs.stdout
    );
    let document = lab::at(&endpoint)
        .args(["logs", "lab.yaml", "--output", "json"])
        .run()
        .json();
    assert_eq!(document["lines"][0]["log"], stream);
    assert_eq!(document["lines"][0]["instance"], Value::Null);
}

#[test]
fn of_an_instance_there_is_nothing_to_read() {
    let stream = format!("2026/01/02/{FUNCTION}[$LATEST]0123456789abcdef0123456789abcdef");
    let endpoint = serve(well().logged("/qfleet/lab-move", &stream, Duration::from_secs(30), "moved a\n"));
    let logs = |more: &[&str]| lab::at(&endpoint).args(["logs", "lab.yaml"]).args(more).run();
    let said = logs(&["--instance", "i-0123456789abcdef0"]);
    assert_eq!(said.stdout, "");
    let why =
        "move has no instances: a Lambda function works on its messages. Without --instance you see what it logs.";
    assert!(said.stderr.contains(why), "{}", said.stderr);
    let said = logs(&["--filter", "nowhere"]);
    assert!(!said.stderr.contains("has no instances"), "{}", said.stderr);
}
