//! Files that no stage gets.

use super::*;
use crate::observe::unclaimed::Unclaimed;

#[test]
fn files_that_no_stage_gets_are_counted_as_far_as_they_were_looked_at() {
    let with = |files, at_least| {
        let example = "uploads/a.txt".to_owned();
        found(&Status {
            unclaimed: Some(Unclaimed {
                files,
                example,
                at_least,
            }),
            ..status(vec![stack("intake", "CREATE_COMPLETE")], Vec::new())
        })
    };
    for (files, at_least, words) in [
        (1, false, "a file is for no stage, such as uploads/a.txt"),
        (7, false, "7 files are for no stage"),
        (1, true, "at least 1 file is for no stage"),
    ] {
        let found = with(files, at_least);
        only(&found, "files-unclaimed", Severity::Note);
        assert!(found[0].meaning.starts_with(words), "{found:?}");
    }
}
