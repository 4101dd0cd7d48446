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
    Some(broken(meaning, action, command))
}

fn of_rule(replication: &Replication, words: &Words) -> Option<Finding> {
    let why = match replication.rule? {
        Rule::AsDeployed | Rule::Unknown => return None,
        Rule::Missing => "the bucket here has no rule for that",
        Rule::Disabled => "the bucket's rule for that is disabled",
        Rule::OtherRole => "the bucket's rule names a role that isn't its stack's",
    };
    let meaning = format!("uploads aren't copied to {}: {why}", replication.bucket);
    let command = format!("qfleet drift {} --part intake --revert", words.environment);
    Some(broken(meaning, "put the rule back", command))
}

fn broken(meaning: String, action: &str, command: String) -> Finding {
    let action = format!(
        "{action}; S3 doesn't copy by itself what was uploaded meanwhile, and `old_versions` doesn't take what waits for that"
    );
    Finding::new("replication-broken", Warning, meaning, action).command(command)
}
