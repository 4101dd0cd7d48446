//! `qfleet check`

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::harness::messages;

/// An environment file in a folder of its own, with a program; `instances` are more lines of its first stage's.
fn folder(instances: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("run"), "#!/bin/sh\n").expect("writes");
    fs::set_permissions(folder.path().join("run"), fs::Permissions::from_mode(0o755)).expect("sets the mode");
    let file = format!(
        "name: lab\naccount: \"111122223333\"\nregion: us-east-2\nstages:\n  - name: a\n    workers:\n      instances:\n        \
         program: .\n        types: [t4g.small]\n        min: 1\n        max: 1\n{instances}"
    );
    fs::write(folder.path().join("lab.yaml"), file).expect("writes");
    folder
}

fn check(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfleet"));
    // No cfn-lint, unless a test brings one.
    command
        .current_dir(folder)
        .env_clear()
        .envs(messages())
        .env("PATH", "/nowhere")
        .args(["check", "lab.yaml"]);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_file_that_is_right() {
    let folder = folder("");
    let output = check(folder.path()).assert().success().get_output().clone();
    let said = text(&output.stdout);
    assert!(said.contains("cfn-lint is not installed"), "{said}");
    assert!(said.contains("lab: 3 stacks checked, no errors"), "{said}");
}

#[test]
fn a_script_that_waits_for_its_worker_is_advised_against() {
    let folder = folder("        zones: [us-east-2a, us-east-2b]\n");
    let said = |run: &str| {
        fs::write(folder.path().join("run"), run).expect("writes");
        text(&check(folder.path()).assert().success().get_output().stdout).to_owned()
    };
    let waits = said("#!/bin/sh\npython3 worker.py\n");
    assert!(waits.contains("starts the worker without `exec`"), "{waits}");
    let other = said("#!/bin/sh\nexec python3 worker.py\n");
    assert!(other.contains("no errors") && !other.contains("advice"), "{other}");
}

#[test]
fn advice_is_shown_on_its_line_and_is_no_error() {
    let folder = folder("        zones: [us-east-2a]\n");
    let output = check(folder.path()).assert().success().get_output().clone();
    let said = text(&output.stdout);
    assert!(said.contains("zones: [us-east-2a]"), "{said}");
    assert!(said.contains("no errors, 1 piece of advice"), "{said}");

    let output = check(folder.path())
        .args(["--output", "json"])
        .assert()
        .success()
        .get_output()
        .clone();
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["advice"][0]["pointer"], "/stages/0/workers/instances/zones");
    assert_eq!(document["advice"][0]["line"], 12);
    assert_eq!(document["findings"], serde_json::json!([]));
    assert_eq!(document["cfn_lint"], serde_json::json!({"state": "missing"}));
    let strict = check(folder.path())
        .arg("--strict")
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert_eq!(text(&strict.stdout), said, "the same is said");
}

#[test]
fn nothing_to_say_is_enough_for_strict() {
    let folder = folder("        zones: [us-east-2a, us-east-2b]\n");
    check(folder.path()).arg("--strict").assert().success();
}

#[test]
fn an_error_in_the_file_ends_with_2() {
    let folder = folder("        colour: red\n");
    let output = check(folder.path()).assert().code(2).get_output().clone();
    assert!(text(&output.stderr).contains("colour"), "{}", text(&output.stderr));
}

#[test]
fn cfn_lint_counts_with_its_levels() {
    let folder = folder("");
    let said = |level: &str| {
        let fake = folder.path().join("cfn-lint");
        // It is given the templates after everything else.
        let script = format!(
            "#!/bin/sh\nfor file; do :; done\nprintf '[{{\"Filename\": \"%s\", \"Level\": \"{level}\", \"Message\": \"odd\", \
             \"Location\": {{\"Start\": {{\"LineNumber\": 3}}, \"Path\": [\"Resources\", \"Dashboard\"]}}, \
             \"Rule\": {{\"Id\": \"X1\"}}}}]' \"$file\"\n"
        );
        fs::write(&fake, script).expect("writes");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("sets the mode");
        let run = |strict: &[&str]| {
            let mut command = check(folder.path());
            command.env("QFLEET_CFN_LINT", &fake).args(strict);
            command.assert().get_output().clone()
        };
        let strict = run(&["--strict"]);
        assert_eq!(strict.status.code(), Some(2), "{level}");
        run(&[])
    };
    let warning = said("Warning");
    assert_eq!(warning.status.code(), Some(0));
    assert!(text(&warning.stdout).contains("warning: lab-dashboard Resources/Dashboard: odd (X1)"));
    let error = said("Error");
    assert_eq!(error.status.code(), Some(2));
    assert!(text(&error.stdout).contains("error: lab-dashboard Resources/Dashboard: odd (X1)"));
}

#[test]
fn a_cfn_lint_that_does_not_work_is_a_failure() {
    let folder = folder("");
    let fake = folder.path().join("cfn-lint");
    fs::write(&fake, "#!/bin/sh\necho 'no module named cfnlint' >&2\nexit 1\n").expect("writes");
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    let output = check(folder.path())
        .env("QFLEET_CFN_LINT", fake)
        .assert()
        .code(1)
        .get_output()
        .clone();
    assert!(
        text(&output.stderr).contains("no module named cfnlint"),
        "{}",
        text(&output.stderr)
    );
}
