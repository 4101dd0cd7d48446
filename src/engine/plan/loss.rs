//! What a stack's changes take away: what is refused, and what must be shown before.

use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::deployed::holdings::holds_data;
use crate::error::Error;

const LOST: &str = ", and what is in it would be lost";
const SNAPSHOT: &str = "of what is in it, a last snapshot stays, which is billed";
const STAYS: &str = "stays with what is in it and is billed on, and no stack has it any more";

/// A refusal when these changes of a stack replace or delete something that holds data and isn't in `allowed`.
pub fn data_loss(stack: &str, changes: &[Change], allowed: &[String]) -> Option<Error> {
    let lost = changes.iter().find(|change| {
        change.takes_away() && holds_data(&change.resource_type) && !allowed.contains(&change.logical_id)
    })?;
    let name = lost.physical_id.as_deref().unwrap_or(&lost.logical_id);
    let (what, becomes) = match (&lost.action, lost.disposal) {
        (Action::Remove, Some(Disposal::Kept)) => ("let go of", format!(": it {STAYS}")),
        (Action::Remove, Some(Disposal::Snapshot)) => ("delete", format!(": {SNAPSHOT}")),
        (_, Some(Disposal::Kept)) => ("replace", format!(" by an empty one: the old one {STAYS}")),
        (_, Some(Disposal::Snapshot)) => ("replace", format!(" by an empty one: {SNAPSHOT}")),
        (Action::Remove, _) => ("delete", LOST.to_owned()),
        _ => ("replace", LOST.to_owned()),
    };
    Some(
        Error::refused(format!("{stack} would {what} {name} ({}){becomes}", lost.resource_type))
            .with_help(format!("if that is meant: --allow-replace {}", lost.logical_id)),
    )
}

/// What a change set takes away that was not shown before: removals and replacements.
pub fn not_shown<'a>(shown: &[Change], now: &'a [Change]) -> Vec<&'a Change> {
    let becomes = |change: &Change| change.disposal.unwrap_or(Disposal::Deleted);
    // A replacement that was shown as possible was approved, too, if it becomes certain.
    let was_shown = |change: &Change| {
        let mut known = shown.iter().filter(|known| known.logical_id == change.logical_id);
        known.any(|known| known.action == change.action && known.takes_away() && becomes(known) <= becomes(change))
    };
    now.iter()
        .filter(|change| change.takes_away() && !was_shown(change))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    fn change(logical_id: &str, action: Action, replacement: Replacement) -> Change {
        Change {
            action,
            logical_id: logical_id.into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: None,
            replacement,
            disposal: None,
            properties: Vec::new(),
        }
    }

    #[test]
    fn a_replacement_that_was_not_shown_is_found() {
        let shown = [
            change("Queue", Action::Modify, Replacement::No),
            change("Topic", Action::Modify, Replacement::Yes),
            change("Group", Action::Modify, Replacement::Maybe),
        ];
        let now = [
            change("Queue", Action::Modify, Replacement::Yes),
            change("Topic", Action::Modify, Replacement::Yes),
            change("Group", Action::Modify, Replacement::Yes),
            change("Role", Action::Remove, Replacement::No),
            change("New", Action::Add, Replacement::No),
        ];
        let names: Vec<&str> = not_shown(&shown, &now)
            .iter()
            .map(|change| change.logical_id.as_str())
            .collect();
        assert_eq!(names, ["Queue", "Role"]);
    }

    #[test]
    fn what_becomes_of_data_is_said_and_shown_again_where_it_is_worse() {
        use Disposal::{Deleted, Kept, Snapshot};
        let of = |action: Action, disposal| Change {
            disposal,
            ..change("Queue", action, Replacement::Yes)
        };
        let says = |action, disposal| {
            data_loss("lab-db", &[of(action, disposal)], &[])
                .expect("a refusal")
                .to_string()
        };
        for (action, disposal, words) in [
            (
                Action::Modify,
                None,
                "would replace Queue (AWS::SQS::Queue), and what is in it would be lost",
            ),
            (
                Action::Modify,
                Some(Deleted),
                "would replace Queue (AWS::SQS::Queue), and what is in it would be lost",
            ),
            (
                Action::Modify,
                Some(Snapshot),
                "would replace Queue (AWS::SQS::Queue) by an empty one: of what is in it, a last",
            ),
            (
                Action::Modify,
                Some(Kept),
                "would replace Queue (AWS::SQS::Queue) by an empty one: the old one stays",
            ),
            (
                Action::Remove,
                Some(Deleted),
                "would delete Queue (AWS::SQS::Queue), and what is in it would be lost",
            ),
            (
                Action::Remove,
                Some(Snapshot),
                "would delete Queue (AWS::SQS::Queue): of what is in it, a last snapshot stays",
            ),
            (
                Action::Remove,
                Some(Kept),
                "would let go of Queue (AWS::SQS::Queue): it stays with what is in it",
            ),
        ] {
            let said = says(action, disposal);
            assert!(said.contains(words), "{said}");
        }
        let is_new = |shown, now| !not_shown(&[of(Action::Modify, shown)], &[of(Action::Modify, now)]).is_empty();
        assert!(is_new(Some(Kept), Some(Snapshot)) && is_new(Some(Snapshot), None));
        assert!(!is_new(None, Some(Deleted)) && !is_new(Some(Deleted), Some(Kept)));
    }
}
