//! `qfleet local down [ENV]`

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::global::{Env, Global};
use super::may_end::may_end;
use super::name_option::NameOption;
use crate::error::Result;
use crate::local::fleet::stop::{self, Stopped};
use crate::report;

/// Arguments of `local down`.
#[derive(Debug, Args)]
#[command(after_help = "\
Workers finish what they have in hand, for up to 30 s, and are ended then. Also ends the workers of a fleet whose \
supervisor was killed. What is deployed to the emulator stays. When nothing runs, it says so, with 0. Without an \
environment, all local fleets of yours are meant: it says which run and asks; without a terminal it needs --yes.

Examples:
  qfleet local down lab
  qfleet local down --name bob             of this name, whatever its file is called
  qfleet local down                        every local fleet of yours; it asks first

Exit codes: 0 ended, or none ran; 1 one can't be ended; 2 bad file or usage; 4 not confirmed.")]
pub struct Down {
    /// Environment file, or the bare name of one in stacks/; without it and without a name, every fleet
    #[arg(value_name = "ENV")]
    env: Option<PathBuf>,
    #[command(flatten)]
    name: NameOption,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    stopped: &'a [Stopped],
}

impl Down {
    pub fn run(self, global: &Global) -> Result<()> {
        let global = &global.on_this_machine()?;
        let is_one = self.env.is_some() || self.name.given()?.is_some();
        let environments = match (self.env, self.name.given()?) {
            (None, Some(given)) => vec![given.name],
            (Some(env), Some(given)) => {
                // What it says doesn't count, but it must be a file: with a name beside it, a word is no fleet's name.
                let name = NameOption::default();
                Env { env, name }.path()?;
                vec![given.name]
            }
            (None, None) => {
                let running = stop::running()?;
                if !running.is_empty() {
                    may_end(global, &report::fleet::down_question(&running), self.yes)?;
                }
                stop::known()?
            }
            (Some(env), None) => vec![named(env)?],
        };
        let mut stopped = Vec::new();
        for environment in &environments {
            stopped.extend(stop::stop(environment, report::fleet::waits)?);
        }
        let named = is_one.then(|| environments.first().map(String::as_str)).flatten();
        let others = if stopped.is_empty() {
            stop::running()?
        } else {
            Vec::new()
        };
        report::document(global.output, &Document { stopped: &stopped }, || {
            report::fleet::stopped(&stopped, named, &others)
        });
        Ok(())
    }
}

/// A fleet by its name goes down also when its file has gone.
fn named(env: PathBuf) -> Result<String> {
    if let Some(name) = env.to_str()
        && stop::known()?.iter().any(|known| known == name)
    {
        return Ok(name.to_owned());
    }
    let name = NameOption::default();
    Ok(Env { env, name }.load()?.name)
}
