//! What is watched, without a terminal: a line when something changed, and each minute.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::{SignedDuration, Timestamp};

use super::cause;
use super::form::Output;
use super::function;
use super::status::stage::{alarms, done, in_service};
use super::status::web::{requests, targets};
use super::status::{backlog, color};
use super::style::{BAD, CAREFUL, FAINT, STRONG, paint, whole_seconds, wrapped};
use crate::observe::instances::Instances;
use crate::observe::status::StageState;
use crate::observe::watch::{Phase, Snapshot};
use crate::observe::web::{WebGone, WebState};

/// A log without a line for so long leaves its reader wondering.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(60);

/// Prints snapshots as they come: what changed since the last one, or each as an object for a program.
#[derive(Debug)]
pub struct Lines {
    output: Output,
    told: Told,
}

impl Lines {
    pub fn new(output: Output) -> Lines {
        Lines {
            output,
            told: Told::default(),
        }
    }

    /// Prints what there is to say of a snapshot. False when nobody reads it any more.
    pub fn print(&mut self, snapshot: &Snapshot) -> bool {
        let mut out = anstream::stdout().lock();
        let written = match self.output {
            Output::Text => {
                let (lines, problems) = self.told.news(snapshot);
                problems.iter().for_each(|problem| super::note(problem));
                lines
                    .iter()
                    .try_for_each(|line| writeln!(out, "{}", wrapped(line, "", "    ")))
            }
            Output::Json | Output::Jsonl => serde_json::to_string(snapshot)
                .map_err(std::io::Error::from)
                .and_then(|line| writeln!(out, "{line}")),
        };
        super::written::written(written.and_then(|()| out.flush()))
    }
}

/// What was said before.
#[derive(Debug, Default)]
struct Told {
    phase: Option<Phase>,
    stacks: BTreeMap<String, String>,
    /// By stage: what was said of it, and when.
    stages: BTreeMap<String, (String, Timestamp)>,
    activities: BTreeSet<(String, String)>,
    /// What was said of the web tier, and when.
    web: Option<(String, Timestamp)>,
    problems: Vec<String>,
}

impl Told {
    /// Lines for standard output, and for standard error.
    fn news(&mut self, snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
        let status = &snapshot.status;
        let at = status.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let mut lines = Vec::new();
        let first = !matches!(self.phase, Some(Phase::Deployed | Phase::Gone));
        if self.phase.replace(snapshot.phase) != Some(snapshot.phase) && snapshot.phase == Phase::NotDeployed {
            lines.push(format!(
                "{at}  {} is not deployed yet: waiting for its first stack",
                status.address.environment
            ));
            let elsewhere = status.looked.elsewhere(&status.address.region);
            lines.extend(elsewhere.map(|elsewhere| format!("{at}  {elsewhere}")));
        }
        for stack in &status.stacks {
            let now = stack.status.as_str();
            let before = self.stacks.insert(stack.stack.clone(), now.to_owned());
            let is_news = before.as_deref() != Some(now) && !(first && stack.status.is_well());
            if is_news {
                let reason = stack.reason.as_ref().filter(|_| !stack.status.is_well());
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                lines.push(format!(
                    "{at}  {} {}{reason}",
                    stack.stack,
                    paint(color(&stack.status), now)
                ));
            }
        }
        self.stacks.retain(|name, _| {
            let is_there = status.stacks.iter().any(|stack| stack.stack == *name);
            // While they can't be read, none is there to be gone.
            if !is_there && matches!(snapshot.phase, Phase::Deployed | Phase::Gone) {
                lines.push(format!("{at}  {name} is gone"));
                return false;
            }
            true
        });
        for stage in &status.stages {
            lines.extend(self.activities(stage, &at, first));
            let text = text(stage);
            let quiet = self
                .stages
                .get(&stage.stage)
                .is_some_and(|(said, when)| *said == text && status.at.duration_since(*when) < HEARTBEAT);
            if !quiet {
                let oldest = stage.oldest_message_age_seconds.filter(|_| !stage.is_empty());
                let oldest = oldest.map_or(String::new(), |age| format!("; oldest {}", whole_seconds(age)));
                let done = stage
                    .done
                    .map_or(String::new(), |done| format!("; done {}", self::done(done)));
                lines.push(format!("{at}  {}: {text}{oldest}{done}", paint(STRONG, &stage.stage)));
                self.stages.insert(stage.stage.clone(), (text, status.at));
            }
        }
        if let Some(web) = &status.web {
            let text = web_text(web);
            let said = self.web.as_ref();
            let quiet = said.is_some_and(|(said, when)| *said == text && status.at.duration_since(*when) < HEARTBEAT);
            if !quiet {
                let requests = web
                    .requests
                    .map_or(String::new(), |of| format!("; requests {}", requests(of)));
                lines.push(format!("{at}  {}: {text}{requests}", paint(STRONG, "web")));
                self.web = Some((text, status.at));
            }
        }
        let new = status.unknown.iter().filter(|problem| !self.problems.contains(problem));
        let problems = new.map(|problem| format!("{} {problem}", paint(CAREFUL, "unknown:")));
        let problems = problems.collect();
        self.problems = status.unknown.clone();
        (lines, problems)
    }

