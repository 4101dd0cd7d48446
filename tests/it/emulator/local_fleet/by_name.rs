//! An environment that is given by its name alone, on this machine: nobody says in which region it is.

use std::thread::sleep;
use std::time::Duration;

use aws_sdk_ssm::types::ParameterType;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Aws, Output, Test, find_ministack, free_port, lives};

/// An emulator of its own, with a fleet in the background. Both end with it.
struct Own(Output);

impl Own {
    fn new(name: &str) -> Own {
        let file = format!(
            "name: {name}\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {{program: program, types: \
             [t3.micro], min: 1, max: 1}}\n"
        );
        let own = Own(Test::new()
            .file("fleet.yaml", file)
            .executable("program/run", "#!/bin/sh\nexec sleep 600\n")
            .env("QFLEET_MINISTACK", find_ministack())
            .args(["local", "start", "--port", &free_port().to_string()])
            .run());
        own.run(&["deploy", "fleet.yaml", "--local", "--yes"]).run();
        own.run(&["local", "up", "fleet.yaml", "--speed", "60", "--detach"])
            .run();
        own
    }

    fn run(&self, args: &[&str]) -> Test {
        let test = self.0.then().env("QFLEET_MINISTACK", find_ministack());
        test.args(args.iter().copied())
    }

    fn state(&self, name: &str) -> serde_json::Value {
        let path = format!("home/.local/state/qfleet/fleets/{name}/fleet.json");
        serde_json::from_str(&self.0.read(&path)).expect("a state")
    }

    fn supervisor(&self, name: &str) -> i32 {
        i32::try_from(self.state(name)["pid"].as_i64().expect("a pid")).expect("a pid")
    }

