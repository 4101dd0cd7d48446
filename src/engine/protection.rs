//! Whether a stack may be deleted at all: `protect: true` in its tags is lifted by a deploy alone; termination protection
//! that somebody switched on by hand, by whoever says so.

use crate::blueprint::tags::StackTags;
use crate::cloud::stacks::StackDescription;
use crate::error::Error;

/// Whether its tags say `protect: true`: its termination protection, if it has any, is qfleet's.
pub fn is_tagged(stack: &StackDescription) -> bool {
    StackTags::read(&stack.tags).is_some_and(|tags| tags.protect)
}

/// Why a stack isn't deleted, if it isn't. `disable`: termination protection is to be lifted.
pub fn refusal(stack: &StackDescription, disable: bool) -> Option<Error> {
    if is_tagged(stack) {
        let what = format!("{} is protected: its tags say `protect: true`", stack.name);
        let help =
            "deploy the environment with `protect: false` first, if it really is to go; no option of destroy does it";
        return Some(Error::refused(what).with_help(help));
    }
    if stack.protected == Some(true) && !disable {
        let what = format!(
            "{} is protected: somebody switched its termination protection on",
            stack.name
        );
        let help = "if it really is to go: --disable-protection, which asks and then lifts it";
        return Some(Error::refused(what).with_help(help));
    }
    None
}
