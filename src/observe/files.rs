//! The files of an environment: those that wait for workers, and those that workers are done with.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::s3::listing::Object;
use crate::cloud::{Cloud, CloudError};

/// After so many objects it is told how far it is: some seconds of listing.
const TOLD_EACH: u64 = 10_000;

/// What lies under a prefix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Held {
    pub prefix: String,
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    pub newest: Option<Newest>,
}

/// The object that was put last.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Newest {
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was put.
    pub modified: Timestamp,
    /// How long ago that was.
    pub age_seconds: u64,
}

/// Counts the objects under a prefix, a call for a thousand. `tell` is told from time to time how many there are so far;
/// `now` is the wall clock.
///
/// # Errors
/// When they can't be listed.
pub async fn held(
    cloud: &Cloud,
    bucket: &str,
    prefix: &str,
    now: Timestamp,
    tell: impl Fn(u64),
) -> Result<Held, CloudError> {
    let mut held = Held {
        prefix: prefix.to_owned(),
        ..Held::default()
    };
    let mut from = None;
    loop {
        let (objects, next) = cloud.objects_without_versions(bucket, prefix, from).await?;
        let before = held.objects;
        objects.into_iter().for_each(|object| held.add(object, now));
        if next.is_none() {
            return Ok(held);
        }
        if held.objects / TOLD_EACH > before / TOLD_EACH {
            tell(held.objects);
        }
        from = next;
    }
}

impl Held {
    fn add(&mut self, object: Object, now: Timestamp) {
        // What consoles make to show an empty folder is no file.
        if object.key == self.prefix && object.bytes == 0 {
            return;
        }
        self.objects += 1;
        self.bytes += object.bytes;
        if let Some(modified) = object.modified
            && self.newest.as_ref().is_none_or(|newest| newest.modified < modified)
        {
            let age = now.duration_since(modified).as_secs();
            self.newest = Some(Newest {
                key: object.key,
                bytes: object.bytes,
                modified,
                age_seconds: age.try_into().unwrap_or_default(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_what_was_put_last_wherever_it_is_listed() {
        let object = |key: &str, modified: i64| Object {
            key: key.into(),
            bytes: 1,
            e_tag: String::new(),
            version: None,
            modified: Timestamp::from_second(modified).ok(),
        };
        let mut held = Held::default();
        for (key, modified) in [("a", 20), ("b", 30), ("c", 10)] {
            held.add(object(key, modified), Timestamp::from_second(90).expect("a time"));
        }
        let newest = held.newest.expect("the newest");
        assert_eq!((newest.key.as_str(), newest.age_seconds), ("b", 60));
    }
}
