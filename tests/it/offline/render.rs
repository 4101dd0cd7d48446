//! `qfleet render`: what it prints and writes.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use qfleet::blueprint;
use serde_json::Value;

use crate::offline::shipped::shipped;

/// qfleet in the repository's folder, without anything of AWS's or the user's around it.
fn qfleet(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfleet"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("HOME", home);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_same_bytes_every_time_and_no_aws_configuration() {
    let home = tempfile::tempdir().expect("a folder");
    // Whoever read this would fail.
    let config = home.path().join("config");
    fs::write(&config, "[profile broken\nnot = a configuration").expect("writes");
    let render = || {
        let mut command = qfleet(home.path());
        command
            .env("AWS_CONFIG_FILE", &config)
            .env("AWS_PROFILE", "nobody")
            .args(["render", "production"]);
        let output = command.assert().success().get_output().clone();
        (output.stdout, output.stderr)
    };
    let (stdout, stderr) = render();
    assert_eq!((&stdout, &stderr), (&render().0, &render().1));
    assert!(
        text(&stdout).starts_with("--- # stack photos-artifacts\n"),
        "{}",
        text(&stdout)
    );
    assert!(text(&stderr).contains("no account is known"), "{}", text(&stderr));
}

#[test]
fn the_stream_is_made_of_yaml_documents() {
    let home = tempfile::tempdir().expect("a folder");
    let output = qfleet(home.path())
        .args(["render", "production"])
        .assert()
        .success()
        .get_output()
        .clone();
    let documents: Vec<Value> = text(&output.stdout)
        .split("--- # stack ")
        .skip(1)
        .map(|document| {
            let (_, yaml) = document.split_once('\n').expect("a name, then the template");
            blueprint::template::read(yaml).expect("a template").into()
        })
        .collect();
    assert_eq!(documents.len(), 6);
    assert!(documents.iter().all(|template| template["Resources"].is_object()));
}

#[test]
fn json_is_one_document_with_the_templates_as_they_are_sent() {
    let home = tempfile::tempdir().expect("a folder");
    let args = ["render", "lab", "--account", "111122223333", "--output", "json"];
    let output = qfleet(home.path()).args(args).assert().success().get_output().clone();
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["environment"], "photo-lab");
    let stacks = document["stacks"].as_array().expect("stacks");
    let expected = shipped("lab", false).stacks;
    assert_eq!(stacks.len(), expected.len());
    for (stack, expected) in stacks.iter().zip(&expected) {
        assert_eq!(stack["name"], expected.name.as_str());
        assert_eq!(stack["part"], expected.part.as_str());
        assert_eq!(stack["template"], expected.body.as_str());
        assert_eq!(stack["needs"], serde_json::json!(expected.needs));
        assert_eq!(stack["tags"], serde_json::json!(expected.tags));
        assert_eq!(stack["parameters"], serde_json::json!(expected.parameters));
    }
}

#[test]
fn a_folder_gets_one_file_a_stack_and_keeps_its_own() {
    let home = tempfile::tempdir().expect("a folder");
    let out = home.path().join("some/folder");
    fs::create_dir_all(&out).expect("makes folders");
    fs::write(out.join("mine.txt"), "mine").expect("writes");
    let mut command = qfleet(home.path());
    command
        .args(["render", "lab", "--account", "111122223333", "--out"])
        .arg(&out);
    let output = command.assert().success().get_output().clone();
    assert!(output.stdout.is_empty());
    for stack in shipped("lab", false).stacks {
        let template = out.join(format!("{}.yaml", stack.name));
        assert!(text(&output.stderr).contains(&format!("wrote {}", template.display())));
        assert_eq!(fs::read_to_string(template).expect("a template"), stack.body);
        let parameters = fs::read(out.join(format!("{}.parameters.json", stack.name))).expect("parameters");
        let parameters: Value = serde_json::from_slice(&parameters).expect("JSON");
        assert_eq!(parameters, serde_json::json!(stack.parameters));
    }
    assert_eq!(fs::read_to_string(out.join("mine.txt")).expect("is left alone"), "mine");
}

#[test]
fn names_hold_the_account_and_the_region_that_are_asked_for() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = qfleet(home.path());
    command.args(["render", "lab", "--account", "999999999999", "--region", "eu-west-1"]);
    let output = command.assert().success().get_output().clone();
    assert!(text(&output.stdout).contains("BucketName: \"photo-lab-999999999999-eu-west-1\""));
    assert!(
        output.stderr.is_empty(),
        "nothing had to be made up: {}",
        text(&output.stderr)
    );

    let refused = qfleet(home.path())
        .args(["render", "lab", "--account", "12"])
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(text(&refused.stderr).contains("twelve digits"));
}

#[test]
fn a_missing_program_is_a_problem_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "name: lab\nstages:\n  - name: a\n    workers: {instances: {program: nowhere, types: [t4g.small], min: 1, max: 1}}\n";
    fs::write(folder.path().join("env.yaml"), file).expect("writes");
    let mut command = qfleet(folder.path());
    let output = command
        .arg("render")
        .arg(folder.path().join("env.yaml"))
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(output.stdout.is_empty());
    assert!(!output.stderr.is_empty());
}
