//! Whether a name is one that CloudFormation made up for a resource of this environment's stacks.

use std::collections::BTreeSet;

use crate::blueprint::names;
use crate::cloud::cloudwatch::alarms::NamedAlarm;

/// Whether the name is `<environment>-<part>-<LogicalId>-<random>` of one of these parts. The names of environments and
/// parts have no capitals, and those in the templates begin with one: so `photo-lab-move-Role-1A2B` is `photo-lab`'s
/// `move`, and neither `photo-lab-2-move-Role-…` nor `photo-lab-move-2-Role-…` is taken for it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html>).
pub fn belongs(name: &str, environment: &str, parts: &BTreeSet<String>) -> bool {
    let Some(rest) = name.strip_prefix(environment).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    parts.iter().any(|part| {
        let logical_id = rest.strip_prefix(part.as_str()).and_then(|rest| rest.strip_prefix('-'));
        logical_id.is_some_and(|id| id.starts_with(|first: char| first.is_ascii_uppercase()))
    })
}

/// The same for an alarm of Auto Scaling's, which is named after its group: `TargetTracking-<group>-AlarmHigh-<random>`.
/// A group anywhere may be called so: the alarm looks at the queue of the same part, too.
pub fn alarm_belongs(alarm: &NamedAlarm, environment: &str, parts: &BTreeSet<String>) -> bool {
    let group = alarm.name.strip_prefix(TARGET_TRACKING).unwrap_or_default();
    let is_of = |part: &String| belongs(group, environment, &[part.clone()].into());
    let looks_at = |part: &String| alarm.queues.contains(&names::queue(environment, part));
    parts.iter().any(|part| is_of(part) && looks_at(part))
}

/// The same for a topic, by its ARN; the one that tells of uploads has a name of its own.
pub fn topic_belongs(arn: &str, environment: &str, parts: &BTreeSet<String>) -> bool {
    let name = arn.rsplit(':').next().unwrap_or_default();
    parts.contains("intake") && name == names::topic(environment) || belongs(name, environment, parts)
}

/// What names of alarms begin with that Auto Scaling made.
pub const TARGET_TRACKING: &str = "TargetTracking-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbours_name_that_begins_alike_is_the_neighbours() {
        let parts: BTreeSet<String> = ["move", "intake"].map(str::to_owned).into();
        let ours = ["photo-lab-move-Role-1A2B", "photo-lab-intake-Topic-9"];
        let others = [
            "photo-lab-2-move-Role-1A2B",
            "photo-lab-move-2-Role-1A2B",
            "photo-lab-mover-Role-1A2B",
            "photo-lab-move",
            "photo-lab-move-role",
            "photo-labmove-Role-1",
            "my-photo-lab-move-Role-1",
            "photo-lab-",
            "",
        ];
        assert!(ours.iter().all(|name| belongs(name, "photo-lab", &parts)));
        for name in others {
            assert!(!belongs(name, "photo-lab", &parts), "{name}");
        }
        // A stage that isn't known may be another environment's.
        assert!(!belongs("photo-lab-move-Role-1A2B", "photo", &parts));
    }

    #[test]
    fn services_put_their_own_words_around_a_name() {
        let parts: BTreeSet<String> = ["move".to_owned()].into();
        let alarm = |name: &str, queue: &str| NamedAlarm {
            name: name.into(),
            queues: vec![queue.into()],
        };
        let of_group = "TargetTracking-lab-move-Group-1A-AlarmHigh-6f";
        assert!(alarm_belongs(&alarm(of_group, "lab-move"), "lab", &parts));
        assert!(!alarm_belongs(&alarm(of_group, "payroll"), "lab", &parts));
        let of_neighbour = "TargetTracking-lab-2-move-Group-1A-AlarmHigh-6f";
        assert!(!alarm_belongs(&alarm(of_neighbour, "lab-move"), "lab", &parts));
        let topic = |name: &str| format!("arn:aws:sns:us-east-2:111122223333:{name}");
        assert!(topic_belongs(&topic("lab-move-Topic-1A"), "lab", &parts));
        assert!(!topic_belongs(&topic("lab-2-move-Topic-1A"), "lab", &parts));
        let with_intake = ["intake".to_owned()].into();
        assert!(topic_belongs(&topic("lab-uploads"), "lab", &with_intake));
        assert!(!topic_belongs(&topic("lab-2-uploads"), "lab", &with_intake));
        // An intake that is somebody else's has somebody else's topic.
        assert!(!topic_belongs(&topic("lab-uploads"), "lab", &parts));
    }
}
