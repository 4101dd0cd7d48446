//! An environment by its name, where the file is lost.

use std::process::Stdio;

use clap::Parser;
use qfleet::commands::Cli;
use regex::Regex;

use super::ending::commands::{ALL, Before, Run};
use crate::deployed::{REGION, intake, serve, stage, test};
use crate::endpoint::{Endpoint, Script};
use crate::harness::Test;

fn lab() -> Endpoint {
    let endpoint = serve(Script::new().existing(intake()).existing(stage("work")));
    endpoint.world(|world| {
        world.services.queues.make(crate::deployed::QUEUE, &[]);
        world.services.queues.make(crate::deployed::DEAD_LETTERS, &[]);
    });
    endpoint
}

#[test]
fn it_is_found_by_its_tags_in_the_region_of_the_flag_or_the_defaults() {
    let endpoint = lab();
    for region in [&["--region", REGION][..], &[]] {
        let mut run = test(&endpoint)
            .args(["status", "--name", "lab", "--output", "json"])
            .args(region);
        if region.is_empty() {
            run = run.env("AWS_REGION", REGION);
        }
        // Without a file to read a name, a region or an account from.
        std::fs::remove_file(run.path("lab.yaml")).expect("the file was there");
        let shown = run.run().json();
        assert_eq!(shown["environment"], "lab");
        assert_eq!(shown["region"], REGION);
        let parts: Vec<_> = shown["stacks"]
            .as_array()
            .expect("stacks")
            .iter()
            .map(|stack| &stack["part"])
            .collect();
        assert_eq!(parts, ["intake", "work"]);
        assert_eq!(shown["stages"][0]["stage"], "work");
    }
    let elsewhere = test(&endpoint).args(["status", "--name", "other", "--region", REGION]);
    elsewhere.stdout_contains("other is not deployed").run();
    let elsewhere = test(&endpoint).args(["status", "--name", "other", "--region", REGION, "--output", "json"]);
    let said = &elsewhere.run().json()["findings"][0];
    assert_eq!(
        said["command"],
        format!("qfleet deploy ENV --name other --region {REGION}"),
        "{said}"
    );
}

#[test]
fn what_is_not_deployed_is_told_with_the_command_that_deploys_it_there() {
    let endpoint = serve(Script::new());
    let there = format!("--region {REGION} --endpoint-url {}", endpoint.url());
    let run = |words: &[&str]| {
        let run = test(&endpoint).args(words.iter().copied());
        run.args(["--region", REGION, "--endpoint-url", endpoint.url()])
            .status(1)
    };
    for (verb, rest) in [("outputs", &[][..]), ("results", &[]), ("logs", &[])] {
        let of = |which: &[&str]| run(&[&[verb], which, rest].concat());
        of(&["lab.yaml"])
            .stderr_contains(format!("deploy it first: qfleet deploy lab.yaml {there}"))
            .run();
        of(&["--name", "lab"])
            .stderr_contains(format!("deploy it first: qfleet deploy ENV --name lab {there}"))
            .run();
    }
    let kill = run(&["kill-worker", "lab.yaml", "--drain"]);
    kill.stderr_contains(format!("deploy it first: qfleet deploy lab.yaml {there}"))
        .run();
    let drift = run(&["drift", "lab.yaml"]);
    drift
        .stderr_contains("`qfleet list` shows what is deployed where")
        .run();
}

#[test]
fn without_a_region_it_says_where_to_name_one() {
    let endpoint = lab();
    let run = test(&endpoint).args(["status", "--name", "lab"]).status(2);
    run.stderr_contains("no region").stderr_contains("--region").run();
}

