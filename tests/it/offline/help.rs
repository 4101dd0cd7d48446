//! `--help` of every command, as clap knows them: a new command can't be forgotten.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test --test it help`, and read what changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;

use crate::harness::Test;

#[test]
fn every_command_explains_itself() {
    let mut all = BTreeSet::new();
    visit(&qfleet::commands::Cli::command(), &mut Vec::new(), &mut |words| {
        let output = Test::new().args(words).args(["--help"]).stderr("").run();
        Test::new()
            .args(["help"])
            .args(words)
            .stdout(&output.stdout)
            .stderr("")
            .run();
        let name = std::iter::once("qfleet")
            .chain(words.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("-");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("help");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name.clone(), output.stdout));
        all.insert(format!("{name}.snap"));
    });

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/offline/help");
    for entry in fs::read_dir(folder).expect("the snapshots") {
        let file = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(
            !file.ends_with(".snap") || all.contains(&file),
            "{file} is the help of a command that is no more"
        );
    }
}

#[test]
fn every_command_and_option_has_a_description() {
    visit(&qfleet::commands::Cli::command(), &mut Vec::new(), &mut |words| {
        let mut command = &qfleet::commands::Cli::command();
        for word in words {
            command = command.find_subcommand(word).expect("listed by clap");
        }
        assert!(command.get_about().is_some(), "qfleet {words:?} has no description");
        for argument in command.get_arguments() {
            let helpless = argument.get_help().is_none() && argument.get_long_help().is_none();
            assert!(!helpless, "qfleet {words:?}: {} has no description", argument.get_id());
        }
    });
}

fn visit(command: &clap::Command, words: &mut Vec<String>, see: &mut impl FnMut(&[String])) {
    see(words);
    for verb in command.get_subcommands() {
        words.push(verb.get_name().to_owned());
        visit(verb, words, see);
        words.pop();
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Test::new()
        .args(["completions", "bash"])
        .command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("qfleet runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
