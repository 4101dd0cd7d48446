//! What qfleet itself calls, for each purpose. Actions are IAM's: an operation isn't always called as what allows it
//! (`ListObjectsV2` is `s3:ListBucket`, `HeadObject` is `s3:GetObject`). `GetCallerIdentity` needs no right
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>).
//!
//! The tests' endpoint fails a test in which a command calls what isn't here, and one says what is here and nothing calls.

mod table;
mod types;
mod when;

use std::collections::BTreeSet;

use super::{Asked, Purpose, handlers};
use crate::blueprint::resource_schema;
use table::calls;
use types::{ASKED, NOT_ASKED};

/// All actions that a purpose may need, whatever is in an environment.
pub fn actions(purpose: Purpose) -> BTreeSet<&'static str> {
    let groups = calls(purpose).into_iter().flatten();
    let all = groups.flat_map(|(_, actions)| actions.iter().copied());
    let mut all: BTreeSet<&str> = all.map(|action| action.split('@').next().unwrap_or(action)).collect();
    if asks_cloud_control(purpose) {
        all.insert("cloudformation:GetResource");
    }
    all
}

fn asks_cloud_control(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Prune | Purpose::Destroy | Purpose::Reap)
}

/// The actions that a purpose needs in an environment.
pub(super) fn of(purpose: Purpose, asked: &Asked) -> BTreeSet<String> {
    let groups = calls(purpose).into_iter().flatten();
    let needed = groups.filter(|(when, _)| when.is_so(asked));
    let mut actions: BTreeSet<String> = needed
        .flat_map(|(_, actions)| actions.iter().map(|action| (*action).to_owned()))
        .collect();
    if asks_cloud_control(purpose) {
        actions.extend(by_cloud_control(asked));
    }
    actions
}

/// Cloud Control API reads with its caller's rights
/// (<https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/security.html>).
fn by_cloud_control(asked: &Asked) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for of_type in handlers::types(asked) {
        let is_asked = !ASKED.contains(&of_type.as_str()) && !NOT_ASKED.contains(&of_type.as_str());
        let read = resource_schema::of(&of_type).and_then(|schema| schema.handlers.get("read"));
        if let Some(read) = read.filter(|_| is_asked) {
            actions.insert("cloudformation:GetResource".to_owned());
            actions.extend(handlers::without_unused(asked, &of_type, "read", read));
        }
    }
    actions
}
