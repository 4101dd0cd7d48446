//! Of a bucket that is there already.

use super::Words;
use crate::observe::existing_bucket::ExistingBucket;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Critical;

pub(super) fn of(found: &ExistingBucket, words: &Words) -> Option<Finding> {
    let bucket = &found.bucket;
    if found.is_gone {
        let meaning = format!("the bucket {bucket} is gone: no files come from it any more");
        let action = format!("name another one in {}, and deploy it", words.file);
        return Some(Finding::new("existing-bucket-gone", Critical, meaning, action));
    }
    if found.missing.is_empty() {
        return None;
    }
    let meaning = format!(
        "{bucket} doesn't tell of new files as deployed: {} missing",
        match found.missing.len() {
            1 => "1 notification of this environment is".to_owned(),
            several => format!("{several} notifications of this environment are"),
        }
    );
    let action = "this puts them in again; `qfleet backfill` sends what arrived meanwhile";
    let finding = Finding::new("existing-bucket-silent", Critical, meaning, action);
    Some(finding.command(format!("qfleet deploy {}", words.file)))
}
