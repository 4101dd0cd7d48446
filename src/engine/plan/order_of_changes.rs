//! In which order a plan tells the changes of a stack.

use crate::blueprint;
use crate::cloud::cloudformation::change_set::Change;

/// As the template has its resources, so that a plan is the same however CloudFormation puts it; what the template hasn't
/// comes last, by name.
pub(super) fn as_in_template(mut changes: Vec<Change>, body: &str) -> Vec<Change> {
    let resources = blueprint::resources(body);
    let place = |change: &Change| resources.iter().position(|(id, _)| *id == change.logical_id);
    changes.sort_by_cached_key(|change| {
        let place = place(change).unwrap_or(resources.len());
        (place, change.logical_id.clone())
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::{Action, Replacement};

    #[test]
    fn the_templates_order_counts_and_not_that_of_the_answer() {
        let body = "Resources:\n  Topic: {Type: T}\n  Queue: {Type: T}\n  Alarm: {Type: T}\n";
        let change = |id: &str| Change {
            action: Action::Modify,
            logical_id: id.into(),
            resource_type: "T".into(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: Vec::new(),
        };
        for answer in [
            ["Gone", "Alarm", "Queue", "Dropped", "Topic"],
            ["Topic", "Dropped", "Gone", "Queue", "Alarm"],
        ] {
            let told = as_in_template(answer.map(change).into(), body);
            let names: Vec<&str> = told.iter().map(|change| change.logical_id.as_str()).collect();
            assert_eq!(names, ["Topic", "Queue", "Alarm", "Dropped", "Gone"], "{answer:?}");
        }
    }
}
