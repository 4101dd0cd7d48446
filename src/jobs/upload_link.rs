//! Which keys an upload link is made for.

use super::destinations::Intake;
use crate::cloud::s3::uploads::LONGEST_KEY;
use crate::error::{Error, Result};

/// That a form can hold the key, and that it names a file.
///
/// # Errors
/// Usage, when it can't.
pub fn check(key: &str) -> Result<()> {
    let refused = |why: &str, help: &str| Err(Error::usage(format!("{key:?} {why}")).with_help(help));
    if key.ends_with('/') {
        return refused("names a folder", "give the whole key of a file: uploads/cat.jpg");
    }
    if key.len() > LONGEST_KEY {
        return refused(
            &format!("is longer than {LONGEST_KEY} bytes, the most that S3 takes"),
            "shorten it",
        );
    }
    if key.contains(char::is_control) {
        return refused(
            "has control characters",
            "leave them out: what is printed couldn't be copied",
        );
    }
    // "The variable ${filename} is … recognized by all form fields"; a policy would have to write any other `$` as `\$`, which
    // isn't JSON: sigv4-HTTPPOSTForms and sigv4-HTTPPOSTConstructPolicy in S3's developer guide.
    if key.contains('$') {
        return refused("has a `$`, which S3 takes for a variable in a form", "leave it out");
    }
    Ok(())
}

/// That a file of this key is a job.
///
/// # Errors
/// Usage, when the bucket tells nobody of it.
pub fn check_watched(key: &str, intake: &Intake) -> Result<()> {
    let prefix = &intake.prefix;
    if key.starts_with(prefix) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{key:?} isn't under {prefix}: a file there would never be a job"
    ))
    .with_help(format!(
        "begin the key with it: {prefix}{}",
        key.rsplit('/').next().unwrap_or(key)
    )))
}