    /// The process of its worker.
    fn worker(&self, name: &str) -> i32 {
        loop {
            let state = self.state(name);
            if let Some(pid) = state["groups"][0]["instances"][0]["pid"].as_i64() {
                return i32::try_from(pid).expect("a pid");
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn kill_supervisor(&self, name: &str) {
        let pid = self.supervisor(name);
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("kills");
        while lives(pid) {
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        for verb in ["down", "stop"] {
            let _ = self.run(&["local", verb, "--yes"]).command().output();
        }
    }
}

#[test]
fn its_local_fleet_says_in_which_region_it_is() {
    let own = Own::new("anna");
    let worker = own.worker("anna");
    own.run(&[
        "kill-worker",
        "--name",
        "anna",
        "--local",
        "--crash",
        "--region",
        "us-east-1",
    ])
    .status(1)
    .stderr_contains("the fleet of anna runs in us-east-2: add --region us-east-2")
    .run();
    let status = own
        .run(&["status", "--name", "anna", "--local", "--output", "json"])
        .run()
        .json();
    assert_eq!(status["region"], "us-east-2");
    assert_eq!(status["region_from"], "local_fleet");
    assert!(lives(worker));
    // One that never had a fleet is found where others' are.
    own.run(&["deploy", "fleet.yaml", "--name", "hans", "--local", "--yes"])
        .run();
    let status = own.run(&["status", "--name", "hans", "--local", "--output", "json"]);
    assert_eq!(status.run().json()["region"], "us-east-2");
    own.run(&["list", "--local"])
        .stdout_contains("anna")
        .stdout_contains("us-east-2")
        .run();
    // A region that was chosen is the only one.
    own.run(&["list", "--local"])
        .env("AWS_REGION", "us-east-1")
        .stdout_contains("no environment is deployed in account 000000000000, us-east-1")
        .run();
    let elsewhere = "Its local fleet runs in us-east-2: look there with --region us-east-2";
    own.run(&["status", "--name", "anna", "--local", "--region", "us-east-1"])
        .stdout_contains(elsewhere)
        .run();
    own.run(&["destroy", "--name", "anna", "--local", "--yes", "--region", "us-east-1"])
        .status(1)
        .stdout("")
        .stderr_contains("anna is not deployed in account 000000000000, us-east-1: it is in us-east-2")
        .stderr_contains("name the region: --region us-east-2")
        .run();
    own.run(&["destroy", "anna", "--yes"])
        .status(2)
        .stderr_contains("there is or was a local fleet of that name: qfleet destroy --name anna --yes --local\n")
        .run();
    let killed = own.run(&["kill-worker", "--name", "anna", "--local", "--crash", "--no-wait"]);
    killed
        .stdout_contains("anna: i-")
        .stderr_contains("an instance of the stage work of anna")
        .run();
    own.run(&["local", "down", "--name", "anna"]).run();
    // It ran there last.
    own.run(&["destroy", "--name", "anna", "--local", "--yes"])
        .stdout_contains("in us-east-2.")
        .run();
}

#[test]
fn workers_without_supervisor_are_told_and_end_with_their_environment() {
    let own = Own::new("bob");
    let worker = own.worker("bob");
    own.kill_supervisor("bob");
    assert!(lives(worker), "SIGKILL reached the worker");
    let status = own
        .run(&["status", "fleet.yaml", "--local", "--output", "json"])
        .run()
        .json();
    assert_eq!(status["orphans"], 1);
    let found = &status["findings"][0];
    assert_eq!(found["id"], "no-supervisor", "{status:#}");
    let meaning = "1 worker runs without supervisor, which was killed: nobody scales or replaces it";
    assert_eq!(found["meaning"], meaning);
    let command = found["command"].as_str().unwrap_or_default();
    // As it was started.
    let up = "qfleet local up fleet.yaml --speed 60 --detach";
    assert_eq!(command, up);
    let instances = &status["stages"][0]["group"]["instances"];
    assert_eq!(instances[0]["lifecycle_state"], "Orphaned", "{status:#}");
    own.run(&["status", "fleet.yaml", "--local"])
        .stdout_contains("0 of 1 in service, 1 Orphaned")
        .run();
    own.run(&["kill-worker", "fleet.yaml", "--crash", "--local"])
        .status(1)
        .stderr_contains("the local fleet of bob has lost its supervisor: 1 of its workers run on")
        .stderr_contains(format!("this ends them and begins anew: {up}\n"))
        .run();
    let listed = own.run(&["list", "--local", "--output", "json"]).run().json();
    assert_eq!(listed["environments"][0]["instances"]["in_service"], 0);
    assert_eq!(
        listed["environments"][0]["attention"],
        serde_json::json!(["no_supervisor"])
    );
    own.run(&["list", "--local"])
        .stdout_contains("! bob")
        .stdout_contains("0 of 1, no supervisor")
        .run();
    own.run(&["destroy", "fleet.yaml", "--local", "--yes"])
        .stderr_contains("bob: ended 1 worker that a killed supervisor had left behind")
        .stdout_contains("nothing is left over")
        .run();
    assert!(!lives(worker), "an orphan stays");
}

#[test]
fn workers_without_supervisor_end_with_their_emulator() {
    let own = Own::new("cem");
    let worker = own.worker("cem");
    own.kill_supervisor("cem");
    own.run(&["local", "stop", "--yes"])
        .stderr_contains("cem: ended 1 worker that a killed supervisor had left behind")
        .run();
    assert!(!lives(worker), "an orphan stays");
    for command in [
        &["status", "--name", "cem", "--local"][..],
        &["logs", "fleet.yaml", "--local"],
        &["status", "fleet.yaml", "--local", "--watch"],
    ] {
        own.run(command)
            .status(1)
            .stderr_contains(
                "this starts qfleet's own, and deploys cem again and runs its workers: qfleet local up fleet.yaml --speed 60 --detach\n",
            )
            .run();
    }
}

#[test]
fn an_edited_program_is_told_from_the_one_that_runs_and_what_it_lacks_once_it_does() {
    let own = Own::new("dana");
    own.run(&["local", "down", "--name", "dana"]).run();
    // What runs is the deployed one, which asks for no package.
    own.run(&["local", "up", "fleet.yaml", "--speed", "60", "--detach"])
        .executable("program/run", "#!/bin/sh\n# python3\nexec sleep 600\n")
        .file("program/requirements.txt", "no-such-package-of-ours\n")
        .stderr_contains("note: program differs from what is deployed and runs: qfleet deploy fleet.yaml --local\n")
        .run();
    own.run(&["deploy", "fleet.yaml", "--local", "--yes"]).run();
    let found = loop {
        let status = own
            .run(&["status", "fleet.yaml", "--local", "--output", "json"])
            .run()
            .json();
        let findings = status["findings"].as_array().expect("findings").clone();
        if let Some(found) = findings.into_iter().find(|finding| finding["id"] == "program-lacks") {
            break found;
        }
        sleep(Duration::from_millis(100));
    };
    assert_eq!(found["stage"], "work");
    let meaning = found["meaning"].as_str().unwrap_or_default();
    assert!(meaning.ends_with("lacks no-such-package-of-ours"), "{meaning}");
    own.run(&["local", "down", "--name", "dana"]).run();
    own.run(&["local", "up", "fleet.yaml", "--speed", "60", "--detach"])
        .status(4)
        .stderr_contains("lacks no-such-package-of-ours")
        .stderr_lacks("differs")
        .run();
}

#[test]
fn what_has_expired_is_found_in_the_regions_of_local_fleets() {
    let own = Own::new("gina");
    let endpoint = own.state("gina")["endpoint"].as_str().expect("an endpoint").to_owned();
    let aws = Aws::at(&endpoint, "000000000000", "us-east-2");
    let put = aws.ssm.put_parameter().name("/qfleet/gina/expires");
    let put = put.value("2026-01-01T00:00:00Z").r#type(ParameterType::String);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(put.send()).expect("put");
    own.run(&["reap", "--local", "--dry-run"])
        .stdout_contains("gina in us-east-2 expired")
        .run();
    own.run(&["reap", "--local", "--yes"])
        .stdout_contains("destroyed gina in us-east-2\n")
        .run();
    own.run(&["reap", "--local", "--yes"])
        .stdout_contains("no environment has expired in account 000000000000, us-east-1")
        .run();
}

#[test]
fn what_is_deployed_on_the_way_needs_no_endpoint_to_be_looked_at() {
    let own = Own::new("emil");
    own.run(&["destroy", "fleet.yaml", "--local", "--yes"]).run();
    own.run(&[
        "local",
        "up",
        "fleet.yaml",
        "--name",
        "frida",
        "--speed",
        "60",
        "--detach",
    ])
    .stderr_contains("All outputs: qfleet outputs fleet.yaml --name frida --local\n")
    .run();
}
