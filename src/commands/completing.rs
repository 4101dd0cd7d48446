//! What Tab offers besides commands and options: environments, their stages and parts. The script of a shell runs the
//! program itself, with the words so far (`QFLEET_COMPLETE`).

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::Cli;
use super::global::Env;
use super::name_option::NameOption;
use super::near;
use crate::blueprint;
use crate::environment::{self, Environment};
use crate::local::fleet::stop;

/// Set by the scripts, to the shell's name.
pub(super) const VARIABLE: &str = "QFLEET_COMPLETE";

/// Answers a shell that completes a command line, and ends the process. Returns at once when none asks.
pub fn answer() {
    CompleteEnv::with_factory(|| completed(Cli::command()))
        .var(VARIABLE)
        .complete();
}

/// The command with what its arguments are completed by. An argument is known by the name of its value, so that a new
/// command needs nothing more.
fn completed(command: Command) -> Command {
    command.mut_args(completed_by).mut_subcommands(completed)
}

fn completed_by(arg: Arg) -> Arg {
    let value = arg.get_value_names().and_then(|names| names.first());
    let completer = match (value.map(|name| name.as_str()), arg.get_long()) {
        (Some("ENV"), _) => ArgValueCompleter::new(environments),
        (Some("STAGE"), _) => ArgValueCompleter::new(|begun: &OsStr| {
            let stages =
                |environment: &Environment| environment.stages.iter().map(|stage| stage.name.clone()).collect();
            of_named(begun, stages)
        }),
        (Some("PART"), _) => ArgValueCompleter::new(|begun: &OsStr| of_named(begun, blueprint::parts_of)),
        (Some("NAME"), Some("name")) => ArgValueCompleter::new(names),
        (Some("DIR"), _) => ArgValueCompleter::new(PathCompleter::dir()),
        (Some("PATH" | "FILE" | "PROGRAM"), _) => ArgValueCompleter::new(PathCompleter::any()),
        _ => return arg,
    };
    arg.add(completer)
}

/// Bare names of those in stacks/, and paths of YAML files.
fn environments(begun: &OsStr) -> Vec<CompletionCandidate> {
    let bare = near::files().filter_map(|path| path.file_stem().map(OsStr::to_owned));
    let mut found = matching(begun, bare);
    found.extend(PathCompleter::any().filter(near::is_yaml).complete(begun));
    found
}

/// The names in the files of stacks/, which needn't be the files', and those of local fleets that run.
fn names(begun: &OsStr) -> Vec<CompletionCandidate> {
    let read = near::files().filter_map(|path| environment::load(&path).ok());
    let running = stop::running().unwrap_or_default().into_iter().map(OsString::from);
    matching(begun, read.map(|environment| environment.name.into()).chain(running))
}

/// What the environment on the command line has.
fn of_named(begun: &OsStr, of: impl Fn(&Environment) -> Vec<String>) -> Vec<CompletionCandidate> {
    // The words that are completed come after `--`.
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    let file = |word: OsString| {
        let (env, name) = (word.into(), NameOption::default());
        environment::load(&Env { env, name }.path().ok()?).ok()
    };
    let mut named = words.filter_map(file);
    let found = named.next().map(|environment| of(&environment)).unwrap_or_default();
    matching(begun, found.into_iter().map(OsString::from))
}

fn matching(begun: &OsStr, all: impl Iterator<Item = OsString>) -> Vec<CompletionCandidate> {
    let begun = begun.as_encoded_bytes();
    let mut found: Vec<OsString> = all.filter(|one| one.as_encoded_bytes().starts_with(begun)).collect();
    found.sort();
    found.dedup();
    found.into_iter().map(CompletionCandidate::new).collect()
}
