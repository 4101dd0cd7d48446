//! An environment by its file, or, when the file is lost, by its name.

use std::path::PathBuf;

use clap::Args;

use super::global::Env;
use crate::blueprint;
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::observe::findings::Words;

/// The environment that a command is about, which can do without the file: what is deployed is found by its stacks'
/// tags.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Named {
    /// Environment file, or the bare name of one in stacks/
    #[arg(value_name = "ENV")]
    env: Option<PathBuf>,
    /// Environment without its file: by the name in its stacks' tags, in the region of --region or AWS's defaults
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    name: Option<String>,
}

/// The environment that is meant.
#[derive(Debug, Clone)]
pub struct Meant {
    pub name: String,
    /// Its file; none when it was given by its name.
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

impl Named {
    /// The environment of this name, whose file nobody has.
    pub(super) fn by_name(name: &str) -> Named {
        Named {
            env: None,
            name: Some(name.to_owned()),
        }
    }

    /// The environment of this file.
    pub(super) fn by_file(file: &str) -> Named {
        Named {
            env: Some(PathBuf::from(file)),
            name: None,
        }
    }

    /// Loads and checks the file, where there is one. The name alone promises nothing: it may not be deployed.
    ///
    /// # Errors
    /// A file that isn't there, or is wrong.
    pub fn find(&self) -> Result<Meant> {
        match (&self.env, &self.name) {
            (_, Some(name)) => Ok(Meant {
                name: name.clone(),
                file: None,
            }),
            (Some(env), None) => {
                let found = Env { env: env.clone() }.path();
                let found = found
                    .map_err(|error| error.with_help("give the path of its file, or --name NAME where that is lost"))?;
                let file = environment::load(&found)?;
                Ok(Meant {
                    name: file.name.clone(),
                    file: Some(file),
                })
            }
            // clap's group above rules this out.
            (None, None) => Err(Error::usage("no environment was named")
                .with_help("give its file, or --name and its name when the file is lost")),
        }
    }

    /// The file as it was written; none when the environment was given by its name.
    pub fn file_words(&self) -> Option<String> {
        self.env.as_ref().map(|env| Env { env: env.clone() }.words())
    }

    /// As it was written, for a command to copy from a message: `stacks/lab.yaml`, or `--name lab`.
    pub fn words(&self) -> String {
        self.in_commands().environment
    }

    /// The same, for commands that need the file, too.
    pub fn in_commands(&self) -> Words {
        Words::new(self.file_words(), self.name.as_deref().unwrap_or_default())
    }
}

/// What `name` of an environment file may be, said of a command line: there is no file to point into.
pub(super) fn environment_name(text: &str) -> std::result::Result<String, String> {
    let words = text.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
    if words && starts && (2..=24).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("it must be 2 to 24 lower-case letters, digits and single hyphens, starting with a letter".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::environment::schema;

    #[test]
    fn a_name_is_what_the_schema_takes_for_one() {
        let of_file = &schema()["properties"]["name"];
        let longest = "a".repeat(24);
        let too_long = "a".repeat(25);
        let names = [
            "lab",
            "a1",
            "photo-lab",
            "a-1-b",
            longest.as_str(),
            too_long.as_str(),
            "",
            "a",
            "1a",
            "-lab",
            "lab-",
            "photo--lab",
            "Lab",
            "photo_lab",
            "lab.yaml",
            "läb",
            "lab ",
            "lab\n",
        ];
        for name in names {
            let is_name = jsonschema::is_valid(of_file, &Value::from(name));
            assert_eq!(environment_name(name).is_ok(), is_name, "{name:?}");
        }
    }

    #[test]
    fn it_is_written_as_it_was_given() {
        let given = |env: Option<&str>, name: Option<&str>| Named {
            env: env.map(PathBuf::from),
            name: name.map(str::to_owned),
        };
        assert_eq!(given(Some("stacks/lab.yaml"), None).words(), "stacks/lab.yaml");
        assert_eq!(given(None, Some("lab")).words(), "--name lab");
    }
}
