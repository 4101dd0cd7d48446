//! `reap`: what has expired goes, and nothing else.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::deployed::{REGION, test};
use crate::endpoint::{Endpoint, Existing, Fault, On, Script, Verb};
use crate::harness::{Aws, Following, Test, account, emulator, in_a_terminal};

const PAST: &str = "2020-01-02T15:00:00Z";
const FUTURE: &str = "2100-01-02T15:00:00Z";

fn environment(name: &str) -> Existing {
    Existing::new(&format!("{name}-work"), "CREATE_COMPLETE")
        .tag("qfleet:environment", name)
        .tag("qfleet:part", "work")
        .tag("qfleet:protect", "false")
        .tag("qfleet:on-destroy", "empty")
        .body("Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n")
}

fn serve(script: Script, expiries: &[(&str, &str)]) -> Endpoint {
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        for (name, at) in expiries {
            world.services.set_parameter(&format!("/qfleet/{name}/expires"), at);
        }
    });
    endpoint
}

fn reap(endpoint: &Endpoint, args: &[&str]) -> Test {
    test(endpoint).env("AWS_REGION", REGION).args(["reap"]).args(args)
}

/// Name, verdict and outcome.
fn outcomes(reaped: &Value) -> Vec<[String; 3]> {
    let environments = reaped["environments"].as_array().expect("environments").iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    environments
        .map(|one| ["environment", "verdict", "outcome"].map(|key| text(one, key)))
        .collect()
}

fn is(outcomes: &[[String; 3]], expected: &[[&str; 3]]) {
    let expected: Vec<[String; 3]> = expected.iter().map(|one| one.map(str::to_owned)).collect();
    assert_eq!(outcomes, expected);
}

/// Everything that must stay beside what has expired.
fn account_with_all_sorts() -> Endpoint {
    let foreign = Existing::new("lab-foreign", "CREATE_COMPLETE").body("Resources:\n  T:\n    Type: AWS::SNS::Topic\n");
    serve(
        Script::new()
            .existing(environment("lab"))
            .existing(environment("lab-2"))
            .existing(environment("endless"))
            .existing(environment("kept").tag("qfleet:protect", "true"))
            .existing(environment("locked").protected())
            .existing(environment("odd"))
            .existing(foreign)
            .existing(environment("lab-3"))
            .listings_leave_protection_out(),
        &[
            ("lab", PAST),
            ("lab-2", FUTURE),
            ("kept", PAST),
            ("locked", PAST),
            ("odd", "whenever"),
            ("foreign", PAST),
            ("nobody", PAST),
            ("lab-3", PAST),
        ],
    )
}

#[test]
fn only_what_has_expired_and_may_go_goes() {
    let endpoint = account_with_all_sorts();
    let reaped = reap(&endpoint, &["--yes", "--output", "json"]).status(1).run().json();
    is(
        &outcomes(&reaped),
        &[
            ["kept", "protected", "left_alone"],
            ["lab", "may_go", "destroyed"],
            ["lab-3", "may_go", "destroyed"],
            ["locked", "protected", "left_alone"],
            // This is what the exit code is for.
            ["odd", "unreadable", "left_alone"],
        ],
    );
    assert_eq!(
        endpoint.stacks(),
        [
            "lab-2-work",
            "endless-work",
            "kept-work",
            "locked-work",
            "odd-work",
            "lab-foreign"
        ]
    );
    let lab = &reaped["environments"][1];
    assert_eq!(
        lab["destroyed"]["receipt"]["clean"], true,
        "each ends with its proof: {lab:#}"
    );
    endpoint.world(|world| {
        assert_eq!(world.services.parameter("/qfleet/lab/expires"), None);
        assert_eq!(
            world.services.parameter("/qfleet/lab-2/expires").as_deref(),
            Some(FUTURE)
        );
    });
    let again = reap(&endpoint, &["--yes"]).status(1);
    again
        .stdout_contains("odd in us-east-2")
        .stdout_contains("which is no time")
        .run();
}

#[test]
fn a_dry_run_and_a_question_nobody_answers_change_nothing() {
    let endpoint = account_with_all_sorts();
    let there = endpoint.stacks();
    let shown = reap(&endpoint, &["--dry-run"])
        .status(1)
        .stdout_contains("- lab in us-east-2 expired")
        .stdout_contains("= kept in us-east-2 expired")
        .stdout_contains("nothing was changed: a dry run\n")
        .stdout_lacks("lab-2")
        .stdout_lacks("endless");
    let stdout = shown.run().stdout;
    // Once.
    assert_eq!(stdout.matches("lab in us-east-2").count(), 1, "{stdout}");
    reap(&endpoint, &[])
        .status(4)
        .stderr_contains("lab (us-east-2), lab-3 (us-east-2)")
        .stderr_contains("--yes")
        .run();
    assert_eq!(endpoint.stacks(), there);
    assert!(endpoint.calls("DeleteStack").is_empty());
    assert!(endpoint.calls("DeleteParameter").is_empty());
}

