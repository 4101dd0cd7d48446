//! The known word that a mistyped one was probably meant to be.

/// The nearest of `known`, if one is near enough to be meant. Spelling habits don't count as a difference:
/// `visibilityTimeout` and `visibility-timeout` are `visibility_timeout`.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let word = bare(word);
    known
        .map(|candidate| {
            let other = bare(candidate);
            let mut distance = strsim::damerau_levenshtein(&word, &other);
            // A plural, or a word with another behind it: `type`, `uploads_prefix`.
            if word.len() >= 3 && other.len() >= 3 && (word.starts_with(&other) || other.starts_with(&word)) {
                distance = distance.min(1);
            }
            (distance, other.len().max(word.len()), candidate)
        })
        .filter(|(distance, length, _)| *distance <= (*length / 3).max(1) && distance < length)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_what_was_meant() {
        let keys = ["name", "from", "queue", "visibility_timeout", "min", "max", "types"];
        for (word, meant) in [
            ("visibilityTimeout", Some("visibility_timeout")),
            ("visibility-timeout", Some("visibility_timeout")),
            ("visiblity_timeout", Some("visibility_timeout")),
            ("nmae", Some("name")),
            ("mni", Some("min")),
            ("type", Some("types")),
            ("Queue", Some("queue")),
            ("flavour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, keys.into_iter()), meant, "{word}");
        }
    }
}
