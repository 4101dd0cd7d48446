//! `--name` and `QFLEET_NAME`: the environment's name. With a file, it stands in place of the file's `name`; without one, what
//! is deployed is found by it.

use clap::Args;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::near;
use crate::environment::given_name::{GivenBy, GivenName};
use crate::environment::name;
use crate::error::{Error, Result};
use crate::local::fleet::stop;
use crate::report;

/// The name that stands in place of the file's.
#[derive(Debug, Clone, Default, Args)]
pub struct NameOption {
    /// Name of the environment, instead of the one in its file; without a file, it finds what is deployed
    /// [env: QFLEET_NAME]
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    pub(super) name: Option<String>,
}

/// The same for a command that is about all environments.
#[derive(Debug, Clone, Default, Args)]
pub struct OnlyName {
    /// Only the environment of this name [env: QFLEET_NAME]
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    pub(super) name: Option<String>,
}

impl NameOption {
    /// The name that was given: by the option, else by the variable. An empty variable is none: a CI system sets those
    /// that have no value, too.
    ///
    /// # Errors
    /// Usage, when the variable's value is no name.
    pub fn given(&self) -> Result<Option<GivenName>> {
        given(self.name.as_deref())
    }

    /// As it is written in a command: `--name bob`, however it was given. Whether the variable holds a name is for
    /// [`NameOption::given`] to say.
    pub fn words(&self) -> Option<String> {
        let given = self.given().ok()??;
        Some(format!("--name {}", given.name))
    }
}

impl OnlyName {
    /// The name of the only environment that is meant; none when all are. Where only the variable names one, that is said:
    /// whoever asks for all of them may not think of it.
    ///
    /// # Errors
    /// As of [`NameOption::given`].
    pub fn name(&self) -> Result<Option<String>> {
        let given = given(self.name.as_deref())?;
        if let Some(GivenName { name, by }) = given.as_ref().filter(|given| given.by == GivenBy::Variable) {
            report::note(&format!("only {name}: {by} is set"));
        }
        Ok(given.map(|given| given.name))
    }
}

fn given(option: Option<&str>) -> Result<Option<GivenName>> {
    if let Some(name) = option {
        return Ok(Some(GivenName {
            name: name.to_owned(),
            by: GivenBy::Option,
        }));
    }
    let Some(value) = std::env::var_os(GivenBy::VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let name = value.to_string_lossy().into_owned();
    name::check(&name).map_err(|why| {
        let what = format!(
            "{} is {name:?}, which can't be an environment's name: {why}",
            GivenBy::VARIABLE
        );
        Error::usage(what).with_help("give the variable another value, or unset it")
    })?;
    Ok(Some(GivenName {
        name,
        by: GivenBy::Variable,
    }))
}

/// Of a command line: where no environment was named. Those that are near are: by files here and, on this machine, by local
/// fleets that run.
pub(super) fn nobody_named() -> Error {
    let files = near::bare_names();
    let files = match files.is_empty() {
        true => String::new(),
        false => format!(" ({})", files.join(", ")),
    };
    let is_local = std::env::args_os().any(|arg| arg == "--local");
    let fleets = is_local.then(stop::running).and_then(Result::ok).unwrap_or_default();
    let named: Vec<String> = fleets.iter().map(|name| format!("--name {name}")).collect();
    let running = match named.is_empty() {
        true => String::new(),
        false => format!(". Local fleets run of: {}", named.join(", ")),
    };
    Error::usage("no environment was named").with_help(format!(
        "give its file{files}; or, without the file, its name by --name or {}{running}",
        GivenBy::VARIABLE
    ))
}

/// The error of a command line that lacks the file, with those that are there; or with a hint for whoever has named the
/// environment: a name alone doesn't say what is to be deployed.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    let lacks_file = error.kind() == ErrorKind::MissingRequiredArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(args)) if args.iter().any(|arg| arg == "<ENV>"));
    let has_name = std::env::args_os().any(|arg| {
        arg.to_str()
            .is_some_and(|arg| arg == "--name" || arg.starts_with("--name="))
    }) || matches!(given(None), Ok(Some(_)));
    let hint = match has_name {
        true => Some(
            "this command needs the environment's file: put its path there, and the name stands in place of the file's"
                .to_owned(),
        ),
        false => near::listed(),
    };
    if let Some(hint) = hint.filter(|_| lacks_file) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// What `name` of an environment file may be, said of a command line: there is no file to point into.
pub(super) fn environment_name(text: &str) -> std::result::Result<String, String> {
    name::check(text).map(|()| text.to_owned())
}
