//! The stack tags from which an environment is found again without its file, written and read in one place.

use std::collections::BTreeMap;

use crate::environment::OnDestroy;

pub const ENVIRONMENT: &str = "qfleet:environment";
/// The part that a stack holds.
pub const PART: &str = "qfleet:part";
/// The parts that a stack needs, separated by one space; left out when there are none. A list that is too long for one
/// tag goes on in `qfleet:needs-2` and so forth.
pub const NEEDS: &str = "qfleet:needs";
/// `true` or `false`: `destroy` refuses.
pub const PROTECT: &str = "qfleet:protect";
/// `keep` or `empty`: what `destroy` does with the data of this stack.
pub const ON_DESTROY: &str = "qfleet:on-destroy";
/// The region of a distribution's environment: the distribution itself is in none.
pub const REGION: &str = "qfleet:region";

/// `own` on a stack whose template is the user's: what becomes of its data is said there.
pub const TEMPLATE: &str = "qfleet:template";
const OWN: &str = "own";

/// The longest value of a tag (<https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>).
const LONGEST_VALUE: usize = 256;

/// What the tags of a stack say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackTags {
    pub environment: String,
    /// The part that the stack holds.
    pub part: String,
    /// The parts that it needs.
    pub needs: Vec<String>,
    /// `destroy` refuses.
    pub protect: bool,
    /// What `destroy` does with the data of this stack.
    pub on_destroy: OnDestroy,
    /// The template is the user's.
    pub own_template: bool,
}

impl StackTags {
    /// As tags, beside the user's.
    pub fn write(&self, users: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut tags = users.clone();
        let on_destroy = match self.on_destroy {
            OnDestroy::Keep => "keep",
            OnDestroy::Empty => "empty",
        };
        for (key, value) in [
            (ENVIRONMENT, self.environment.as_str()),
            (PART, &self.part),
            (PROTECT, if self.protect { "true" } else { "false" }),
            (ON_DESTROY, on_destroy),
        ] {
            tags.insert(key.to_owned(), value.to_owned());
        }
        if self.own_template {
            tags.insert(TEMPLATE.to_owned(), OWN.to_owned());
        }
        let mut values: Vec<String> = Vec::new();
        for part in &self.needs {
            match values.last_mut() {
                Some(value) if value.len() + 1 + part.len() <= LONGEST_VALUE => {
                    value.push(' ');
                    value.push_str(part);
                }
                _ => values.push(part.clone()),
            }
        }
        tags.extend(
            values
                .into_iter()
                .enumerate()
                .map(|(index, value)| (needs_key(index), value)),
        );
        tags
    }

    /// From a stack's tags; nothing for a stack that isn't ours.
    pub fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let needs = (0..).map_while(|index| tags.get(&needs_key(index)));
        Some(StackTags {
            environment: tags.get(ENVIRONMENT)?.clone(),
            part: tags.get(PART)?.clone(),
            needs: needs
                .flat_map(|value| value.split_whitespace())
                .map(str::to_owned)
                .collect(),
            own_template: tags.get(TEMPLATE).is_some_and(|value| value == OWN),
            protect: tags.get(PROTECT).is_some_and(|value| value == "true"),
            on_destroy: match tags.get(ON_DESTROY).map(String::as_str) {
                Some("empty") => OnDestroy::Empty,
                _ => OnDestroy::Keep,
            },
        })
    }
}

fn needs_key(index: usize) -> String {
    match index {
        0 => NEEDS.to_owned(),
        _ => format!("{NEEDS}-{}", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_however_long() {
        for count in [0, 1, 5, 20] {
            let written = StackTags {
                environment: "photos".into(),
                part: "dashboard".into(),
                needs: (0..count).map(|n| format!("a-rather-long-stage{n}")).collect(),
                protect: true,
                on_destroy: OnDestroy::Empty,
                own_template: count == 1,
            };
            let tags = written.write(&BTreeMap::from([("team".into(), "media".into())]));
            assert!(tags.values().all(|value| (1..=LONGEST_VALUE).contains(&value.len())));
            assert_eq!(tags["team"], "media");
            assert_eq!(StackTags::read(&tags), Some(written));
        }
        assert_eq!(
            StackTags::read(&BTreeMap::from([("team".into(), "media".into())])),
            None
        );
    }
}
