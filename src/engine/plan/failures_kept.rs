//! What can't be done to a stack that is left as it is when it fails.

use super::drafts::Draft;
use crate::cloud::cloudformation::change_set::{Change, KNOWN_AFTER_APPLY, PropertyChange, Replacement};

/// Why this can't be done to a stack that is left as it is when it fails, if it can't: "Replacement type updates not
/// supported on stack with disable-rollback", and that is said of each resource once the update runs
/// (<https://github.com/smoketurner/serverless-vpc-plugin/issues/1221>).
pub(super) fn replacement_refusal(changes: &[Change], draft: &Draft) -> Option<String> {
    if !draft.keeps_what_fails {
        return None;
    }
    // One that failed may be made anew for that alone: then no property of it says so. A value that isn't known yet may
    // come to what it was.
    let is_known = |property: &PropertyChange| {
        let after = property.after.as_deref().unwrap_or_default();
        !after.contains(KNOWN_AFTER_APPLY)
    };
    let is_replaced = |change: &&Change| {
        let by_property = |property: &PropertyChange| property.replacement == Replacement::Yes && is_known(property);
        change.replacement == Replacement::Yes && change.properties.iter().any(by_property)
    };
    let replaced: Vec<&str> = changes
        .iter()
        .filter(is_replaced)
        .map(|change| change.logical_id.as_str())
        .collect();
    if replaced.is_empty() {
        return None;
    }
    let way_out = match (draft.keep_failed, draft.takes_in) {
        (true, _) => "Take the failed update back first: qfleet recover",
        (false, true) => {
            "It also takes in what was kept, which a rollback could delete. Deploy one of the two first, and the other afterwards"
        }
        (false, false) => "Deploy it without --on-failure keep",
    };
    let names = replaced.join(", ");
    Some(format!(
        "its update would replace {names}, which CloudFormation refuses where what fails is kept. {way_out}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Action;

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
    fn only_what_a_property_is_known_to_replace_is_refused_where_failures_are_kept() {
        let draft = |keep_failed, keeps_what_fails| Draft {
            id: String::new(),
            stack_id: String::new(),
            keep_failed,
            keeps_what_fails,
            takes_in: false,
        };
        let property = |after: &str, replacement| PropertyChange {
            path: "/Properties/TopicName".into(),
            before: Some("a".into()),
            after: Some(after.into()),
            replacement,
            follows: false,
        };
        let of = |properties: Vec<PropertyChange>, replacement| Change {
            properties,
            ..change("Topic", Action::Modify, replacement)
        };
        use Replacement::{Maybe, Yes};
        let replaced = of(vec![property("b", Yes)], Yes);
        let refusal = |change: &Change, draft: &Draft| replacement_refusal(std::slice::from_ref(change), draft);
        let why = refusal(&replaced, &draft(true, true)).unwrap_or_default();
        assert!(why.contains("replace Topic") && why.contains("qfleet recover"), "{why}");
        let why = refusal(&replaced, &draft(false, true)).unwrap_or_default();
        assert!(why.contains("without --on-failure keep"), "{why}");
        let takes_in = Draft {
            takes_in: true,
            ..draft(false, true)
        };
        let why = refusal(&replaced, &takes_in).unwrap_or_default();
        assert!(why.contains("Deploy one of the two first"), "{why}");
        assert_eq!(refusal(&replaced, &draft(false, false)), None);
        for spared in [
            // It failed, and is made anew for that alone.
            of(Vec::new(), Yes),
            of(vec![property("b", Maybe)], Yes),
            of(vec![property("{{changeSet:KNOWN_AFTER_APPLY}}", Yes)], Yes),
            of(vec![property("b", Yes)], Maybe),
        ] {
            assert_eq!(refusal(&spared, &draft(true, true)), None, "{spared:?}");
        }
    }
}
