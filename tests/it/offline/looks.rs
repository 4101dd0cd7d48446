//! Colours where they are wanted, and nowhere else; and what is plain.

use crate::harness::{Test, in_a_terminal};
use crate::lab::{LAB, with_file};

/// A check that says something in colour, without asking cfn-lint.
fn check(env: &[(&str, &str)], args: &[&str]) -> Test {
    let test = with_file(LAB).env("PATH", "/nowhere").env("NO_COLOR", "");
    let test = env.iter().fold(test, |test, (name, value)| test.env(*name, *value));
    test.args(["check", "lab.yaml"]).args(args.iter().copied())
}

fn is_colored(said: &str) -> bool {
    said.contains("\x1b[")
}

#[test]
fn in_a_terminal_there_are_colours_unless_somebody_says_no() {
    for (env, args, colored) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[("CLICOLOR", "0")], &[], false),
        (&[("QFLEET_PLAIN", "1")], &[], false),
        (&[("QFLEET_PLAIN", "0")], &[], true),
        (&[], &["--color", "never"], false),
        (&[], &["--plain"], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], &[], false),
        (&[("FORCE_COLOR", "1")], &["--color=never"], false),
        (&[("FORCE_COLOR", "1")], &["--plain", "--color", "always"], false),
    ] {
        let (code, said) = in_a_terminal(&check(env, args), 80, &[]);
        assert_eq!((code, is_colored(&said)), (0, colored), "{env:?} {args:?}: {said:?}");
    }
}

#[test]
fn without_one_there_are_none_unless_somebody_says_so() {
    for (env, args, colored) in [
        (&[][..], &[][..], false),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("FORCE_COLOR", "1")], &[], true),
        (&[("FORCE_COLOR", "")], &[], false),
        (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], &[], false),
        (&[("FORCE_COLOR", "1"), ("TERM", "dumb")], &[], false),
        (&[], &["--color", "always"], true),
    ] {
        let said = check(env, args).run().stdout;
        assert_eq!(is_colored(&said), colored, "{env:?} {args:?}: {said:?}");
    }
}

#[test]
fn help_and_what_is_wrong_with_a_command_line_have_the_same_colours() {
    for (args, colored) in [
        (&["deploy", "--help"][..], true),
        (&["deploy", "--help", "--color", "never"], false),
        (&["--plain", "deploy", "--help"], false),
        (&["deploy", "--no-such-option", "--plain"], false),
        (&["deploy", "--no-such-option"], true),
    ] {
        let test = Test::new().env("NO_COLOR", "").args(args.iter().copied());
        let (_, said) = in_a_terminal(&test, 80, &[]);
        assert_eq!(is_colored(&said), colored, "{args:?}: {said:?}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_lines() {
    let wrong = LAB.replace("visibility_timeout: 2m", "visibility_timeot: 2m");
    for at_end in [&["check", "lab.yaml"][..], &["plan", "lab.yaml"]] {
        with_file(&wrong)
            .args(at_end.iter().copied())
            .args(["--plain"])
            .status(2)
            .stderr_regex("lab.yaml:7:\\d+: error: .*visibility_timeot.*\n(  help: .*\n)?error: .*\n.*")
            .run();
    }
    // Advice, too, is a line and what to do.
    let unwise = LAB.replace("visibility_timeout: 2m", "visibility_timeout: 2m, retention: 5m");
    let said = with_file(&unwise)
        .env("PATH", "/nowhere")
        .args(["check", "lab.yaml", "--plain"])
        .run()
        .stdout;
    assert!(
        said.contains("lab.yaml:7:") && said.contains(": note: ") && said.is_ascii(),
        "{said}"
    );
}

#[test]
fn every_help_fits_a_narrow_terminal() {
    fn visit(command: &clap::Command, words: &mut Vec<String>, wrong: &mut Vec<String>) {
        for columns in [60, 80] {
            let test = Test::new().args(words.iter()).args(["--help"]);
            let (_, said) = in_a_terminal(&test, columns, &[]);
            for line in said.lines().map(|line| line.trim_end_matches('\r')) {
                // Examples are to be copied.
                if line.chars().count() > columns.into() && !line.trim_start().contains("qfleet ") {
                    wrong.push(format!("qfleet {} at {columns}: {line}", words.join(" ")));
                }
            }
        }
        for verb in command.get_subcommands() {
            words.push(verb.get_name().to_owned());
            visit(verb, words, wrong);
            words.pop();
        }
    }
    let mut wrong = Vec::new();
    let command = <qfleet::commands::Cli as clap::CommandFactory>::command();
    visit(&command, &mut Vec::new(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
