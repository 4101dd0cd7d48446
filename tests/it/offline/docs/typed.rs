//! What the pages have a reader type exists: commands, options, targets of make. Blocks that a test runs are run in
//! `emulator::docs`; here are those that aren't, too.

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};
use qfleet::commands::Cli;
use regex::Regex;

use crate::harness::Page;

#[test]
fn every_command_that_is_shown_exists() {
    let code = Regex::new("`(qfleet [^`]+)`").expect("a pattern");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.is_console()) {
            assert!(
                block.info == "console" || block.not_run().is_some_and(|why| why.len() > 10),
                "{}:{}: `{}` says neither that it is run nor why it isn't",
                page.path,
                block.at,
                block.info
            );
            for step in block.steps() {
                for command in step.command.split(['|', ';']).map(str::trim) {
                    seen += 1;
                    wrong.extend(complaint(command).map(|why| format!("{}:{}: {command}: {why}", page.path, block.at)));
                }
            }
        }
        for (number, line) in page.prose() {
            for found in code.captures_iter(&line) {
                seen += 1;
                wrong.extend(
                    complaint_in_prose(&found[1]).map(|why| format!("{}:{number}: {}: {why}", page.path, &found[1])),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "only {seen} commands were found");
}

#[test]
fn every_example_of_a_help_text_exists() {
    let gap = Regex::new("  +").expect("a pattern");
    let mut wrong = Vec::new();
    for block in Page::named("docs/commands.md").blocks() {
        // Not the line of usage, which clap wrote.
        for line in block
            .lines
            .iter()
            .filter(|line| !line.contains(['<', '[']) && line.starts_with("qfleet "))
        {
            let command = gap.split(line).next().unwrap_or_default();
            for command in command.split(['|', '>']).map(str::trim) {
                wrong.extend(complaint_with_remark(command).map(|why| format!("{command}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A long example has but one blank before its remark: words at the end may be that. An option is none.
fn complaint_with_remark(command: &str) -> Option<String> {
    let why = complaint(command)?;
    match command.rsplit_once(' ') {
        Some((shorter, last)) if !last.starts_with('-') && shorter.contains(' ') => complaint_with_remark(shorter),
        _ => Some(why),
    }
}

#[test]
fn every_option_that_is_named_exists() {
    let mut known: BTreeSet<String> = ["--help", "--version"].map(String::from).into();
    options(&Cli::command(), &mut known);
    let code = Regex::new("`(--[a-z][a-z-]*)").expect("a pattern");
    let mut wrong = Vec::new();
    for page in Page::all() {
        for (number, line) in page.prose() {
            let named = code.captures_iter(&line).map(|found| found[1].to_owned());
            let strange = named.filter(|option| !known.contains(option));
            wrong.extend(strange.map(|option| format!("{}:{number}: {option}", page.path)));
        }
    }
    assert!(wrong.is_empty(), "options that no command has:\n{}", wrong.join("\n"));
}

fn options(command: &Command, into: &mut BTreeSet<String>) {
    into.extend(
        command
            .get_arguments()
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?))),
    );
    command.get_subcommands().for_each(|verb| options(verb, into));
}

/// In a sentence, a command stands for itself, without the arguments that it must have.
fn complaint_in_prose(command: &str) -> Option<String> {
    let command = command.split(" > ").next().unwrap_or(command);
    let error = Cli::try_parse_from(shlex::Shlex::new(command)).err()?;
    let is_unknown = matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand | ErrorKind::ArgumentConflict
    );
    (is_unknown && !command.contains("COMMAND")).then(|| error.to_string())
}

/// What is wrong with a command of qfleet or make. Others aren't ours to judge.
fn complaint(command: &str) -> Option<String> {
    // Comments, and words that stand for what a reader would put there.
    let words: Vec<String> = shlex::Shlex::new(command).collect();
    let words: Vec<&str> = words
        .iter()
        .map(|word| if word == "LENGTH" { "2h" } else { word })
        .collect();
    match words.as_slice() {
        ["qfleet", "COMMAND", ..] | ["qfleet", "--help" | "--version", ..] => None,
        ["qfleet", ..] if words.contains(&"--help") => None,
        ["qfleet", ..] => Cli::try_parse_from(words).err().map(|error| error.to_string()),
        ["make", target, ..] => {
            let makefile = include_str!("../../../../Makefile");
            let is_there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            (!is_there).then(|| "the Makefile has no such target".to_owned())
        }
        _ => None,
    }
}
