//! `qfleet local start|stop|status|up|down`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Global;
use super::local_down::Down;
use super::local_up::Up;
use crate::error::{Error, Result};
use crate::local::{self, Emulator};
use crate::report;
use crate::report::form::Output;

/// Arguments of `local`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every command takes --local, which deploys to this emulator instead of AWS and starts it when \
                  needed. It listens on 127.0.0.1 only, keeps everything in memory and forgets it when it stops. It \
                  starts no instance and never scales: `local up` does that, with real processes.\n\n\
                  Its program is ministack, from $QFLEET_MINISTACK, else ~/.local/share/qfleet/ministack, else the \
                  PATH.\n\n\
                  Examples:\n  \
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
    Stop,
    /// Show where the local AWS emulator listens
    Status(Status),
    /// Run an environment's workers on this machine, as Auto Scaling would
    Up(Up),
    /// End local fleets
    Down(Down),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Waits until the emulator answers. Exits with 0 when it runs, also when it ran before; with 1 when it \
                        isn't installed, its port is taken or it doesn't start."
)]
struct Start {
    /// Port on 127.0.0.1, instead of 4566
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
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
            Verb::Stop => {
                let ended = local::stop()?;
                let text = report::local::stopped(ended.as_ref());
                show(global.output, false, ended.is_some(), None, &text);
            }
            Verb::Up(up) => up.run(global)?,
            Verb::Down(down) => down.run(global)?,
            Verb::Status(status) => {
                let found = local::status()?;
                if let Some(emulator) = &found {
                    report::local::note(emulator, true);
                }
                let text = report::local::status(found.as_ref(), Timestamp::now());
                show(global.output, found.is_some(), false, found.as_ref(), &text);
                if status.exit_code && found.is_none() {
                    return Err(Error::Differences);
                }
            }
        }
        Ok(())
    }
}

fn show(output: Output, running: bool, changed: bool, emulator: Option<&Emulator>, text: &str) {
    let state = State {
        running,
        changed,
        emulator,
    };
    report::document(output, &state, || text.to_owned());
}
