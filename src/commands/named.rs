//! Which environment a command is about: its file, its name, or both.

use std::env::args;
use std::path::{Path, PathBuf};

use clap::Args;

use super::global::Env;
pub use super::meant::Meant;
use super::name_option::{NameOption, nobody_named};
use super::near;
use crate::environment;
use crate::error::Result;
use crate::local::fleet::stop;
use crate::observe::findings::Words;
use crate::shell;

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
            let path = env.path().map_err(|error| {
                let near = near::instead_of(&env.env).unwrap_or_else(|| "give the path of its file".to_owned());
                // By the name alone it could go on.
                error.with_help(match (self.name.words(), by_name(&env.env)) {
                    (None, Some(by_name)) => format!("there is or was a local fleet of that name: {by_name}"),
                    (None, None) => format!("{near}; or --name NAME, where the file is lost"),
                    (Some(_), _) => format!("{near}; or leave it out, where it is lost"),
                })
            })?;
            let given = self.name.given()?;
            let file = environment::load_as(&path, given.as_ref()).map_err(|mut problems| {
                problems.instead = Some(match given {
                    Some(given) => format!(
                        "without the file, by `--name {}` alone, this command works, too (with --region, where the \
                         file has one)",
                        given.name
                    ),
                    None => "by `--name NAME` instead of the file, this command works, too (with --region, where the \
                             file has one)"
                        .to_owned(),
                });
                problems
            })?;
            return Ok(Meant {
                name: file.name.clone(),
                file: Some(file),
                file_words: self.in_commands().file,
            });
        }
        let given = self.name.given()?.ok_or_else(nobody_named)?;
        Ok(Meant {
            name: given.name,
            file: None,
            file_words: self.in_commands().file,
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

/// This command line with a name in the place of a file that isn't there, where there is or was a local fleet of that name.
fn by_name(env: &Path) -> Option<String> {
    let name = env.to_str()?;
    let known = stop::known().ok()?;
    known.iter().find(|known| *known == name)?;
    let mut words: Vec<String> = args().skip(1).map(|word| shell::word(&word)).collect();
    let place = words.iter().position(|word| word == name)?;
    words[place] = format!("--name {name}");
    if !words.iter().any(|word| word == "--local") {
        words.push("--local".to_owned());
    }
    Some(format!("qfleet {}", words.join(" ")))
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
