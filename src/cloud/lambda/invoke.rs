//! Invoking a function, to see whether it can be.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_smithy_types::base64;
use serde_json::Value;

use crate::cloud::{Cloud, CloudError, explain};

/// What came of an invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoked {
    /// Why it failed; none when it didn't.
    pub error: Option<String>,
    /// The last lines that it logged.
    pub log: Vec<String>,
}

impl Cloud {
    /// Invokes a function and waits for its answer, with the last 4 KB of its log
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
    pub async fn invoke(&self, function: &str, payload: &str) -> Result<Invoked, CloudError> {
        let asked = self.lambda.invoke().function_name(function).log_type(LogType::Tail);
        let answer = asked.payload(Blob::new(payload)).send().await;
        let answer = answer.map_err(|error| explain("Invoke", error))?;
        let log = answer.log_result.and_then(|tail| base64::decode(tail).ok());
        let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        Ok(Invoked {
            error: answer.function_error.map(|kind| said(&kind, &payload)),
            log: log.lines().map(str::to_owned).collect(),
        })
    }
}

/// `{"errorMessage": "…", "errorType": "KeyError", …}` as "KeyError: …"
/// (<https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html>).
fn said(kind: &str, payload: &[u8]) -> String {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
    match (text("errorType"), text("errorMessage")) {
        (Some(of_type), Some(message)) => format!("{of_type}: {message}"),
        (one, other) => one.or(other).unwrap_or(kind).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_said_as_the_function_said_it() {
        for (payload, expected) in [
            (
                r#"{"errorMessage": "no such key", "errorType": "KeyError", "stackTrace": []}"#,
                "KeyError: no such key",
            ),
            (
                r#"{"errorMessage": "2026-01-01 Task timed out after 3.00 seconds"}"#,
                "2026-01-01 Task timed out after 3.00 seconds",
            ),
            ("not JSON", "Unhandled"),
            ("", "Unhandled"),
        ] {
            assert_eq!(said("Unhandled", payload.as_bytes()), expected, "{payload}");
        }
    }
}
