//! `qfleet man DIR`: the manual pages, from what `--help` says.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use crate::error::{Error, Result};
use crate::report;

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(
    after_help = "For those who make packages: qfleet.1, and a page for each command.\n\n\
                  Examples:\n  \
                  qfleet man ~/.local/share/man/man1\n  \
                  man qfleet-deploy"
)]
pub struct Pages {
    /// Folder to write to; made if it doesn't exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

const ENVIRONMENT: [(&str, &str); 5] = [
    (
        "AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID, …",
        "Credentials and region, as every tool of AWS finds them.",
    ),
    ("QFLEET_MINISTACK", "The program of the local AWS emulator."),
    ("QFLEET_CFN_LINT", "The program cfn-lint, for check."),
    ("NO_COLOR", "No colours."),
    (
        "XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME",
        "Where the files below are, instead of in the home folder.",
    ),
];

const FILES: [(&str, &str); 5] = [
    ("stacks/NAME.yaml", "Environment files, which commands find by NAME."),
    ("~/.local/share/qfleet/tools", "What qfleet local install brought."),
    (
        "~/.local/state/qfleet",
        "The local emulator's process and log, and local fleets.",
    ),
    ("~/.cache/qfleet", "What can be made again."),
    ("~/.aws/config, ~/.aws/credentials", "AWS's own configuration."),
];

impl Pages {
    pub fn run(self) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(|error| cannot(&self.folder, &error))?;
        let mut command = Cli::command();
        command.build();
        let written = write(&command, &self.folder)?;
        report::text(&format!("{written} pages written to {}\n", self.folder.display()));
        Ok(())
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("cannot write {}: {error}", path.display()))
}

/// Other characters by their numbers: not every man reads UTF-8.
fn in_ascii(page: &str) -> String {
    let character = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => format!("\\[u{:04X}]", u32::from(c)),
    };
    page.chars().map(character).collect()
}

/// The page of a command and those of the commands below it. Returns how many.
fn write(command: &Command, folder: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    let mut text = Vec::new();
    page(command, &mut text).map_err(|error| cannot(&path, &error))?;
    fs::write(&path, in_ascii(&String::from_utf8_lossy(&text))).map_err(|error| cannot(&path, &error))?;
    let mut written = 1;
    for verb in command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        written += write(verb, folder)?;
    }
    Ok(written)
}

fn page(command: &Command, into: &mut dyn Write) -> std::io::Result<()> {
    // A date would make each build another one.
    let man = Man::new(command.clone())
        .date("")
        .source(concat!("qfleet ", env!("CARGO_PKG_VERSION")))
        .manual("qfleet");
    man.render_title(into)?;
    man.render_name_section(into)?;
    man.render_synopsis_section(into)?;
    let said = Said::of(command);
    let mut roff = Roff::default();
    roff.control("SH", ["DESCRIPTION"]);
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(|about| format!("{about}.")).unwrap_or_default();
    paragraphs(
        &mut roff,
        std::iter::once(about.as_str()).chain(said.text.iter().map(String::as_str)),
    );
    roff.to_writer(into)?;
    man.render_options_section(into)?;
    let mut roff = Roff::default();
    let mut verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).peekable();
    if verbs.peek().is_some() {
        roff.control("SH", ["COMMANDS"]);
    }
    for verb in verbs {
        let name = verb.get_display_name().unwrap_or_else(|| verb.get_name());
        roff.control("TP", []);
        roff.text([bold(name), roman("(1)")]);
        roff.text([roman(verb.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
    let is_main = command.get_name() == command.get_display_name().unwrap_or_else(|| command.get_name());
    roff.control("SH", ["EXIT STATUS"]);
    if said.exit_codes.is_empty() {
        roff.text([roman("As of "), bold("qfleet"), roman("(1).")]);
    }
    paragraphs(&mut roff, said.exit_codes.iter().map(String::as_str));
    if is_main {
        for (title, list) in [("ENVIRONMENT", &ENVIRONMENT), ("FILES", &FILES)] {
            roff.control("SH", [title]);
            for (name, what) in list {
                roff.control("TP", []);
                roff.text([bold(*name)]);
                roff.text([roman(*what)]);
            }
        }
    }
    if !said.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        paragraphs(&mut roff, said.examples.iter().map(String::as_str));
    }
    if !is_main {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("qfleet"), roman("(1)")]);
    }
    roff.to_writer(into)
}

/// What stands below a command's `--help`, by what it is.
#[derive(Default)]
struct Said {
    text: Vec<String>,
    examples: Vec<String>,
    exit_codes: Vec<String>,
}

impl Said {
    fn of(command: &Command) -> Said {
        let text = command.get_after_long_help().or_else(|| command.get_after_help());
        let text = text.map(ToString::to_string).unwrap_or_default();
        let mut said = Said::default();
        for paragraph in text.split("\n\n") {
            let after = |title: &str| {
                paragraph
                    .strip_prefix(title)
                    .map(|rest| rest.trim_start_matches('\n').to_owned())
            };
            if let Some(examples) = after("Examples:") {
                said.examples.push(examples);
            } else if let Some(codes) = after("Exit codes:") {
                said.exit_codes.push(codes);
            } else if !paragraph.trim().is_empty() {
                said.text.push(paragraph.to_owned());
            }
        }
        said
    }
}

/// Lines that are indented stay as they are; others flow.
fn paragraphs<'a>(roff: &mut Roff, all: impl Iterator<Item = &'a str>) {
    for paragraph in all {
        roff.control("PP", []);
        let mut as_it_is = false;
        for line in paragraph.lines() {
            let indented = line.starts_with(' ');
            if indented != as_it_is {
                roff.control(if indented { "nf" } else { "fi" }, []);
                as_it_is = indented;
            }
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        if as_it_is {
            roff.control("fi", []);
        }
    }
}
