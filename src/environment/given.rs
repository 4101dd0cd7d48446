//! What an extra gives, where a value is expected: `${db.Endpoint}`. Two `$` stand for one.

use std::borrow::Cow;

/// An output of another part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given<'a> {
    pub part: &'a str,
    pub output: &'a str,
}

/// What a value says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text<'a> {
    Plain(Cow<'a, str>),
    Given(Given<'a>),
}

/// A `${name.Output}` in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention<'a> {
    pub given: Given<'a>,
    /// Where its first sign is.
    start: usize,
    end: usize,
    /// How many `$` are in front of it.
    signs: usize,
}

impl<'a> Given<'a> {
    /// From `db.Endpoint`.
    pub fn read(text: &'a str) -> Option<Given<'a>> {
        let (part, output) = text.split_once('.')?;
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_given = part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(is_part)
            && !output.is_empty()
            && output.chars().all(|c| c.is_ascii_alphanumeric());
        is_given.then_some(Given { part, output })
    }

    /// From `${db.Endpoint}`.
    pub fn whole(text: &'a str) -> Option<Given<'a>> {
        Given::read(text.strip_prefix("${")?.strip_suffix('}')?)
    }
}

impl std::fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.output)
    }
}

impl Mention<'_> {
    /// Whether it stands for itself, with a sign less.
    pub fn is_escaped(&self) -> bool {
        self.signs > 1
    }
}

/// What a text mentions, wherever in it.
pub fn mentions(text: &str) -> Vec<Mention<'_>> {
    let found = text.match_indices("${").filter_map(|(at, _)| {
        let end = at + text[at..].find('}')?;
        let given = Given::read(&text[at + 2..end])?;
        let before = text[..at].bytes().rev().take_while(|byte| *byte == b'$').count();
        Some(Mention {
            given,
            start: at - before,
            end: end + 1,
            signs: before + 1,
        })
    });
    found.collect()
}

/// What a text says: a mention that is the whole of it stands for the output.
pub fn text(value: &str) -> Text<'_> {
    if let Some(given) = Given::whole(value) {
        return Text::Given(given);
    }
    let mentions = mentions(value);
    if !mentions.iter().any(Mention::is_escaped) {
        return Text::Plain(value.into());
    }
    let (mut plain, mut from) = (String::with_capacity(value.len()), 0);
    for mention in mentions.iter().filter(|mention| mention.is_escaped()) {
        plain.push_str(&value[from..mention.start]);
        plain.push_str(&value[mention.start + 1..mention.end]);
        from = mention.end;
    }
    plain.push_str(&value[from..]);
    Text::Plain(plain.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_whole_value_stands_for_an_output_and_two_signs_for_one() {
        let given = |part, output| Text::Given(Given { part, output });
        assert_eq!(text("${db.Endpoint}"), given("db", "Endpoint"));
        assert_eq!(text("${my-db2.A1}"), given("my-db2", "A1"));
        for (value, plain) in [
            ("", ""),
            ("${HOME}", "${HOME}"),
            ("${db.}", "${db.}"),
            ("${Db.Endpoint}", "${Db.Endpoint}"),
            ("${db.End-point}", "${db.End-point}"),
            ("x${db.Endpoint}", "x${db.Endpoint}"),
            ("$${db.Endpoint}", "${db.Endpoint}"),
            ("$$${db.Endpoint}", "$${db.Endpoint}"),
            ("a $${a.B} ${c.D} $$${e.F} $${G}", "a ${a.B} ${c.D} $${e.F} $${G}"),
            ("$$", "$$"),
        ] {
            assert_eq!(text(value), Text::Plain(plain.into()), "{value}");
        }
        let unescaped: Vec<String> = mentions("a $${a.B} ${c.D}")
            .iter()
            .filter(|mention| !mention.is_escaped())
            .map(|mention| mention.given.to_string())
            .collect();
        assert_eq!(unescaped, ["c.D"]);
    }

    proptest! {
        /// Whatever is meant as it is can be written, and is read back.
        #[test]
        fn any_text_can_be_written(wanted in "(\\$|\\{|\\}|\\$\\{a\\.B\\}|a\\.B|é){0,8}") {
            let mut written = String::new();
            let mut from = 0;
            for mention in mentions(&wanted) {
                written.push_str(&wanted[from..mention.start]);
                written.push('$');
                written.push_str(&wanted[mention.start..mention.end]);
                from = mention.end;
            }
            written.push_str(&wanted[from..]);
            prop_assert_eq!(text(&written), Text::Plain(wanted.as_str().into()));
        }
    }
}
