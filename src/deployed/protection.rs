//! Whether a stack may be deleted at all: `protect: true` in its tags is lifted by a deploy alone; termination protection
//! that somebody switched on by hand, by whoever says so.

use crate::blueprint::tags::StackTags;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::error::{Error, Reason};

/// Whether its tags say `protect: true`: its termination protection, if it has any, is qfleet's.
pub fn is_tagged(stack: &StackDescription) -> bool {
    StackTags::read(&stack.tags).is_some_and(|tags| tags.protect)
}

/// What is lifted by who says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifted {
    /// `protect: true` in its tags, by a file that says `protect: false` by now.
    pub tagged: bool,
    /// Termination protection that somebody switched on by hand.
    pub by_hand: bool,
}

/// Why a stack isn't deleted, if it isn't.
pub fn refusal(stack: &StackDescription, lifted: Lifted) -> Option<Error> {
    let tagged = is_tagged(stack);
    if tagged && !lifted.tagged {
        let what = format!("{} is protected: its tags say `protect: true`", stack.name);
        let help =
            "deploy the environment with `protect: false` first, if it really is to go; no option of destroy does it";
        return Some(Error::refused(what).because(Reason::Protected).with_help(help));
    }
    if stack.protected == Some(true) && !tagged && !lifted.by_hand {
        let what = format!(
            "{} is protected: somebody switched its termination protection on",
            stack.name
        );
        let help = "if it really is to go: --disable-protection, which asks and then lifts it";
        return Some(Error::refused(what).because(Reason::Protected).with_help(help));
    }
    None
}
