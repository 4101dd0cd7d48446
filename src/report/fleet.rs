//! What `local up` and `local down` say.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use super::form::Output;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, count, paint, wrapped};
use crate::error::Error;
use crate::local::fleet::event::FleetEvent;
use crate::local::fleet::state::{Activity, FleetState, StatusCode};
use crate::local::fleet::stop::{Stopped, Waiting};

/// How many lines of the log a failure shows.
const LOG_TAIL: usize = 12;

/// A fleet in the background.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Detached<'a> {
    #[serde(flatten)]
    pub fleet: &'a FleetState,
    /// Where its supervisor writes.
    pub log: String,
}

/// Prints what happens, until the fleet has ended: on standard output, because it is what was asked for; what is only
/// good to know, on standard error.
pub async fn show(mut events: UnboundedReceiver<FleetEvent>, output: Output) {
    if output != Output::Text {
        return super::line::lines(events).await;
    }
    while let Some(event) = events.recv().await {
        match event {
            FleetEvent::Note { message } => super::note(&message),
            event => super::prose(&text(&event, Timestamp::now())),
        }
    }
}

fn text(event: &FleetEvent, now: Timestamp) -> String {
    let mut out = String::new();
    let clock = |at: Timestamp| paint(FAINT, at.strftime("%H:%M:%SZ"));
    match event {
        FleetEvent::Up {
            environment,
            speed,
            stages,
            ..
        } => {
            let _ = writeln!(
                out,
                "{} Local fleet of {}: {}. {} Ctrl-C ends it.",
                clock(now),
                paint(STRONG, environment),
                stages.join(", "),
                match speed {
                    1 => "Its minutes are real ones.".to_owned(),
                    n => format!("Its minutes take {:.2} s.", 60.0 / f64::from(*n)),
                }
            );
        }
        FleetEvent::Web { url } => {
            let _ = writeln!(out, "{} web: {}", clock(now), paint(STRONG, url));
        }
        FleetEvent::Activity { stage, activity } => activity_text(&mut out, stage, activity, &clock(now)),
        FleetEvent::WorkerEnded {
            stage,
            instance,
            message,
            log,
        } => {
            let _ = writeln!(
                out,
                "{} {stage}: {instance}: {message}\n    {} {}",
                clock(now),
                paint(FAINT, "it is started again; its log is"),
                log.display()
            );
        }
        FleetEvent::Minute {
            stage,
            minute,
            target,
            desired,
        } => {
            let _ = write!(
                out,
                "{} {stage}: {} visible, {} in flight, ",
                clock(minute.at),
                minute.visible,
                minute.in_flight
            );
            if let (Some(backlog), Some(target)) = (minute.backlog_per_instance, target) {
                let shown = format!("{backlog:.1}");
                let style = if backlog > *target { CAREFUL } else { GOOD };
                let _ = write!(out, "backlog per instance {} of {target:.1}, ", paint(style, shown));
            }
            let _ = writeln!(out, "{} of {desired} in service", minute.running);
        }
        FleetEvent::Note { message } => {
            let _ = writeln!(out, "{} {message}", clock(now));
        }
    }
    out
}

fn activity_text(out: &mut String, stage: &str, activity: &Activity, clock: &str) {
    let (word, style) = match activity.status_code {
        StatusCode::Successful => ("done", GOOD),
        StatusCode::Failed => ("failed", BAD),
        StatusCode::Cancelled => ("cancelled", FAINT),
        StatusCode::MidLifecycleAction => ("waits for its worker", CAREFUL),
        StatusCode::PreInService | StatusCode::InProgress => ("begins", CAREFUL),
        StatusCode::Unknown => ("is in a state that isn't known", CAREFUL),
    };
    let _ = write!(out, "{clock} {stage}: {} {}", activity.description, paint(style, word));
    // Why it was begun is said when it begins.
    let begins = matches!(
        activity.status_code,
        StatusCode::PreInService | StatusCode::MidLifecycleAction
    );
    let _ = match (&activity.status_message, begins) {
        (Some(message), _) => writeln!(out, ": {message}"),
        (None, true) => writeln!(out, "\n{}", wrapped(&paint(FAINT, &activity.cause), "    ", "    ")),
        (None, false) => writeln!(out),
    };
}

