//! Where nothing is found: what that proves, and how each command ends. `docs/status.md` has the rule.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::deployed::{REGION, serve, test};
use crate::endpoint::{Endpoint, Script};
use crate::harness::{Following, Test};
use crate::lab::{self, LAB};

/// In a region that neither `--region` nor a file names.
const ELSEWHERE: &str = "eu-west-1";

fn anna(endpoint: &Endpoint, args: &[&str]) -> Test {
    test(endpoint).args(args.iter().copied()).args(["--name", "anna"])
}

/// In a region that a variable names.
fn by_name(endpoint: &Endpoint, args: &[&str]) -> Test {
    anna(endpoint, args).env("AWS_REGION", ELSEWHERE)
}

/// In a region that nobody chose.
fn by_guess(endpoint: &Endpoint, args: &[&str]) -> Test {
    let config = format!("[default]\nregion = {ELSEWHERE}\n");
    anna(endpoint, args).file("home/.aws/config", config)
}

/// Each command that can do without the file, with what it is given, and how it ends where nothing of this name is there: in
/// a region that was named or chosen, and in one that is only a default.
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
    for (words, chosen, guessed) in COMMANDS {
        let run = by_name(&endpoint, words)
            .args(["--region", REGION])
            .status(chosen)
            .run();
        let said = run.stdout + &run.stderr;
        assert!(!said.contains("looked in"), "{words:?}: {said}");
        let only = "Only eu-west-1 was looked in, because AWS_REGION names it.";
        let default = "eu-west-1 is only a default, from the profile `default`: no other was looked in.";
        for (run, code, elsewhere) in [
            (by_name(&endpoint, words), chosen, only),
            (by_guess(&endpoint, words), guessed, default),
        ] {
            let run = run.status(code).run();
            let said = (run.stdout + &run.stderr).replace('\n', " ");
            assert!(said.contains(elsewhere), "{words:?}: {said}");
            assert!(!said.contains("nothing is left over"), "{words:?}: {said}");
            let unknown = said.contains("whether it is gone isn't known");
            assert_eq!(unknown, words[0] == "destroy" && code == 1, "{words:?}: {said}");
        }
    }
    assert!(endpoint.calls("DeleteStack").is_empty());
}

#[test]
fn a_program_reads_where_was_looked_and_that_nothing_was_there() {
    let endpoint = serve(Script::new());
    let of = |run: Test, code: i32| {
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
        let named = by_name(&endpoint, words).args(["--region", REGION]);
        assert_eq!(
            of(named, 0),
            [json!(REGION), json!("option"), json!(false)],
            "{words:?}"
        );
        assert_eq!(
            of(by_name(&endpoint, words), 0),
            [json!(ELSEWHERE), json!({"variable": "AWS_REGION"}), json!(false)],
            "{words:?}"
        );
        let code = i32::from(words[0] == "destroy");
        assert_eq!(
            of(by_guess(&endpoint, words), code),
            [json!(ELSEWHERE), json!({"default_profile": "default"}), json!(false)],
            "{words:?}"
        );
    }
    // No line of a listing says it.
    let lines = by_name(&endpoint, &["list", "--output", "jsonl"]).stdout("");
    lines.stderr_contains("because AWS_REGION names it").run();
}

#[test]
fn who_waits_for_it_is_told_where() {
    let endpoint = serve(Script::new());
    let watching = Following::start(by_name(&endpoint, &["status", "--watch", "--plain"]));
    watching.until("anna is not deployed yet: waiting for its first stack");
    watching.until("Only eu-west-1 was looked in, because AWS_REGION names it");
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
            .env("AWS_REGION", ELSEWHERE)
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

/// The same where its file leaves the region to the pipeline's variable, or to a profile that it names.
#[test]
fn destroyed_twice_by_a_variable_it_is_gone() {
    let endpoint = serve(Script::new());
    let run = |command: &str| {
        lab::with_file_at(&endpoint, &LAB.replace("region: us-east-2\n", ""))
            .args([command, "lab.yaml", "--yes"])
            .env("AWS_REGION", REGION)
    };
    run("deploy").run();
    run("destroy").stdout_contains("lab: nothing is left over").run();
    run("destroy")
        .stdout_contains("Nothing called lab was found in account 111122223333, us-east-2.\n")
        .stdout_contains("Only us-east-2 was looked in, because AWS_REGION names it.")
        .run();
    run("recover").stderr_contains("because AWS_REGION names it").run();
    let shown = run("destroy").args(["--output", "json"]).run().json();
    assert_eq!(shown["succeeded"], json!(true), "{shown:#}");
}

/// A plan that makes everything is of an environment that isn't there, or of one that runs in another region.
#[test]
fn a_plan_of_all_new_stacks_says_that_nobody_chose_their_region() {
    let endpoint = serve(Script::new());
    let first = lab::with_file_at(&endpoint, &LAB.replace("region: us-east-2\n", ""))
        .file("home/.aws/config", format!("[default]\nregion = {REGION}\n"));
    let first = first.args(["check", "lab.yaml"]).run();
    let plan = |more: &[&str]| first.then().args(["plan", "lab.yaml"]).args(more.iter().copied());
    let note = "lab is not deployed in account 111122223333, us-east-2. us-east-2 is only a default, from the profile \
                `default`: no other was looked in. Name the right one with --region";
    plan(&[]).stderr_contains(note).run();
    plan(&["--only", "intake"]).stderr("").run();
    plan(&["--region", REGION]).stderr("").run();
    plan(&[]).env("AWS_REGION", REGION).stderr("").run();
    first.then().args(["deploy", "lab.yaml", "--yes"]).run();
    plan(&[]).stderr("").run();
}

#[test]
fn a_profile_that_is_named_names_a_region_too() {
    let endpoint = serve(Script::new());
    let config = "[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\nregion = eu-west-1\n\
                  [profile work]\nsource_profile = keys\n";
    let run = test(&endpoint).file("home/.aws/config", config);
    let run = run
        .args(["destroy", "--name", "anna", "--yes"])
        .env("AWS_PROFILE", "work");
    run.stdout_contains("Nothing called anna was found in account 111122223333, eu-west-1.\n")
        .stdout_contains("Only eu-west-1 was looked in, because the profile `keys` names it.")
        .run();
}
