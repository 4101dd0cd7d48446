//! Stacks that an environment's file doesn't have any more, for people.

use std::fmt::Write;

use super::data;
use super::style::{BAD, CAREFUL, GOOD, STRONG, mark, paint, wrapped};
use crate::blueprint::outputs;
use crate::engine::plan::Plan;

/// What they are and hold, and what becomes of them; nothing where there are none.
pub fn text(plan: &Plan, env: &str) -> String {
    let mut out = String::new();
    if let Some(unknown) = &plan.surplus.unknown {
        let line = format!("It isn't known whether stacks are left that the file doesn't have any more: {unknown}");
        let _ = writeln!(out, "{}", wrapped(&line, "", ""));
    }
    if plan.surplus.stacks.is_empty() {
        return out;
    }
    let title = match plan.prunes {
        true => "Not in the file any more, and destroyed after the rest:",
        false => "Not in the file any more, and left running:",
    };
    let _ = writeln!(out, "{}", paint(STRONG, title));
    for stack in &plan.surplus.stacks {
        let (style, sign) = if plan.prunes { (BAD, "-") } else { (CAREFUL, "!") };
        let _ = writeln!(out, "  {}{} {}", mark(style, sign), stack.stack, stack.status);
        if let Some(line) = goes_on(plan, &stack.part) {
            let _ = writeln!(out, "{}", wrapped(&line, "      ", "        "));
        }
        for (kept, line) in data::lines(&stack.data) {
            let becomes = match (plan.prunes, kept) {
                (false, _) => String::new(),
                (true, true) => paint(GOOD, "stays: "),
                (true, false) => paint(BAD, "lost: "),
            };
            let _ = writeln!(out, "{}", wrapped(&format!("{becomes}{line}"), "      ", "        "));
        }
    }
    if !plan.prunes {
        let _ = writeln!(out, "{}", wrapped(&way_out(plan, env), "", ""));
    }
    out
}

/// How to get rid of them.
pub(super) fn way_out(plan: &Plan, env: &str) -> String {
    let deployed = plan.surplus.deployed.iter().flat_map(|deployed| &deployed.stacks);
    match deployed.clone().any(|stack| stack.tags.protect) {
        true => format!(
            "`qfleet deploy {env} --prune --disable-protection` lifts the protection of what is left, and destroys it, after asking."
        ),
        false => format!("`qfleet deploy {env} --prune` destroys what is left, after asking."),
    }
}

/// What such a stack does and costs as long as it is left; none of one that is destroyed, or only lies there.
pub(super) fn goes_on(plan: &Plan, part: &str) -> Option<String> {
    let deployed = plan.surplus.deployed.iter().flat_map(|deployed| &deployed.stacks);
    let stack = &deployed
        .filter(|_| !plan.prunes)
        .find(|stack| stack.part == part)?
        .stack;
    let works = match stack.outputs.contains_key(outputs::GROUP) {
        true => Some("its instances run on and are billed"),
        false => None,
    };
    let gets = match stack.parameters.contains_key("TopicArn") {
        true => Some("it still gets every new file, beside what the file has now"),
        false => None,
    };
    // Where it stands by, they are disabled.
    let is_due = stack.outputs.contains_key(outputs::SCHEDULES)
        && stack
            .outputs
            .get(outputs::PAUSED)
            .is_none_or(|paused| paused != outputs::STANDBY);
    let jobs = is_due.then_some("its schedules go on and send it jobs");
    let said: Vec<&str> = [works, gets, jobs].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The same as a warning, a line a stack.
pub fn warnings(plan: &Plan, env: &str) -> Vec<String> {
    let unknown = plan.surplus.unknown.iter();
    let unknown = unknown.map(|why| format!("it isn't known whether the file lacks a stack that is there: {why}"));
    let stacks = plan.surplus.stacks.iter().map(|stack| {
        let (stays, goes): (Vec<_>, Vec<_>) = data::lines(&stack.data).into_iter().partition(|(kept, _)| *kept);
        let named = |lines: Vec<(bool, String)>| {
            let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
            (!lines.is_empty()).then(|| lines.join("; "))
        };
        let name = &stack.stack;
        if plan.prunes {
            let lost = named(goes).map_or(String::new(), |lines| format!(". Lost with it: {lines}"));
            let kept = named(stays).map_or(String::new(), |lines| format!(". Stays: {lines}"));
            return format!("{name} is not in the file any more and is destroyed after the rest{lost}{kept}");
        }
        let holds = named(stays.into_iter().chain(goes).collect()).map_or(String::new(), |lines| format!(" ({lines})"));
        format!(
            "{name} is not in the file any more and is left running: `qfleet deploy {env} --prune` destroys it{holds}"
        )
    });
    unknown.chain(stacks).collect()
}
