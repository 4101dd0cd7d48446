//! A plan, for people.

use std::fmt::Write;

use anstyle::Style;

use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, count, mark, paint, sign, wrapped};
use super::{attention, calls, changes, existing_bucket, plain, surplus, switch};
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::engine::plan::contents::{Contents, OfStack};
use crate::engine::plan::rolling::Rolling;
use crate::engine::plan::values::is_only_tagged;
use crate::engine::plan::{Plan, Source, StackAction, StackPlan};
use crate::environment::units::Duration;
use crate::shell;

/// The plan as text. `env` names the environment as this command was given it; `contents`: what its stacks are to hold.
pub fn text(plan: &Plan, contents: &Contents, env: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Plan for {} in {}\n",
        paint(STRONG, &plan.address.environment),
        plan.address.place()
    );
    for stack in &plan.stacks {
        stack_text(&mut out, stack, contents.part(&stack.part));
    }
    for bucket in &plan.existing_buckets {
        existing_bucket::plan(&mut out, bucket);
    }
    for line in changes::tags(plan, |change| {
        changes::values(change.before.as_deref(), change.after.as_deref())
    }) {
        let _ = writeln!(out, "\n{}", wrapped(&line, "", "  "));
    }
    let surplus = surplus::text(plan, env);
    if !surplus.is_empty() {
        let _ = write!(out, "\n{surplus}");
    }
    let _ = writeln!(out, "\n{}", totals(plan));
    careful(&mut out, plan);
    if let Some(drift) = drift(plan, env) {
        let line = wrapped(&drift, "drift: ", "");
        let _ = writeln!(out, "{}", line.replacen("drift:", &paint(CAREFUL, "drift:"), 1));
    }
    if let Some(expiry) = expiry(plan, env) {
        let _ = writeln!(out, "{}", wrapped(&expiry, "", ""));
    }
    if plan.stacks.iter().any(by_template) {
        let star =
            "The template's word, not AWS's: CloudFormation can only be asked once what the stack needs is there.";
        let sign = if plain::is() { "As templates say: " } else { "* " };
        let _ = writeln!(out, "{}", paint(FAINT, wrapped(star, sign, "  ")));
    }
    if changes::is_cut(plan) {
        let line = "Long values are cut: -v shows them whole, and so does --output json.";
        let _ = writeln!(out, "{}", paint(FAINT, wrapped(line, "", "")));
    }
    out
}

/// The plan in a line, and what is to be looked at: for who didn't ask for a plan. All of it with `-v`.
pub fn brief(plan: &Plan, contents: &Contents, env: &str) -> String {
    if calls::are_shown() {
        return text(plan, contents, env);
    }
    let mut out = format!(
        "{} is to be deployed to {} first. {}\n",
        paint(STRONG, &plan.address.environment),
        plan.address.place(),
        totals(plan)
    );
    careful(&mut out, plan);
    out
}

fn careful(out: &mut String, plan: &Plan) {
    for line in attention::lines(plan, str::to_owned) {
        let line = wrapped(&line, "careful: ", "");
        let _ = writeln!(out, "{}", line.replacen("careful:", &paint(CAREFUL, "careful:"), 1));
    }
}

/// How to deploy a plan as it is, and nothing else.
pub fn exactly(command: Option<&str>) -> String {
    let Some(command) = command else { return String::new() };
    format!("\n{}\n  {command}\n", paint(FAINT, introduces(command)))
}

/// The most letters of a command that is shown without the way to a shorter one.
const LONG: usize = 600;

/// What stands before such a command.
fn introduces(command: &str) -> &'static str {
    match command.len() > LONG {
        true => {
            "To deploy exactly this, and refuse anything else (after a plan with --digest-file FILE, this command is short):"
        }
        false => "To deploy exactly this, and refuse anything else:",
    }
}

/// Whether drift can be put back there: the local emulator knows no change sets that do. `env` names the environment with
/// where it is looked for, as in a command.
pub(super) fn can_revert(env: &str) -> bool {
    !shell::has_option(env, "--local")
}

