//! Workers that take over from others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::{Stack, outputs};
use crate::engine::plan::{Plan, StackAction, StackPlan};
use crate::environment::Active;
use crate::error::Error;

/// A stage whose messages others are to work on, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Switch {
    /// Who works on them now.
    pub from: Active,
    pub to: Active,
    /// Whether the new ones must show that they work before the old ones go: a function when it is invoked without
    /// messages, instances by their signals.
    pub is_proven: bool,
}

impl Switch {
    /// The switch from what is deployed, as its stack's outputs tell it; none where the same ones work on.
    pub fn of(stack: &Stack, deployed: &BTreeMap<String, String>) -> Option<Switch> {
        let to = stack.active?;
        let workers = [
            (outputs::GROUP, Active::Instances),
            (outputs::MAPPING, Active::Lambda),
            (outputs::PAUSED, Active::None),
        ];
        let (_, from) = workers.into_iter().find(|(output, _)| deployed.contains_key(*output))?;
        let is_proven = match to {
            Active::Instances => {
                let signals = stack.in_service.is_none();
                signals && stack.rolling_update.is_some_and(|group| group.min > 0)
            }
            Active::Lambda => from == Active::Instances && stack.before_switch.is_some(),
            Active::None => false,
        };
        (from != to).then_some(Switch { from, to, is_proven })
    }

    /// Whether a function must show that it works before the switch begins.
    fn is_tried(self) -> bool {
        self.is_proven && self.to == Active::Lambda
    }

    /// The stack with its instances still at work, where a function must show before that it works.
    pub fn before(self, stack: &Stack) -> Option<&Stack> {
        stack.before_switch.as_deref().filter(|_| self.is_tried())
    }
}

/// A refusal when the plan has a switch that somebody must wait for (not with `--no-wait`): the function is tried in
/// between.
pub fn must_be_waited_for(plan: &Plan) -> Option<Error> {
    let is_tried = |stack: &&StackPlan| {
        stack.action == StackAction::Update && stack.switch.is_some_and(|switch: Switch| switch.is_tried())
    };
    let stack = plan.stacks.iter().find(is_tried)?;
    Some(
        Error::usage(format!(
            "{} switches to the function, which is tried before that, and --no-wait doesn't wait for the trial; nothing was \
             changed",
            stack.stack
        ))
        .with_help("leave --no-wait out"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{InService, RollingUpdate};

    #[test]
    fn outputs_tell_who_works_and_the_stack_who_is_to() {
        let deployed = |output: &str| BTreeMap::from([(output.to_owned(), "x".to_owned())]);
        let to = |active, min| Stack {
            active: Some(active),
            rolling_update: (active == Active::Instances).then_some(RollingUpdate {
                min,
                max: 4,
                batch_size: 1,
                batch_seconds: 60,
                scheduled: false,
            }),
            before_switch: (active == Active::Lambda).then(Box::default),
            ..Stack::default()
        };
        use Active::{Instances, Lambda, None as Nobody};
        for (output, active, min, expected) in [
            ("GroupName", Instances, 1, None),
            ("EventSourceMappingId", Lambda, 0, None),
            ("Paused", Nobody, 0, None),
            // It isn't deployed.
            ("QueueUrl", Lambda, 0, None),
            ("GroupName", Lambda, 0, Some((Instances, true))),
            ("Paused", Lambda, 0, Some((Nobody, false))),
            ("GroupName", Nobody, 0, Some((Instances, false))),
            ("EventSourceMappingId", Instances, 1, Some((Lambda, true))),
            ("EventSourceMappingId", Instances, 0, Some((Lambda, false))),
        ] {
            let switch = Switch::of(&to(active, min), &deployed(output));
            let found = switch.map(|switch| (switch.from, switch.is_proven));
            assert_eq!(found, expected, "{output} to {active:?}");
            let is_tried = switch.is_some_and(|switch| switch.before(&to(active, min)).is_some());
            assert_eq!(
                is_tried,
                output == "GroupName" && active == Lambda,
                "{output} to {active:?}"
            );
        }
        let image = Stack {
            in_service: Some(InService {
                at_least: 1,
                within_seconds: 900,
            }),
            ..to(Instances, 1)
        };
        let switch = Switch::of(&image, &deployed("EventSourceMappingId")).expect("a switch");
        assert!(!switch.is_proven, "nothing signals: {switch:?}");
        let alone = Stack {
            before_switch: None,
            ..to(Lambda, 0)
        };
        let switch = Switch::of(&alone, &deployed("GroupName")).expect("a switch");
        assert!(!switch.is_proven, "only the function is described: {switch:?}");
    }
}
