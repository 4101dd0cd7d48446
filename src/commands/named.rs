//! Which environment a command is about: its file, its name, or both.

use std::path::PathBuf;

use clap::Args;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::global::Env;
use crate::blueprint;
use crate::environment::name::{self, GivenBy, GivenName};
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::observe::findings::Words;
use crate::report;

/// The environment that a command is about, which can do without the file: what is deployed is found by its stacks'
/// tags.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Environment file, or the bare name of one in stacks/
    #[arg(value_name = "ENV")]
    env: Option<PathBuf>,
    #[command(flatten)]
    name: NameOption,
}

/// The name that stands in place of the file's.
#[derive(Debug, Clone, Default, Args)]
pub struct NameOption {
    /// Name of the environment, in place of the one in its file; without a file, what is deployed is found by it
    /// [env: QFLEET_NAME]
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    name: Option<String>,
}

/// The same for a command that is about all environments.
#[derive(Debug, Clone, Default, Args)]
pub struct OnlyName {
    /// Only the environment of this name [env: QFLEET_NAME]
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    name: Option<String>,
}

/// The environment that is meant.
#[derive(Debug, Clone)]
pub struct Meant {
    pub name: String,
    /// Its file; none when it was given by its name alone.
    pub file: Option<Environment>,
}

impl Meant {
    /// The stages, as the file orders them.
    pub fn stages(&self) -> Vec<String> {
        let stages = self.file.iter().flat_map(|file| &file.stages);
        stages.map(|stage| stage.name.clone()).collect()
    }

    /// The parts that its file has.
    pub(super) fn parts(&self) -> Option<Vec<String>> {
        self.file.as_ref().map(blueprint::parts_of)
    }
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

/// Of a command line: where no environment was named.
pub(super) fn nobody_named() -> Error {
    Error::usage("no environment was named").with_help(format!(
        "give its file; or, without the file, its name by --name or {}",
        GivenBy::VARIABLE
    ))
}

impl Named {
    /// The environment of a file, of a name, or of both.
    pub(super) fn new(env: Option<&str>, name: &NameOption) -> Named {
        Named {
            env: env.map(PathBuf::from),
            name: name.clone(),
        }
    }

    /// Loads and checks the file, where there is one. The name alone promises nothing: it may not be deployed.
    ///
    /// # Errors
    /// A file that isn't there, or is wrong.
    pub fn find(&self) -> Result<Meant> {
        if let Some(env) = self.env() {
            let path = env.path().map_err(|error| match self.name.words() {
                // By the name alone it could go on.
                None => error.with_help("give the path of its file, or --name NAME where that is lost"),
                Some(_) => error.with_help("give the path of its file, or leave it out where that is lost"),
            })?;
            let file = environment::load_as(&path, self.name.given()?.as_ref())?;
            return Ok(Meant {
                name: file.name.clone(),
                file: Some(file),
            });
        }
        let given = self.name.given()?.ok_or_else(nobody_named)?;
        Ok(Meant {
            name: given.name,
            file: None,
        })
    }

    fn env(&self) -> Option<Env> {
        let env = self.env.clone()?;
        Some(Env {
            env,
            name: self.name.clone(),
        })
    }

    /// For a command that needs the file, to copy from a message: `stacks/lab.yaml`, with `--name bob` where that was
    /// given; none without the file.
    pub fn file_words(&self) -> Option<String> {
        Some(self.env()?.words())
    }

    /// As it was given, for a command to copy from a message: `stacks/lab.yaml`, `--name bob`, or both.
    pub fn words(&self) -> String {
        self.in_commands().environment
    }

    /// The same, for commands that need the file, too.
    pub fn in_commands(&self) -> Words {
        let given = self.name.given().ok().flatten();
        Words::new(
            self.file_words(),
            given.map_or(String::new(), |given| given.name).as_str(),
        )
    }
}

/// The error of a command line that lacks the file, with a hint for whoever has named the environment: a name alone
/// doesn't say what is to be deployed.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    let lacks_file = error.kind() == ErrorKind::MissingRequiredArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(args)) if args.iter().any(|arg| arg == "<ENV>"));
    let has_name = std::env::args_os().any(|arg| {
        arg.to_str()
            .is_some_and(|arg| arg == "--name" || arg.starts_with("--name="))
    }) || matches!(given(None), Ok(Some(_)));
    if lacks_file && has_name {
        let hint =
            "this command needs the environment's file: put its path there, and the name stands in place of the file's";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// What `name` of an environment file may be, said of a command line: there is no file to point into.
pub(super) fn environment_name(text: &str) -> std::result::Result<String, String> {
    name::check(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_it_was_given() {
        let given = |env: Option<&str>, name: Option<&str>| {
            let name = NameOption {
                name: name.map(str::to_owned),
            };
            Named::new(env, &name)
        };
        let words = given(Some("stacks/lab.yaml"), None).in_commands();
        assert_eq!(
            (words.environment.as_str(), words.file.as_str()),
            ("stacks/lab.yaml", "stacks/lab.yaml")
        );
        let words = given(None, Some("lab")).in_commands();
        assert_eq!(
            (words.environment.as_str(), words.file.as_str()),
            ("--name lab", "ENV --name lab")
        );
        let words = given(Some("my lab.yaml"), Some("bob")).in_commands();
        let both = "'my lab.yaml' --name bob";
        assert_eq!((words.environment.as_str(), words.file.as_str()), (both, both));
    }
}
