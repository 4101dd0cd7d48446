//! `qfleet kill-worker` against the scriptable endpoint: what AWS is asked, and what is shown until a replacement is
//! there.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::endpoint::{Endpoint, Fault, On, Script, ScriptedGroup};
use crate::harness::{Following, in_a_terminal};
use crate::lab::{self, LAB};
use crate::scripted::watch::stage;

fn script() -> Script {
    Script::new().existing(stage("work")).group(ScriptedGroup::new(
        "lab-work-Group",
        &["us-east-2a:i-01", "us-east-2b:i-02"],
    ))
}

/// The one call that ends an instance.
fn terminated(endpoint: &Endpoint) -> Vec<(String, String)> {
    let calls = endpoint.calls("TerminateInstanceInAutoScalingGroup").into_iter();
    let text = |call: &crate::endpoint::Call, name: &str| call.input.text(name).unwrap_or_default().to_owned();
    calls
        .map(|call| (text(&call, "InstanceId"), text(&call, "ShouldDecrementDesiredCapacity")))
        .collect()
}

#[test]
fn an_instance_drains_and_its_replacement_is_shown_as_it_comes_up() {
    // Long enough for each state to be seen.
    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01", "us-east-2b:i-02"])
        .takes(Duration::from_secs(8), Duration::from_secs(8));
    let endpoint = Endpoint::serve(Script::new().existing(stage("work")).group(group));
    let run = lab::at(&endpoint)
        .args(["kill-worker", "lab.yaml", "--drain", "--yes", "--output", "json"])
        .stderr_contains(
            "terminating i-01 in us-east-2a, an instance of the stage work of lab: its worker finishes what it has in hand\n",
        )
        .stderr_contains("i-01 InService → Terminating:Wait\n")
        .stderr_contains("i-01 is gone\n")
        .stderr_contains(" comes up: Pending\n")
        .stderr_contains(" Pending → InService\n")
        .run();
    assert_eq!(terminated(&endpoint), [("i-01".to_owned(), "false".to_owned())]);
    let document = run.json();
    assert_eq!(document["instance"], "i-01");
    assert_eq!(document["stage"], "work");
    assert_eq!(document["how"], "drain");
    let replacement = document["replacement"].as_str().expect("a replacement");
    assert!(document["seconds"].as_f64() >= Some(8.0), "{document}");
    let changes = document["changes"].as_array().expect("changes");
    let of_replacement = changes.iter().filter(|change| change["instance"] == replacement);
    let states: Vec<&str> = of_replacement.filter_map(|change| change["after"].as_str()).collect();
    assert_eq!(states, ["Pending", "InService"]);
    assert!(
        run.stderr.find("comes up") < run.stderr.find("is gone"),
        "{}",
        run.stderr
    );
}

/// Its group is there no more.
#[test]
fn a_stage_that_is_paused_has_none() {
    let endpoint = Endpoint::serve(Script::new().existing(stage("work").output("Paused", "file")));
    lab::at(&endpoint)
        .args(["kill-worker", "lab.yaml", "--drain", "--yes"])
        .status(2)
        .stderr_contains("error: work is paused, and has no instance to kill")
        .stderr_contains("help: name the workers in `active` and deploy")
        .run();
    assert!(terminated(&endpoint).is_empty());
}

#[test]
fn the_instance_that_is_named_and_no_waiting() {
    let endpoint = Endpoint::serve(script());
    lab::at(&endpoint)
        .args([
            "kill-worker",
            "lab.yaml",
            "--drain",
            "--yes",
            "--no-wait",
            "--instance",
            "i-02",
            "--stage",
            "work",
        ])
        .stdout("lab: i-02 goes; Auto Scaling replaces it\n")
        .run();
    assert_eq!(terminated(&endpoint), [("i-02".to_owned(), "false".to_owned())]);
    assert_eq!(
        endpoint.calls("DescribeAutoScalingGroups").len(),
        1,
        "not looked at again"
    );
    let run = lab::at(&endpoint)
        .args([
            "kill-worker",
            "lab.yaml",
            "--drain",
            "--yes",
            "--output",
            "jsonl",
            "--instance",
            "i-01",
        ])
        .run();
    let lines = run.json_lines();
    assert_eq!(lines[0]["event"], "instance");
    assert!(lines[0]["at"].is_string());
    assert_eq!(lines.last().expect("a result")["result"]["instance"], "i-01");
}

