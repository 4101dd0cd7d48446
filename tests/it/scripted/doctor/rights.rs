//! Whether a deploy is allowed, as IAM simulates it.

use serde_json::Value;

use super::{doctor, document, of, text};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::lab::{self, LAB};

const FUNCTION: &str = "\
name: lab
region: us-east-2
on_destroy: empty
stages:
  - name: work
    workers:
      lambda: {program: program, handler: app.handler, runtime: python3.13, max_concurrency: 30}
";

const APP: &str = "def handler(event, context):\n    pass\n";

fn rights(script: Script, file: &str, status: i32) -> Value {
    let endpoint = Endpoint::serve(script);
    let asked = doctor(&endpoint, file)
        .file("program/app.py", APP)
        .args(["--output", "json"]);
    let document = asked.status(status).run().json();
    of(&document, "rights")
        .first()
        .map_or(Value::Null, |check| (*check).clone())
}

fn policies(file: &str) -> Vec<Value> {
    lab::with_file(file)
        .file("program/app.py", APP)
        .args(["iam", "lab.yaml", "--account", "111122223333", "--output", "jsonl"])
        .run()
        .json_lines()
}

#[test]
fn the_policy_that_iam_prints_is_what_a_deploy_needs() {
    for file in [LAB, FUNCTION, &format!("{LAB}delivery: {{}}\n")] {
        let printed = policies(file);
        let check = rights(Script::new().policies(printed.clone()), file, 0);
        assert_eq!(text(&check, "outcome"), "passed", "{check:#}");
        assert!(
            text(&check, "what").starts_with("IAM's simulation allows the "),
            "{check:#}"
        );
        // Nor is it more: without any of its statements something is denied.
        let count = printed[0]["Statement"].as_array().expect("statements").len();
        for left_out in (0..count).step_by(5) {
            let mut less = printed.clone();
            let statements = less[0]["Statement"].as_array_mut().expect("statements");
            let gone = statements.remove(left_out);
            if gone["Action"].as_str().is_some_and(|action| action.ends_with('*')) {
                continue;
            }
            let check = rights(Script::new().policies(less), file, 1);
            assert_eq!(text(&check, "outcome"), "failed", "{gone:#}\n{check:#}");
        }
    }
}

#[test]
fn what_is_denied_is_named_with_the_command_that_prints_the_policy() {
    let script = Script::new().denies("sqs:CreateQueue").denies("iam:PassRole");
    let endpoint = Endpoint::serve(script);
    let run = doctor(&endpoint, LAB)
        .args(["--name", "bob", "--output", "json"])
        .status(1)
        .run()
        .json();
    let check = of(&run, "rights")[0];
    assert_eq!(text(check, "outcome"), "failed");
    for part in [
        "IAM's simulation denies ",
        "iam:PassRole on arn:aws:iam::111122223333:role/bob-any",
        "sqs:CreateQueue on arn:aws:sqs:us-east-2:111122223333:bob-any",
    ] {
        assert!(text(check, "what").contains(part), "{part}: {check:#}");
    }
    let mend = &check["mend"];
    assert_eq!(mend["command"], "qfleet iam lab.yaml --name bob --for deploy");
}

#[test]
fn a_few_calls_at_a_time_ask_for_all_and_none_for_a_pattern() {
    let endpoint = Endpoint::serve(Script::new());
    doctor(&endpoint, LAB).run();
    let calls = endpoint.calls("SimulatePrincipalPolicy");
    assert!((5..80).contains(&calls.len()), "{} calls", calls.len());
    for call in calls {
        assert!(!String::from_utf8_lossy(&call.body).contains("%2A&ActionNames"));
        assert_eq!(
            call.input.text("PolicySourceArn"),
            Some("arn:aws:iam::111122223333:user/somebody")
        );
    }
}

#[test]
fn actions_that_iam_does_not_simulate_together_are_asked_for_apart() {
    let script = Script::new()
        .simulated_apart("iam:PutRolePolicy")
        .simulated_apart("sqs:CreateQueue");
    let check = rights(script.denies("sqs:CreateQueue"), LAB, 1);
    assert!(
        text(&check, "what").starts_with("IAM's simulation denies sqs:CreateQueue on "),
        "{check:#}"
    );
    let check = rights(Script::new().simulated_apart("iam:PutRolePolicy"), LAB, 0);
    assert_eq!(text(&check, "outcome"), "passed", "{check:#}");
}

#[test]
fn a_role_of_identity_center_is_simulated_by_its_arn_with_its_path() {
    let script = Script::new().caller("assumed-role/AWSReservedSSO_deploy_0123456789abcdef/me@example.com");
    let check = rights(script, LAB, 0);
    assert_eq!(text(&check, "outcome"), "passed", "{check:#}");
}

#[test]
fn what_can_not_be_simulated_is_unknown_with_how_to_get_it() {
    let denied = |action: &str| {
        let message = format!("User: … is not authorized to perform: iam:{action}");
        Script::new().fault(On::action(action), Fault::refuse(403, "AccessDenied", &message))
    };
    for (script, file, what, action) in [
        (
            denied("SimulatePrincipalPolicy"),
            LAB,
            "not all could be simulated: ",
            "iam:SimulatePrincipalPolicy",
        ),
        (
            denied("GetRole").caller("assumed-role/pipeline/run-1"),
            LAB,
            "the ARN of the role pipeline isn't known",
            "iam:GetRole and iam:SimulatePrincipalPolicy",
        ),
        (
            Script::new().caller("root"),
            LAB,
            "the account's root user",
            "deploy as a role",
        ),
        (
            Script::new().caller("federated-user/me"),
            LAB,
            "IAM simulates users and roles only",
            "compare what it may do",
        ),
        (
            Script::new()
                .denies("sqs:CreateQueue")
                .looks_at("aws:MultiFactorAuthPresent"),
            LAB,
            "what the policies ask for: aws:MultiFactorAuthPresent",
            "compare the policies",
        ),
    ] {
        let check = rights(script, file, 0);
        assert_eq!(text(&check, "outcome"), "unknown", "{check:#}");
        assert!(text(&check, "what").contains(what), "{what}: {check:#}");
        assert!(text(&check["mend"], "action").contains(action), "{action}: {check:#}");
        assert_eq!(check["mend"]["command"], "qfleet iam lab.yaml --for deploy");
    }
}

#[test]
fn of_a_file_that_can_not_be_rendered_they_are_unknown() {
    let document = document(Script::new(), FUNCTION, 0);
    let check = of(&document, "rights")[0];
    assert_eq!(text(check, "outcome"), "unknown", "{check:#}");
    assert!(text(check, "what").ends_with("the file can't be rendered"), "{check:#}");
    assert_eq!(check["mend"]["command"], "qfleet check lab.yaml");
}

#[test]
fn an_organization_that_denies_is_named() {
    let check = rights(Script::new().denies("sqs:CreateQueue").by_organization(), LAB, 1);
    let what = text(&check, "what");
    assert!(what.contains("lab-any (by the organization's policies)"), "{check:#}");
}

#[test]
fn the_rights_in_another_account_than_the_files_are_not_looked_at() {
    let file = format!("account: \"999999999999\"\n{LAB}");
    let check = rights(Script::new(), &file, 1);
    assert_eq!(text(&check, "outcome"), "unknown");
    assert_eq!(text(&check, "what"), "not looked at: the file allows another account");
}
