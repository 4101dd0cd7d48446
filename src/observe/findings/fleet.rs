//! Of a stage's instances.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Words;
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::bounds::Bounds;
use crate::cloud::autoscaling::groups::Group;
use crate::environment::mending_command;
use crate::environment::schedule::Change;
use crate::local::fleet::causes::KILL_WORKER;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::{Critical, Note, Warning};
use crate::observe::instances::Instances;
use crate::observe::status::StageState;

/// So many instances replaced for their health within an hour are no accident.
const DEATHS: usize = 3;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// `updated`: when its stack's last operation began.
pub(super) fn of(
    stage: &StageState,
    in_progress: bool,
    updated: Option<Timestamp>,
    words: &Words,
    now: Timestamp,
) -> Vec<Finding> {
    let Some(instances) = &stage.instances else {
        return Vec::new();
    };
    let mut all = vec![
        launches_fail(&stage.stage, instances, words),
        workers_die(&stage.stage, instances, words, now),
    ];
    if let Some(group) = &instances.group {
        all.push(refresh(instances, group, words, now));
        all.push(unbalanced(group));
        if !in_progress {
            all.push(suspended(group));
            all.push(another_version(instances, group));
            all.push(taken_down(group, words));
            all.push(missed(stage, instances, group, (updated, now)));
        }
    }
    all.into_iter()
        .flatten()
        .map(|finding| finding.of_stage(&stage.stage))
        .collect()
}

/// The newest launch decides: what failed before one that succeeded is over.
fn launches_fail(stage: &str, instances: &Instances, words: &Words) -> Option<Finding> {
    let mut launches = instances
        .activities
        .iter()
        .filter(|activity| activity.description.starts_with("Launching"));
    let ended = |activity: &Activity| matches!(activity.status_code.as_str(), "Successful" | "Failed" | "Cancelled");
    // A local fleet's, whose worker ends again and again: it says why already, and will go on for long.
    let waits = |activity: &Activity| activity.status_code == "PreInService" && activity.status_message.is_some();
    let newest = launches.find(|activity| ended(activity) || waits(activity))?;
    let (what, action) = match newest.status_code.as_str() {
        "Failed" => (
            "instances can't be launched",
            "mend what the reason names (quota, image, zone, role), then deploy",
        ),
        "PreInService" => (
            "an instance doesn't come into service",
            "see what the worker says, mend the program, then deploy",
        ),
        _ => return None,
    };
    let reason = newest
        .status_message
        .as_deref()
        .unwrap_or("Auto Scaling gave no reason");
    let action = match reason.contains("ModuleNotFoundError") {
        true => {
            "name the package that it lacks in the program's requirements.txt, then deploy: nothing else installs it"
        }
        false => action,
    };
    let meaning = format!("{what}: {reason}");
    let secret = lacking_secret(reason);
    let action = match secret.is_some() {
        true => "put it there: the worker finds it at its next start",
        false => action,
    };
    // What a worker said is all that is known of why it ended.
    let command = match (secret, waits(newest)) {
        (Some(place), _) => format!("aws {}", mending_command(place)),
        (None, true) => format!("qfleet logs {} --stage {stage}", words.environment),
        (None, false) => format!("qfleet deploy {}", words.file),
    };
    Some(Finding::new("launches-fail", Critical, meaning, action).command(command))
}

/// Where the secret should be without which a worker isn't started: "the worker doesn't start without the secret DB_PASSWORD
/// (/app/db): …", as a local fleet says it.
fn lacking_secret(reason: &str) -> Option<&str> {
    let (_, secret) = reason.split_once("doesn't start without the secret ")?;
    let (_, place) = secret.split_once('(')?;
    Some(place.split_once(')')?.0)
}

/// What Auto Scaling says of an instance that it replaces for its health: "in response to an EC2 health check", "to a
/// user health-check", "to an ELB system health check failure"
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-healthchecks.html>). What `kill-worker` did doesn't count.
fn workers_die(stage: &str, instances: &Instances, words: &Words, now: Timestamp) -> Option<Finding> {
    let of_health = |activity: &&Activity| {
        let cause = activity.cause.to_lowercase();
        activity.description.starts_with("Terminating")
            && (cause.contains("health check") || cause.contains("health-check"))
            && activity.start_time.is_some_and(|at| now.duration_since(at) <= HOUR)
            && !activity
                .status_message
                .as_ref()
                .is_some_and(|said| said.contains(KILL_WORKER))
    };
    let deaths: Vec<&Activity> = instances.activities.iter().filter(of_health).collect();
    if deaths.len() < DEATHS {
        return None;
    }
    let meaning = format!(
        "workers launch and die: {} instances were replaced for their health within the last hour",
        deaths.len()
    );
    let action = "see in what the worker says why it ends";
    let command = format!("qfleet logs {} --stage {stage}", words.environment);
    Some(Finding::new("workers-die", Critical, meaning, action).command(command))
}

