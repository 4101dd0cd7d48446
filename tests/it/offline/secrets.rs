//! Secrets: what is rendered of them, and which workers can't read.

use serde_json::Value;

use crate::harness::Test;
use crate::lab::{LAB, with_file};

const ARN: &str = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/db-AbC123";
const REGION: &str = "region: us-east-2\n";

/// The lab with two secrets; `file` at its beginning, instead of its region.
fn lab(file: &str) -> Test {
    let max = "max: 3}";
    assert_eq!((LAB.matches(max).count(), LAB.matches(REGION).count()), (1, 1));
    let secrets = format!("max: 3, secrets: {{DB_PASSWORD: /app/db, API_KEY: '{ARN}'}}}}");
    with_file(&LAB.replace(max, &secrets).replace(REGION, file)).args(["render", "lab.yaml"])
}

fn stage(test: Test) -> Value {
    let all = test.args(["--output", "json"]).run().json();
    let stacks = all["stacks"].as_array().expect("stacks").iter();
    let stage = stacks
        .into_iter()
        .find(|stack| stack["part"] == "work")
        .expect("the stage");
    let template = stage["template"].as_str().expect("a template");
    serde_yaml::from_str::<serde_yaml::Value>(template)
        .and_then(|template| serde_json::to_value(untagged(template)).map_err(serde::de::Error::custom))
        .expect("a template")
}

/// `!Ref X` as X: what is looked at here has none that matters.
fn untagged(value: serde_yaml::Value) -> serde_yaml::Value {
    use serde_yaml::Value;
    match value {
        Value::Tagged(tagged) => untagged(tagged.value),
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(untagged).collect()),
        Value::Mapping(entries) => {
            Value::Mapping(entries.into_iter().map(|(key, value)| (key, untagged(value))).collect())
        }
        value => value,
    }
}

#[test]
fn the_role_may_read_these_and_no_others() {
    let stage = stage(lab(REGION).args(["--account", "111122223333"]));
    let statements = &stage["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let named = |sid: &str| {
        let found = statements
            .as_array()
            .expect("statements")
            .iter()
            .find(|one| one["Sid"] == sid);
        found.unwrap_or_else(|| panic!("no {sid}: {statements:#}"))
    };
    let parameter = serde_json::json!([
        "",
        [
            "arn:",
            "AWS::Partition",
            ":ssm:",
            "AWS::Region",
            ":",
            "AWS::AccountId",
            ":parameter",
            "/app/db"
        ]
    ]);
    let read = named("ReadSecretParameters");
    assert_eq!(
        (&read["Action"], &read["Resource"]),
        (&"ssm:GetParameter".into(), &serde_json::json!([parameter]))
    );
    let read = named("ReadSecrets");
    assert_eq!(
        (&read["Action"], &read["Resource"]),
        (&"secretsmanager:GetSecretValue".into(), &serde_json::json!([ARN]))
    );
    // With a customer's key, these and nothing else are decrypted.
    for (sid, service, context, what) in [
        (
            "DecryptSecretParameters",
            "ssm",
            "kms:EncryptionContext:PARAMETER_ARN",
            parameter,
        ),
        (
            "DecryptSecrets",
            "secretsmanager",
            "kms:EncryptionContext:SecretARN",
            ARN.into(),
        ),
    ] {
        let decrypt = named(sid);
        assert_eq!(decrypt["Action"], "kms:Decrypt");
        assert_eq!(
            decrypt["Condition"],
            serde_json::json!({
                "StringLike": {"kms:ViaService": format!("{service}.${{AWS::Region}}.amazonaws.com*")},
                "StringEquals": {context: [what]},
            })
        );
    }
    let all = stage.to_string();
    let names = format!("API_KEY={ARN} DB_PASSWORD=/app/db");
    // For the workers, and for whoever runs one elsewhere.
    assert_eq!(
        all.matches(&format!("QFLEET_SECRETS=\\\"{names}\\\"")).count(),
        2,
        "{all}"
    );

    let without = with_file(LAB).args(["render", "lab.yaml"]).run().stdout;
    for word in ["QFLEET_SECRETS", "kms:", "ssm:", "secretsmanager:"] {
        assert!(!without.contains(word), "{word}");
    }
}

/// A function is told where they are, and its role lets it read them.
#[test]
fn a_function_reads_its_own() {
    let instances = "instances: {program: program, types: [t3.micro], min: 1, max: 3}";
    assert_eq!(LAB.matches(instances).count(), 1);
    let lambda = format!(
        "lambda: {{program: program, handler: mover.function.handler, runtime: python3.13, secrets: {{DB_PASSWORD: \
         /app/db, API_KEY: '{ARN}'}}}}"
    );
    let file = LAB
        .replace(instances, &lambda)
        .replace("    scaling: {seconds_per_message: 1}\n", "");
    let render = ["render", "lab.yaml", "--account", "111122223333"];
    let code = "def handler(event, context): pass\n";
    let test = || with_file(&file).file("program/mover/function.py", code).args(render);
    let stage = stage(test());
    let variables = &stage["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    assert_eq!(
        variables["QFLEET_SECRETS"],
        format!("API_KEY={ARN} DB_PASSWORD=/app/db")
    );
    assert_eq!(variables["DB_PASSWORD"], Value::Null);
    let role = stage["Resources"]["FunctionRole"].to_string();
    for sid in [
        "ReadSecretParameters",
        "DecryptSecretParameters",
        "ReadSecrets",
        "DecryptSecrets",
    ] {
        assert!(role.contains(sid), "{sid}: {role}");
    }
    let elsewhere = test().args(["--region", "eu-west-1"]).status(2);
    elsewhere
        .stderr_contains("stages[0].workers.lambda.secrets.API_KEY")
        .run();
}

#[test]
fn a_secret_that_the_workers_cannot_reach_is_refused() {
    let elsewhere = |test: Test, says: &str| {
        let test = test.status(2).stderr_contains(says);
        test.stderr_contains("stages[0].workers.instances.secrets.API_KEY")
            .run();
    };
    elsewhere(
        lab("region: eu-west-1\n"),
        "the secret is in `us-east-2`, and its workers are in `eu-west-1`",
    );
    elsewhere(
        lab(REGION).args(["--region", "eu-west-1"]),
        "the secret is in `us-east-2`, and its workers are in `eu-west-1`",
    );
    let account = "the secret is of account 111122223333, and its workers are in 444455556666";
    elsewhere(lab(REGION).args(["--account", "444455556666"]), account);
    elsewhere(lab(&format!("{REGION}account: '444455556666'\n")), account);
    // Where neither is known, nothing is wrong; and the emulator has one of that name.
    lab("").run();
    let local = lab("region: eu-west-1\n").args(["--local"]).run().stdout;
    let name = "API_KEY=arn:aws:secretsmanager:eu-west-1:000000000000:secret:app/db DB_PASSWORD=/app/db";
    assert!(local.contains(name), "{local}");
}
