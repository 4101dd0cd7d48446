//! Which stacks come before which.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::Blueprint;
use crate::engine::plan::Plan;

/// Each part with those that come before it: what it needs; and before an extra, who needs it no more. CloudFormation deletes
/// what an update drops, such as a security group, and gives that up while somebody still uses it.
pub(super) fn of(blueprint: &Blueprint, plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let needs = blueprint.stacks.iter();
    let needs = needs.map(|stack| (stack.part.clone(), stack.needs.clone())).collect();
    let extras: BTreeSet<&str> = blueprint
        .stacks
        .iter()
        .filter(|stack| stack.file.is_some())
        .map(|stack| stack.part.as_str())
        .collect();
    let deployed = plan.stacks.iter();
    let deployed = deployed.flat_map(|stack| stack.needs_now.iter().map(|need| (stack.part.as_str(), need.as_str())));
    with_leavers(needs, deployed.filter(|(_, need)| extras.contains(need)))
}

/// `deployed`: who needs whom as it is deployed.
fn with_leavers<'a>(
    mut needs: BTreeMap<String, Vec<String>>,
    deployed: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, Vec<String>> {
    for (part, need) in deployed {
        // The other way round it would be a circle; then the new order counts.
        if comes_after(&needs, part, need) {
            continue;
        }
        if let Some(before) = needs.get_mut(need) {
            before.push(part.to_owned());
        }
    }
    needs
}

/// Whether `part` comes after `other`, however far, or is the same.
fn comes_after(needs: &BTreeMap<String, Vec<String>>, part: &str, other: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut rest = vec![part];
    while let Some(part) = rest.pop() {
        if part == other {
            return true;
        }
        if seen.insert(part) {
            rest.extend(needs.get(part).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        pairs.iter().map(|(part, of)| ((*part).to_owned(), owned(of))).collect()
    }

    #[test]
    fn who_needs_an_extra_no_more_goes_before_it_unless_that_is_a_circle() {
        let new = || needs(&[("db", &["network"]), ("use", &["work"]), ("work", &["db"])]);
        let of = |deployed: &[(&'static str, &'static str)]| with_leavers(new(), deployed.iter().copied());
        assert_eq!(of(&[("work", "db")]), new());
        // It needs it by way of another.
        assert_eq!(of(&[("use", "db")]), new());
        assert_eq!(of(&[("db", "db")]), new());
        let alone = || needs(&[("db", &["network"]), ("work", &[])]);
        let before = with_leavers(alone(), [("work", "db"), ("gone", "db")].into_iter());
        assert_eq!(before["db"], ["network", "work", "gone"]);
        // Each needed the other.
        let both = with_leavers(needs(&[("a", &[]), ("b", &[])]), [("a", "b"), ("b", "a")].into_iter());
        assert_eq!(both, needs(&[("a", &[]), ("b", &["a"])]));
    }
}