/// Whether the destroy goes on, nobody can see from here: workers finish by themselves.
fn taken_down(group: &Group, words: &Words) -> Option<Finding> {
    let Bounds { min, max } = group.taken_down_from()?;
    let had = format!("it had {min} to {max} instances");
    let file = &words.file;
    let goes_on = format!("`qfleet destroy {}` goes on with it", words.environment);
    let command = format!("qfleet deploy {file}");
    Some(match group.instances.len() {
        0 => {
            let meaning = format!("a destroy took its workers away and has not come to its end: {had}");
            let action = format!("if it was stopped, {goes_on}; or deploy, which puts the workers back");
            Finding::new("destroy-stopped", Critical, meaning, action).command(command)
        }
        left => {
            let workers = if left == 1 {
                "1 worker".to_owned()
            } else {
                format!("{left} workers")
            };
            let meaning = format!("a destroy takes its workers away: {workers} may finish, {had}");
            let action =
                format!("wait for the destroy; if it was stopped, {goes_on}, and a deploy puts the workers back");
            Finding::new("draining", Note, meaning, action)
        }
    })
}

/// A rolling update suspends the schedule, and what comes meanwhile isn't done afterwards
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>).
fn missed(
    stage: &StageState,
    instances: &Instances,
    group: &Group,
    (updated, now): (Option<Timestamp>, Timestamp),
) -> Option<Finding> {
    let change = instances.schedule.as_ref()?.missed(group, updated, now)?;
    let Change { min, max, .. } = *change;
    let command = format!(
        "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --min-size {min} --max-size {max}",
        group.name
    );
    let (when, has) = (change.when(), format!("{} to {}", group.min, group.max));
    // As `asleep` advises: the fleet was woken for what waits.
    if max == 0 {
        let meaning = format!(
            "its schedule had it sleep from {when} on, and it may have {has} instances: somebody woke it, or an update was \
             under way then"
        );
        let action = "nothing, if it was woken on purpose: the schedule goes on at its next time; else let it sleep";
        let severity = match stage.is_empty() {
            true => Warning,
            false => Note,
        };
        return Some(Finding::new("schedule-missed", severity, meaning, action).command(command));
    }
    let meaning = format!(
        "its schedule gave the group {min} to {max} instances on {when}, and it has {has}: somebody set that, or an update was \
         under way then"
    );
    let action = "leave it until the schedule's next time, or set what the schedule says";
    Some(Finding::new("schedule-missed", Warning, meaning, action).command(command))
}

/// Stuck is one that has replaced nothing within an hour.
fn refresh(instances: &Instances, group: &Group, words: &Words, now: Timestamp) -> Option<Finding> {
    let refresh = instances.instance_refresh.as_ref()?;
    let reason = refresh
        .reason
        .as_ref()
        .map_or(String::new(), |reason| format!(": {reason}"));
    // One that failed long ago, and left nothing behind, is history.
    if refresh.failed() && group.on_another_version() != Some(0) {
        let meaning = format!("the last instance refresh ended as {}{reason}", refresh.status);
        let action = "mend what failed, then deploy, or start another one";
        let command = format!("qfleet deploy {}", words.file);
        return Some(Finding::new("instance-refresh-failed", Warning, meaning, action).command(command));
    }
    let long = refresh.start_time.is_some_and(|at| now.duration_since(at) > HOUR);
    if refresh.is_under_way() && long && refresh.percentage_complete.unwrap_or_default() == 0 {
        let meaning = format!("an instance refresh has replaced nothing for over an hour{reason}");
        let action = "see in the scaling activities what it waits for, or cancel it";
        let command = format!(
            "aws autoscaling cancel-instance-refresh --auto-scaling-group-name {}",
            group.name
        );
        return Some(Finding::new("instance-refresh-stuck", Warning, meaning, action).command(command));
    }
    None
}

/// Only of a group in which nothing comes or goes: then Auto Scaling would have balanced it if it could.
fn unbalanced(group: &Group) -> Option<Finding> {
    let settled =
        group.in_service() == group.instances.len() && usize::try_from(group.desired) == Ok(group.in_service());
    if !settled {
        return None;
    }
    let mut zones: BTreeMap<&str, usize> = group.zones.iter().map(|zone| (zone.as_str(), 0)).collect();
    for instance in &group.instances {
        *zones.entry(&instance.zone).or_default() += 1;
    }
    let (least, most) = (zones.values().min()?, zones.values().max()?);
    if most - least <= 1 {
        return None;
    }
    let each: Vec<String> = zones.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
    let meaning = format!("instances are spread unevenly over the zones: {}", each.join(", "));
    let action = "a zone that fails takes more with it than it should: see whether the smaller one has capacity";
    Some(Finding::new("zones-unbalanced", Warning, meaning, action))
}

fn suspended(group: &Group) -> Option<Finding> {
    if group.suspended_processes.is_empty() {
        return None;
    }
    let meaning = format!(
        "Auto Scaling was told not to do: {}",
        group.suspended_processes.join(", ")
    );
    let action = "resume them, unless somebody has a reason";
    let command = format!(
        "aws autoscaling resume-processes --auto-scaling-group-name {}",
        group.name
    );
    Some(Finding::new("processes-suspended", Warning, meaning, action).command(command))
}

fn another_version(instances: &Instances, group: &Group) -> Option<Finding> {
    let others = group.on_another_version().filter(|others| *others > 0)?;
    let refresh = instances.instance_refresh.as_ref();
    if refresh.is_some_and(|refresh| refresh.is_under_way() || refresh.failed()) {
        return None;
    }
    let meaning = format!(
        "{others} of {} instances run another version of the launch template than the group launches now",
        group.instances.len()
    );
    let action = "replace them, a few at a time";
    let command = format!(
        "aws autoscaling start-instance-refresh --auto-scaling-group-name {}",
        group.name
    );
    Some(Finding::new("old-launch-template", Warning, meaning, action).command(command))
}
