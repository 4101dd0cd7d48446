//! One file, many environments: `--name` and `QFLEET_NAME` in place of the file's name.

use clap::CommandFactory;
use qfleet::commands::Cli;

use crate::harness::Test;

const FILE: &str = "\
name: lab
region: us-east-2
account: \"111122223333\"
bucket: {on_destroy: empty}
stages:
  - name: work
    from: bucket
    queue: {visibility_timeout: 2m}
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 3}
";

fn with(file: &str) -> Test {
    Test::new()
        .file("stacks/lab.yaml", file)
        .executable("stacks/program/run", "#!/bin/sh\nexec sleep 1\n")
}

/// The names of the stacks, and all that was rendered.
fn rendered(test: Test, name: &[&str]) -> (Vec<String>, String) {
    let rendered = test
        .args(["render", "lab", "--output", "json"])
        .args(name.iter().copied())
        .run();
    let document = rendered.json();
    let stacks = document["stacks"].as_array().expect("stacks").iter();
    let names = stacks.map(|stack| stack["name"].as_str().expect("a name").to_owned());
    (names.collect(), rendered.stdout)
}

#[test]
fn everything_is_called_after_the_name_that_was_given_and_nothing_after_the_files() {
    let (of_file, as_lab) = rendered(with(FILE), &[]);
    assert_eq!(of_file, ["lab-artifacts", "lab-intake", "lab-work", "lab-dashboard"]);
    let option = rendered(with(FILE), &["--name", "bob"]);
    let variable = rendered(with(FILE).env("QFLEET_NAME", "bob"), &[]);
    let both = rendered(with(FILE).env("QFLEET_NAME", "eve"), &["--name", "bob"]);
    assert_eq!(option.0, ["bob-artifacts", "bob-intake", "bob-work", "bob-dashboard"]);
    // As if the file had the name, to the byte.
    let written = rendered(with(&FILE.replace("name: lab", "name: bob")), &[]);
    for given in [option, variable, both] {
        assert_eq!(given, written);
    }
    assert_eq!(
        rendered(with(FILE).env("QFLEET_NAME", ""), &[]),
        (of_file, as_lab),
        "an empty variable is none"
    );
}

#[test]
fn what_the_file_says_of_its_name_does_not_count() {
    for name in [
        "",
        "name: \n",
        "name: 7\n",
        "name: Not A Name\n",
        "name: lab-artifacts\n",
    ] {
        let file = FILE.replace("name: lab\n", name);
        assert_eq!(
            rendered(with(&file), &["--name", "bob"]).0[0],
            "bob-artifacts",
            "{name}"
        );
        with(&file)
            .args(["check", "lab"])
            .status(2)
            .stderr_contains("name")
            .run();
    }
    // What else is wrong is said on its line, and the name isn't.
    let wrong = FILE
        .replace("name: lab\n", "name: Lab\n")
        .replace("us-east-2", "us-middle-2");
    let said = with(&wrong)
        .args(["check", "lab", "--name", "bob"])
        .status(2)
        .run()
        .stderr;
    assert!(
        said.contains("stacks/lab.yaml:2:9") && said.contains("1 problem in"),
        "{said}"
    );
}

#[test]
fn a_bad_name_is_bad_usage_and_says_where_it_was_given() {
    let too_long = "a".repeat(25);
    for (name, why) in [
        (too_long.as_str(), "2 to 24 lower-case letters"),
        ("Bob", "2 to 24 lower-case letters"),
        ("bob_2", "2 to 24 lower-case letters"),
        ("bob-artifacts", "can't end in `-artifacts`"),
        ("sthree", "S3 refuses buckets"),
    ] {
        for command in ["check", "render", "status", "destroy", "deploy", "list", "reap"] {
            let args = || match command {
                "list" | "reap" => vec![command],
                _ => vec![command, "lab"],
            };
            let run = || with(FILE).args(args()).status(2).stdout("").stderr_contains(why);
            let option = run().args(["--name", name]).run().stderr;
            assert!(
                option.contains("'--name <NAME>'") && !option.contains("lab.yaml"),
                "{option}"
            );
            let variable = run().env("QFLEET_NAME", name).run().stderr;
            assert!(variable.contains(&format!("QFLEET_NAME is {name:?}")), "{variable}");
            assert!(!variable.contains("lab.yaml"), "{variable}");
        }
    }
    // The option counts, whatever the variable says.
    let wrong = with(FILE).env("QFLEET_NAME", "Bob");
    assert_eq!(rendered(wrong, &["--name", "bob"]).0[0], "bob-artifacts");
    with(FILE).args(["check", "lab", "--name", ""]).status(2).run();
    // One who makes an environment file names it.
    let init = Test::new()
        .env("QFLEET_NAME", "Bob")
        .args(["init", "--name", "photo-lab"])
        .run();
    assert!(init.read("stacks/photo-lab.yaml").contains("name: photo-lab"));
    Test::new()
        .env("QFLEET_NAME", "bob")
        .args(["init"])
        .run()
        .read("stacks/lab.yaml");
}

