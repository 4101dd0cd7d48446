//! `qfleet status ENV --watch`: the same again and again, on a screen where there is one.

use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, channel};

use super::Global;
use super::named::Meant;
use crate::cloud::Cloud;
use crate::error::{Error, Result, exit_code};
use crate::interrupt::Interrupt;
use crate::observe::findings::Words;
use crate::observe::watch::{Pace, Phase, Snapshot, Watcher};
use crate::report;
use crate::report::form::Output;
use crate::report::screen::{self, Ended};
use crate::report::watch::Lines;

/// Watches until a key or a signal says to stop, nobody reads any more, or the environment is gone.
///
/// # Errors
/// When there is nothing to connect to, and when it was interrupted.
pub fn run(global: &Global, environment: &Meant, words: Words, refresh: Option<Duration>) -> Result<()> {
    if global.output == Output::Json {
        return Err(Error::usage("--watch has no end, and --output json is one document")
            .with_help("use --output jsonl: an object at each refresh"));
    }
    global.run(None, async |interrupt| {
        let cloud = interrupt.unless_stopped(global.connect_to(environment)).await?;
        watch(global, environment, words, refresh, cloud, interrupt).await
    })
}

async fn watch(
    global: &Global,
    environment: &Meant,
    words: Words,
    refresh: Option<Duration>,
    cloud: Cloud,
    interrupt: &Interrupt,
) -> Result<()> {
    let pace = Pace::new(cloud.local, refresh);
    let (sender, snapshots) = channel(1);
    let watcher = Watcher::new(cloud, &environment.name, words, pace).in_order(environment.stages());
    tokio::spawn(watcher.run(sender, Timestamp::now));
    // Lines about requests would be written across the screen.
    let across = global.verbose > 0 && std::io::stderr().is_terminal();
    let watching = async {
        if global.output == Output::Text && !across && screen::is_possible() {
            screen::show(snapshots)
                .await
                .map_err(|error| Error::failed(format!("the terminal can't be used: {error}")))
        } else {
            Ok(print(snapshots, global.output).await)
        }
    };
    let ended = tokio::select! {
        ended = watching => ended?,
        () = interrupt.wait() => return Err(Error::Shown(exit_code::INTERRUPTED)),
    };
    if ended == Ended::Gone {
        report::note(&format!("{} is gone.", environment.name));
    }
    Ok(())
}

async fn print(mut snapshots: Receiver<Snapshot>, output: Output) -> Ended {
    let mut lines = Lines::new(output);
    while let Some(snapshot) = snapshots.recv().await {
        if !lines.print(&snapshot) {
            return Ended::Left;
        }
        if snapshot.phase == Phase::Gone {
            return Ended::Gone;
        }
    }
    Ended::Left
}
