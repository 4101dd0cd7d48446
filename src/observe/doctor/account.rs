//! Credentials and account, and the clock that signatures go by.

use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Mend, Topic, Unread};
use crate::cloud::identity::{Caller, Clocks, CredentialsFrom, FoundCredentials};
use crate::environment::units::Duration;

/// A signature is good for five minutes
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);
/// A deploy takes longer than credentials with less than this left.
const SOON: SignedDuration = SignedDuration::from_mins(15);

/// `--profile`, `AWS_PROFILE` or the default one.
pub struct Profile {
    pub name: String,
    /// As an option of the AWS CLI, where it was given as one here.
    pub option: String,
}

impl Profile {
    fn log_in(&self, found: &FoundCredentials) -> Mend {
        let option = &self.option;
        match found.from {
            CredentialsFrom::IdentityCenter => Mend::new("log in again").command(format!("aws sso login{option}")),
            CredentialsFrom::Login => Mend::new("log in again").command(format!("aws login{option}")),
            CredentialsFrom::Environment => Mend::new(
                "put new credentials into AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them",
            ),
            _ => Mend::new("see what the source of these credentials says")
                .command(format!("aws sts get-caller-identity{option}")),
        }
    }

    fn source(&self, from: CredentialsFrom) -> String {
        let profile = &self.name;
        match from {
            CredentialsFrom::Environment => "the environment (AWS_ACCESS_KEY_ID)".to_owned(),
            CredentialsFrom::Profile => format!("the keys of the profile `{profile}`"),
            CredentialsFrom::IdentityCenter => format!("IAM Identity Center, for the profile `{profile}`"),
            CredentialsFrom::Login => format!("`aws login`, for the profile `{profile}`"),
            CredentialsFrom::Program => format!("the `credential_process` of the profile `{profile}`"),
            CredentialsFrom::AssumedRole => format!("the role that the profile `{profile}` names"),
            CredentialsFrom::WebIdentity => "a role, for a web identity token".to_owned(),
            CredentialsFrom::Container => "the container's endpoint".to_owned(),
            CredentialsFrom::Instance => "the instance's role (IMDS)".to_owned(),
            CredentialsFrom::Unknown => "AWS's defaults chain".to_owned(),
        }
    }
}

/// Of those that were found. `refused`: what AWS says of them, where it doesn't take them.
pub(super) fn credentials(
    found: &FoundCredentials,
    refused: Option<&Unread>,
    profile: &Profile,
    now: Timestamp,
) -> Check {
    let source = profile.source(found.from);
    if let Some(refused) = refused {
        let what = format!("those from {source} aren't taken: {}", refused.why);
        return Check::failed(Topic::Credentials, what, profile.log_in(found));
    }
    let Some(until) = found.until else {
        let end = match found.are_temporary {
            true => "they are temporary, and when they end isn't known",
            false => "they have no end",
        };
        return Check::passed(Topic::Credentials, format!("from {source}; {end}"));
    };
    let left = until.duration_since(now);
    if left <= SignedDuration::ZERO {
        return Check::failed(
            Topic::Credentials,
            format!("those from {source} have ended"),
            profile.log_in(found),
        );
    }
    let left_text = length(left);
    let renewed = found.are_renewed();
    let what = match renewed {
        true => format!("from {source}; these end in {left_text}, and new ones come from there"),
        false => format!("from {source}; they end in {left_text}"),
    };
    if !renewed && left < SOON {
        let mend = profile.log_in(found);
        return Check::failed(Topic::Credentials, format!("{what}, before a deploy may be done"), mend);
    }
    Check::passed(Topic::Credentials, what)
}