#[test]
fn aws_is_asked_only_after_the_user_was() {
    let endpoint = Endpoint::serve(script());
    let kill = ["kill-worker", "lab.yaml", "--drain"];
    lab::at(&endpoint)
        .args(kill)
        .status(4)
        .stderr_contains("can't be asked without a terminal")
        .run();
    let (code, said) = in_a_terminal(
        &lab::at(&endpoint).args(kill),
        120,
        &[("Terminate i-01 in us-east-2a", "n\n")],
    );
    assert_eq!(code, 4, "{said}");
    // What is no text is no answer.
    let (code, said) = in_a_terminal(
        &lab::at(&endpoint).args(kill),
        120,
        &[("Terminate i-01 in us-east-2a", "\u{fffd}\n")],
    );
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("not confirmed: stream did not contain valid UTF-8"),
        "{said}"
    );
    assert!(terminated(&endpoint).is_empty());
    let (code, said) = in_a_terminal(
        &lab::at(&endpoint).args(kill),
        120,
        &[("Terminate i-01 in us-east-2a", "y\n")],
    );
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("took the place of i-01 in"), "{said}");
    assert!(said.contains("lab: i-"), "it names the environment: {said}");
    assert_eq!(terminated(&endpoint).len(), 1);
}

#[test]
fn a_protected_environment_needs_yes() {
    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01"]);
    let script = Script::new()
        .existing(stage("work").tag("qfleet:protect", "true"))
        .group(group);
    let endpoint = Endpoint::serve(script);
    let kill = ["kill-worker", "lab.yaml", "--drain", "--no-wait"];
    lab::at(&endpoint)
        .args(kill)
        .status(4)
        .stderr_contains("lab is protected")
        .stderr_contains("--yes")
        .run();
    assert!(terminated(&endpoint).is_empty());
    lab::at(&endpoint).args(kill).args(["--yes"]).run();
    assert_eq!(terminated(&endpoint).len(), 1);
}

#[test]
fn a_crash_and_a_spot_notice_are_for_the_local_fleet_only() {
    let endpoint = Endpoint::serve(script());
    lab::at(&endpoint)
        .args(["kill-worker", "lab.yaml", "--crash", "--yes", "--instance", "i-01"])
        .status(2)
        .stderr_contains("--crash works with --local only")
        .stderr_contains("aws ec2 terminate-instances --instance-ids i-01")
        .stderr_contains("shuts the system down in order")
        .run();
    assert!(endpoint.world(|world| world.calls.is_empty()), "nothing was asked");
    lab::at(&endpoint)
        .args(["kill-worker", "lab.yaml", "--spot", "--yes"])
        .status(2)
        .stderr_contains("--spot works with --local only")
        .stderr_contains("AWS Fault Injection Service")
        .run();
    assert!(endpoint.world(|world| world.calls.is_empty()), "nothing was asked");
    lab::with_file(LAB)
        .args(["kill-worker", "lab.yaml"])
        .status(2)
        .stderr_contains("<--drain|--crash|--spot>")
        .run();
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let resize = ScriptedGroup::new("lab-resize-Group", &["us-east-2c:i-03"]).and("us-east-2c", "i-04", "Terminating");
    let endpoint = Endpoint::serve(script().existing(stage("resize")).group(resize));
    let kill = |args: &[&str], code: i32, said: &str| {
        lab::at(&endpoint)
            .args(["kill-worker", "lab.yaml", "--drain", "--yes"])
            .args(args)
            .status(code)
            .stderr_contains(said)
            .run();
    };
    kill(&[], 2, "name one with --stage: resize, work");
    kill(&["--stage", "wokr"], 2, "there is: resize, work");
    kill(&["--instance", "i-99"], 2, "i-01 (work, us-east-2a, InService), i-02");
    kill(
        &["--stage", "work", "--instance", "i-03"],
        2,
        "there is no instance `i-03`",
    );
    kill(&["--instance", "i-04"], 2, "i-04 goes already: it is Terminating");
    assert!(terminated(&endpoint).is_empty());

    let empty = Endpoint::serve(Script::new());
    lab::at(&empty)
        .args(["kill-worker", "lab.yaml", "--drain", "--yes"])
        .status(1)
        .stderr_contains("lab is not deployed in account 111122223333")
        .run();
}

