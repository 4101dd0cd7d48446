//! Why a plan can't be carried out: all reasons at once, each with what would allow it.

use super::StackPlan;
use crate::blueprint::{self, Stack};
use crate::deployed::holdings::holds_data;
use crate::error::{Error, Refusal};

/// All reasons as one error; none where there is no reason.
pub fn error(refusals: Vec<Refusal>) -> Option<Error> {
    if let [one] = refusals.as_slice() {
        let error = Error::refused(&one.message);
        let error = match &one.help {
            Some(help) => error.with_help(help),
            None => error,
        };
        return Some(error.with_refusals(refusals));
    }
    let names = refusals.iter().filter_map(|one| one.allow_replace.as_deref());
    let options: Vec<String> = names.map(|name| format!("--allow-replace {name}")).collect();
    let is_all = options.len() == refusals.len();
    let lines = refusals.iter().map(|one| {
        let help = one.help.as_deref().filter(|_| !is_all);
        let help = help.map_or(String::new(), |help| format!("\n    help: {help}"));
        format!("\n  {}{help}", one.message.replace('\n', "\n  "))
    });
    let (count, lines) = (refusals.len(), lines.collect::<String>());
    if count == 0 {
        return None;
    }
    let message = format!("it can't be deployed like this, for {count} reasons:{lines}");
    let error = Error::refused(message);
    let error = match is_all {
        true => error.with_help(format!("if all of that is meant: {}", options.join(" "))),
        false => error,
    };
    Some(error.with_refusals(refusals))
}

/// Which resources may be replaced or deleted with what is in them.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// As they were given: `Queue`, or `work.Queue`.
    pub names: &'a [String],
    /// All stacks that are deployed.
    pub stacks: &'a [Stack],
    /// What is planned for them.
    pub planned: &'a [StackPlan],
}

impl Allowed<'_> {
    pub const NOTHING: Allowed<'static> = Allowed {
        names: &[],
        stacks: &[],
        planned: &[],
    };

    /// A plain name is that of one resource only: what several stacks lose is named with its part.
    pub(super) fn covers(&self, part: &str, logical_id: &str) -> bool {
        self.names.contains(&precise(part, logical_id))
            || self.is_named_plainly(logical_id) && self.is_alone(part, logical_id)
    }

    /// How `--allow-replace` takes it.
    pub(super) fn name(&self, part: &str, logical_id: &str) -> String {
        match self.is_alone(part, logical_id) {
            true => logical_id.to_owned(),
            false => precise(part, logical_id),
        }
    }

    pub(super) fn is_named_plainly(&self, logical_id: &str) -> bool {
        self.names.iter().any(|name| name == logical_id)
    }

    /// Whether no other stack loses one of that name, either. What the plan didn't show may be lost in any that has one.
    fn is_alone(&self, part: &str, logical_id: &str) -> bool {
        let has = |stack: &Stack| {
            let own_template = stack.file.is_some();
            let mut resources = blueprint::resources(&stack.body).into_iter();
            resources.any(|(id, resource_type)| id == logical_id && holds_data(&resource_type, own_template))
        };
        let loses = |stack: &StackPlan| {
            let mut lost = stack.changes.iter().filter(|change| change.takes_away());
            lost.any(|change| change.logical_id == logical_id && holds_data(&change.resource_type, stack.own_template))
        };
        let (shown, others): (Vec<&StackPlan>, Vec<&StackPlan>) =
            self.planned.iter().partition(|stack| stack.part == part);
        let is_shown = shown.into_iter().any(loses);
        let mut other_stacks = self.stacks.iter().filter(|stack| stack.part != part);
        !others.into_iter().any(loses) && (is_shown || !other_stacks.any(has))
    }
}

/// The name of what one part loses, and no other.
pub(super) fn precise(part: &str, logical_id: &str) -> String {
    format!("{part}.{logical_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_told_at_once_and_one_as_it_is() {
        let of = |name: Option<&str>, help: Option<&str>| Refusal {
            help: help.map(str::to_owned),
            allow_replace: name.map(str::to_owned),
            ..Refusal::new(format!("{} would go", name.unwrap_or("it")))
        };
        assert!(error(Vec::new()).is_none());
        let one = error(vec![of(Some("Queue"), Some("allow it"))]).expect("one");
        assert_eq!(
            (one.to_string().as_str(), one.help()),
            ("Queue would go", Some("allow it"))
        );
        let both = error(vec![of(Some("a.Queue"), Some("x")), of(Some("b.Queue"), Some("y"))]).expect("both");
        assert_eq!(
            both.to_string(),
            "it can't be deployed like this, for 2 reasons:\n  a.Queue would go\n  b.Queue would go"
        );
        let options = "if all of that is meant: --allow-replace a.Queue --allow-replace b.Queue";
        assert_eq!(both.help(), Some(options));
        let mixed = error(vec![of(None, Some("wait")), of(Some("b.Queue"), Some("allow it"))]).expect("both");
        let lines = "\n  it would go\n    help: wait\n  b.Queue would go\n    help: allow it";
        assert!(mixed.to_string().ends_with(lines) && mixed.help().is_none(), "{mixed}");
    }
}