/// None were found.
pub(super) fn no_credentials(what: &str, help: Option<&str>) -> Check {
    let mend = match help {
        Some(help) => Mend::new(help),
        None => Mend::new(
            "log in, name a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
        .command("aws configure sso"),
    };
    Check::failed(Topic::Credentials, what, mend.page(PAGE))
}

const PAGE: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-configure.html";

/// The account against the only one that the file allows.
pub(super) fn account(caller: &Caller, allowed: Option<&str>) -> Check {
    let who = caller.arn.split(':').nth(5).unwrap_or(&caller.arn);
    let account = &caller.account;
    match allowed {
        Some(allowed) if allowed != account => Check::failed(
            Topic::Account,
            format!("these credentials belong to account {account} ({who}), and the file allows only {allowed}"),
            Mend::new("choose the right profile (--profile, AWS_PROFILE), or correct `account` in the file"),
        ),
        Some(_) => Check::passed(Topic::Account, format!("{account}, as the file says; {who}")),
        None => Check::passed(Topic::Account, format!("{account}; {who}")),
    }
}

pub(super) fn clock(clocks: Option<Clocks>) -> Check {
    let Some(Clocks { of_aws, here }) = clocks else {
        return Check::unknown(
            Topic::Clock,
            "no answer of AWS came to compare this machine's clock with",
            Mend::new("mend what keeps AWS from answering, and ask again"),
        );
    };
    let differs = here.duration_since(of_aws);
    // The header has no parts of a second, and an answer takes a while.
    let (text, side) = (
        length(differs.abs()),
        if differs.is_negative() { "behind" } else { "ahead of" },
    );
    if differs.abs() < SignedDuration::from_secs(3) {
        return Check::passed(Topic::Clock, "as AWS's");
    }
    if differs.abs() < TOLERATED {
        return Check::passed(Topic::Clock, format!("{text} {side} AWS's; signatures may be 5m off"));
    }
    let command = match cfg!(target_os = "macos") {
        true => "sudo sntp -sS time.apple.com",
        false => "sudo timedatectl set-ntp true",
    };
    Check::failed(
        Topic::Clock,
        format!("{text} {side} AWS's, and AWS takes no signature that is more than 5m off"),
        Mend::new("set this machine's clock").command(command),
    )
}

/// `8m`, `11h 30m`: in whole minutes where there are any.
fn length(length: SignedDuration) -> String {
    let seconds = u64::try_from(length.as_secs()).unwrap_or_default();
    let rounded = if seconds >= 60 { seconds - seconds % 60 } else { seconds };
    Duration::seconds(rounded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::doctor::check::Outcome;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("an instant")
    }

    #[test]
    fn credentials_that_end_too_soon_fail_unless_new_ones_come_by_themselves() {
        let profile = Profile {
            name: "work".to_owned(),
            option: " --profile work".to_owned(),
        };
        let of = |from, left: Option<i64>| {
            let found = FoundCredentials {
                from,
                are_temporary: true,
                until: left.map(at),
            };
            credentials(&found, None, &profile, at(0))
        };
        let outcome = |from, left| of(from, left).outcome;
        assert_eq!(outcome(CredentialsFrom::Environment, Some(3600)), Outcome::Passed);
        assert_eq!(outcome(CredentialsFrom::Environment, Some(600)), Outcome::Failed);
        assert_eq!(outcome(CredentialsFrom::Environment, None), Outcome::Passed);
        assert_eq!(outcome(CredentialsFrom::AssumedRole, Some(600)), Outcome::Passed);
        let ended = of(CredentialsFrom::IdentityCenter, Some(-1));
        assert_eq!(ended.outcome, Outcome::Failed);
        let command = ended.mend.and_then(|mend| mend.command);
        assert_eq!(command.as_deref(), Some("aws sso login --profile work"));
    }

    #[test]
    fn a_clock_may_be_five_minutes_off_either_way() {
        let of = |seconds| {
            clock(Some(Clocks {
                of_aws: at(0),
                here: at(seconds),
            }))
        };
        for (seconds, outcome, says) in [
            (0, Outcome::Passed, "as AWS's"),
            (100, Outcome::Passed, "1m ahead of"),
            (-299, Outcome::Passed, "4m behind"),
            (300, Outcome::Failed, "5m ahead of"),
            (-8_000, Outcome::Failed, "2h 13m behind"),
        ] {
            let check = of(seconds);
            assert_eq!(check.outcome, outcome, "{seconds}");
            assert!(check.what.contains(says), "{}", check.what);
        }
        assert_eq!(clock(None).outcome, Outcome::Unknown);
    }
}
