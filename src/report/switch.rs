//! Workers that take over from others, in words.

use crate::blueprint::Pause;
use crate::cloud::cloudformation::change_set::Change;
use crate::engine::plan::switch::Switch;
use crate::environment::Active;

/// As in "photo-move switches to instances".
pub(super) fn doing(to: Active) -> &'static str {
    match to {
        Active::Instances => "switches to instances",
        Active::Lambda => "switches to the function",
        Active::None => "is paused",
    }
}

/// What a plan says of a stage that nobody is to work on, beside the switch to that.
pub(super) fn pause(pause: Pause) -> Option<String> {
    let schedules = match pause.schedules {
        1 => "its schedule".to_owned(),
        several => format!("its {several} schedules"),
    };
    let is = |one: &'static str, several: &'static str| if pause.schedules == 1 { one } else { several };
    match (pause.stands_by, pause.schedules) {
        (false, 0) => None,
        (false, _) => Some(format!(
            "{schedules} {} on while it is paused, and the jobs wait in the queue",
            is("goes", "go")
        )),
        (true, 0) => Some(STANDS_BY.to_owned()),
        (true, _) => Some(format!("{STANDS_BY}, and {schedules} {} disabled", is("is", "are"))),
    }
}

const STANDS_BY: &str = "it stands by, as the file says of this region: nobody works here";

/// What a plan with these changes says of it.
pub(super) fn text(changes: &[Change], switch: Switch) -> String {
    let goes_with_it = goes_with_it(changes, switch);
    let finishes = match (switch.from, goes_with_it) {
        (Active::Lambda, Some(_)) => {
            "is removed in the same update: runs that are under way may be cut off, and their messages come back. To let \
             them finish, deploy with the function still described, and remove it after that"
        }
        _ => "finishes what it holds",
    };
    let mut text = match (switch.from, switch.to) {
        (Active::None, Active::Instances) => "the pause ends: instances take the messages that wait".to_owned(),
        (Active::None, _) => "the pause ends: the function takes the messages that wait".to_owned(),
        (Active::Lambda, Active::None) => {
            format!("the stage is paused: messages wait in the queue, and the function {finishes}")
        }
        (_, Active::None) => {
            "the stage is paused: the instances finish what they hold, and messages wait in the queue".to_owned()
        }
        (_, Active::Instances) => {
            let once = match switch.is_proven {
                true => "Once these work, the function gets no more messages, and",
                false => {
                    "Nothing shows first that the instances work (`min` is 0, or the image brings the worker): the \
                     function stops getting messages right away, and"
                }
            };
            format!(
                "workers switch from the function to instances. {once} {finishes}. Messages stay in the queue meanwhile"
            )
        }
        (_, Active::Lambda) => {
            let before = match switch.is_proven {
                true => " It is first invoked without messages: if that fails, the instances work on.",
                false => "",
            };
            format!(
                "workers switch from instances to the function.{before} Once it takes messages, the instances finish \
                 what they hold, and go. Messages stay in the queue meanwhile"
            )
        }
    };
    if let Some(kind) = goes_with_it {
        text += &format!(
            ". What the {kind} goes, too: describe both kinds and name one in `active`, and going back takes one word"
        );
    }
    text
}

/// What the file describes no longer, beside what takes messages.
fn goes_with_it(changes: &[Change], switch: Switch) -> Option<&'static str> {
    let removes = |of_type: &str| {
        let mut changes = changes.iter();
        changes.any(|change| change.takes_away() && change.resource_type == of_type)
    };
    match switch.from {
        Active::Instances if removes("AWS::IAM::InstanceProfile") => Some("instances need"),
        Active::Lambda if removes("AWS::Lambda::Function") => Some("function needs"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::{Action, Replacement};

    fn said(from: Active, to: Active, is_proven: bool, removed: &[&str]) -> String {
        let removed = removed.iter().map(|of_type| Change {
            action: Action::Remove,
            logical_id: "It".into(),
            resource_type: (*of_type).into(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: Vec::new(),
        });
        text(&removed.collect::<Vec<_>>(), Switch { from, to, is_proven })
    }

    #[test]
    fn what_becomes_of_schedules_is_said() {
        let said = |stands_by, schedules| pause(Pause { stands_by, schedules });
        assert_eq!(said(false, 0), None);
        let paused = "its schedule goes on while it is paused, and the jobs wait in the queue";
        assert_eq!(said(false, 1).as_deref(), Some(paused));
        assert_eq!(said(true, 0).as_deref(), Some(STANDS_BY));
        let stands_by = format!("{STANDS_BY}, and its 2 schedules are disabled");
        assert_eq!(said(true, 2), Some(stands_by));
    }

    #[test]
    fn a_switch_is_said_in_words() {
        use Active::{Instances, Lambda, None as Nobody};
        let group = ["AWS::AutoScaling::AutoScalingGroup"];
        let mapping = ["AWS::Lambda::EventSourceMapping"];
        for (found, expected) in [
            (
                said(Instances, Lambda, true, &group),
                "workers switch from instances to the function. It is first invoked without messages: if that fails, the \
                 instances work on. Once it takes messages, the instances finish what they hold, and go. Messages stay \
                 in the queue meanwhile",
            ),
            (
                said(Lambda, Instances, true, &mapping),
                "workers switch from the function to instances. Once these work, the function gets no more messages, and \
                 finishes what it holds. Messages stay in the queue meanwhile",
            ),
            (
                said(Lambda, Nobody, false, &mapping),
                "the stage is paused: messages wait in the queue, and the function finishes what it holds",
            ),
            (
                said(Instances, Nobody, false, &group),
                "the stage is paused: the instances finish what they hold, and messages wait in the queue",
            ),
            (
                said(Nobody, Instances, true, &[]),
                "the pause ends: instances take the messages that wait",
            ),
            (
                said(Nobody, Lambda, false, &[]),
                "the pause ends: the function takes the messages that wait",
            ),
        ] {
            assert_eq!(found, expected);
        }
        let without_proof = said(Lambda, Instances, false, &mapping);
        assert_eq!(
            without_proof,
            "workers switch from the function to instances. Nothing shows first that the instances work (`min` is 0, or the \
             image brings the worker): the function stops getting messages right away, and finishes what it holds. Messages \
             stay in the queue meanwhile"
        );
        let alone = said(Instances, Lambda, false, &["AWS::IAM::InstanceProfile"]);
        assert!(alone.contains("What the instances need goes, too"), "{alone}");
        for to in [Instances, Nobody] {
            let alone = said(Lambda, to, true, &["AWS::Lambda::Function"]);
            assert!(alone.contains("What the function needs goes, too"), "{alone}");
            let cut_off = "is removed in the same update: runs that are under way may be cut off";
            assert!(alone.contains(cut_off), "{alone}");
            assert!(!alone.contains("finishes what it holds"), "{alone}");
        }
    }
}
