//! Of a stage's queues.

use super::Words;
use crate::cloud::autoscaling::groups::Group;
use crate::environment::units::Duration;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::{Critical, Note, Warning};
use crate::observe::pause::Pause;
use crate::observe::schedule;
use crate::observe::status::StageState;
use crate::observe::trend::Trend;

/// `in_progress`: something is done to its stack, which may be deleting what is gone. `no_fleet`: nobody plays Auto
/// Scaling on the local emulator.
pub(super) fn of(stage: &StageState, in_progress: bool, no_fleet: bool, words: &Words) -> Vec<Finding> {
    let all = [
        gone(stage, words).filter(|_| !in_progress),
        dead_letters(stage, words),
        unsubscribed(stage, words),
        nobody_works(stage, no_fleet, words),
        paused(stage, words),
        growing_at_max(stage, words),
        late(stage, words),
    ];
    all.into_iter()
        .flatten()
        .map(|finding| finding.of_stage(&stage.stage))
        .collect()
}

fn gone(stage: &StageState, words: &Words) -> Option<Finding> {
    let gone: Vec<&str> = stage.gone.iter().map(|gone| gone.as_str()).collect();
    if gone.is_empty() {
        return None;
    }
    let meaning = format!(
        "not there any more, though its stack made it: its {}",
        gone.join(", its ")
    );
    let action = "see what else was changed behind CloudFormation's back; what is gone may have to be deployed anew";
    let command = format!("qfleet drift {} --part {}", words.environment, stage.stage);
    Some(Finding::new("resource-gone", Critical, meaning, action).command(command))
}

fn dead_letters(stage: &StageState, words: &Words) -> Option<Finding> {
    let count = stage.dead_letters?.total();
    if count == 0 {
        return None;
    }
    let meaning = match count {
        1 => "a message could not be processed and waits in the dead-letter queue".to_owned(),
        n => format!("{n} messages could not be processed and wait in the dead-letter queue"),
    };
    let action = "see what they say, mend what failed, then send them back";
    let command = format!("qfleet dlq sample {} --stage {}", words.environment, stage.stage);
    Some(Finding::new("dead-letters", Critical, meaning, action).command(command))
}

fn unsubscribed(stage: &StageState, words: &Words) -> Option<Finding> {
    if stage.is_subscribed? {
        return None;
    }
    let meaning = "its queue has no subscription to the topic: new files don't reach it";
    let action = "put the subscription back, then tell the stage of the files that it missed (qfleet backfill)";
    let command = words.put_back(&stage.stage);
    Some(Finding::new("queue-unsubscribed", Critical, meaning, action).command(command))
}

/// A group that may be empty, and is, is woken by an alarm, which takes minutes.
fn nobody_works(stage: &StageState, no_fleet: bool, words: &Words) -> Option<Finding> {
    let (queue, group) = (stage.queue?, stage.group()?);
    let coming = |state: &str| state == "InService" || state.starts_with("Pending");
    // What a destroy does, or has left, is a finding of its own.
    if group.taken_down_from().is_some() {
        return None;
    }
    // Nobody has in hand what is in flight then: it comes back.
    let waits = if no_fleet { queue.total() } else { queue.visible };
    if waits == 0 || group.instances.iter().any(|one| coming(&one.lifecycle_state)) {
        return None;
    }
    let waiting = match waits {
        1 => "a message waits".to_owned(),
        n => format!("{n} messages wait"),
    };
    if no_fleet {
        let meaning = format!("{waiting} and no local fleet runs");
        return Some(Finding::new("no-workers", Warning, meaning, "start the workers").command(words.up()));
    }
    if let Some(asleep) = asleep(stage, group, &waiting, words) {
        return Some(asleep);
    }
    if group.max == 0 {
        let meaning = format!("{waiting} and the fleet may have no instance (max 0)");
        let action = "raise `max` in the environment file and deploy";
        let command = format!("qfleet deploy {}", words.file);
        return Some(Finding::new("no-workers", Critical, meaning, action).command(command));
    }
    let command = format!("qfleet status {} --watch", words.environment);
    let policies = stage.instances.as_ref().and_then(|of| of.scaling_policies.as_ref());
    if group.desired == 0 && policies.is_some_and(Vec::is_empty) {
        let meaning = format!("{waiting} and no instance runs; nothing scales the group, so none is launched");
        let action = "give the group a capacity, or add `scaling` to the stage and deploy";
        let command = format!(
            "aws autoscaling set-desired-capacity --auto-scaling-group-name {} --desired-capacity 1",
            group.name
        );
        return Some(Finding::new("no-workers", Critical, meaning, action).command(command));
    }
    Some(if group.desired == 0 {
        let meaning = format!("{waiting} and no instance runs; the first one may take minutes, up to 20 from idle");
        let action = "wait; if none comes, look at the alarm that starts the first one";
        Finding::new("no-workers", Warning, meaning, action).command(command)
    } else {
        let wanted = match group.desired {
            1 => "an instance is wanted".to_owned(),
            n => format!("{n} instances are wanted"),
        };
        let meaning = format!("{waiting}, {wanted}, and none runs");
        let action = "see in the scaling activities why none is launched";
        Finding::new("no-workers", Critical, meaning, action).command(command)
    })
}

