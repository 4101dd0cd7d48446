//! Text that is read again by something that gives characters a meaning: an environment file, a policy.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A value for a line of an environment file, in double quotes where it needs them.
///
/// Read alike by systemd's `EnvironmentFile=` and by a POSIX shell: inside double quotes both know a backslash before
/// `"`, `\`, `` ` `` and `$`, and nothing else (systemd.exec(5); POSIX, Shell Command Language, 2.2.3).
pub fn environment_file_value(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.,_-@%+=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A key as S3's events have it: form-encoded, but for its slashes. Prefixes in the filters of notifications are written
/// so, too, or nothing matches
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>).
pub fn key_in_events(key: &str) -> String {
    let parts = key
        .split('/')
        .map(|part| form_urlencoded::byte_serialize(part.as_bytes()).collect());
    parts.collect::<Vec<String>>().join("/")
}

/// The variables of an environment file, as systemd reads them: a comment or a line without `=` is none, quoted parts
/// may span lines, and the last of several lines for one name counts (systemd.exec(5), `EnvironmentFile=`).
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let name: String = std::iter::from_fn(|| chars.next_if(|c| !matches!(c, '=' | '\n'))).collect();
        if chars.next() != Some('=') {
            continue;
        }
        let value = value(&mut chars);
        let name = name.trim();
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            variables.retain(|(known, _)| known != name);
            variables.push((name.to_owned(), value));
        }
    }
    variables
}

/// What stands behind a `=`, to the end of its line.
fn value(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut value = String::new();
    // What a quote protects from being trimmed.
    let mut kept = 0;
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\n') => break,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '\t' | '\r') if value.is_empty() => {}
            (None, '\\') => value.extend(chars.next().filter(|next| *next != '\n')),
            (Some(open), _) if c == open => quote = None,
            (Some('"'), '\\') => match chars.next_if(|next| matches!(next, '"' | '\\' | '`' | '$' | '\n')) {
                Some('\n') => {}
                Some(next) => value.push(next),
                None => value.push('\\'),
            },
            _ => value.push(c),
        }
        if quote.is_some() || matches!(c, '\'' | '"') {
            kept = value.len();
        }
    }
    let end = value.trim_end_matches([' ', '\t', '\r']).len();
    value.truncate(end.max(kept));
    value
}

/// Text that stands for itself in the `Resource` of an IAM policy of version 2012-10-17, where `*`, `?` and `${…}` mean
/// more (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>, "Specifying special
/// characters").
pub fn iam_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' => literal.push_str("${*}"),
            '?' => literal.push_str("${?}"),
            '$' => literal.push_str("${$}"),
            c => literal.push(c),
        }
    }
    literal
}

/// The mark that ends a text in a shell's here-document. It holds a hash of the text, so the text can't contain it,
/// whoever wrote it.
pub fn end_mark<'a>(text: impl Iterator<Item = &'a str>) -> String {
    format!("END_{}", hash(text))
}

/// A hash of values that aren't all ASCII.
pub fn hash_beyond_ascii(values: &BTreeMap<String, String>) -> Option<String> {
    let texts = || values.iter().flat_map(|(name, value)| [name.as_str(), value]);
    texts().any(|text| !text.is_ascii()).then(|| hash(texts()))
}

/// A text as CloudFormation may hand it back, with a `?` for each character that isn't ASCII
/// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814>).
pub fn as_handed_back(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_values_stay_readable() {
        assert_eq!(environment_file_value("uploads/2024"), "uploads/2024");
        assert_eq!(environment_file_value(""), r#""""#);
        assert_eq!(environment_file_value("it's $HOME"), r#""it's \$HOME""#);
    }

    #[test]
    fn an_environment_file_is_read_as_systemd_does() {
        let text =
            "# a comment\nA=1\n B = \"two words \" \n;C=3\nD='$x \\n'\nno variable\nA=\"over\ntwo\"\nE=\n1F=x\nG=a\\ b";
        let read = environment_file(text);
        let expected = [
            ("B", "two words "),
            ("D", "$x \\n"),
            ("A", "over\ntwo"),
            ("E", ""),
            ("G", "a b"),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    proptest! {
        /// What is written is what is read, wherever it stands.
        #[test]
        fn written_values_are_read_unchanged(values in prop::collection::vec("[^\\x00]{0,30}", 1..4)) {
            let lines: Vec<String> = values.iter().enumerate()
                .map(|(n, value)| format!("V{n}={}", environment_file_value(value)))
                .collect();
            let read: Vec<String> = environment_file(&lines.join("\n")).into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(read, values);
        }

        /// What a shell reads is what was written; this is also how systemd reads it.
        #[test]
        fn a_shell_reads_it_unchanged(value in "[^\\x00]{0,30}") {
            let script = format!("V={}\nprintf %s \"$V\"", environment_file_value(&value));
            let output = std::process::Command::new("sh").arg("-c").arg(&script).output().expect("sh runs");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }

    #[test]
    fn a_text_that_holds_an_end_mark_gets_another() {
        let mark = end_mark(["a"].into_iter());
        assert_eq!(mark, end_mark(["a"].into_iter()));
        assert_ne!(mark, end_mark([format!("a\n{mark}").as_str()].into_iter()));
    }

    #[test]
    fn a_policy_means_the_text_itself() {
        assert_eq!(iam_literal("a*b?${aws:username}"), "a${*}b${?}${$}{aws:username}");
    }
}