#[test]
fn nothing_to_do_asks_nothing() {
    let endpoint = serve(Script::new().existing(environment("lab")), &[("lab", FUTURE)]);
    let run = reap(&endpoint, &["--region", "us-east-2"]);
    run.stdout("no environment has expired in account 111122223333, us-east-2\n")
        .run();
}

#[test]
fn one_that_fails_does_not_keep_the_others() {
    let endpoint = serve(
        Script::new()
            .existing(environment("aa"))
            .existing(environment("bb"))
            .fails("aa-work", "Topic", Verb::Delete, "it won't"),
        &[("aa", PAST), ("bb", PAST)],
    );
    let reaped = reap(&endpoint, &["--yes", "--output", "json"]).status(1).run().json();
    is(
        &outcomes(&reaped),
        &[["aa", "may_go", "failed"], ["bb", "may_go", "destroyed"]],
    );
    assert_eq!(endpoint.stacks(), ["aa-work"]);
    // The next night finds it again.
    let kept = endpoint.world(|world| world.services.parameter("/qfleet/aa/expires"));
    assert_eq!(kept.as_deref(), Some(PAST));
}

#[test]
fn one_that_is_extended_or_made_endless_meanwhile_stays() {
    for extended in [true, false] {
        let endpoint = serve(
            Script::new().existing(environment("aa")).existing(environment("bb")),
            &[("aa", PAST), ("bb", PAST)],
        );
        // While the first one goes.
        let reaped = std::thread::scope(|scope| {
            scope.spawn(|| {
                endpoint.wait_until("aa goes", |world| {
                    world.calls.iter().any(|call| call.action == "DeleteStack")
                });
                endpoint.world(|world| match extended {
                    true => world.services.set_parameter("/qfleet/bb/expires", FUTURE),
                    false => world.services.remove_parameter("/qfleet/bb/expires"),
                });
            });
            reap(&endpoint, &["--yes", "--output", "json"]).run().json()
        });
        is(
            &outcomes(&reaped),
            &[["aa", "may_go", "destroyed"], ["bb", "may_go", "left_alone"]],
        );
        let message = &reaped["environments"][1]["message"];
        assert_eq!(message, "its expiry was moved or taken away meanwhile");
        assert_eq!(endpoint.stacks(), ["bb-work"]);
    }
}

#[test]
fn interrupted_it_begins_no_other_and_says_so() {
    let script = Script::new().existing(environment("aa")).existing(environment("bb"));
    let endpoint = serve(
        script.takes("aa-work", "Topic", Duration::from_secs(2)),
        &[("aa", PAST), ("bb", PAST)],
    );
    let reaping = Following::start(reap(&endpoint, &["--yes", "--output", "json"]));
    endpoint.wait_until("aa goes", |world| {
        world.calls.iter().any(|call| call.action == "DeleteStack")
    });
    reaping.signal(Signal::SIGINT);
    let shown = reaping.rest().join("\n");
    let (code, said) = reaping.end();
    assert_eq!(code, 130, "{said}");
    let reaped: Value = serde_json::from_str(&shown).expect("a document");
    is(&outcomes(&reaped)[1..], &[["bb", "may_go", "not_begun"]]);
    assert_eq!(endpoint.calls("DeleteStack").len(), 1);
}

#[test]
fn without_the_expiries_nothing_goes() {
    let denied = Fault::access_denied("ssm:GetParametersByPath");
    let script = Script::new().existing(environment("lab"));
    let endpoint = serve(
        script.fault(On::action("GetParametersByPath"), denied),
        &[("lab", PAST)],
    );
    let run = reap(&endpoint, &["--yes"]).status(1);
    run.stderr_contains("GetParametersByPath failed").run();
    assert_eq!(endpoint.stacks(), ["lab-work"]);
}

#[test]
fn every_region_of_the_account_is_looked_at_and_one_that_cannot_be_is_said() {
    let script = Script::new()
        .existing(environment("lab"))
        .a_region(REGION, "ENABLED_BY_DEFAULT")
        .a_region("af-south-1", "ENABLED")
        .a_region("ap-east-1", "DISABLED")
        .fault(
            On::everything().region("af-south-1"),
            Fault::refuse(403, "AccessDenied", "an organization's policy forbids it"),
        );
    let endpoint = serve(script, &[("lab", PAST)]);
    let run = reap(&endpoint, &["--all-regions", "--yes", "--output", "json"]).status(1);
    let reaped = run.run().json();
    is(&outcomes(&reaped), &[["lab", "may_go", "destroyed"]]);
    assert_eq!(reaped["unknown"].as_array().map(Vec::len), Some(1), "{reaped:#}");
    assert_eq!(reaped["unknown"][0]["region"], "af-south-1");
    let both = reap(&endpoint, &["--all-regions", "--region", REGION]).status(2);
    both.stderr_contains("can't be used together").run();
}

