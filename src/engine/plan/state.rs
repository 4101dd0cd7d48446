//! A deployed stack as it is, hashed: whether somebody has changed it since.

use crate::engine::hash::{Hash, Words};
use crate::engine::plan::draft::Found;

/// A deployed stack as it is. Made again under the same name, it is another one.
pub fn of(found: &Found) -> String {
    let stack = &found.stack;
    let parameters = stack.parameters.iter().map(|(name, parameter)| {
        let resolved = parameter.resolved.as_deref().unwrap_or_default();
        (name.clone(), format!("{} is {resolved}", parameter.value))
    });
    let hash: Hash<24> = Words::about("state")
        .word(&stack.id)
        .maybe(found.template.as_deref())
        .map(&parameters.collect())
        .map(&stack.tags)
        .list(stack.notification_arns.iter().map(String::as_str))
        .hash();
    hash.to_string()
}
