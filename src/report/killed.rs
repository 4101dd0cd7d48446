//! An instance that was taken away, and what came in its place.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::form::Output;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, paint, seconds, whole_seconds};
use crate::deployed::address::Address;
use crate::observe::replacement::InstanceChange;
use crate::observe::victim::Victim;

/// How it was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Auto Scaling terminates it, and its worker drains.
    Drain,
    /// Its worker was killed on the spot.
    Crash,
    /// EC2 takes it back, as a spot instance.
    Spot,
}

/// The document of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Killed {
    #[serde(flatten)]
    address: Address,
    stage: String,
    group: String,
    instance: String,
    zone: String,
    how: How,
    /// None when it wasn't waited for, or the group needs none any more.
    replacement: Option<String>,
    /// Until the group was whole again; none when that wasn't waited for.
    seconds: Option<f64>,
    changes: Vec<InstanceChange>,
}

/// A change as it stands on its line of `--output jsonl`.
#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    event: &'static str,
    #[serde(flatten)]
    change: &'a InstanceChange,
}

impl Killed {
    /// For an instance of which nothing more is known yet.
    pub fn new(address: Address, victim: &Victim<'_>, how: How) -> Killed {
        Killed {
            address,
            stage: victim.stage.to_owned(),
            group: victim.group.name.clone(),
            instance: victim.instance.id.clone(),
            zone: victim.instance.zone.clone(),
            how,
            replacement: None,
            seconds: None,
            changes: Vec::new(),
        }
    }

    /// Tells a change, and keeps it.
    pub fn change(&mut self, change: &InstanceChange, output: Output) {
        match output {
            Output::Jsonl => super::json_line(&Line {
                event: "instance",
                change,
            }),
            Output::Text | Output::Json => super::note(&self.line(change)),
        }
        self.changes.push(change.clone());
    }

    /// The group is whole again.
    pub fn over(&mut self, successor: Option<&str>, took: Duration) {
        self.replacement = successor.map(str::to_owned);
        self.seconds = Some(took.as_secs_f64());
    }

    fn line(&self, change: &InstanceChange) -> String {
        let at = paint(FAINT, change.at.strftime("%H:%M:%SZ"));
        let id = paint(STRONG, &change.instance);
        let goes = change.instance == self.instance;
        match (&change.before, &change.after) {
            (_, None) => format!("{at}  {id} {}", paint(BAD, "is gone")),
            (None, Some(after)) => format!("{at}  {id} comes up: {}", paint(CAREFUL, after)),
            (Some(before), Some(after)) => {
                let style = match () {
                    () if after == "InService" => GOOD,
                    () if goes => BAD,
                    () => CAREFUL,
                };
                format!("{at}  {id} {before} → {}", paint(style, after))
            }
        }
    }
}

/// What is done to it now.
pub fn draining(killed: &Killed) -> String {
    format!(
        "terminating {} in {}, an instance of {}: its worker finishes what it has in hand",
        killed.instance, killed.zone, killed.stage
    )
}

/// What was done to it. `processes` is its process group, `timeout` the queue's visibility timeout in seconds.
pub fn crashed(killed: &Killed, processes: i32, timeout: Option<u64>) -> String {
    let after = timeout.map_or("its visibility timeout".to_owned(), |timeout| {
        format!("its visibility timeout of {}", whole_seconds(timeout))
    });
    format!(
        "killed {} in {}, an instance of {}, with SIGKILL (process group {processes}): a message that it worked on comes \
         back to the queue when {after} has passed",
        killed.instance, killed.zone, killed.stage
    )
}

/// What it was told. `at` is when its time is up.
pub fn interrupted(killed: &Killed, at: Timestamp) -> String {
    format!(
        "{} in {}, an instance of {}, has a spot notice: EC2 takes it back at {}; until then its worker finishes or gives \
         back what it has in hand",
        killed.instance,
        killed.zone,
        killed.stage,
        at.strftime("%H:%M:%SZ")
    )
}

pub fn text(killed: &Killed) -> String {
    let instance = &killed.instance;
    match (&killed.replacement, killed.seconds) {
        (Some(replacement), Some(took)) => {
            let mark = paint(GOOD, "✓");
            format!(
                "{mark} {replacement} took the place of {instance} in {}\n",
                seconds(took)
            )
        }
        (None, Some(took)) => format!(
            "{instance} is gone after {}, and {} has as many instances as it should\n",
            seconds(took),
            killed.group
        ),
        (_, None) => format!("{instance} goes; Auto Scaling replaces it\n"),
    }
}
