//! A web tier uses what an extra gives, as stages do.

use serde_json::{Value, json};

use qfleet::blueprint::template;

use super::{FILE, TEMPLATE, part, render};
use crate::harness::Test;
use crate::lab::with_file;

const WEB: &str = "\
web:
  instances:
    program: program
    types: [t4g.small]
    network: create
    environment: {HOST: '${db.Endpoint}'}
    secrets: {LOGIN: '${db.SecretArn}'}
    security_groups: [db.Group]
";

fn with(web: &str) -> Test {
    with_file(&format!("{FILE}{web}"))
        .file("own/db.yaml", TEMPLATE)
        .file("program/app.py", "def handler(event, context): pass\n")
}

#[test]
fn it_is_told_what_an_extra_gives_and_may_read_that_secret_alone() {
    let web = part(&render(with(WEB)), "web");
    for (number, key) in (1..).zip(["Endpoint", "Group", "SecretArn"]) {
        assert_eq!(
            web["parameters"][format!("ExtraOutput{number}")],
            json!({"output": {"part": "db", "key": key}})
        );
    }
    assert!(web["needs"].as_array().expect("parts").contains(&json!("db")));
    let body = Value::Object(template::read(web["template"].as_str().expect("text")).expect("a template"));
    let resources = &body["Resources"];
    assert_eq!(
        resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["SecurityGroupIds"][1],
        json!({"Ref": "ExtraOutput2"})
    );
    let statements = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let mut statements = statements.as_array().expect("statements").iter();
    let read = statements.find(|one| one["Sid"] == "ReadSecrets").expect("it");
    assert_eq!(read["Resource"], json!([{"Ref": "ExtraOutput3"}]));
    assert!(body["Outputs"]["WorkerEnvironment"].to_string().contains("HOST='"));
}

#[test]
fn what_an_extra_does_not_give_is_refused_there_too() {
    for (old, new, says) in [
        ("[db.Group]", "[db.Groups]", "doesn't give `Groups`"),
        ("db.Endpoint", "dbs.Endpoint", "no extra `dbs`"),
        ("db.SecretArn", "x.SecretArn", "no extra `x`"),
    ] {
        let checked = with(&WEB.replace(old, new)).args(["check", "lab.yaml"]).status(2);
        checked.stderr_contains(says).stderr_contains("web.instances").run();
    }
}
