//! Of files in the bucket.

use super::Words;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Note;
use crate::observe::unclaimed::Unclaimed;

pub(super) fn of(unclaimed: &Unclaimed, words: &Words) -> Finding {
    let Unclaimed {
        files,
        example,
        at_least,
    } = unclaimed;
    let count = match (files, at_least) {
        (1, true) => "at least 1 file is".to_owned(),
        (n, true) => format!("at least {n} files are"),
        (1, false) => "a file is".to_owned(),
        (n, false) => format!("{n} files are"),
    };
    let meaning = format!("{count} for no stage, such as {example}: nothing happens to what no stage's `only` names");
    let action = format!("add a stage for them to {}, or delete them", words.file);
    Finding::new("files-unclaimed", Note, meaning, action)
}