/// What is to be known of drift that isn't part of the plan; nothing where there is none.
pub fn drift(plan: &Plan, env: &str) -> Option<String> {
    let drifted: Vec<String> = plan
        .stacks
        .iter()
        .filter_map(|stack| {
            let checked = stack.drift.as_ref()?.checked_at;
            let checked = checked.map_or(String::new(), |at| format!(" (looked at {at:.0})"));
            Some(format!("{}{checked}", stack.stack))
        })
        .collect();
    if drifted.is_empty() {
        return None;
    }
    let were = if drifted.len() == 1 { "was" } else { "were" };
    Some(format!(
        "{} {were} changed behind CloudFormation's back. A deploy doesn't put that back, it only sets what the file \
         changes: `qfleet drift {env}` shows it{}.",
        drifted.join(", "),
        match can_revert(env) {
            true => format!(", `qfleet drift {env} --revert` puts it back"),
            false => String::new(),
        }
    ))
}

/// What is to be known of an end that the file says otherwise; nothing where it doesn't.
pub fn expiry(plan: &Plan, env: &str) -> Option<String> {
    let stays = plan.expiry_stays.as_ref()?;
    let word = match stays.at.seconds_left > 0 {
        true => "expires in",
        false => "expired",
    };
    let name = &plan.address.environment;
    let text = stays.at.text();
    let then = match stays.longer() {
        Some(longer) => format!(
            "`qfleet extend {env} {}` makes it as long as the file says now",
            shell::word(&longer.to_string())
        ),
        None => format!("`qfleet destroy {env}` ends it earlier"),
    };
    Some(format!(
        "{name} {word} {text}. A deploy doesn't move that: `lifetime` counts from the first one. {then}."
    ))
}

const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";

pub(super) fn by_template(stack: &StackPlan) -> bool {
    stack.source == Source::Template
        && matches!(
            stack.action,
            StackAction::Create | StackAction::Update | StackAction::Recreate
        )
}

/// What a stack that is made would hold, a line each.
pub(super) fn new_lines<'a>(stack: &StackPlan, holds: Option<&'a OfStack>) -> &'a [String] {
    let is_made = matches!(stack.action, StackAction::Create | StackAction::Recreate);
    holds.filter(|_| is_made).map_or(&[], |holds| &holds.lines)
}

pub(super) fn action(action: StackAction) -> (Style, &'static str) {
    match action {
        StackAction::Create => (GOOD, "create"),
        StackAction::Update => (CAREFUL, "update"),
        StackAction::Recreate => (CAREFUL, "delete, then create"),
        StackAction::Unchanged => (FAINT, "unchanged"),
        StackAction::Busy => (CAREFUL, "busy"),
        StackAction::Refused => (BAD, "refused"),
    }
}