/// A group that has no instance by its schedule: that is meant, as long as something wakes it.
fn asleep(stage: &StageState, group: &Group, waiting: &str, words: &Words) -> Option<Finding> {
    let schedule = stage.instances.as_ref()?.schedule.as_ref()?;
    if !schedule.lets_sleep(group) {
        return None;
    }
    let wake = |process: &str| format!("aws autoscaling {process} --auto-scaling-group-name {}", group.name);
    if schedule::is_suspended(group) {
        let meaning = format!("{waiting}, the fleet sleeps, and its schedule is suspended: nothing wakes it");
        let command = wake("resume-processes --scaling-processes ScheduledActions");
        let action = "resume the schedule; what it missed meanwhile it doesn't do";
        return Some(Finding::new("no-workers", Critical, meaning, action).command(command));
    }
    let Some(wakes) = &schedule.wakes else {
        let meaning = format!("{waiting}, the fleet sleeps by its schedule, and nothing in that wakes it");
        let action = "add the time at which it works to `capacity`, and deploy";
        let command = format!("qfleet deploy {}", words.file);
        return Some(Finding::new("no-workers", Critical, meaning, action).command(command));
    };
    let meaning = format!("{waiting}, and the fleet sleeps by its schedule until {}", wakes.when());
    let action = "nothing, if they may wait; else wake it now: the schedule goes on at its next time";
    let command = wake(&format!(
        "update-auto-scaling-group --min-size {} --max-size {}",
        wakes.min.max(1),
        wakes.max
    ));
    Some(Finding::new("asleep", Note, meaning, action).command(command))
}

/// A pause, on purpose. What waits for too long is lost.
fn paused(stage: &StageState, words: &Words) -> Option<Finding> {
    let pause = stage.paused?;
    let waiting = match stage.queue?.total() {
        0 => "no message waits".to_owned(),
        1 => "a message waits".to_owned(),
        n => format!("{n} messages wait"),
    };
    let (how, go_on) = match pause.stands_by {
        true => ("it stands by", "take this region out of `standby`"),
        false => ("the stage is paused", "name the workers in `active`"),
    };
    let command = format!("qfleet deploy {}", words.file);
    if pause.ends_too_late() {
        let left = Duration::seconds(pause.oldest_seconds_left?);
        let meaning = format!("{waiting}, {how}, and the queue's retention takes the oldest message in {left}");
        let action =
            format!("{go_on} and deploy, or set a longer `retention`: within 15 minutes it holds for what waits, too");
        return Some(Finding::new("pause-loses-messages", Critical, meaning, action).command(command));
    }
    if pause.stands_by {
        return Some(stands_by(pause, &waiting, words));
    }
    let mut meaning = format!("it is paused, as its file says: {waiting} in the queue");
    if pause.oldest_is_unknown {
        meaning += &match pause.retention_seconds.map(Duration::seconds) {
            Some(retention) => {
                format!(", and how old the oldest is isn't known; the queue deletes it after {retention}")
            }
            None => ", and how old the oldest is isn't known".to_owned(),
        };
    }
    let action = format!("to go on, {go_on} and deploy");
    Some(Finding::new("paused", Note, meaning, action).command(command))
}

/// What waits tells little: most of the files are worked on in the other region.
fn stands_by(pause: Pause, waiting: &str, words: &Words) -> Finding {
    let mut meaning = format!("it stands by, as its file says of this region: {waiting} in the queue");
    let mut action = "to take over, take this region out of `standby` and deploy".to_owned();
    if pause.of_files {
        meaning += ", and those of files that are done elsewhere find nothing to do";
        action += "; `qfleet backfill` sends what the queue has deleted meanwhile";
    }
    let command = format!("qfleet deploy {}", words.file);
    Finding::new("stands-by", Note, meaning, action).command(command)
}

fn growing_at_max(stage: &StageState, words: &Words) -> Option<Finding> {
    let (backlog, group) = (stage.backlog.as_ref()?, stage.group()?);
    let now = backlog.messages_per_instance?;
    let target = backlog.target_messages_per_instance;
    let growing = backlog.trend == Some(Trend::Rising) && now > target;
    if !growing || group.max == 0 || group.desired < group.max {
        return None;
    }
    let meaning = format!(
        "the backlog grows ({now:.0} per instance, target {target:.0}) and the fleet is at its most, {}",
        match group.max {
            1 => "1 instance".to_owned(),
            n => format!("{n} instances"),
        }
    );
    let action = "raise `max` in the environment file and deploy, or make a message take less time";
    let command = format!("qfleet deploy {}", words.file);
    Some(Finding::new("backlog-growing-at-max", Critical, meaning, action).command(command))
}

/// By the stage's own alarm, which knows how long a message may wait. The others say nothing new.
fn late(stage: &StageState, words: &Words) -> Option<Finding> {
    let mut own = stage.alarms.iter().flatten().filter(|alarm| !alarm.scales);
    let alarm = own.find(|alarm| alarm.alarm.state == "ALARM" && alarm.alarm.name.contains("LatencyAlarm"))?;
    let meaning = format!("the alarm {} is on: {}", alarm.alarm.name, alarm.alarm.reason);
    let action = "messages wait longer than the acceptable latency: see whether the fleet grows";
    let command = format!("qfleet status {} --watch", words.environment);
    Some(Finding::new("latency-exceeded", Warning, meaning, action).command(command))
}
