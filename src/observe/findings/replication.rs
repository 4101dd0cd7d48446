//! Of copies in another region.

use super::Words;
use crate::cloud::s3::replication::Destination;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Warning;
use crate::observe::replication::{Replication, Rule};

pub(super) fn of(replication: &Replication, words: &Words) -> Option<Finding> {
    let aren_t = "uploads aren't copied";
    let (known, is, action) = match replication.destination {
        Destination::Ready => return of_rule(replication, words),
        Destination::Missing => (aren_t, "isn't there", "deploy the region that stands by"),
        Destination::Unversioned => (aren_t, "keeps no versions", "switch its versioning on again"),
        Destination::Denied => (
            "it isn't known whether uploads are copied",
            "is another account's, or may not be read",
            "see whose it is, and correct `replicate_to` if it isn't yours",
        ),
    };
    let meaning = format!("{known}: {} {is}", replication.bucket);
    let command = format!("qfleet plan {}", words.file);
    Some(broken(meaning, action, WAITS, command))
}

fn of_rule(replication: &Replication, words: &Words) -> Option<Finding> {
    let why = match replication.rule? {
        Rule::AsDeployed | Rule::Unknown => return None,
        Rule::Missing => "the bucket here has no rule for that",
        Rule::Disabled => "the bucket's rule for that is disabled",
        Rule::OtherRole => "the bucket's rule names a role that isn't its stack's",
    };
    let meaning = format!("uploads aren't copied to {}: {why}", replication.bucket);
    let command = words.put_back("intake");
    let missed = match replication.rule? {
        Rule::OtherRole => WAITS,
        _ => "",
    };
    Some(broken(meaning, "put the rule back", missed, command))
}

/// Only of files that a rule in force speaks of: others have no replication status
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>).
const WAITS: &str = ", and `old_versions` keeps the old versions of files that aren't copied yet";

fn broken(meaning: String, action: &str, missed: &str, command: String) -> Finding {
    let action = format!("{action}; S3 doesn't copy by itself what was uploaded meanwhile{missed}");
    Finding::new("replication-broken", Warning, meaning, action).command(command)
}
