//! Whether the caller may do what a deploy does, as IAM simulates its policies.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::check::{Check, Mend, Topic};
use super::patience::within;
use crate::cloud::Cloud;
use crate::cloud::identity::Caller;
use crate::cloud::simulation::Denied;

/// How many simulations are asked for at a time: IAM's limits are low.
const AT_ONCE: usize = 4;
/// How long all of them may take together.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many of what is denied are named.
const NAMED: usize = 3;

/// What a deploy does to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    pub actions: BTreeSet<String>,
    /// ARNs, or `*` alone.
    pub resources: Vec<String>,
    /// What requests carry, by condition key.
    pub context: BTreeMap<String, Vec<String>>,
}

/// All that a deploy does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    pub rights: Vec<Right>,
    /// Actions that can't be simulated, as `ec2:Describe*`.
    pub patterns: BTreeSet<String>,
}

/// What is needed in an account; none where the file can't be rendered.
pub type NeededIn<'a> = Box<dyn Fn(&str) -> Option<Needed> + 'a>;

/// How to learn what is needed, and to see it.
pub struct Rights<'a> {
    pub needed: NeededIn<'a>,
    /// The command that prints the policy.
    pub policy: String,
    /// The command that says what is wrong with the file.
    pub check: String,
}

impl Rights<'_> {
    pub(super) async fn check(&self, cloud: &Cloud, caller: &Caller) -> Check {
        let show = |action: &str| Mend::new(action).command(&self.policy);
        let Some(needed) = (self.needed)(&caller.account) else {
            let mend = Mend::new("see what is wrong with the file").command(&self.check);
            return Check::unknown(
                Topic::Rights,
                "what a deploy needs isn't known: the file can't be rendered",
                mend,
            );
        };
        let principal = match Principal::of(&caller.arn) {
            Principal::Root => {
                return Check::unknown(
                    Topic::Rights,
                    "IAM simulates nothing for the account's root user: it may do all that the organization allows",
                    show("deploy as a role instead, with this policy"),
                );
            }
            Principal::Itself(arn) => arn.to_owned(),
            Principal::InRole(role) => match within(cloud.role_arn(role)).await {
                Ok(arn) => arn,
                Err(unread) => {
                    let what = format!(
                        "the ARN of the role {role} isn't known, so nothing is simulated: {}",
                        unread.why
                    );
                    let action = "let it call iam:GetRole and iam:SimulatePrincipalPolicy on itself; or compare what it has \
                                  with the policy of a deploy";
                    return Check::unknown(Topic::Rights, what, show(action));
                }
            },
            Principal::Other => {
                let what = format!("IAM simulates users and roles only, and this is {}", caller.arn);
                let action = "compare what it may do with the policy of a deploy";
                return Check::unknown(Topic::Rights, what, show(action));
            }
        };
        let found = simulated(cloud, &principal, &needed.rights).await;
        self.outcome(&needed, &found)
    }

    fn outcome(&self, needed: &Needed, found: &Found) -> Check {
        let show = |action: &str| Mend::new(action).command(&self.policy);
        let (unsure, sure): (Vec<&Denied>, Vec<&Denied>) =
            found.denied.iter().partition(|denied| !denied.missing.is_empty());
        if !sure.is_empty() {
            let what = format!("IAM's simulation denies {}", text(&sure));
            return Check::failed(
                Topic::Rights,
                what,
                show("let the role or user do that; this prints what a deploy needs"),
            );
        }
        if let Some(why) = &found.unread {
            let what = format!("not all could be simulated: {why}");
            let action = "let it call iam:SimulatePrincipalPolicy on itself; or compare what it has with the policy of a \
                          deploy";
            return Check::unknown(Topic::Rights, what, show(action));
        }
        if !unsure.is_empty() {
            let keys: BTreeSet<&str> = unsure
                .iter()
                .flat_map(|denied| &denied.missing)
                .map(String::as_str)
                .collect();
            let keys: Vec<&str> = keys.into_iter().collect();
            let what = format!(
                "IAM's simulation denies {}, but it doesn't know what the policies ask for: {}",
                text(&unsure),
                keys.join(", ")
            );
            return Check::unknown(
                Topic::Rights,
                what,
                show("compare the policies with what a deploy needs"),
            );
        }
        let actions: BTreeSet<&String> = needed.rights.iter().flat_map(|right| &right.actions).collect();
        let rest = match needed.patterns.first() {
            None => String::new(),
            Some(first) if needed.patterns.len() == 1 => format!("; {first} can't be simulated"),
            Some(first) => format!("; {} like {first} can't be simulated", needed.patterns.len()),
        };
        let what = format!(
            "IAM's simulation allows the {} actions of a deploy{rest}",
            actions.len()
        );
        Check::passed(Topic::Rights, what)
    }
}

/// What came of the simulations.
#[derive(Debug, Default)]
struct Found {
    denied: BTreeSet<Denied>,
    /// Why one of them said nothing.
    unread: Option<String>,
}

async fn simulated(cloud: &Cloud, principal: &str, rights: &[Right]) -> Found {
    let asked = rights
        .iter()
        .map(|right| within(cloud.simulate(principal, &right.actions, &right.resources, &right.context)));
    let mut answers = pin!(stream::iter(asked).buffer_unordered(AT_ONCE));
    let until = Instant::now() + PATIENCE;
    let mut found = Found::default();
    loop {
        match timeout_at(until, answers.next()).await {
            Ok(Some(Ok(denied))) => found.denied.extend(denied),
            Ok(Some(Err(unread))) => {
                // Whoever may not ask once may not ask at all, and the reason is the same.
                found.unread = Some(unread.why);
                return found;
            }
            Ok(None) => return found,
            Err(_) => {
                found.unread = Some(format!("IAM took more than {} s", PATIENCE.as_secs()));
                return found;
            }
        }
    }
}

/// As in `sqs:CreateQueue on arn:…, and 7 more`.
fn text(denied: &[&Denied]) -> String {
    let named = denied.iter().take(NAMED).map(
        |Denied {
             action, resource, by, ..
         }| {
            let by = by.map_or(String::new(), |by| format!(" (by {by})"));
            match resource.as_str() {
                "*" => format!("{action}{by}"),
                resource => format!("{action} on {resource}{by}"),
            }
        },
    );
    let named: Vec<String> = named.collect();
    let rest = match denied.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{rest}", named.join(", "))
}

/// Whose policies are simulated.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    Root,
    /// A user, by its own ARN.
    Itself(&'a str),
    /// A session in a role of this name.
    InRole(&'a str),
    Other,
}

impl<'a> Principal<'a> {
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>: the ARN of a session
    /// has the role's name, and not its path.
    fn of(arn: &'a str) -> Principal<'a> {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        if resource == "root" {
            return Principal::Root;
        }
        if resource.starts_with("user/") {
            return Principal::Itself(arn);
        }
        let role = resource
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next());
        role.map_or(Principal::Other, Principal::InRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_whose_policies_count() {
        for (arn, principal) in [
            ("arn:aws:iam::111122223333:root", Principal::Root),
            (
                "arn:aws:iam::111122223333:user/team/me",
                Principal::Itself("arn:aws:iam::111122223333:user/team/me"),
            ),
            (
                "arn:aws-cn:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/me@example.com",
                Principal::InRole("AWSReservedSSO_Admin_0123"),
            ),
            ("arn:aws:sts::111122223333:federated-user/me", Principal::Other),
            ("", Principal::Other),
        ] {
            assert_eq!(Principal::of(arn), principal, "{arn}");
        }
    }
}
