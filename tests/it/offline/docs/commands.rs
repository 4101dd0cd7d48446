//! `docs/commands.md`, from the command line as clap knows it.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use super::cell;
use crate::harness::is_current;

const HEAD: &str = "\
# Commands

Every command, as `qfleet COMMAND --help` tells it. `ENV` is the path of an environment file, or the bare name of one in
`stacks/`. Exit codes are in [pipelines](pipelines.md#exit-codes), what `--output json` prints in [JSON](json.md).

A command contacts AWS's endpoints, or with `--local` the emulator on this machine, and nothing else; `local install`
downloads that emulator. There is [no telemetry](pipelines.md#what-is-asked-of-aws).
";

const GLOBAL: &str = "Global options";

#[test]
fn every_command_is_described_as_clap_has_it() {
    let mut program = qfleet::commands::Cli::command();
    program.build();
    let mut page = HEAD.to_owned();
    page.push_str("\n| command | what it does |\n| --- | --- |\n");
    index(&mut page, &program);
    page.push_str("\n## Options that every command has\n\n");
    options(
        &mut page,
        program
            .get_arguments()
            .filter(|arg| arg.get_help_heading() == Some(GLOBAL)),
    );
    sections(&mut page, &program);
    is_current("docs/commands.md", &page);
}

/// The commands that do something, each on a line; a group such as `dlq` only in its members.
fn index(page: &mut String, command: &Command) {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        if verb.has_subcommands() {
            index(page, verb);
        } else {
            let name = name(verb);
            let about = verb.get_about().expect("every command has one").to_string();
            let _ = writeln!(page, "| [`{name}`](#{}) | {} |", super::anchor(&name), cell(&about));
        }
    }
}

fn sections(page: &mut String, command: &Command) {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        if verb.has_subcommands() {
            sections(page, verb);
        } else {
            section(page, verb);
        }
    }
}

fn section(page: &mut String, command: &Command) {
    let about = command.get_about().expect("every command has one");
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = write!(page, "\n## {}\n\n{about}.\n\n```text\n{usage}\n```\n\n", name(command));
    let own =
        |arg: &&Arg| arg.get_help_heading() != Some(GLOBAL) && !["help", "version"].contains(&arg.get_id().as_str());
    options(page, command.get_arguments().filter(own));
    let more = command
        .get_after_long_help()
        .or(command.get_after_help())
        .map(ToString::to_string);
    for paragraph in more
        .unwrap_or_default()
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
    {
        match paragraph.split_once(":\n  ") {
            Some((title, lines)) => {
                let lines: Vec<&str> = lines
                    .lines()
                    .map(|line| line.strip_prefix("  ").unwrap_or(line))
                    .collect();
                let _ = write!(page, "\n{title}:\n\n```text\n{}\n```\n", lines.join("\n"));
            }
            None => {
                let _ = write!(page, "\n{}\n", cell(paragraph));
            }
        }
    }
}

fn options<'a>(page: &mut String, all: impl Iterator<Item = &'a Arg>) {
    let mut rows = String::new();
    for arg in all {
        let help = arg
            .get_long_help()
            .or(arg.get_help())
            .expect("every option has help")
            .to_string();
        let mut said = cell(&help);
        let values = arg.get_possible_values();
        if !arg.is_hide_possible_values_set() && arg.get_action().takes_values() {
            for value in &values {
                let _ = match value.get_help() {
                    Some(help) => write!(said, "<br>`{}`: {}", value.get_name(), cell(&help.to_string())),
                    None => write!(said, " `{}`", value.get_name()),
                };
            }
        }
        if let [default] = arg.get_default_values()
            && arg.get_action().takes_values()
        {
            let _ = write!(said, " (default: `{}`)", default.to_string_lossy());
        }
        let _ = writeln!(rows, "| {} | {said} |", spelling(arg));
    }
    if !rows.is_empty() {
        let _ = write!(page, "| argument or option | meaning |\n| --- | --- |\n{rows}");
    }
}

fn spelling(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let Some(long) = arg.get_long() else {
        return format!("`{value}`");
    };
    let value = if arg.get_action().takes_values() {
        format!(" {value}")
    } else {
        String::new()
    };
    let short = arg.get_short().map(|short| format!(", `-{short}`")).unwrap_or_default();
    format!("`--{long}{value}`{short}")
}

/// As it is typed after `qfleet`.
fn name(command: &Command) -> String {
    let whole = command.get_bin_name().unwrap_or_default();
    whole.strip_prefix("qfleet ").unwrap_or(whole).to_owned()
}
