//! What errors say of a request, without what nobody else may see.

/// Before what is secret in a link, in a signed request, or in what AWS says of one. A value ends at a blank, a quote or an `&`.
const BEFORE: [&str; 5] = [
    "x-amz-signature=",
    "x-amz-security-token=",
    "x-amz-credential=",
    "x-amz-security-token:",
    "signature=",
];
/// What follows is the request itself, headers and all: AWS repeats it when a signature is wrong, the session token
/// included.
const REPEATED: [&str; 4] = [
    "The Canonical String for this request should have been",
    "The String-to-Sign should have been",
    "Authorization:",
    "authorization:",
];

/// The same without signatures, tokens and what a request looked like.
pub(in crate::cloud) fn harmless(text: &str) -> String {
    let ends = REPEATED.iter().filter_map(|words| text.find(words)).min();
    let text = &text[..ends.unwrap_or(text.len())];
    let mut left = text.trim_end().to_owned();
    for before in BEFORE {
        let mut from = 0;
        // ASCII alone changes, so that places stay where they are.
        while let Some(at) = left[from..].to_ascii_lowercase().find(before) {
            let begins = from + at + before.len();
            let rest = &left[begins..];
            let length = rest.find([' ', '\n', '&', '"', '\'', '<']).unwrap_or(rest.len());
            left.replace_range(begins..begins + length, "…");
            from = begins;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_and_nothing_else() {
        for (text, left) in [
            (
                "DescribeStacks failed: Rate exceeded",
                "DescribeStacks failed: Rate exceeded",
            ),
            (
                "GET https://lab.s3.amazonaws.com/a?X-Amz-Credential=AKIA%2F2026&X-Amz-Date=1&X-Amz-Security-Token=IQoJ&\
                 X-Amz-Signature=0a1b \"x\"",
                "GET https://lab.s3.amazonaws.com/a?X-Amz-Credential=…&X-Amz-Date=1&X-Amz-Security-Token=…&\
                 X-Amz-Signature=… \"x\"",
            ),
            (
                "The request signature we calculated does not match. Check your key.\n\nThe Canonical String for this \
                 request should have been\n'POST\n/\n\nx-amz-security-token:IQoJ\n'",
                "The request signature we calculated does not match. Check your key.",
            ),
            ("Größe x-amz-security-token:IQoJ ä", "Größe x-amz-security-token:… ä"),
        ] {
            assert_eq!(harmless(text), left);
        }
    }
}