/// A fleet that runs in the background now.
pub fn detached(detached: &Detached<'_>) -> String {
    let Detached { fleet, log } = detached;
    let stages: Vec<&str> = fleet.groups.iter().map(|group| group.stage.as_str()).collect();
    let url = fleet.groups.iter().find_map(|group| group.url.as_ref());
    let url = url.map_or(String::new(), |url| format!("  {} {url}\n", paint(FAINT, "web:      ")));
    format!(
        "Local fleet of {} runs in the background, process {}: {}\n{url}  {} {log}\n  {} qfleet local down --name {}\n",
        paint(STRONG, &fleet.address.environment),
        fleet.pid,
        stages.join(", "),
        paint(FAINT, "its log:  "),
        paint(FAINT, "to end it:"),
        fleet.address.environment
    )
}

/// An environment in which there is nothing for a local fleet to run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OnlyFunctions<'a> {
    pub environment: &'a str,
    /// The stages whose functions the emulator runs.
    pub functions: Vec<&'a str>,
}

pub fn only_functions(only: &OnlyFunctions<'_>) -> String {
    format!(
        "{} {} has no instances, so there is nothing else to start.\n",
        functions(&only.functions),
        paint(STRONG, only.environment)
    )
}

/// What the emulator does without a fleet.
pub fn functions(stages: &[&str]) -> String {
    format!(
        "The emulator runs the {} of {}.",
        if stages.len() == 1 { "function" } else { "functions" },
        stages.join(", ")
    )
}

/// A fleet that should run in the background and doesn't.
pub fn not_started(why: &str, said: &str, log: &Path) -> Error {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut message = why.to_owned();
    if !lines.is_empty() {
        message.push_str("; it said:");
    }
    for line in &lines[lines.len().saturating_sub(LOG_TAIL)..] {
        let _ = write!(message, "\n    {line}");
    }
    Error::failed(message).with_help(format!("its whole output is in {}", log.display()))
}

/// What ending a fleet waits for, on standard error.
pub fn waits(waiting: &Waiting) {
    let Waiting {
        environment,
        workers,
        for_up_to,
    } = waiting;
    super::note(&format!(
        "{environment}: waiting for {} to end, for up to {} s: {}. What is in hand is finished; who has nothing ends once its \
         request for messages is answered",
        count(workers.len(), "worker"),
        for_up_to.as_secs(),
        workers.join(", ")
    ));
}

/// Programs that were changed since they were deployed: what runs is the deployed copy.
pub fn edited(folders: &[String], deploy: &str) -> String {
    let differ = if folders.len() == 1 { "differs" } else { "differ" };
    format!(
        "note: {} {differ} from what is deployed and runs: {deploy}",
        folders.join(", ")
    )
}

/// Workers that were ended because their supervisor was gone.
pub fn orphans_ended(environment: &str, orphans: usize) -> String {
    format!(
        "{environment}: ended {} that a killed supervisor had left behind",
        count(orphans, "worker")
    )
}

/// Workers without a supervisor, which were left alone.
pub fn orphans_left(environments: &[String]) -> String {
    let ends: Vec<String> = environments
        .iter()
        .map(|environment| format!("qfleet local down --name {environment}"))
        .collect();
    format!(
        "Workers of {} run still, without supervisor and emulator. End them: {}",
        environments.join(", "),
        ends.join("; ")
    )
}

/// What a local fleet does about a deploy, which on AWS would have waited for it. `watch`: the command that shows it.
pub fn follows(environment: &str, watch: &str) -> String {
    format!(
        "The local fleet of {environment} takes it up in a few seconds. If the program or its settings are others now, it replaces \
         workers one after the other; until then the old ones go on taking messages: redrive dead letters after that.\n  {watch}"
    )
}

/// Before all fleets are ended that run.
pub fn down_question(running: &[String]) -> String {
    let fleets = if running.len() == 1 { "fleet" } else { "fleets" };
    format!("End the local {fleets} of {}?", running.join(", "))
}

/// Fleets that were ended, or that there was none: none of the environment that was `named`, where one was. `others`: the
/// environments whose fleets run on.
pub fn stopped(stopped: &[Stopped], named: Option<&str>, others: &[String]) -> String {
    if stopped.is_empty() {
        return match (named, others) {
            (None, _) => "No local fleet is running\n".to_owned(),
            (Some(named), []) => format!("No local fleet of {named} is running, and none of another environment\n"),
            (Some(named), others) => {
                format!(
                    "No local fleet of {named} is running; there is one of {}\n",
                    others.join(", ")
                )
            }
        };
    }
    let mut out = String::new();
    for fleet in stopped {
        let _ = write!(out, "Local fleet of {} stopped", fleet.environment);
        let _ = match (fleet.supervised, fleet.orphans) {
            (_, 0) => writeln!(out),
            (true, n) => writeln!(out, "; {} had to be killed", count(n, "worker")),
            (false, n) => writeln!(out, "; {} had lost its supervisor", count(n, "worker")),
        };
    }
    out
}
