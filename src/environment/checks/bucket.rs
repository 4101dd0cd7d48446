//! What goes beside a bucket that is there already.

use super::Checks;
use crate::environment::Bucket;
use crate::environment::problem::Problem;

/// Keys that would set something of the bucket: whether each is at another value than its default, and what it sets.
fn settings(bucket: &Bucket) -> [(&'static str, bool, &'static str); 4] {
    [
        ("/bucket/versioning", bucket.versioning, "whether it keeps versions"),
        (
            "/bucket/old_versions",
            bucket.old_versions.is_some_and(|kept| kept != Bucket::OLD_VERSIONS),
            "how long it keeps old versions",
        ),
        (
            "/bucket/browsers",
            !bucket.browsers.is_empty(),
            "whose pages may upload",
        ),
        (
            "/bucket/replicate_to",
            bucket.replicate_to.is_some(),
            "where its files are copied to",
        ),
    ]
}

pub(super) fn check(checks: &mut Checks) {
    let Some(bucket) = &checks.environment.bucket else {
        return;
    };
    if checks.environment.on_destroy.is_some() {
        let problem = Problem::new(
            "/on_destroy",
            "with a bucket, its own `on_destroy` says what becomes of all data",
        );
        checks.note(problem.help("move it under `bucket`").on_key(), &["/bucket"]);
    }
    let Some(existing) = &bucket.existing else { return };
    for (at, _, what) in settings(bucket).into_iter().filter(|(_, is_set, _)| *is_set) {
        let key = at.rsplit('/').next().unwrap_or_default();
        let problem = Problem::new(
            at,
            format!("`{key}` can't be set of {existing}, which is there already"),
        );
        let help = format!("whoever made it says {what}: remove `{key}`, or `existing` for a bucket of its own");
        checks.note(problem.help(help), &["/bucket/existing"]);
    }
    if checks.environment.delivery.is_some() {
        let problem = Problem::new(
            "/delivery",
            format!("`delivery` would change the policy of {existing}, which is there already"),
        );
        let help =
            "whoever made it may let CloudFront read it: remove `delivery`, or `existing` for a bucket of its own";
        checks.note(problem.help(help).on_key(), &["/bucket/existing"]);
    }
    let name = &checks.environment.name;
    if existing.starts_with(&format!("{name}-artifacts-")) {
        let problem = Problem::new(
            "/bucket/existing",
            format!("{existing} is called as the bucket for the programs of `{name}`, which goes with it"),
        );
        let help = match checks.environment.given_name() {
            Some(given) => format!(
                "give another name with {}, or name the bucket that files land in",
                given.by
            ),
            None => "name the bucket that files land in".to_owned(),
        };
        checks.note(problem.help(help), &["/name"]);
    }
}
