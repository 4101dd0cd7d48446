//! `qfleet local start|stop|status|up|down|install|uninstall`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Global;
use super::local_down::Down;
use super::local_up::Up;
use super::may_end::may_end;
use super::numbers::whole;
use crate::error::{Error, Result};
use crate::local::fleet::stop;
use crate::local::tools::{self, Installed};
use crate::local::{self, Emulator};
use crate::report;
use crate::report::form::Output;

/// Arguments of `local`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every command takes --local, and works on this emulator instead of AWS then. `deploy`, `plan` and \
                  `local up` start it where it isn't running; in a new one the others wouldn't find anything, and say \
                  that none is running. It listens on 127.0.0.1 only, keeps everything in memory and forgets it when it stops. It \
                  starts no instance and never scales: `local up` does that, with real processes.\n\n\
                  Its program is ministack. `local install` brings it; another one is named in $QFLEET_MINISTACK, or is \
                  found on the PATH where none was brought.\n\n\
                  Examples:\n  \
                  qfleet local install\n  \
                  qfleet local start\n  \
                  qfleet deploy lab --local\n  \
                  qfleet local up lab\n  \
                  qfleet local stop"
)]
pub struct Local {
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs of `local`.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the local AWS emulator, unless it runs already
    Start(Start),
    /// End the local AWS emulator; everything that was deployed to it is gone
    Stop(Stop),
    /// Show where the local AWS emulator listens
    Status(Status),
    /// Run an environment's workers on this machine, as Auto Scaling would
    Up(Up),
    /// End local fleets
    Down(Down),
    /// Install the emulator, a Python with boto3 for workers, and cfn-lint, for this user
    Install(Install),
    /// Remove what `local install` brought
    Uninstall,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Makes a virtual environment in ~/.local/share/qfleet/tools ($XDG_DATA_HOME/qfleet/tools), some 160 MB, and \
                  fills it by pip with ministack, boto3, cfn-lint and what these need: versions that qfleet is tested \
                  with, each file checked against the hash that is built into qfleet. Nothing else on the machine \
                  changes. It is there as a whole or not at all, and where it is there, nothing is done. pip's \
                  own settings say from where: PIP_INDEX_URL, HTTPS_PROXY, pip.conf.\n\n\
                  It needs Python 3.10 or later with venv: python3, or the first of python3.14 to python3.10 that is on the \
                  PATH.\n\n\
                  Examples:\n  \
                  qfleet local install\n  \
                  qfleet local install --python /opt/python3.12/bin/python3"
)]
struct Install {
    /// The Python to make it with
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Waits until the emulator answers. Exits with 0 when it runs, also when it ran before; with 1 when it \
                        isn't installed, its port is taken or it doesn't start."
)]
struct Start {
    /// Port on 127.0.0.1, instead of 4566
    #[arg(long, value_name = "PORT", value_parser = whole::<u16>(1..=65_535, 4566))]
    port: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Everything that this user deployed to the emulator is lost, and the local fleets that run on it \
end. It says what that is and asks; without a terminal it needs --yes. When no emulator runs, it says so, with 0.

Exit codes: 0 it doesn't run; 1 it can't be ended; 2 bad usage; 4 not confirmed.")]
struct Stop {
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
struct Status {
    /// Exit with 3 when it isn't running
    #[arg(long)]
    exit_code: bool,
}

/// The JSON form of start, stop and status.
#[derive(Serialize, JsonSchema)]
pub(super) struct State<'a> {
    /// Whether it runs now.
    running: bool,
    /// Whether this command started or ended it.
    changed: bool,
    emulator: Option<&'a Emulator>,
    /// Whether a program of the emulator is there, to be started.
    installed: bool,
}

/// The JSON form of uninstall.
#[derive(Serialize, JsonSchema)]
pub(super) struct Uninstalled {
    /// Whether there was something to remove.
    changed: bool,
    /// Where it was; null when there was nothing.
    folder: Option<String>,
}

impl Local {
    /// Starts, ends or shows the emulator, or a fleet around it.
    pub fn run(self, global: &Global) -> Result<()> {
        match self.verb {
            Verb::Start(start) => {
                let emulator = local::start(start.port)?;
                report::local::note(&emulator, true);
                let text = report::local::started(&emulator);
                show(global.output, true, emulator.new, Some(&emulator), &text);
            }
            Verb::Stop(stop) => {
                stop.confirm(global)?;
                let ended = local::stop()?;
                end_orphans(ended.as_ref())?;
                let text = report::local::stopped(ended.as_ref());
                show(global.output, false, ended.is_some(), None, &text);
            }
            Verb::Install(install) => {
                let installed = install.run(global)?;
                report::document(global.output, &installed, || report::local::installed(&installed));
            }
            Verb::Uninstall => {
                let folder = global.blocking(tools::uninstall)?;
                let uninstalled = Uninstalled {
                    changed: folder.is_some(),
                    folder: folder.map(|folder| folder.display().to_string()),
                };
                report::document(global.output, &uninstalled, || {
                    report::local::uninstalled(uninstalled.folder.as_deref())
                });
            }
            Verb::Up(up) => up.run(global)?,
            Verb::Down(down) => down.run(global)?,
            Verb::Status(status) => {
                let found = local::status()?;
                if let Some(emulator) = &found {
                    report::local::note(emulator, true);
                }
                let text = report::local::status(found.as_ref(), local::is_installed(), Timestamp::now());
                show(global.output, found.is_some(), false, found.as_ref(), &text);
                if status.exit_code && found.is_none() {
                    return Err(Error::Differences);
                }
            }
        }
        Ok(())
    }
}

impl Stop {
    /// Asks, where there is something to end.
    fn confirm(&self, global: &Global) -> Result<()> {
        let Some(emulator) = local::status()? else {
            return Ok(());
        };
        let fleets = stop::running()?;
        let question = report::local::stop_question(&emulator, &fleets);
        may_end(global, &question, self.yes)
    }
}

/// The workers of fleets on an emulator that was ended go with it. A fleet that has a supervisor ends them itself.
fn end_orphans(ended: Option<&Emulator>) -> Result<()> {
    let orphaned = stop::orphaned(ended.map(|emulator| emulator.endpoint.as_str()))?;
    if ended.is_none() {
        if !orphaned.is_empty() {
            report::note(&report::fleet::orphans_left(&orphaned));
        }
        return Ok(());
    }
    for environment in orphaned {
        let orphans = stop::end_orphans(&environment)?;
        if orphans > 0 {
            report::note(&report::fleet::orphans_ended(&environment, orphans));
        }
    }
    Ok(())
}

impl Install {
    fn run(self, global: &Global) -> Result<Installed> {
        global.blocking(move || {
            tools::install(self.python.as_deref(), |folder| {
                report::note(&report::local::installing(folder));
            })
        })
    }
}

fn show(output: Output, running: bool, changed: bool, emulator: Option<&Emulator>, text: &str) {
    let state = State {
        running,
        changed,
        emulator,
        installed: local::is_installed(),
    };
    report::document(output, &state, || text.to_owned());
}