#[test]
fn a_bucket_that_is_called_as_that_of_the_name_is_refused_and_the_option_named() {
    let file = FILE.replace(
        "{on_destroy: empty}",
        "{existing: bob-artifacts-1, uploads: in/, processed: out/}",
    );
    with(&file).args(["check", "lab"]).run();
    let run = || with(&file).args(["check", "lab"]).status(2);
    let option = run().args(["--name", "bob"]);
    option.stderr_contains("give another name with --name, or").run();
    let variable = run().env("QFLEET_NAME", "bob");
    variable.stderr_contains("give another name with QFLEET_NAME, or").run();
}

/// What a second environment from the same file would be refused.
#[test]
fn check_tells_of_what_one_environment_only_can_have() {
    let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d";
    let delivery = format!("{FILE}delivery: {{domain: files.example.com, certificate: \"{certificate}\"}}\n");
    let existing = FILE.replace(
        "{on_destroy: empty}",
        "{existing: team-archive, uploads: in/, processed: out/}",
    );
    for (file, what) in [
        (
            delivery,
            "files.example.com is for bob and for every other environment from this file",
        ),
        (
            existing,
            "bob and every other environment from this file would look at the same files of",
        ),
    ] {
        let check = |args: &[&str]| {
            let run = with(&file)
                .args(["check", "lab", "--output", "json"])
                .args(args.iter().copied());
            run.run().json()["advice"].to_string()
        };
        assert!(
            check(&["--name", "bob"]).contains(what),
            "{}",
            check(&["--name", "bob"])
        );
        assert!(!check(&[]).contains("every other environment"), "{}", check(&[]));
    }
}

#[test]
fn a_command_that_needs_the_file_says_so_to_whoever_gives_a_name() {
    for command in ["deploy", "plan", "check", "render", "graph", "backfill", "send"] {
        let hint = "this command needs the environment's file";
        let run = || with(FILE).args([command]).status(2).stdout("");
        run().args(["--name", "bob"]).stderr_contains(hint).run();
        run().args(["--name=bob"]).stderr_contains(hint).run();
        run().env("QFLEET_NAME", "bob").stderr_contains(hint).run();
        run().stderr_contains("<ENV>").stderr_lacks(hint).run();
    }
    for command in [
        "status", "destroy", "drift", "results", "events", "logs", "outputs", "files", "recover",
    ] {
        let nobody = with(FILE).args([command]).status(2).stdout("");
        nobody
            .stderr_contains("no environment was named")
            .stderr_contains("QFLEET_NAME")
            .run();
    }
}

/// One rule, so one option: whatever command takes ENV.
#[test]
fn every_command_that_takes_an_environment_takes_a_name() {
    fn visit(command: &clap::Command, path: &str, seen: &mut Vec<String>) {
        let is_env = |arg: &clap::Arg| {
            let names = arg.get_value_names().unwrap_or_default();
            arg.is_positional() && names.iter().any(|name| *name == "ENV")
        };
        if command.get_arguments().any(is_env) {
            let name = command.get_arguments().find(|arg| arg.get_long() == Some("name"));
            let name = name.unwrap_or_else(|| panic!("{path} has no --name"));
            let help = name.get_help().expect("a help").to_string();
            assert!(help.contains("[env: QFLEET_NAME]"), "{path}: {help}");
            seen.push(path.to_owned());
        }
        for verb in command.get_subcommands() {
            visit(verb, &format!("{path} {}", verb.get_name()), seen);
        }
    }
    let mut seen = Vec::new();
    visit(&Cli::command(), "qfleet", &mut seen);
    assert!(seen.len() >= 22, "{seen:?}");
}

/// Whoever stands in the folder knows which environments there are; a message that doesn't say it sends them to `ls`.
#[test]
fn where_no_environment_is_meant_those_that_are_there_are_named() {
    let two = || with(FILE).file("stacks/office-hours.yml", FILE).status(2).stdout("");
    let all = "stacks/ has lab, office-hours";
    for (args, help) in [
        (&["check"][..], "tip: stacks/ has lab, office-hours\n"),
        (
            &["plan", "lba"],
            "help: did you mean `lab`? stacks/ has lab, office-hours\n",
        ),
        (&["plan", "stacks/lba.yaml"], "help: did you mean `lab`? "),
        (
            &["deploy", "officehours", "--yes"],
            "help: did you mean `office-hours`? ",
        ),
        (&["render", "production"], "help: stacks/ has lab, office-hours\n"),
        (&["local", "down", "lba"], "help: did you mean `lab`? "),
        (
            &["status", "lba"],
            "office-hours; or --name NAME, where the file is lost\n",
        ),
        (
            &["status", "lba", "--name", "bob"],
            "office-hours; or leave it out, where it is lost\n",
        ),
    ] {
        two()
            .args(args.iter().copied())
            .stderr_contains(help)
            .stderr_contains(all)
            .run();
    }
    let none = |args: &[&str]| {
        Test::new()
            .args(args.iter().copied())
            .status(2)
            .stderr_lacks("stacks/ has")
    };
    none(&["check"]).stderr_contains("<ENV>").run();
    none(&["check", "lab"])
        .stderr_contains("or write one with `qfleet init`")
        .run();
    none(&["check", "./lab.yaml"])
        .stderr_contains("help: write one with `qfleet init`")
        .run();
    none(&["status", "lab"])
        .stderr_contains("help: give the path of its file; or --name NAME")
        .run();
}
