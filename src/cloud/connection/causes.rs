//! Why an error came about, as the errors behind it tell.

use crate::cloud::connection::harmless::harmless;

/// What the SDK calls its layers by. It says nothing about what happened.
const LAYERS: [&str; 14] = [
    "an error occurred while loading credentials",
    "an unknown error occurred",
    "connector error",
    "dispatch failure",
    "failed to construct request",
    "io error",
    "operation error",
    "other",
    "request has timed out",
    "response error",
    "service error",
    "the credential provider was not enabled",
    "unexpected credentials error",
    "unhandled error",
];

/// The causes on one line: each once, without the names of the SDK's layers.
pub(in crate::cloud) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |&error| error.source()) {
        let text = harmless(&cause.to_string());
        let text = text.trim().trim_end_matches('.');
        let is_layer = LAYERS.contains(&text) || text.starts_with("unhandled error (");
        if is_layer || text.is_empty() || parts.iter().any(|said| said.contains(text)) {
            continue;
        }
        // What repeats what was said before, and goes on, says it better.
        parts.retain(|said| !text.contains(said.as_str()));
        parts.push(text.to_owned());
    }
    match parts.is_empty() {
        // Nothing but layers: the innermost says most.
        true => std::iter::successors(Some(error), |&error| error.source())
            .last()
            .map(|cause| harmless(&cause.to_string()))
            .unwrap_or_default(),
        false => parts.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    fn chain(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().expect("a text");
        Layer(first, (!rest.is_empty()).then(|| Box::new(chain(rest))))
    }

    #[test]
    fn layers_and_what_was_said_are_left_out() {
        for (texts, said) in [
            (
                [
                    "dispatch failure",
                    "other",
                    "an error occurred while loading credentials",
                    "no such file",
                ]
                .as_slice(),
                "no such file",
            ),
            (
                &["failed to load", "failed to load", "can't read x: failed to load"],
                "can't read x: failed to load",
            ),
            (
                &["it can't be read: it is empty", "it is empty"],
                "it can't be read: it is empty",
            ),
            (&["dispatch failure", "other"], "other"),
        ] {
            assert_eq!(causes(&chain(texts)), said);
        }
    }
}
