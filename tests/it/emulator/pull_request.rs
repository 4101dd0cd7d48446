//! `examples/pull-request.yaml`: the shell steps of the workflow, run as a runner runs them, for two pull requests.

use std::path::Path;
use std::process::Command;

use serde_yaml::Value;

use super::teardown::all;
use crate::harness::{Output, Test, account, emulator, tools_path};

const REGION: &str = "us-east-2";

fn file(visibility_timeout: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\nlifetime: 3d\nbucket: {{on_destroy: empty}}\nstages:\n  - name: move\n    from: \
         bucket\n    queue: {{visibility_timeout: {visibility_timeout}}}\n    workers:\n      instances: {{program: \
         program, types: [t3.micro], min: 1, max: 3}}\n"
    )
}

fn workflow() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pull-request.yaml"));
    serde_yaml::from_str(&text.expect("it is there")).expect("YAML")
}

/// Whether a step runs after this action. Another condition is for this test to learn.
fn holds(condition: Option<&str>, action: &str) -> bool {
    match condition {
        None => true,
        // The tested binary stands for the one that was built by an earlier run.
        Some("steps.qfleet.outputs.cache-hit != 'true'") => false,
        Some("github.event.action != 'closed'") => action != "closed",
        Some("github.event.action == 'closed'") => action == "closed",
        Some(other) => panic!("a condition that this test doesn't know: {other}"),
    }
}

/// Runs the shell steps, which must succeed; their names, and the summary.
fn run(folder: &Output, account: &str, number: &str, action: &str) -> (Vec<String>, String) {
    let workflow = workflow();
    let summary = folder.path("summary.md");
    std::fs::write(&summary, "").expect("an empty summary");
    let qfleet = Path::new(assert_cmd::cargo::cargo_bin!("qfleet"));
    let tools = tools_path();
    let folders = std::iter::once(qfleet.parent().expect("a folder").to_owned()).chain(std::env::split_paths(&tools));
    let path = std::env::join_paths(folders).expect("a PATH");
    let steps = workflow["jobs"]["environment"]["steps"].as_sequence().expect("steps");
    let mut ran = Vec::new();
    for step in steps.iter().filter(|step| step["run"].is_string()) {
        if !holds(step["if"].as_str(), action) {
            continue;
        }
        let script = step["run"].as_str().expect("a script");
        assert!(
            !script.contains("${{"),
            "values reach a shell by its environment only: {script}"
        );
        std::fs::write(folder.path("step.sh"), script).expect("the step's script");
        let mut command = Command::new("bash");
        // `bash -e {0}`, where a step names no shell.
        command.args(["-e", "step.sh"]).current_dir(folder.folder()).env_clear();
        for (name, value) in workflow["env"].as_mapping().expect("variables") {
            let value = value.as_str().expect("a text");
            let value = value.replace("${{ github.event.number }}", number);
            assert!(!value.contains("${{"), "a value that this test doesn't know: {value}");
            command.env(name.as_str().expect("a name"), value);
        }
        command
            .env("PATH", &path)
            .env("HOME", folder.path("home"))
            .env("CI", "true")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", emulator());
        let name = step["name"].as_str().expect("a name").to_owned();
        let ended = command.output().expect("bash runs");
        assert!(
            ended.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        ran.push(name);
    }
    (ran, std::fs::read_to_string(&summary).expect("the summary"))
}

#[test]
fn each_pull_request_has_its_environment_from_its_beginning_to_its_end() {
    let account = account();
    let made = Test::new()
        .file("stacks/lab.yaml", file("2m"))
        .executable("stacks/program/run", "#!/bin/sh\nexec sleep 1\n");
    let folder = made.args(["check", "lab"]).run();
    let run = |number, action| run(&folder, &account, number, action);
    let deployed = ["Check", "Deploy", "Summary"];

    let (ran, summary) = run("7", "opened");
    assert_eq!(ran, deployed);
    assert!(
        summary.starts_with("### pr-7\n```\n") && summary.contains(&format!("pr-7-{account}-{REGION}")),
        "{summary}"
    );
    assert_eq!(run("71", "opened").0, deployed);
    let stacks = |all: &[String]| -> Vec<String> {
        let stacks = all.iter().filter_map(|one| one.strip_prefix("stack "));
        stacks.map(str::to_owned).collect()
    };
    let both = all(&account);
    let parts = |number| ["artifacts", "dashboard", "intake", "move"].map(|part| format!("pr-{number}-{part}"));
    assert_eq!(stacks(&both), [parts("7"), parts("71")].concat());

    // A push to one of them.
    folder
        .then()
        .file("stacks/lab.yaml", file("3m"))
        .args(["check", "lab"])
        .run();
    assert_eq!(run("7", "synchronize").0, deployed);
    assert_eq!(all(&account), both);

    assert_eq!(run("7", "closed").0, ["Destroy"]);
    let left: Vec<String> = both.into_iter().filter(|one| one.contains("pr-71-")).collect();
    assert_eq!(all(&account), left, "all of one, and nothing of the other");
    assert_eq!(run("71", "closed").0, ["Destroy"]);
    assert_eq!(all(&account), [] as [String; 0]);
}

/// It runs where it should: not for a fork, and not until somebody set it up.
#[test]
fn it_runs_for_the_repositorys_own_pull_requests_only() {
    let workflow = workflow();
    let types = workflow["on"]["pull_request"]["types"].as_sequence().expect("types");
    let types: Vec<&str> = types.iter().map(|kind| kind.as_str().expect("a text")).collect();
    assert_eq!(types, ["opened", "reopened", "synchronize", "closed"]);
    let condition = workflow["jobs"]["environment"]["if"].as_str().expect("a condition");
    assert!(condition.contains("vars.AWS_PULL_REQUEST_ROLE != ''"), "{condition}");
    assert!(
        condition.contains("head.repo.full_name == github.repository"),
        "{condition}"
    );
    let name = workflow["env"]["QFLEET_NAME"].as_str().expect("a name");
    // A number of ten digits fits.
    assert!(name.replace("${{ github.event.number }}", "1234567890").len() <= 24);
}
