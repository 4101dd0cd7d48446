//! Shows policies.

use std::collections::BTreeSet;

use super::form::Output;
use crate::permissions::Document;

/// One document as it is, to be piped on; several one after the other, each a JSON text of its own; with `--output json` a list
/// of several.
pub fn print(output: Output, documents: &[Document], count: usize, inline: bool, unknown: &BTreeSet<String>) {
    match (output, documents) {
        (Output::Text | Output::Json, [one]) => super::json(one),
        (Output::Json, all) => super::json(&all),
        (Output::Text, all) => {
            let texts = all.iter().filter_map(|one| serde_json::to_string_pretty(one).ok());
            super::text(&texts.map(|text| text + "\n").collect::<String>());
        }
        (Output::Jsonl, all) => all.iter().for_each(super::json_line),
    }
    if !unknown.is_empty() {
        let types: Vec<&str> = unknown.iter().map(String::as_str).collect();
        super::note(&format!(
            "note: the rights that CloudFormation needs for {} aren't known: add them by hand",
            types.join(", ")
        ));
    }
    if count > 1 && documents.len() > 1 {
        super::note(&format!(
            "note: these are {count} policies: together they are longer than {}; --document 1 to {count} prints each by \
             itself, to be attached to the same role",
            if inline {
                "inline policies of a role may be"
            } else {
                "a managed policy may be"
            },
        ));
    }
}
