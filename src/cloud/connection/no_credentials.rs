//! Why there are no credentials, and what to do then.

use std::error::Error as _;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_types::os_shim_internal::Env;

use crate::cloud::connection::causes::causes;
use crate::error::Error;

/// Who is asked last, where nothing else is configured.
pub(super) const IMDS: &str = "the instance's metadata service (IMDS)";

/// How the message of whoever waited in vain begins.
const NOTHING_CAME: &str = "no credentials came";
/// How others begin by which there are no credentials.
const LOGGED_OUT: &str = "the login to IAM Identity Center has expired for the profile `";
const MISCONFIGURED: &str = "the AWS configuration gives no credentials: ";
const NOWHERE: &str = "there are no AWS credentials";
/// Between a variable that is set and one that isn't, and behind that.
const HALF: &str = " is set, and ";
const MISSING: &str = " isn't";

/// A web identity, as a pipeline has it.
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";

/// What the SDK said stands behind it, for `-v`.
#[derive(Debug, thiserror::Error)]
pub(super) enum NothingCame {
    #[error("{NOTHING_CAME} within {} s from {name}", limit.as_secs())]
    InTime { name: String, limit: Duration },
    #[error("{NOTHING_CAME} from {name}: {why}")]
    AtAll {
        name: String,
        why: String,
        #[source]
        cause: CredentialsError,
    },
    #[error("{LOGGED_OUT}{profile}`, or nobody has logged in yet")]
    LoggedOut {
        profile: String,
        #[source]
        cause: CredentialsError,
    },
    #[error("{MISCONFIGURED}{why}")]
    Misconfigured {
        why: String,
        #[source]
        cause: CredentialsError,
    },
    #[error("{NOWHERE}: neither the environment nor a profile has any, and no metadata service (IMDS) gave some")]
    Nowhere {
        #[source]
        cause: CredentialsError,
    },
    #[error("{NOWHERE}: {}{HALF}{}{MISSING}, no profile has any, and no metadata service (IMDS) gave some", pair.set, pair.missing)]
    Half {
        pair: HalfAPair,
        #[source]
        cause: CredentialsError,
    },
}

/// Two variables of which only one is set: of a key pair, or of a web identity. For the SDK there is none then, and it goes on to the
/// next source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HalfAPair {
    set: &'static str,
    missing: &'static str,
}

impl HalfAPair {
    /// As `EnvironmentVariableCredentialsProvider` of aws-config reads them: what is blank isn't set.
    pub(super) fn find(env: &Env) -> Option<HalfAPair> {
        let has = |name: &str| env.get(name).is_ok_and(|value| !value.trim().is_empty());
        let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        let (set, missing) = match (has(id), has(secret) || has("SECRET_ACCESS_KEY")) {
            (true, false) => (id, secret),
            (false, true) => (secret, id),
            (true, true) => return None,
            (false, false) if has(TOKEN_FILE) && !has(ROLE) => (TOKEN_FILE, ROLE),
            (false, false) => return None,
        };
        Some(HalfAPair { set, missing })
    }

    /// Whether it is a token without the role that it is for. STS may have been asked for a role whose variable is blank.
    pub(super) fn is_of_token(self) -> bool {
        self.set == TOKEN_FILE
    }
}

impl NothingCame {
    /// What an error of the SDK's says of the source of this name. `login`: the profile that somebody logs in with.
    ///
    /// # Errors
    /// One that says nothing of it, as it is.
    pub(super) fn because(name: &str, login: Option<&str>, cause: CredentialsError) -> Result<Self, CredentialsError> {
        let why = causes(cause.source().unwrap_or(&cause));
        Ok(match (&cause, login) {
            // It was asked, and the SDK itself gave it up.
            (CredentialsError::Unhandled(_) | CredentialsError::ProviderError(_), Some(profile))
                if is_logged_out(&why) =>
            {
                NothingCame::LoggedOut {
                    profile: profile.to_owned(),
                    cause,
                }
            }
            // Machines that aren't EC2's may have one of another cloud's there, which refuses.
            (CredentialsError::ProviderError(_), _) if name == IMDS => NothingCame::Nowhere { cause },
            (CredentialsError::Unhandled(_) | CredentialsError::ProviderError(_), _) => NothingCame::AtAll {
                name: name.to_owned(),
                why,
                cause,
            },
            (CredentialsError::InvalidConfiguration(_), _) => NothingCame::Misconfigured {
                why: why.replace("ProfileFile provider could not be built: ", ""),
                cause,
            },
            (CredentialsError::CredentialsNotLoaded(_), _) => NothingCame::Nowhere { cause },
            _ => return Err(cause),
        })
    }
}

