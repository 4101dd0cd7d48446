//! What a stack's changes take away: what is refused, and what must be shown before.

use crate::blueprint::own_template::is_nested;
use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::change_set::{Action, Change};
use crate::deployed::holdings::holds_data;
use crate::engine::plan::comparison::CONDITION;
use crate::engine::plan::refusal::Allowed;
use crate::error::{Reason, Refusal};

const LOST: &str = ", and what is in it would be lost";
const SNAPSHOT: &str = "of what is in it, a last snapshot stays, which is billed";
const STAYS: &str = "stays with what is in it and is billed on, and no stack has it any more";

/// The stack whose changes are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Losing<'a> {
    pub part: &'a str,
    pub stack: &'a str,
    /// Its template is the user's.
    pub own_template: bool,
}

/// Why these changes of a stack are refused: what holds data would be replaced or deleted and isn't allowed to be, or
/// something would be made in which that couldn't be seen.
pub fn data_loss(of: Losing<'_>, changes: &[Change], allowed: &Allowed<'_>) -> Vec<Refusal> {
    let Losing {
        part,
        stack,
        own_template,
    } = of;
    let nests = |change: &&Change| is_nested(&change.resource_type) && change.action != Action::Remove;
    let nested = changes.iter().filter(nests).filter(|_| own_template).map(|nested| Refusal {
        help: Some("make an extra of the nested template, and hand its outputs on".to_owned()),
        reason: Reason::DataLoss,
        ..Refusal::new(format!(
            "{stack} would make a nested stack, {}: nobody would see what is in it, or whether data is lost with it",
            nested.logical_id
        ))
    });
    let is_lost = |change: &&Change| {
        let holds = change.takes_away() && holds_data(&change.resource_type, own_template);
        holds && !(is_nested(&change.resource_type) && nests(change)) && !allowed.covers(part, &change.logical_id)
    };
    let lost = changes.iter().filter(is_lost).map(|lost| {
        let id = lost.logical_id.as_str();
        let name = allowed.name(part, id);
        let several = match allowed.is_named_plainly(id) {
            true => format!("several stacks would lose a {id}. "),
            false => String::new(),
        };
        Refusal {
            help: Some(format!("{several}if that is meant: --allow-replace {name}")),
            allow_replace: Some(name),
            reason: Reason::DataLoss,
            ..Refusal::new(format!("{stack} {}", what_is_lost(lost)))
        }
    });
    nested.chain(lost).collect()
}

fn what_is_lost(lost: &Change) -> String {
    let name = lost.physical_id.as_deref().unwrap_or(&lost.logical_id);
    let would = match lost.surely_takes_away() {
        true => "would",
        false => "may",
    };
    let (what, becomes) = match (&lost.action, lost.disposal) {
        (Action::Remove, Some(Disposal::Kept)) => ("let go of", format!(": it {STAYS}")),
        (Action::Remove, Some(Disposal::Snapshot)) => ("delete", format!(": {SNAPSHOT}")),
        (_, Some(Disposal::Kept)) => ("replace", format!(" by an empty one: the old one {STAYS}")),
        (_, Some(Disposal::Snapshot)) => ("replace", format!(" by an empty one: {SNAPSHOT}")),
        (Action::Remove, _) => ("delete", LOST.to_owned()),
        _ => ("replace", LOST.to_owned()),
    };
    format!("{would} {what} {name} ({}){becomes}", lost.resource_type)
}

/// Whether it may take away something that holds data.
pub(super) fn holds(change: &Change, own_template: bool) -> bool {
    change.takes_away() && holds_data(&change.resource_type, own_template)
}

/// Whether it was shown that it may go, because its condition may not be met any more.
fn depends_on_its_condition(shown: &Change) -> bool {
    shown.properties.iter().any(|property| property.path == CONDITION)
}

/// What a change set takes away that was not shown before: removals and replacements.
pub fn not_shown<'a>(shown: &[Change], now: &'a [Change]) -> Vec<&'a Change> {
    let becomes = |change: &Change| change.disposal.unwrap_or(Disposal::Deleted);
    // A replacement that was shown as possible was approved, too, if it becomes certain.
    let was_shown = |change: &Change| {
        let mut known = shown.iter().filter(|known| known.logical_id == change.logical_id);
        known.any(|known| {
            let may_go = change.action == Action::Remove && depends_on_its_condition(known);
            (known.action == change.action || may_go) && known.takes_away() && becomes(known) <= becomes(change)
        })
    };
    now.iter()
        .filter(|change| change.takes_away() && !was_shown(change))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    fn losing(own_template: bool) -> Losing<'static> {
        Losing {
            part: "db",
            stack: "lab-db",
            own_template,
        }
    }

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
            let refused = data_loss(losing(true), &[of(action, disposal)], &Allowed::NOTHING);
            refused.first().expect("a refusal").message.clone()
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

    fn refusal(own_template: bool, resource_type: &str, action: Action, allowed: &[&str]) -> Option<String> {
        let change = Change {
            resource_type: resource_type.into(),
            ..change("It", action, Replacement::No)
        };
        let allowed: Vec<String> = allowed.iter().map(|id| (*id).to_owned()).collect();
        let allowed = Allowed {
            names: &allowed,
            ..Allowed::NOTHING
        };
        let refused = data_loss(losing(own_template), &[change], &allowed);
        refused.first().map(|refusal| refusal.message.clone())
    }

    #[test]
    fn logs_are_data_in_a_template_of_the_users() {
        let logs = "AWS::Logs::LogGroup";
        assert!(refusal(true, logs, Action::Remove, &[]).is_some());
        assert_eq!(refusal(false, logs, Action::Remove, &[]), None);
    }

    #[test]
    fn a_nested_stack_that_a_macro_makes_is_refused_whatever_is_allowed() {
        let nested = "AWS::CloudFormation::Stack";
        let why = refusal(true, nested, Action::Add, &["It"]).unwrap_or_default();
        assert!(why.contains("would make a nested stack, It"), "{why}");
        // One that goes takes with it what nobody sees.
        assert!(refusal(true, nested, Action::Remove, &[]).is_some());
        assert_eq!(refusal(true, nested, Action::Remove, &["It"]), None);
    }
}
