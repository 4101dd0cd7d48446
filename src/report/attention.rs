//! What of a plan is to be looked at although nothing is lost with it, in sentences.

use std::collections::BTreeMap;

use super::style::count;
use crate::engine::plan::attention::{Attention, Bound};
use crate::engine::plan::{Plan, StackPlan};

/// A sentence for each. `name` writes the names in it.
pub(super) fn lines(plan: &Plan, name: impl Fn(&str) -> String) -> Vec<String> {
    let is_unprotected = |stack: &&StackPlan| stack.attention.contains(&Attention::ProtectionOff);
    let unprotected = plan.stacks.iter().filter(is_unprotected);
    let unprotected: Vec<String> = unprotected.map(|stack| name(&stack.stack)).collect();
    let protection = match unprotected.as_slice() {
        [] => None,
        [one] => Some(format!("{one} loses its protection: a destroy deletes it then")),
        several => Some(format!(
            "{} lose their protection: a destroy deletes them then",
            several.join(", ")
        )),
    };
    let more = plan.stacks.iter().flat_map(|stack| {
        let name = &name;
        stack.attention.iter().filter_map(move |one| match one {
            Attention::ProtectionOff | Attention::NotKept { .. } | Attention::NoSecret { .. } => None,
            Attention::OldVersionsStay { logical_id } => Some(format!(
                "the old versions in {} of {} stay when its versioning goes off, and are billed: `old_versions: 30d` in the \
                 file has them expire",
                name(logical_id),
                name(&stack.stack)
            )),
            Attention::MoreInstances {
                logical_id,
                bound,
                before,
                after,
            } => {
                let runs = match bound {
                    Bound::Min => "always runs at least",
                    Bound::Max => "may run up to",
                };
                let instances = count(usize::try_from(*after).unwrap_or(usize::MAX), "instance");
                let group = format!("{} of {}", name(logical_id), name(&stack.stack));
                Some(format!(
                    "{group} {runs} {instances} then, now {before}: each is billed while it runs"
                ))
            }
        })
    });
    protection
        .into_iter()
        .chain(not_kept(plan, &name))
        .chain(no_secrets(plan, &name))
        .chain(more)
        .collect()
}

/// What a destroy deletes from now on, in a sentence.
fn not_kept(plan: &Plan, name: &impl Fn(&str) -> String) -> Option<String> {
    let of_stack = |stack: &StackPlan| {
        let ids = stack.attention.iter().filter_map(|one| match one {
            Attention::NotKept { logical_id } => Some(name(logical_id)),
            _ => None,
        });
        let ids: Vec<String> = ids.collect();
        (!ids.is_empty()).then(|| format!("{} of {}", ids.join(" and "), name(&stack.stack)))
    };
    let all: Vec<String> = plan.stacks.iter().filter_map(of_stack).collect();
    let what = if all.len() == 1 {
        "what is in it"
    } else {
        "what is in them"
    };
    (!all.is_empty()).then(|| {
        format!(
            "from now on a destroy deletes {}, with {what}; as it is now, that stays",
            all.join(", ")
        )
    })
}

/// Which secrets workers lack, a sentence for each, with what to do.
fn no_secrets(plan: &Plan, name: &impl Fn(&str) -> String) -> Vec<String> {
    let mut lacking: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for stack in &plan.stacks {
        for one in &stack.attention {
            if let Attention::NoSecret { kept_in, command } = one {
                lacking.entry((kept_in, command)).or_default().push(name(&stack.stack));
            }
        }
    }
    let told = lacking.into_iter().map(|((kept_in, command), stacks)| {
        let (what, then) = match kept_in.starts_with('/') {
            true => ("SSM parameter", "Put it there first:"),
            false => ("secret", "See which are there:"),
        };
        format!(
            "there is no {what} {}, and workers of {} don't start without it. {then} {}",
            name(kept_in),
            stacks.join(", "),
            name(command)
        )
    });
    told.collect()
}
