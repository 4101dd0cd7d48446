//! A stage's status, for people.

use std::collections::BTreeMap;

use super::{MARGIN, backlog, oldest, wrapped};
use crate::cloud::autoscaling::activities::Activity;
use crate::cloud::autoscaling::groups::Group;
use crate::observe::alarm::{MISSING, StageAlarm};
use crate::observe::gone::Gone;
use crate::observe::instances::Instances;
use crate::observe::pause::Pause;
use crate::observe::replies::Replies;
use crate::observe::status::{Done, StageState};
use crate::report::cause;
use crate::report::function;
use crate::report::plain;
use crate::report::schedule;
use crate::report::screen::sparkline;
use crate::report::style::{BAD, CAREFUL, FAINT, many, paint, whole_seconds};

/// How many activities are shown.
const ACTIVITIES: usize = 3;
/// How many of the newest points of the backlog are shown.
const POINTS: usize = 30;

/// What is known of a stage, a line or more each.
pub fn lines(out: &mut String, stage: &StageState, local: bool, width: Option<usize>) {
    let mut say = |label: &str, text: &str| {
        let first = format!("  {}{}", paint(FAINT, label), " ".repeat(MARGIN - 2 - label.len()));
        wrapped(out, text, &first, &" ".repeat(MARGIN), width);
    };
    let unknown = |what: Gone| match stage.gone.contains(&what) {
        true => paint(BAD, "gone"),
        false => "?".to_owned(),
    };
    say("queue", &queue(stage).unwrap_or_else(|| unknown(Gone::Queue)));
    say(
        "dead",
        &dead_letters(stage).unwrap_or_else(|| unknown(Gone::DeadLetterQueue)),
    );
    if let Some(of) = stage.replies {
        say("replies", &replies(of).unwrap_or_else(|| unknown(Gone::ReplyQueue)));
    }
    for (number, job) in stage.schedules.iter().enumerate() {
        let next = match (&job.when, job.disabled) {
            (_, true) => "disabled, as it stands by".to_owned(),
            (Some(when), _) => format!("next {when}"),
            (None, _) => "next never".to_owned(),
        };
        let label = if number == 0 { "schedule" } else { "" };
        say(label, &format!("{} {}: {next}", job.cron, job.time_zone));
    }
    if let Some(done) = stage.done {
        say("done", &self::done(done));
    }
    if let Some(of) = &stage.backlog {
        let trend = of.trend.map_or(String::new(), |trend| format!(", {}", trend.as_str()));
        let line = match plain::is() {
            true => String::new(),
            false => sparkline(&of.history, of.target_messages_per_instance, POINTS),
        };
        let text = format!("{} per instance{trend}  {line}", backlog(stage));
        say("backlog", text.trim_end());
    }
    if let Some(instances) = &stage.instances {
        instance_lines(&mut say, instances, || unknown(Gone::Group));
    }
    if let Some(pause) = stage.paused {
        match pause.stands_by {
            true => say("stands by", &stands_by(pause)),
            false => say("paused", &paused(pause)),
        }
    }
    if let Some(function) = &stage.function {
        let configuration = function.configuration.as_ref().map(function::configuration);
        say("function", &configuration.unwrap_or_else(|| unknown(Gone::Function)));
        let mapping = function.event_source_mapping.as_ref().map(function::mapping);
        say("mapping", &mapping.unwrap_or_else(|| unknown(Gone::Mapping)));
        // The emulator doesn't count what a mapping invokes.
        if !local || function.invocations.is_some() {
            say("invoked", &function::invocations(function));
        }
    }
    match alarms(stage.alarms.as_deref()) {
        Some(alarms) => say("alarms", &alarms),
        None if local => {}
        None => say("alarms", "?"),
    }
    if stage.is_subscribed == Some(false) {
        say("topic", &paint(BAD, "no subscription to it"));
    }
    for activity in stage.activities().iter().take(ACTIVITIES) {
        activity_lines(out, activity, width);
    }
}

