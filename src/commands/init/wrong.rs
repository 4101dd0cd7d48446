//! What is wrong with answers, and which option is to be given otherwise.

use std::path::Path;

use super::answers::{Answers, Kind};
use super::files;
use crate::environment;
use crate::error::{Error, Result};

/// The first thing that is wrong with the environment file that answers make.
#[derive(Debug)]
pub struct Wrong {
    /// What the file would be told.
    pub message: String,
    /// The option it came by, as it would be given; none where no option says it.
    option: Option<String>,
    help: String,
}

impl Wrong {
    /// The end of a command line that can't be meant so.
    pub fn error(self) -> Error {
        let what = match self.option {
            Some(option) => format!("nothing was written: {option}: {}", self.message),
            None => format!("nothing was written: {}", self.message),
        };
        Error::usage(what).with_help(self.help)
    }
}

/// What is wrong with the environment file that answers make, by the same rules as everywhere; none when nothing is.
///
/// # Errors
/// None, unless the template is wrong.
pub fn wrong(answers: &Answers) -> Result<Option<Wrong>> {
    if answers.lack_a_bucket() {
        return Ok(Some(Wrong {
            message: "the name of the bucket that is there is needed".to_owned(),
            option: Some(format!("--from {}", answers.from.word())),
            help: "add --bucket NAME; or say --from new-bucket, and one is made".to_owned(),
        }));
    }
    let path = files::path_of(answers);
    let Err(problems) = environment::parse(Path::new(&path), files::environment(answers)?) else {
        return Ok(None);
    };
    Ok(problems.located().next().map(|first| {
        let told = option(answers, first.pointer);
        let (option, allowed) = told.unzip();
        // What is allowed has its own example.
        let help = first
            .help
            .filter(|help| allowed.is_none() || !help.starts_with("for example"));
        let help = match (help, allowed) {
            (Some(help), Some(allowed)) => format!("{allowed}; {help}"),
            (Some(help), None) => help.to_owned(),
            (None, Some(allowed)) => allowed,
            (None, None) => "`qfleet init --help` says what each option takes".to_owned(),
        };
        Wrong {
            message: first.message.to_owned(),
            option,
            help,
        }
    }))
}

/// The option that says what stands at a place of the file, and what it takes.
fn option(answers: &Answers, pointer: &str) -> Option<(String, String)> {
    let given = |option: &str, value: Option<&str>, takes: &str| {
        let value = value.unwrap_or_default();
        Some((format!("{option} {value}"), format!("{option} takes {takes}")))
    };
    match pointer {
        "/name" => given(
            "--name",
            Some(&answers.name),
            "lower-case letters, digits and hyphens, as in photo-lab",
        ),
        "/region" => given(
            "--region",
            answers.region.as_deref(),
            "the code of a region, as in us-east-2",
        ),
        "/lifetime" => {
            let lifetime = answers.lifetime.map(|lifetime| lifetime.to_string());
            given("--lifetime", lifetime.as_deref(), "a length of time, as in 8h or 3d")
        }
        "/alerts/email" => given(
            "--alerts",
            answers.alerts.as_deref(),
            "an e-mail address, as in ops@example.com",
        ),
        "/bucket/existing" => given(
            "--bucket",
            answers.bucket.as_deref(),
            "the name of a bucket: 3 to 63 lower-case letters, digits, hyphens and dots",
        ),
        _ if pointer.starts_with("/stages/0/workers/") => {
            let takes = match answers.workers {
                Kind::Instances => "a number from 1 to 1000",
                Kind::Lambda => "a number from 2 to 1000, of a function",
            };
            given("--max", Some(&answers.max.to_string()), takes)
        }
        _ => None,
    }
}
