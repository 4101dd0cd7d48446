//! What an AWS call failed with, in words a reader can act on.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::connection::causes::causes;
use crate::cloud::connection::harmless::harmless;
use crate::cloud::connection::source::{nothing_came, why_none};
use crate::cloud::connection::time_limits::no_answer;
use crate::error::Error;

/// A call to AWS that failed, after its retries.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {message}")]
pub struct CloudError {
    /// The API operation, e.g. `CreateChangeSet`.
    pub operation: &'static str,
    /// The service's error code, e.g. `AccessDenied`; none when no answer came.
    pub code: Option<String>,
    /// The service's own message, or why no answer came.
    pub message: String,
}

impl CloudError {
    /// Whether the service answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the caller lacks the permission.
    pub fn is_denied(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError")
        )
    }

    /// Whether the account's request limit is used up: nothing is wrong with the request.
    pub fn is_throttling(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        code.contains("Throttl") || matches!(code, "RequestLimitExceeded" | "SlowDown")
    }

    /// The same towards the user, with what it is about in front and what to do behind.
    pub fn about(self, what: &str) -> Error {
        let converted = Error::failed(format!("{what}: {self}"));
        match self.help() {
            Some(help) => converted.with_help(help),
            None => converted,
        }
    }

    /// What to do about the common ones.
    fn help(&self) -> Option<&'static str> {
        let code = self.code.as_deref().unwrap_or_default();
        if code.contains("ExpiredToken") || self.message.contains("expired") && self.message.contains("token") {
            return Some(
                "the credentials have expired: log in again, then run the same command; it goes on where this one stopped",
            );
        }
        if self.is_denied() {
            return Some("the role or user that runs qfleet lacks this permission: the message names the action");
        }
        if matches!(
            code,
            "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" | "AuthFailure"
        ) {
            return Some("AWS does not know these credentials: check the profile, AWS_ACCESS_KEY_ID and the clock");
        }
        if self.is_throttling() {
            return Some(
                "the account's request limit is used up by others, too: run the same command again in a minute",
            );
        }
        if self.code.is_none() && nothing_came(&self.message) {
            return Some("`aws sts get-caller-identity` asks the same source: see there why it gives none");
        }
        if self.code.is_none() && self.message.contains("credentials") {
            return Some(
                "neither the environment nor a profile has credentials, and no metadata service (IMDS) gave any: `aws configure \
                 sso`, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            );
        }
        if self.code.is_none() {
            return Some("no answer came, or none that can be read: check the network, the region and --endpoint-url");
        }
        None
    }
}

/// `None` when the service refused with one of these codes, by which it says that what was asked for isn't there.
pub(crate) fn unless<T>(codes: &[&str], answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if codes.iter().any(|code| error.is(code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What an SDK error means.
pub(crate) fn explain<E, R>(operation: &'static str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let code = error.code().map(str::to_owned);
    let message = match (&error, error.message()) {
        (_, Some(message)) => message.to_owned(),
        (SdkError::DispatchFailure(_), None) => {
            let why = why_none(&error).or_else(|| no_answer(&error));
            why.unwrap_or_else(|| causes(&error))
        }
        (SdkError::ServiceError(_), None) => code.clone().unwrap_or_else(|| "the service gave no reason".into()),
        _ => causes(&error),
    };
    CloudError {
        operation,
        code,
        // AWS repeats a request whose signature is wrong, with the session token in it.
        message: harmless(&message),
    }
}

impl From<CloudError> for Error {
    fn from(error: CloudError) -> Self {
        let converted = Error::failed(error.to_string());
        match error.help() {
            Some(help) => converted.with_help(help),
            None => converted,
        }
    }
}