fn stack_text(out: &mut String, stack: &StackPlan, holds: Option<&OfStack>) {
    let (style, word) = action(stack.action);
    let star = match by_template(stack) {
        true if plain::is() => ", as its template says",
        true => " *",
        false => "",
    };
    let _ = writeln!(out, "{} {}{star}", paint(STRONG, &stack.stack), paint(style, word));
    if let Some(note) = &stack.note {
        let status = stack
            .telling_status()
            .map_or(String::new(), |status| format!("{status}: "));
        let _ = writeln!(
            out,
            "{}",
            paint(FAINT, wrapped(&format!("{status}{note}"), "    ", "    "))
        );
    }
    for line in new_lines(stack, holds) {
        let _ = writeln!(out, "{}", wrapped(line, "    ", "      "));
    }
    if let Some(lowered) = &stack.lowered {
        let (min, max) = (lowered.min, lowered.max);
        let text = match lowered.put_back {
            true if lowered.by_schedule => format!(
                "{min} to {max} instances, as its schedule says now: a destroy that was stopped had taken them away"
            ),
            true => format!("{min} to {max} instances again: a destroy that was stopped had taken them away"),
            false => format!(
                "left as it is, not {min} to {max} instances: somebody changed that after a destroy was stopped"
            ),
        };
        let _ = writeln!(
            out,
            "{}",
            wrapped(
                &format!("{} {}  {text}", sign(CAREFUL, "~", "change:"), lowered.group),
                "  ",
                "      "
            )
        );
    }
    for mapping in &stack.disabled {
        let text = match mapping.is_disabled() {
            true => "enabled again: a destroy that was stopped had disabled it",
            false => "left enabled, as somebody set it after a destroy was stopped",
        };
        let _ = writeln!(
            out,
            "{}",
            wrapped(
                &format!("{} {}  {text}", sign(CAREFUL, "~", "change:"), mapping.uuid),
                "  ",
                "      "
            )
        );
    }
    if let Some(warning) = &stack.warning {
        let line = wrapped(warning, "    warning: ", "    ");
        let _ = writeln!(out, "{}", line.replacen("warning:", &paint(CAREFUL, "warning:"), 1));
    }
    if let Some(protect) = stack.termination_protection
        && stack.action != StackAction::Refused
    {
        let _ = writeln!(
            out,
            "  {} termination protection {}",
            sign(CAREFUL, "~", "change:"),
            if protect { "on" } else { "off" }
        );
    }
    if stack.protected_by_hand {
        let stays = "termination protection stays: somebody switched it on by hand; --disable-protection takes it off";
        let sign = format!("  {}", mark(CAREFUL, "="));
        let _ = writeln!(out, "{}", wrapped(stays, &sign, "    "));
    }
    changes::text(out, stack, holds);
    if let Some(switch) = stack.switch.filter(|_| stack.action != StackAction::Refused) {
        let _ = writeln!(
            out,
            "{}",
            wrapped(&switch::text(&stack.changes, switch), "    ", "    ")
        );
    }
    let is_done = matches!(
        stack.action,
        StackAction::Create | StackAction::Update | StackAction::Recreate
    );
    if let Some(pause) = stack.pause.and_then(switch::pause).filter(|_| is_done) {
        let _ = writeln!(out, "{}", wrapped(&pause, "    ", "    "));
    }
    if let Some(instances) = stack.awaits_instances.filter(|_| is_done) {
        let line = match instances {
            0 => "nothing signals: it is done without knowing whether an instance works".to_owned(),
            instances => format!(
                "nothing signals: it is done when {} in service, whatever the worker on {} does",
                if instances == 1 {
                    "1 instance is".to_owned()
                } else {
                    format!("{instances} instances are")
                },
                if instances == 1 { "it" } else { "them" }
            ),
        };
        let _ = writeln!(out, "{}", wrapped(&line, "    ", "    "));
    }
    if is_done && stack.acknowledges_roles {
        let line = "your template makes roles or policies, or may: the deploy acknowledges that to CloudFormation";
        let _ = writeln!(out, "{}", wrapped(line, "    ", "    "));
    }
    let is_new = |change: &Change| change.action == Action::Add && change.resource_type == LOAD_BALANCER;
    if stack.changes.iter().any(is_new) {
        let line = "a load balancer is billed by the hour for as long as it is there, whether or not anybody comes";
        let _ = writeln!(out, "{}", wrapped(line, "    ", "    "));
    }
    let is_spread = |change: &Change| change.action != Action::Remove && change.resource_type == DISTRIBUTION;
    if is_done && stack.changes.iter().any(is_spread) {
        let line =
            "CloudFront brings a distribution, and each change of it, to all its places: that takes some minutes";
        let _ = writeln!(out, "{}", wrapped(line, "    ", "    "));
    }
    if let Some(rolling) = stack.rolling_update.as_ref().filter(|rolling| rolling.instances > 0) {
        let _ = writeln!(out, "{}", wrapped(&rolling_text(rolling), "    ", "    "));
    }
}

