//! The README and `docs/`: pages that are generated are current, links lead somewhere, commands exist.

mod commands;
mod environment;
mod json;
mod links;
mod status;
mod typed;

/// Text on one line of a Markdown table.
fn cell(text: &str) -> String {
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    // Every other part is code, where nothing is taken for a tag.
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        if index % 2 == 0 {
            part.replace('<', "&lt;")
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// How a heading is linked to: lower case, hyphens for blanks, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}
