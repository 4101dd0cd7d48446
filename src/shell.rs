//! Words of a shell's command line, for commands that are shown to be copied.

/// The text as one word, quoted where it has to be: somebody's alarm may have any name. A NUL, which no name has, ends it.
pub fn word(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), |quoted| quoted.into_owned())
}

/// Whether a command, or a part of one, has this option: a word of its own.
pub fn has_option(command: &str, option: &str) -> bool {
    command.split_whitespace().any(|word| word == option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_one_word() {
        for name in [
            "plain-1",
            "a b",
            "$(reboot)",
            "it's",
            "",
            "`x`",
            "a\nb",
            "*",
            "~root",
            "é😀",
        ] {
            assert_eq!(shlex::split(&word(name)), Some(vec![name.to_owned()]), "{}", word(name));
        }
        assert_eq!(word("s3://plain-1/a.b"), "s3://plain-1/a.b");
        assert_eq!(word("$(reboot)"), "'$(reboot)'");
    }
}