pub(super) fn rolling_text(rolling: &Rolling) -> String {
    let Rolling {
        instances,
        batch_size,
        batches,
        min_in_service,
        ..
    } = *rolling;
    let (are, batches) = (if instances == 1 { "is" } else { "are" }, batches_of(batches));
    let stay = match min_in_service {
        0 => "for some time none is in service".to_owned(),
        1 => "at least 1 stays in service".to_owned(),
        several => format!("at least {several} stay in service"),
    };
    let about = Duration::seconds(rolling.about_seconds);
    format!(
        "{} {are} replaced, {batch_size} at a time ({batches}, about {about}); {stay}, \
         and nothing scales meanwhile",
        count(instances, "instance")
    )
}

fn batches_of(count: usize) -> String {
    match count {
        1 => "1 batch".to_owned(),
        several => format!("{several} batches"),
    }
}

pub(super) fn totals(plan: &Plan) -> String {
    let of = |action: StackAction| plan.stacks.iter().filter(|stack| stack.action == action).count();
    let changes = || plan.stacks.iter().flat_map(|stack| &stack.changes);
    if !plan.changes_anything() {
        if plan.stacks.iter().any(|stack| stack.drift.is_some()) {
            return "Nothing to deploy: the file is as it was deployed.".to_owned();
        }
        if !plan.surplus.stacks.is_empty() {
            return "Nothing to deploy: all that the file has is as it should be.".to_owned();
        }
        return format!(
            "Nothing to do: {} should be.",
            if plan.stacks.len() == 1 {
                "the stack is as it"
            } else {
                "all stacks are as they"
            }
        );
    }
    let mut parts = Vec::new();
    for (action, word) in [
        (StackAction::Create, "to create"),
        (StackAction::Update, "to update"),
        (StackAction::Recreate, "to delete and create"),
        (StackAction::Unchanged, "unchanged"),
        (StackAction::Busy, "busy"),
        (StackAction::Refused, "refused"),
    ] {
        if of(action) > 0 {
            parts.push(format!("{} {word}", count(of(action), "stack")));
        }
    }
    if plan.prunes && !plan.surplus.stacks.is_empty() {
        parts.push(format!("{} to destroy", count(plan.surplus.stacks.len(), "stack")));
    }
    let buckets = plan.existing_buckets.iter().filter(|bucket| bucket.changes_anything());
    match buckets.count() {
        0 => {}
        1 => parts.push("1 bucket's notifications to change".to_owned()),
        several => parts.push(format!("{several} buckets' notifications to change")),
    }
    let number = |test: fn(&Change) -> bool| changes().filter(|change| test(change)).count();
    let mut resources = Vec::new();
    for (n, word, style) in [
        (number(|change| change.action == Action::Add), "added", GOOD),
        (number(|change| change.action == Action::Import), "imported", CAREFUL),
        (
            number(|change| {
                let is_there = !matches!(change.action, Action::Add | Action::Import);
                is_there && !change.takes_away() && !is_only_tagged(change)
            }),
            "changed",
            CAREFUL,
        ),
        (number(is_only_tagged), "only tagged anew", CAREFUL),
        (
            number(|change| change.action != Action::Remove && change.replacement == Replacement::Maybe),
            "may be replaced",
            BAD,
        ),
        (
            number(|change| change.action != Action::Remove && change.replacement == Replacement::Yes),
            "replaced",
            BAD,
        ),
        (number(|change| change.action == Action::Remove), "deleted", BAD),
    ] {
        if n > 0 {
            resources.push(paint(style, format!("{n} {word}")));
        }
    }
    let resources = if resources.is_empty() {
        String::new()
    } else {
        format!(" Resources: {}.", resources.join(", "))
    };
    format!("{}.{resources}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_shorter_command_is_shown_where_it_is_long() {
        let said = |length: usize| exactly(Some(&"x".repeat(length)));
        assert!(!said(LONG).contains("--digest-file"));
        assert!(said(LONG + 1).contains("(after a plan with --digest-file FILE, this command is short):"));
    }
}
