//! Data that goes with the stacks that the file doesn't have any more, and names that allow nothing.

use super::Plan;
use super::loss::holds;
use super::refusal::precise;
use crate::error::{Error, Reason, Refusal};
use crate::observe::at_risk::{AtRisk, at_risk};
use crate::observe::data::Data;

/// A refusal where a stack of this part that the file doesn't have any more would go with data in it that isn't allowed to.
pub fn prune_refusal(part: &str, data: &Data, allowed: &[String]) -> Option<Error> {
    refusal(&lost(part, data, allowed))
}

/// The same of all that a plan prunes, each with the name that allows it.
pub(super) fn refusals_of(plan: &Plan, allowed: &[String]) -> Vec<Refusal> {
    let stacks = plan.surplus.stacks.iter().filter(|_| plan.prunes);
    let lost = stacks.flat_map(|stack| lost(&stack.part, &stack.data, allowed));
    lost.map(|(name, one)| Refusal {
        help: Some(help(&format!("--allow-replace {name}"))),
        allow_replace: Some(name),
        reason: Reason::DataLoss,
        ..Refusal::new(format!(
            "--prune would delete what has something in it: {} of {}: {}",
            one.name, one.stack, one.holds
        ))
    })
    .collect()
}

/// With the name that allows it: that of its part, too, as what is pruned isn't in the file that somebody would look it up
/// in. The programs are qfleet's own.
fn lost(part: &str, data: &Data, allowed: &[String]) -> Vec<(String, AtRisk)> {
    let at_risk = at_risk(data).into_iter().filter(|_| part != "artifacts");
    let named = at_risk.map(|one| (precise(part, &one.logical_id), one));
    named.filter(|(name, _)| !allowed.contains(name)).collect()
}

fn refusal(lost: &[(String, AtRisk)]) -> Option<Error> {
    if lost.is_empty() {
        return None;
    }
    let what: String = lost
        .iter()
        .map(|(_, one)| format!("\n  {} of {}: {}", one.name, one.stack, one.holds))
        .collect();
    let options: Vec<String> = lost.iter().map(|(name, _)| format!("--allow-replace {name}")).collect();
    Some(
        Error::refused(format!("--prune would delete what has something in it:{what}"))
            .because(Reason::DataLoss)
            .with_help(help(&options.join(" "))),
    )
}

fn help(options: &str) -> String {
    format!("let it be worked on first, with the file as it was; or, if it may be lost: {options}")
}

/// Says of each name that it allows nothing: nothing that holds data would be replaced or deleted under it. It is no
/// refusal: a job that is tried again names what is gone already.
pub fn in_vain(plan: &Plan, allowed: &[String]) -> Vec<String> {
    let changed = plan.stacks.iter().flat_map(|stack| {
        let taken = stack.changes.iter().filter(|change| holds(change, stack.own_template));
        taken.map(|change| {
            (
                precise(&stack.part, &change.logical_id),
                Some(change.logical_id.clone()),
            )
        })
    });
    let pruned = plan.surplus.stacks.iter().filter(|_| plan.prunes).flat_map(|stack| {
        let going = lost(&stack.part, &stack.data, &[]).into_iter();
        going.map(|(name, _)| (name, None))
    });
    // What is pruned has no plain name.
    let possible: Vec<(String, Option<String>)> = changed.chain(pruned).collect();
    let is_used = |name: &&String| {
        let mut possible = possible.iter();
        possible.any(|(precise, plain)| precise == *name || plain.as_ref() == Some(*name))
    };
    let names: Vec<&str> = possible.iter().map(|(precise, _)| precise.as_str()).collect();
    let instead = match names.as_slice() {
        [] => "nothing with data in it is".to_owned(),
        names => format!("this could be named: {}", names.join(", ")),
    };
    let vain = allowed.iter().filter(|name| !is_used(name));
    vain.map(|name| format!("--allow-replace {name}: nothing of that name would be replaced or deleted; {instead}"))
        .collect()
}