#[test]
fn what_auto_scaling_refuses_is_said() {
    let message = "Instance Id not found - No managed instance found for instance ID: i-01";
    let refusal = Fault::refuse(400, "ValidationError", message);
    let endpoint = Endpoint::serve(script().fault(On::action("TerminateInstanceInAutoScalingGroup"), refusal));
    lab::at(&endpoint)
        .args(["kill-worker", "lab.yaml", "--drain", "--yes"])
        .status(1)
        .stderr_contains(format!("TerminateInstanceInAutoScalingGroup failed: {message}"))
        .run();
}

#[test]
fn what_was_begun_goes_on_when_nothing_more_can_be_read() {
    let long = Duration::from_secs(600);
    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01"]).takes(long, long);
    let endpoint = Endpoint::serve(Script::new().existing(stage("work")).group(group));
    let kill = ["kill-worker", "lab.yaml", "--drain", "--yes", "--output", "jsonl"];
    let waiting = Following::start(lab::at(&endpoint).args(kill));
    waiting.until("Terminating:Wait");
    let refusal = Fault::refuse(403, "AccessDenied", "not any more");
    endpoint.rescript(|script| script.fault(On::action("DescribeAutoScalingGroups"), refusal));
    let (code, said) = waiting.end();
    assert_eq!(code, 1, "{said}");
    let lost =
        "i-01 goes, but what comes in its place can't be followed: DescribeAutoScalingGroups failed: not any more";
    assert!(said.contains(lost), "{said}");
}

#[test]
fn waiting_has_an_end() {
    let long = Duration::from_secs(600);
    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01"]).takes(long, long);
    let endpoint = Endpoint::serve(Script::new().existing(stage("work")).group(group));
    let kill = ["kill-worker", "lab.yaml", "--drain", "--yes"];
    lab::at(&endpoint)
        .args(kill)
        .args(["--timeout", "1s"])
        .status(1)
        // How far it comes in a second is up to the machine; `clock::kill_worker` shows what is said when it waits.
        .stderr_regex("(.*\n)?error: (i-01 is not replaced after 1s|the time of --timeout is over).*")
        .run();

    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01"]).takes(long, long);
    let endpoint = Endpoint::serve(Script::new().existing(stage("work")).group(group));
    let waiting = Following::start(lab::at(&endpoint).args(kill).args(["--output", "jsonl"]));
    waiting.until("Terminating:Wait");
    waiting.signal(Signal::SIGINT);
    let (code, said) = waiting.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("interrupted: Auto Scaling goes on by itself"), "{said}");
}

#[test]
fn without_a_local_fleet_there_is_nothing_to_kill() {
    let account = crate::harness::account();
    let lab = lab::with_file(&LAB.replace("name: lab\n", &format!("name: lab\naccount: '{account}'\n")));
    let missing = lab.args(["kill-worker", "lab.yaml", "--crash"]).emulated().status(1);
    let missing = missing.stderr_contains("lab is not deployed").run();
    missing.then().args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    for how in ["--drain", "--crash"] {
        missing
            .then()
            .args(["kill-worker", "lab.yaml", how])
            .emulated()
            .status(1)
            .stderr_contains("no local fleet of lab runs")
            .stderr_contains("qfleet local up lab.yaml")
            .run();
    }
}
