//! What each command calls, of which resource: `qfleet iam` allows all of it.

use serde_json::Value as Json;

use crate::endpoint::rights::{needed, purposes, resource};
use crate::endpoint::{Call, Endpoint, Script};
use crate::harness::Test;
use crate::lab::with_file_at;
use crate::offline::least_privilege::statements::{each, texts};
use crate::scripted::ending::commands::{ALL, Run};

/// The policies for a command, printed by the command line in the folder of the command.
fn policies(of: &Test, by: &str) -> Vec<Json> {
    let purposes = purposes(by).unwrap_or_else(|| panic!("no purpose for {by}"));
    let mut test = of
        .beside()
        .args(["iam", "lab.yaml", "--output", "jsonl", "--account", "111122223333"]);
    for purpose in purposes {
        test = test.args(["--for", purpose.name()]);
    }
    test.run().json_lines()
}

/// Whether qfleet itself may do this: what is allowed to CloudFormation's calls alone doesn't count.
fn allows(policies: &[Json], action: &str, about: Option<&str>) -> bool {
    let mut statements = policies.iter().flat_map(|policy| each(&policy["Statement"]));
    statements.any(|statement| {
        let only_called = statement["Condition"].to_string().contains("aws:CalledVia");
        let is_so = texts(&statement["Action"]).iter().any(|known| fits(known, action));
        let mut resources = texts(&statement["Resource"]).into_iter();
        is_so && !only_called && resources.any(|known| about.is_none_or(|about| fits(&known, about)))
    })
}

/// Whether a text is as a pattern says.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))),
    }
}

/// The search for what is left of an environment without `delivery` does without this answer, where it is denied.
const DONE_WITHOUT: &str = "cloudfront:ListOriginAccessControls";

fn missing(policies: &[Json], calls: &[Call]) -> Vec<String> {
    let mut missing = Vec::new();
    for call in calls {
        let about = resource(call, "111122223333");
        for action in needed(call) {
            if action != DONE_WITHOUT && !allows(policies, &action, about.as_deref()) {
                missing.push(format!("{action} on {}", about.as_deref().unwrap_or("something")));
            }
        }
    }
    missing.sort();
    missing.dedup();
    missing
}

#[test]
fn each_command_is_allowed_what_it_calls_on_what_it_calls_it_for() {
    let commands = ALL
        .into_iter()
        // `doctor` does without what it isn't allowed: it says which checks it couldn't make.
        // What `results` reads there comes from another file than the one beside it.
        .filter(|run: &Run| !["local", "doctor", "results"].contains(&run.args[0]) && !run.is_endless());
    let mut resources = 0;
    for command in commands {
        let endpoint = command.endpoint();
        let test = command.at(&endpoint);
        let by = test.verb();
        let policies = policies(&test, &by);
        let _ = test.command().output().expect("it runs");
        let calls = endpoint.world(|world| world.calls.clone());
        assert!(!calls.is_empty(), "{command}");
        resources += calls
            .iter()
            .filter(|call| resource(call, "111122223333").is_some())
            .count();
        assert_eq!(missing(&policies, &calls), [""; 0], "{command}");
    }
    assert!(resources > 300, "{resources}");
}

const TWO_KINDS: &str = "\
name: lab
region: us-east-2
dashboard: false
stages:
  - name: work
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 1}
      lambda: {program: program, handler: app.handler, runtime: python3.13, timeout: 1s}
      active: lambda
";

/// What it has in hand is waited for, as long as it may take.
#[test]
fn a_deploy_may_ask_how_long_a_function_may_take_that_others_take_over_from() {
    for to in ["instances", "none"] {
        let endpoint = Endpoint::serve(Script::new());
        let begun = with_file_at(&endpoint, TWO_KINDS)
            .file("program/app.py", "def handler(event, context): pass\n")
            .args(["deploy", "lab.yaml", "--yes"])
            .run();
        let file = TWO_KINDS.replace("active: lambda", &format!("active: {to}"));
        let switch = begun.then().file("lab.yaml", file);
        let switch = switch.args(["deploy", "lab.yaml", "--yes"]);
        let policies = policies(&switch, "deploy");
        let before = endpoint.world(|world| world.calls.len());
        switch.run();
        let calls = endpoint.world(|world| world.calls[before..].to_vec());
        assert!(calls.iter().any(|call| call.action == "GetFunction"), "{to}");
        assert_eq!(missing(&policies, &calls), [""; 0], "{to}");
    }
}

/// Without one of its statements, a policy lets no deploy through: the test above would see it.
#[test]
fn a_missing_right_is_noticed() {
    let deploy = ALL
        .into_iter()
        .find(|run| run.args[0] == "deploy")
        .expect("it is among them");
    let endpoint = deploy.endpoint();
    let test = deploy.at(&endpoint);
    let policies = policies(&test, "deploy");
    let _ = test.command().output().expect("it runs");
    let calls = endpoint.world(|world| world.calls.clone());
    for action in ["cloudformation:ExecuteChangeSet", "s3:PutObject", "ssm:GetParameters"] {
        let text = serde_json::to_string(&policies)
            .expect("JSON")
            .replace(action, "sqs:ListQueues");
        let less: Vec<Json> = serde_json::from_str(&text).expect("JSON");
        assert!(!missing(&less, &calls).is_empty(), "{action}");
    }
    // And on what.
    let text = serde_json::to_string(&policies)
        .expect("JSON")
        .replace("stack/lab-*", "stack/laboratory-*");
    let other: Vec<Json> = serde_json::from_str(&text).expect("JSON");
    assert!(!missing(&other, &calls).is_empty());
}