/// Whether IAM Identity Center has to be logged in to: there is no token in the cache, or none that is good. aws-config's
/// `src/sso/token.rs` says the first two, IAM Identity Center the third.
fn is_logged_out(why: &str) -> bool {
    [
        "the SSO token has expired",
        "failed to load the cached SSO token",
        "Session token not found or invalid",
    ]
    .iter()
    .any(|words| why.contains(words))
}

/// A profile's name or an address as a word of a shell. `shell` is no room that this one knows.
pub(super) fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), Into::into)
}

/// Whether this message says that there are no credentials, so that no call could be made.
pub(in crate::cloud) fn is_about_credentials(message: &str) -> bool {
    [NOTHING_CAME, LOGGED_OUT, MISCONFIGURED, NOWHERE]
        .iter()
        .any(|beginning| message.starts_with(beginning))
}

/// Whether an error says that nothing of AWS is configured on this machine: no credentials, or no region.
pub fn is_of_no_configuration(error: &Error) -> bool {
    let said = error.to_string();
    said == "no region" || said.starts_with(NOWHERE)
}

/// What to do when there are no credentials; none when it isn't that.
pub(in crate::cloud) fn advice_on_credentials(message: &str) -> Option<String> {
    if let Some(rest) = message.strip_prefix(LOGGED_OUT) {
        let profile = rest.split('`').next().unwrap_or_default();
        return Some(format!(
            "`aws sso login --profile {}`, then run the same command again",
            quoted(profile)
        ));
    }
    if message.starts_with(NOTHING_CAME) {
        return Some("`aws sts get-caller-identity` asks the same source: see there why it gives none".into());
    }
    if message.starts_with(MISCONFIGURED) {
        return Some(
            "correct the profile in ~/.aws/config or ~/.aws/credentials, or name another one with --profile".into(),
        );
    }
    if let Some((TOKEN_FILE, ROLE)) = half(message) {
        return Some(format!(
            "set {ROLE}, too, to the role that the token is for, as a pipeline does from one of its variables; or unset {TOKEN_FILE}, \
             and name a profile that has credentials with --profile or AWS_PROFILE"
        ));
    }
    if let Some((set, missing)) = half(message) {
        return Some(format!(
            "set {missing}, too, as a pipeline does from a secret; or unset {set}, and name a profile that has credentials with \
             --profile or AWS_PROFILE"
        ));
    }
    message.starts_with(NOWHERE).then(|| {
        "name a profile that has some with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
         as a pipeline does; to make a profile: `aws configure sso`"
            .into()
    })
}

/// Which variable of a key pair is set, and which isn't, where a message says so.
fn half(message: &str) -> Option<(&str, &str)> {
    let (set, rest) = message.strip_prefix(NOWHERE)?.strip_prefix(": ")?.split_once(HALF)?;
    Some((set, rest.split_once(MISSING)?.0))
}

/// Why there are no credentials, when a source gave none.
pub(in crate::cloud) fn why_none(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain
        .find_map(|cause| cause.downcast_ref::<NothingCame>())
        .map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As on the runners of other clouds.
    #[test]
    fn a_metadata_service_that_refuses_is_none() {
        let refused = |name: &str| {
            let cause = CredentialsError::provider_error("failed to load IMDS session token: request forbidden");
            NothingCame::because(name, None, cause).expect("a reason").to_string()
        };
        assert!(refused(IMDS).starts_with(NOWHERE), "{}", refused(IMDS));
        assert!(advice_on_credentials(&refused(IMDS)).is_some_and(|advice| advice.contains("--profile")));
        assert!(refused("the container's endpoint").starts_with(NOTHING_CAME));
    }
}