fn instance_lines(say: &mut impl FnMut(&str, &str), instances: &Instances, unknown: impl Fn() -> String) {
    match &instances.group {
        None => say("group", &unknown()),
        Some(group) => {
            let sizes = format!("{}; min {}, max {}", in_service(group), group.min, group.max);
            say("group", &sizes);
            if let Some(text) = instances.schedule.as_ref().and_then(|of| schedule::next(of, group)) {
                say("", &text);
            }
            if !group.instances.is_empty() {
                say("zones", &zones(instances));
            }
            if let Some(special) = special(group) {
                say("", &special);
            }
        }
    }
    if let Some(refresh) = &instances.instance_refresh
        && (refresh.is_under_way() || refresh.failed())
    {
        let done = refresh
            .percentage_complete
            .map_or(String::new(), |done| format!(", {done} % done"));
        let since = refresh.start_time.map_or(String::new(), |at| {
            format!(", begun {}", at.strftime("%Y-%m-%d %H:%MZ"))
        });
        let reason = refresh
            .reason
            .as_ref()
            .map_or(String::new(), |reason| format!(": {reason}"));
        say("refresh", &format!("{}{done}{since}{reason}", refresh.status));
    }
}

fn queue(stage: &StageState) -> Option<String> {
    let queue = stage.queue?;
    let oldest = match stage.is_empty() {
        true => String::new(),
        false => format!("; oldest message {}", oldest(stage)),
    };
    Some(format!(
        "{} visible, {} in flight, {} delayed{oldest}",
        queue.visible, queue.in_flight, queue.delayed
    ))
}

/// As in "on purpose; the oldest message has 3d 4h until the queue's retention takes it".
fn paused(pause: Pause) -> String {
    if pause.oldest_is_unknown {
        let after = pause.retention_seconds.map(|retention| {
            let after = whole_seconds(retention);
            format!(": the queue's retention takes it after {after}")
        });
        return "on purpose; how old the oldest message is isn't known".to_owned()
            + after.as_deref().unwrap_or_default();
    }
    let left = pause.oldest_seconds_left.map(|left| {
        let left = whole_seconds(left);
        let left = if pause.ends_too_late() { paint(BAD, left) } else { left };
        format!("; the oldest message has {left} until the queue's retention takes it")
    });
    "on purpose".to_owned() + left.as_deref().unwrap_or_default()
}

/// As in "nobody works here; the queue deletes messages after 4d, and their files stay".
fn stands_by(pause: Pause) -> String {
    let after = pause.retention_seconds.map(whole_seconds);
    let messages = match (pause.of_files, after) {
        (true, Some(after)) => format!("; the queue deletes messages after {after}, and their files stay"),
        _ => pause.oldest_seconds_left.map_or(String::new(), |left| {
            let left = whole_seconds(left);
            let left = if pause.ends_too_late() { paint(BAD, left) } else { left };
            format!("; the oldest message has {left} until the queue's retention takes it")
        }),
    };
    format!("nobody works here{messages}")
}

/// As in "42 messages a minute, 1800 in the last hour".
pub(in crate::report) fn done(done: Done) -> String {
    let hour = done.messages_last_hour;
    match done.messages_last_minute {
        Some(minute) => format!("{} a minute, {hour} in the last hour", many(minute, "message")),
        None => format!("{} in the last hour", many(hour, "message")),
    }
}

fn dead_letters(stage: &StageState) -> Option<String> {
    Some(match stage.dead_letters?.total() {
        0 => "no dead letters".to_owned(),
        1 => paint(BAD, "1 dead letter"),
        n => paint(BAD, format!("{n} dead letters")),
    })
}

/// As in "3 wait for who sent the jobs; 1 is nobody's".
fn replies(replies: Replies) -> Option<String> {
    let waiting = match replies.waiting?.total() {
        0 => "none waits".to_owned(),
        1 => "1 waits for who sent the job".to_owned(),
        n => format!("{n} wait for who sent the jobs"),
    };
    let nobodys = match replies.dead_letters.map_or(0, |dead| dead.total()) {
        0 => String::new(),
        n => format!("; {n} in their dead-letter queue, which nobody fetched"),
    };
    Some(waiting + &nobodys)
}