#[test]
fn with_a_file_its_name_is_replaced_and_all_else_counts() {
    let endpoint = lab();
    // The file's region, and the order of its stages.
    let shown = test(&endpoint).args(["status", "lab.yaml", "--name", "other", "--output", "json"]);
    let shown = shown.run().json();
    assert_eq!(shown["environment"], "other");
    assert_eq!(shown["region"], REGION);
    assert_eq!(shown["findings"][0]["command"], "qfleet deploy lab.yaml --name other");
    let endpoint = lab();
    let file = test(&endpoint).file("other.yaml", format!("name: other\nregion: {REGION}\nstages:\n  - {{name: work, workers: {{instances: {{program: p, types: [t3.micro]}}}}}}\n"));
    let shown = file
        .args(["status", "other.yaml", "--name", "lab", "--output", "json"])
        .run()
        .json();
    assert_eq!(shown["environment"], "lab");
    assert_eq!(shown["stages"][0]["stage"], "work");
}

/// How many commands run at the same time: they mostly wait.
const AT_ONCE: usize = 6;

/// What a command said, on both streams. Its file has another name than the environment.
fn said(run: Run, form: &str, given: impl Fn(Test) -> Test) -> (Option<i32>, String) {
    let endpoint = run.endpoint();
    let test = run.at(&endpoint).args(["--output", form]);
    let path = test.path("lab.yaml");
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, text.replace("name: lab", "name: elsewhere")).expect("the file");
    let test = given(test);
    let ended = test.command().stdin(Stdio::null()).output().expect("it runs");
    let texts = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (ended.status.code(), texts.concat())
}

/// Each command works on the environment of the name that was given, and so do those that it tells to run.
#[test]
fn whatever_a_command_tells_to_run_carries_the_name() {
    let stuck = |args: &'static [&'static str]| Run {
        args,
        before: Before::Stuck,
        has_timeout: false,
        asks: false,
    };
    let more = [
        stuck(&["status", "lab.yaml"]),
        stuck(&["plan", "lab.yaml"]),
        stuck(&["deploy", "lab.yaml", "--yes"]),
        stuck(&["recover", "lab.yaml"]),
        Run {
            before: Before::Changed,
            ..stuck(&["deploy", "lab.yaml"])
        },
        Run {
            before: Before::Nothing,
            ..stuck(&["status", "lab.yaml"])
        },
    ];
    let told =
        Regex::new(r#"qfleet [a-z][^`"\n]*?lab\.yaml(?: --expect v1:[^`"\n ]*|[^`"\n;:,])*"#).expect("a pattern");
    let look = |run: Run| {
        let (code, option) = said(run, "text", |test| test.args(["--name", "lab"]));
        let (again, variable) = said(run, "json", |test| test.env("QFLEET_NAME", "lab"));
        assert_eq!(code, again, "{run}:\n{option}\n{variable}");
        // What drifted here, CloudFormation can't put back.
        if run.before != Before::Stuck && run.args.contains(&"--yes") && run.args[0] != "drift" {
            assert_eq!(code, Some(0), "{run}: {option}");
        }
        let mut seen = Vec::new();
        for text in [&option, &variable] {
            assert!(!text.contains("elsewhere"), "{run}: {text}");
            for found in told.find_iter(text) {
                // In a list of next steps, two columns part a command from what it is for.
                let command = found.as_str().split("  ").next().unwrap_or_default();
                let command = command.trim().trim_end_matches('.');
                let has_name = command.contains("lab.yaml --name lab");
                assert!(has_name, "{run} tells to run {command:?}:\n{text}");
                let words = command.split(' ');
                assert!(Cli::try_parse_from(words).is_ok(), "{run} tells to run {command:?}");
                seen.push(command.split(' ').nth(1).expect("a verb").to_owned());
            }
        }
        seen
    };
    let all: Vec<Run> = ALL.into_iter().filter(|run| !run.is_endless()).chain(more).collect();
    let mut seen = std::collections::BTreeSet::new();
    for some in all.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let looks: Vec<_> = some.iter().map(|run| scope.spawn(|| look(*run))).collect();
            for looked in looks {
                seen.extend(looked.join().unwrap_or_else(|why| std::panic::resume_unwind(why)));
            }
        });
    }
    for verb in ["deploy", "drift", "recover"] {
        assert!(seen.contains(verb), "no command told to run {verb}, only {seen:?}");
    }
}
