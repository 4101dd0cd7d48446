//! Of copies in another region.

use super::Words;
use crate::cloud::s3::replication::Destination;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Warning;
use crate::observe::replication::Replication;

pub(super) fn of(replication: &Replication, words: &Words) -> Option<Finding> {
    let (is, action) = match replication.destination {
        Destination::Ready => return None,
        Destination::Missing => ("isn't there", "deploy the region that stands by"),
        Destination::Unversioned => ("keeps no versions", "switch its versioning on again"),
        Destination::Denied => (
            "is another account's, or may not be read",
            "see whose it is, and correct `replicate_to` if it isn't yours",
        ),
    };
    let meaning = format!("uploads aren't copied: {} {is}", replication.bucket);
    let action = format!("{action}; S3 doesn't copy by itself what was uploaded meanwhile");
    let command = format!("qfleet plan {}", words.file);
    Some(Finding::new("replication-broken", Warning, meaning, action).command(command))
}
