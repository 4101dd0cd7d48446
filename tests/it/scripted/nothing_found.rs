//! Where nothing is found: what that proves, and how each command ends. `docs/status.md` has the rule.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::deployed::{REGION, serve, test};
use crate::endpoint::{Endpoint, Script};
use crate::harness::{Following, Test};

/// In a region that only the variable names.
const BY_DEFAULT: &str = "eu-west-1";

fn by_name(endpoint: &Endpoint, args: &[&str]) -> Test {
    let run = test(endpoint).env("AWS_REGION", BY_DEFAULT);
    run.args(args.iter().copied()).args(["--name", "anna"])
}

/// Each command that can do without the file, with what it is given, and how it ends where nothing of this name is there: in
/// a region that was named, and in one that is only a default.
const COMMANDS: [(&[&str], i32, i32); 15] = [
    // Nothing is an answer.
    (&["status"], 0, 0),
    (&["status", "--exit-code"], 3, 3),
    (&["list"], 0, 0),
    (&["events"], 0, 0),
    (&["reap", "--yes"], 0, 0),
    // There is nothing to do, where it is known that there is nothing.
    (&["destroy", "--yes"], 0, 1),
    (&["recover", "--yes"], 0, 1),
    // It must be there.
    (&["outputs"], 1, 1),
    (&["logs"], 1, 1),
    (&["files"], 1, 1),
    (&["results"], 1, 1),
    (&["drift"], 1, 1),
    (&["kill-worker", "--drain", "--yes"], 1, 1),
    (&["dlq", "purge", "--yes"], 1, 1),
    (&["extend", "2h"], 1, 1),
];

#[test]
fn one_rule_says_how_a_command_ends_that_finds_nothing() {
    let endpoint = serve(Script::new());
    for (words, named, by_default) in COMMANDS {
        let elsewhere = "eu-west-1 is only a default, from AWS_REGION: no other was looked in";
        let run = by_name(&endpoint, words).args(["--region", REGION]).status(named).run();
        let said = run.stdout + &run.stderr;
        assert!(!said.contains("only a default"), "{words:?}: {said}");
        let run = by_name(&endpoint, words).status(by_default).run();
        let said = (run.stdout + &run.stderr).replace('\n', " ");
        assert!(said.contains(elsewhere), "{words:?}: {said}");
        assert!(!said.contains("nothing is left over"), "{words:?}: {said}");
    }
    assert!(endpoint.calls("DeleteStack").is_empty());
}

#[test]
fn a_program_reads_where_was_looked_and_that_nothing_was_there() {
    let endpoint = serve(Script::new());
    let of = |words: &[&str], code: i32, region: &[&str]| {
        let run = by_name(&endpoint, words).args(region.iter().copied());
        let shown = run.args(["--output", "json"]).status(code).run().json();
        ["region", "region_from", "found"].map(|field| shown[field].clone())
    };
    for words in [
        &["status"][..],
        &["list"],
        &["events"],
        &["reap", "--yes"],
        &["destroy", "--yes"],
    ] {
        assert_eq!(
            of(words, 0, &["--region", REGION]),
            [json!(REGION), json!("option"), json!(false)],
            "{words:?}"
        );
        let code = i32::from(words[0] == "destroy");
        assert_eq!(
            of(words, code, &[]),
            [json!(BY_DEFAULT), json!({"variable": "AWS_REGION"}), json!(false)],
            "{words:?}"
        );
    }
    // No line of a listing says it.
    let lines = by_name(&endpoint, &["list", "--output", "jsonl"]).stdout("");
    lines.stderr_contains("only a default, from AWS_REGION").run();
}

#[test]
fn who_waits_for_it_is_told_where() {
    let endpoint = serve(Script::new());
    let watching = Following::start(by_name(&endpoint, &["status", "--watch", "--plain"]));
    watching.until("anna is not deployed yet: waiting for its first stack");
    watching.until("eu-west-1 is only a default, from AWS_REGION");
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.end().0, 130);
}

/// A pipeline that destroys what is gone already is done.
#[test]
fn destroyed_twice_by_its_file_it_is_gone() {
    let endpoint = serve(Script::new());
    let destroy = || {
        test(&endpoint)
            .args(["destroy", "lab.yaml", "--yes"])
            .env("AWS_REGION", BY_DEFAULT)
    };
    // The file may have named another region when it was deployed.
    let only = "Only us-east-2 was looked in, because the file names it.";
    destroy()
        .stdout_contains("lab: nothing is left over")
        .stdout_contains(only)
        .run();
    let there = test(&endpoint).args(["destroy", "lab.yaml", "--yes", "--region", REGION]);
    there.stdout_lacks("was looked in").run();
    let recover = test(&endpoint).args(["recover", "lab.yaml", "--yes"]);
    recover.stderr_contains(only).run();
    let shown = destroy().args(["--output", "json"]).run().json();
    assert_eq!(
        (
            &shown["region"],
            &shown["region_from"],
            &shown["found"],
            &shown["succeeded"]
        ),
        (&json!(REGION), &json!("file"), &json!(false), &json!(true)),
        "{shown:#}"
    );
}

#[test]
fn a_profile_names_a_region_by_default_too() {
    let endpoint = serve(Script::new());
    let config = "[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\nregion = eu-west-1\n\
                  [profile work]\nsource_profile = keys\n";
    let run = test(&endpoint).file("home/.aws/config", config);
    let run = run
        .args(["destroy", "--name", "anna", "--yes"])
        .env("AWS_PROFILE", "work");
    run.status(1)
        .stdout_contains("Nothing called anna was found in account 111122223333, eu-west-1")
        .stdout_contains("eu-west-1 is only a default, from the profile `keys`")
        .run();
}
