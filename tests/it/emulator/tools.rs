//! From nothing to a running local lab with no command that isn't qfleet's: what `qfleet local install` brings is fetched
//! from the package index, and used.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Output, Test, find_ministack, free_port, wait_until};

/// The Python that the tests' own was made of.
fn python() -> PathBuf {
    let asked = Command::new(find_ministack().with_file_name("python3"))
        .args(["-I", "-c", "import sys; print(sys._base_executable)"])
        .output()
        .expect("python");
    PathBuf::from(String::from_utf8(asked.stdout).expect("a path").trim())
}

/// A new machine: an empty home, and no program but the system's and a Python without any package. How pip gets to its
/// index is as in these tests' environment, and what it has fetched before it has still.
fn new_machine() -> Test {
    let script = format!("#!/bin/sh\nexec {:?} -S \"$@\"\n", python());
    let test = Test::new().executable("bin/python3", script);
    let path = format!("{}:/usr/bin:/bin", test.path("bin").display());
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("PIP_") || name.to_lowercase().ends_with("_proxy"));
    let test = ours.fold(test.env("PATH", path), |test, (name, value)| test.env(name, value));
    match std::env::home_dir() {
        Some(home) if std::env::var_os("PIP_CACHE_DIR").is_none() => test.env("PIP_CACHE_DIR", home.join(".cache/pip")),
        _ => test,
    }
}

/// The emulator and the workers end with it.
struct Machine(Output);

impl Machine {
    fn qfleet(&self, args: &[&str]) -> Test {
        self.0.then().args(args.iter().copied())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for verb in ["down", "stop"] {
            let _ = self.qfleet(&["local", verb, "--yes"]).command().output();
        }
    }
}

/// Whether pip can be of use here. Without its index, there is nothing to test.
fn is_installed(test: Test) -> bool {
    let ended = test.args(["local", "install"]).command().output().expect("qfleet runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    if said.contains("pip gets nothing from the package index") {
        eprintln!("skipped: {said}");
        return false;
    }
    assert!(ended.status.success(), "{said}");
    let shown = String::from_utf8_lossy(&ended.stdout);
    assert!(shown.starts_with("Installed in "), "{shown}");
    assert!(shown.contains("MIT License"), "{shown}");
    true
}

#[test]
fn from_nothing_to_a_running_lab_with_no_other_command() {
    let start = new_machine().args(["init"]).run();
    // Neither the emulator nor a Python with boto3 is there.
    let port = free_port().to_string();
    let missing = start.then().args(["local", "start", "--port", &port]).status(1);
    missing.stderr_contains("install it with `qfleet local install`").run();
    if !is_installed(start.then()) {
        return;
    }
    let machine = Machine(start);
    let again = machine.qfleet(&["local", "install"]).stderr("").run();
    assert!(again.stdout.starts_with("Already installed in "), "{}", again.stdout);

    machine.qfleet(&["check", "lab"]).stdout_lacks("cfn-lint").run();
    machine.qfleet(&["local", "start", "--port", &port]).run();
    machine
        .qfleet(&["local", "up", "lab", "--detach", "--speed", "60"])
        .run();
    machine.qfleet(&["send", "lab", "stacks/lab.yaml", "--local"]).run();
    wait_until("a worker has done the file", || {
        let counted = machine
            .qfleet(&["files", "lab", "--local", "--output", "json"])
            .run()
            .json();
        counted["processed"]["objects"] == 1
    });
    machine
        .qfleet(&["status", "lab", "--local"])
        .stdout_contains("stage ")
        .run();
    let status = machine.qfleet(&["local", "status", "--output", "json"]).run().json();
    let program = status["emulator"]["program"].as_str().expect("a program");
    assert!(
        program.ends_with("/home/.local/share/qfleet/tools/bin/ministack"),
        "{program}"
    );

    machine
        .qfleet(&["local", "uninstall"])
        .status(4)
        .stderr_contains("the local emulator runs as")
        .stderr_contains("`qfleet local stop`")
        .run();
    machine.qfleet(&["local", "down", "--yes"]).run();
    machine.qfleet(&["local", "stop", "--yes"]).run();
    machine
        .qfleet(&["local", "uninstall"])
        .stdout_contains("Removed ")
        .run();
    let kept: Vec<_> = fs::read_dir(machine.0.path("home/.local/share/qfleet"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(kept, ["tools.lock"]);
}
