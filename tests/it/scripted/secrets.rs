//! Secrets that workers don't start without: a plan, a deploy and `doctor` say when nothing is kept where the file looks.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::Test;
use crate::lab::{self, LAB};

const ARN: &str = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/api-AbC123";

fn with_secrets(endpoint: &Endpoint) -> Test {
    let secrets = format!("max: 3, secrets: {{DB_PASSWORD: /app/db, API_KEY: \"{ARN}\"}}}}");
    lab::with_file_at(endpoint, &LAB.replace("max: 3}", &secrets))
}

/// "ResourceNotFoundException: Secrets Manager can't find the resource that you asked for."
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>).
fn without_secret() -> Script {
    let refusal = Fault::refuse(
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    );
    Script::new().fault(On::action("DescribeSecret"), refusal)
}

fn lacking(plan: &Value) -> Vec<Value> {
    let stacks = plan["stacks"].as_array().into_iter().flatten();
    let attention = stacks.filter_map(|stack| stack["attention"].as_array()).flatten();
    attention.filter(|one| one["reason"] == "no_secret").cloned().collect()
}

#[test]
fn what_is_missing_is_told_before_anything_is_made() {
    let endpoint = Endpoint::serve(without_secret());
    let put = "aws ssm put-parameter --name /app/db --type SecureString --value file://secret.txt --region us-east-2";
    let list = "aws secretsmanager list-secrets --include-planned-deletion --region us-east-2";
    let plan = with_secrets(&endpoint)
        .args(["plan", "lab.yaml", "--output", "json"])
        .run()
        .json();
    let told = [
        json!({"reason": "no_secret", "kept_in": "/app/db", "command": put}),
        json!({"reason": "no_secret", "kept_in": ARN, "command": list}),
    ];
    assert_eq!(lacking(&plan), told);
    let deploy = with_secrets(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let said = deploy.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        format!(
            "careful: there is no SSM parameter /app/db, and workers of lab-work don't start without it. Put it there first: \
             {put}"
        ),
        format!(
            "careful: there is no secret {ARN}, and workers of lab-work don't start without it. See which are there: {list}"
        ),
    ] {
        assert!(said.contains(&line), "{line}\n{said}");
    }
}

#[test]
fn what_is_there_or_cannot_be_asked_is_not_told() {
    let denied = |action: &str| {
        let refusal = Fault::refuse(400, "AccessDeniedException", "not authorized to perform that");
        (On::action(action), refusal)
    };
    let [(parameters, one), (secret, two)] = ["DescribeParameters", "DescribeSecret"].map(denied);
    let endpoint = Endpoint::serve(Script::new().fault(parameters, one).fault(secret, two));
    let plan = |endpoint: &Endpoint| {
        let run = with_secrets(endpoint)
            .args(["plan", "lab.yaml", "--output", "json"])
            .run();
        lacking(&run.json())
    };
    assert_eq!(plan(&endpoint), Vec::<Value>::new());
    let endpoint = Endpoint::serve(without_secret());
    endpoint.world(|world| world.services.set_parameter("/app/db", "hunter2"));
    let told = plan(&endpoint);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["kept_in"], ARN);
}

/// A network may have no way to Secrets Manager.
#[test]
fn a_service_that_never_answers_holds_no_plan_up() {
    let endpoint = Endpoint::serve(Script::new().fault(On::action("DescribeSecret"), Fault::Stall));
    let began = Instant::now();
    let run = with_secrets(&endpoint)
        .args(["plan", "lab.yaml", "--output", "json"])
        .run();
    assert_eq!(lacking(&run.json()), Vec::<Value>::new());
    // One call alone is given up after 10 s, and tried three times.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

/// Made by the same deploy.
#[test]
fn a_parameter_of_an_own_template_is_not_missed() {
    let endpoint = Endpoint::serve(Script::new());
    let file = LAB.replace("max: 3}", "max: 3, secrets: {DB_PASSWORD: /app/db}}");
    let extra = "Resources:\n  Password:\n    Type: AWS::SSM::Parameter\n    Properties: {Name: /app/db, Type: String, \
                 Value: made-up}\n";
    let run = lab::with_file_at(
        &endpoint,
        &format!("{file}extras:\n  - name: own\n    template: own.yaml\n"),
    )
    .file("own.yaml", extra)
    .args(["plan", "lab.yaml", "--output", "json"])
    .run();
    assert_eq!(lacking(&run.json()), Vec::<Value>::new());
    assert!(endpoint.calls("DescribeParameters").is_empty());
    let plan = |name: &str| {
        let extra = extra.replace("Name: /app/db, ", name);
        let run = run
            .then()
            .file("own.yaml", extra)
            .args(["plan", "lab.yaml", "--output", "json"]);
        lacking(&run.run().json()).len()
    };
    // What its name comes to isn't known; that of others is another one.
    assert_eq!(plan("Name: !Sub '/app/${AWS::StackName}', "), 0);
    for another in ["Name: /app/other, ", ""] {
        assert_eq!(plan(another), 1, "{another}");
    }
}

#[test]
fn doctor_looks_for_them() {
    let endpoint = Endpoint::serve(without_secret());
    let outcomes = |status: i32| {
        let document = with_secrets(&endpoint)
            .args(["doctor", "lab.yaml", "--output", "json"])
            .status(status)
            .run()
            .json();
        let checks = document["checks"].as_array().into_iter().flatten();
        let secrets = checks.filter(|check| check["check"] == "secrets");
        let told = secrets.map(|check| {
            let mend = check["mend"]["command"].as_str().unwrap_or_default();
            let first: String = mend.split(' ').take(3).collect::<Vec<_>>().join(" ");
            format!("{} {}: {} ({first})", check["about"], check["what"], check["outcome"])
        });
        told.collect::<Vec<_>>()
    };
    let parameter = "\"work\" \"there is no parameter /app/db in us-east-2\": \"failed\" (aws ssm put-parameter)";
    let secret =
        format!("\"work\" \"there is no secret {ARN} in us-east-2\": \"failed\" (aws secretsmanager list-secrets)");
    assert_eq!(outcomes(1), [parameter, &secret]);
    endpoint.world(|world| world.services.set_parameter("/app/db", "hunter2"));
    assert_eq!(outcomes(1), ["\"work\" \"/app/db is there\": \"passed\" ()", &secret]);
}
