//! A subcommand or an option that isn't one: what there is instead.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// The error of a command line with such a word. Only what is most like it is suggested, and where a command
/// has only a few subcommands, all are named.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        let hint = exit_option(&error).map(|(path, option)| format!("`{path}` has {option} for that"));
        if let Some(hint) = hint.or_else(|| of_others(&error)) {
            error.remove(ContextKind::SuggestedArg);
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
        }
    }
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    if let Some(ContextValue::Strings(similar)) = error.get(ContextKind::SuggestedSubcommand)
        // The most similar one comes last.
        && let Some(meant) = similar.last().cloned()
    {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(meant));
    }
    if let Some(command) = with_it(&error) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(command));
    }
    let word = error.get(ContextKind::InvalidSubcommand);
    // `qfleet help --help`
    if matches!(word, Some(ContextValue::String(word)) if word == "--help" || word == "-h") {
        let help = Cli::command().try_get_matches_from(["qfleet", "--help"]);
        return help.err().unwrap_or(error);
    }
    if let Some((path, command)) = command_of(&error)
        && command.has_subcommands()
    {
        let verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let hint = format!("`{path}` has {}", verbs.join(", "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// The command, and its option that has it end with an exit code of its own for what it found, where that of another command
/// was given.
fn exit_option(error: &clap::Error) -> Option<(String, &'static str)> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let meant = match given.as_str() {
        "--fail" => "exit-code",
        "--exit-code" => "fail",
        _ => return None,
    };
    let (path, command) = command_of(error)?;
    let mut options = command.get_arguments().filter_map(Arg::get_long);
    options.find(|option| *option == meant)?;
    Some((path, if meant == "fail" { "--fail" } else { "--exit-code" }))
}

/// The most commands that are named for an option.
const FEW: usize = 4;

/// Which other commands have an option that this one hasn't.
fn of_others(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let option = given.split('=').next()?.strip_prefix("--")?;
    let mut having = Vec::new();
    let mut commands: Vec<(String, Command)> = vec![("qfleet".to_owned(), Cli::command())];
    while let Some((path, command)) = commands.pop() {
        let below = command.get_subcommands();
        let below = below.filter(|command| !command.is_hide_set());
        commands.extend(below.map(|command| (format!("{path} {}", command.get_name()), command.clone())));
        let mut options = command.get_arguments().filter(|arg| !arg.is_hide_set());
        if options.any(|arg| arg.get_long() == Some(option)) {
            having.push(format!("`{path}`"));
        }
    }
    having.sort();
    let more = having.len().saturating_sub(FEW);
    having.truncate(FEW);
    if more > 0 {
        having.push(format!("{more} other commands"));
    }
    match having.as_slice() {
        [] => None,
        [one] => Some(format!("{one} has --{option}")),
        [first @ .., last] => Some(format!("{} and {last} have --{option}", first.join(", "))),
    }
}

/// The command that has the word for a subcommand, where it was given to qfleet itself: `local up`.
fn with_it(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    if command_of(error).is_some() {
        return None;
    }
    let of_qfleet = Cli::command();
    let mut commands = of_qfleet.get_subcommands();
    // No two of them have the same.
    let command = commands.find(|command| command.find_subcommand(word).is_some())?;
    Some(format!("{} {word}", command.get_name()))
}

/// The command whose subcommand it isn't, as its usage tells: `qfleet dlq`. None for qfleet itself, which has too many.
fn command_of(error: &clap::Error) -> Option<(String, Command)> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return None;
    };
    let usage = usage.to_string();
    let path: Vec<&str> = usage
        .split_whitespace()
        .skip_while(|word| *word != "qfleet")
        .take_while(|word| !word.starts_with(['[', '<']))
        .collect();
    let mut command = Cli::command();
    for verb in path.iter().skip(1) {
        command = command.find_subcommand(verb)?.clone();
    }
    (path.len() > 1).then(|| (path.join(" "), command))
}
