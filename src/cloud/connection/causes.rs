//! Why an error came about, as the errors behind it tell.

use aws_sdk_cloudformation::error::DisplayErrorContext;

/// The chain of causes on one line, without the SDK's debugging output behind it.
pub(in crate::cloud) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    if parts.is_empty() {
        format!("{}", DisplayErrorContext(error))
    } else {
        parts.join(": ")
    }
}