#[test]
fn in_a_terminal_it_asks() {
    let endpoint = serve(Script::new().existing(environment("lab")), &[("lab", PAST)]);
    let question = "Destroy in account 111122223333: lab (us-east-2)?";
    let (code, said) = in_a_terminal(&reap(&endpoint, &[]), 100, &[(question, "n\r")]);
    assert_eq!(code, 4, "{said}");
    assert_eq!(endpoint.stacks(), ["lab-work"]);
}

/// On the emulator, with real environments: one whose time is up and its neighbour whose isn't.
#[tokio::test(flavor = "multi_thread")]
async fn on_the_emulator_the_expired_one_goes_and_its_neighbour_stays() {
    let account = account();
    let file = |name: &str| {
        format!(
            "name: {name}\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 8h\nbucket: {{on_destroy: empty}}\nstages:\n  \
             - name: work\n    from: bucket\n    workers:\n      instances: {{program: program, types: [t3.micro], min: \
             1, max: 1}}\n"
        )
    };
    let deploy = |name: &str| {
        Test::new()
            .file("lab.yaml", file(name))
            .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
            .args(["deploy", "lab.yaml", "--yes"])
            .emulated()
            .run();
    };
    tokio::task::block_in_place(|| {
        deploy("photo-lab");
        deploy("photo-lab-2");
    });
    let aws = Aws::new(&account, REGION);
    let past = aws
        .ssm
        .put_parameter()
        .name("/qfleet/photo-lab/expires")
        .value(PAST)
        .overwrite(true);
    past.send().await.expect("put");
    let reaped = tokio::task::block_in_place(|| {
        Test::new()
            .env("AWS_ENDPOINT_URL", emulator())
            .env("AWS_ACCESS_KEY_ID", &account)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .args(["reap", "--yes", "--region", REGION, "--output", "json"])
            .run()
            .json()
    });
    is(&outcomes(&reaped), &[["photo-lab", "may_go", "destroyed"]]);
    let stacks = aws.cloudformation.describe_stacks().send().await.expect("stacks");
    let mut names: Vec<&str> = stacks.stacks().iter().filter_map(|stack| stack.stack_name()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "photo-lab-2-artifacts",
            "photo-lab-2-dashboard",
            "photo-lab-2-intake",
            "photo-lab-2-work"
        ]
    );
}

/// The step of the nightly pipeline that does it, run as a runner runs it.
#[test]
fn the_nightly_pipeline_reaps_and_keeps_the_receipt() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nightly.yaml")).expect("it is there");
    let workflow: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let steps = workflow["jobs"]["reap"]["steps"].as_sequence().expect("steps");
    let step = steps.iter().find(|step| step["name"] == "Reap").expect("the step");
    let script = step["run"].as_str().expect("a script");
    assert!(!script.contains("${{"), "values reach a shell by its environment only");
    let night = |dry_run: &str| {
        let script_of = Script::new().existing(environment("lab")).a_region(REGION, "ENABLED");
        let endpoint = serve(script_of, &[("lab", PAST)]);
        let test = test(&endpoint).env("AWS_REGION", REGION).file("step.sh", script);
        let qfleet = std::path::Path::new(assert_cmd::cargo::cargo_bin!("qfleet"));
        let mut command = std::process::Command::new("bash");
        // "bash --noprofile --norc -eo pipefail {0}"
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "step.sh"]);
        command.current_dir(test.path("."));
        for (name, value) in test.command().get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let path = format!("{}:/usr/bin:/bin", qfleet.parent().expect("a folder").display());
        let ended = command
            .env("PATH", path)
            .env("DRY_RUN", dry_run)
            .output()
            .expect("bash runs");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let receipt = std::fs::read(test.path("receipt.json")).expect("a receipt");
        let receipt: Value = serde_json::from_slice(&receipt).expect("one document");
        (endpoint.stacks(), outcomes(&receipt))
    };
    let (stacks, outcomes) = night("");
    assert_eq!(stacks, [] as [&str; 0]);
    is(&outcomes, &[["lab", "may_go", "destroyed"]]);
    let (stacks, outcomes) = night("--dry-run");
    assert_eq!(stacks, ["lab-work"]);
    is(&outcomes, &[["lab", "may_go", "not_begun"]]);
}