/// As in "2 of 3 in service, 1 Pending".
pub(in crate::report) fn in_service(group: &Group) -> String {
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in &group.instances {
        if instance.lifecycle_state != "InService" {
            *others.entry(&instance.lifecycle_state).or_default() += 1;
        }
    }
    let mut others: String = others.iter().map(|(state, n)| format!(", {n} {state}")).collect();
    match group.with_spot_notice() {
        0 => {}
        n => others += &format!(", {n} with a spot notice"),
    }
    format!("{} of {} in service{others}", group.in_service(), group.desired)
}

/// As in "us-east-2a 2 InService, us-east-2b 1 InService, 1 Pending".
fn zones(instances: &Instances) -> String {
    let zone = |(zone, states): (&String, &BTreeMap<String, usize>)| {
        let states: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        format!("{zone} {}", states.join(", "))
    };
    let zones: Vec<String> = instances.instances_by_zone.iter().map(zone).collect();
    zones.join("; ")
}

/// What is out of the ordinary.
fn special(group: &Group) -> Option<String> {
    let unhealthy = group.instances.iter().filter(|one| one.health != "Healthy").count();
    let counts = [
        (unhealthy, "unhealthy"),
        (
            group.on_another_version().unwrap_or_default(),
            "on another launch template version",
        ),
        (group.protected_from_scale_in(), "protected from scale-in"),
    ];
    let mut all: Vec<String> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if !group.suspended_processes.is_empty() {
        let suspended = format!("suspended: {}", group.suspended_processes.join(", "));
        all.push(paint(CAREFUL, suspended));
    }
    (!all.is_empty()).then(|| all.join("; "))
}

/// Those that aren't OK. That a fleet could shrink is what an alarm says all day.
pub(in crate::report) fn alarms(all: Option<&[StageAlarm]>) -> Option<String> {
    let all = all?;
    let others = all.iter().filter(|alarm| alarm.alarm.state != "OK");
    let others: Vec<String> = others
        .map(|alarm| {
            let (name, state) = (&alarm.alarm.name, alarm.alarm.state.as_str());
            let style = if state == MISSING { BAD } else { CAREFUL };
            match state == "ALARM" && alarm.scales {
                true => format!("{name} {state}, which scales"),
                false => format!("{name} {}", paint(style, state)),
            }
        })
        .collect();
    Some(match others.is_empty() {
        true => format!("{} OK", all.len()),
        false => others.join("; "),
    })
}

fn activity_lines(out: &mut String, activity: &Activity, width: Option<usize>) {
    let at = activity
        .start_time
        .map_or(String::new(), |at| at.strftime("%H:%M:%SZ").to_string());
    let status = match activity.status_code.as_str() {
        "Successful" => activity.status_code.clone(),
        "Failed" => paint(BAD, "Failed"),
        other => paint(CAREFUL, other),
    };
    let first = format!(
        "  {}{}",
        paint(FAINT, &at),
        " ".repeat(MARGIN - 2 - at.len().min(MARGIN - 2))
    );
    let margin = " ".repeat(MARGIN);
    wrapped(
        out,
        &format!("{status}: {}", activity.description),
        &first,
        &margin,
        width,
    );
    if let Some(message) = &activity.status_message {
        wrapped(out, &paint(BAD, message), &margin, &margin, width);
    }
    if !activity.cause.is_empty() {
        let room = width.map(|width| width.saturating_sub(MARGIN));
        wrapped(out, &cause::short(&activity.cause, room), &margin, &margin, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::sqs::queues::QueueDepth;

    #[test]
    fn without_instances_there_is_no_line_of_them() {
        let depth = |visible| QueueDepth {
            visible,
            in_flight: 0,
            delayed: 0,
        };
        let mut stage = StageState {
            queue: Some(depth(3)),
            dead_letters: Some(depth(0)),
            alarms: Some(vec![StageAlarm::default()]),
            ..StageState::default()
        };
        let shown = |stage: &StageState| {
            let mut out = String::new();
            lines(&mut out, stage, false, None);
            let out = anstream::adapter::strip_str(&out).to_string();
            let labels = out.lines().filter_map(|line| line.split_whitespace().next());
            labels.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(shown(&stage), ["queue", "dead", "alarms"]);
        stage.instances = Some(Instances::default());
        assert_eq!(
            shown(&stage),
            ["queue", "dead", "group", "alarms"],
            "a group that couldn't be read"
        );
    }
}
