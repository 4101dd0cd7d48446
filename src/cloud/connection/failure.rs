//! What an AWS call failed with, in words a reader can act on.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::connection::advice::advice;
use crate::cloud::connection::causes::causes;
use crate::cloud::connection::harmless::harmless;
use crate::cloud::connection::no_credentials::{is_about_credentials, why_none};
use crate::cloud::connection::time_limits::no_answer;
use crate::error::Error;

/// A call to AWS that failed, after its retries.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.sentence())]
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
            Some(
                "AccessDenied"
                    | "AccessDeniedException"
                    | "UnauthorizedOperation"
                    | "AuthorizationError"
                    | "AuthorizationErrorException"
            )
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
        match advice(&self) {
            Some(help) => converted.with_help(help),
            None => converted,
        }
    }

    /// Which call failed, and why; where there was none to be made yet, only why.
    fn sentence(&self) -> String {
        match self.code.is_none() && is_about_credentials(&self.message) {
            true => self.message.clone(),
            false => format!("{} failed: {}", self.operation, self.message),
        }
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

/// Of a request that can't even be made.
pub(crate) fn unusable(operation: &'static str, error: &dyn std::error::Error) -> CloudError {
    CloudError {
        operation,
        code: None,
        message: error.to_string(),
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
        match advice(&error) {
            Some(help) => converted.with_help(help),
            None => converted,
        }
    }
}