    /// What began or ended since the last time; at the first time, that is nothing.
    fn activities(&mut self, stage: &StageState, at: &str, first: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for activity in stage.activities().iter().rev() {
            let key = (activity.activity_id.clone(), activity.status_code.clone());
            if !self.activities.insert(key) || first {
                continue;
            }
            let style = if matches!(activity.status_code.as_str(), "Failed" | "Cancelled") {
                BAD
            } else {
                FAINT
            };
            let message = activity
                .status_message
                .as_ref()
                .map_or(String::new(), |message| format!(": {message}"));
            lines.push(format!(
                "{at}  {}: {} {}{message} ({})",
                paint(STRONG, &stage.stage),
                activity.description,
                paint(style, &activity.status_code),
                cause::short(&activity.cause, None)
            ));
        }
        lines
    }
}

/// Everything of the web tier whose change is worth a line.
fn web_text(web: &WebState) -> String {
    let balancer = match web.gone.contains(&WebGone::LoadBalancer) {
        true => "load balancer gone; ",
        false => "",
    };
    let group = match &web.group {
        Some(group) => format!("; {}", in_service(group)),
        None if web.stands_by => "; stands by".to_owned(),
        None if web.gone.contains(&WebGone::Group) => "; group gone".to_owned(),
        None => "; group not known".to_owned(),
    };
    let alarms = alarms(web.alarms.as_deref()).map_or(String::new(), |alarms| format!("; alarms {alarms}"));
    format!("{balancer}targets {}{group}{alarms}", targets(web))
}

/// Everything of a stage whose change is worth a line.
fn text(stage: &StageState) -> String {
    let count = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let queue = stage.queue;
    let dead = stage.dead_letters.map(|depth| depth.visible + depth.in_flight);
    let letters = if dead == Some(1) { "dead letter" } else { "dead letters" };
    let backlog = match stage.backlog {
        Some(_) => format!("; backlog {} per instance", backlog(stage)),
        None => String::new(),
    };
    let workers = match &stage.instances {
        None if stage.paused.is_some_and(|pause| pause.stands_by) => "; stands by".to_owned(),
        None if stage.paused.is_some() => "; paused".to_owned(),
        None => stage
            .function
            .as_ref()
            .map_or(String::new(), |of| format!("; {}", function::short(of))),
        Some(Instances { group: None, .. }) => "; group unknown".to_owned(),
        Some(Instances { group: Some(group), .. }) => format!("; {}", in_service(group)),
    };
    format!(
        "{} waiting, {} in flight, {} {letters}{backlog}{workers}",
        count(queue.map(|depth| depth.visible + depth.delayed)),
        count(queue.map(|depth| depth.in_flight)),
        count(dead),
    )
}
