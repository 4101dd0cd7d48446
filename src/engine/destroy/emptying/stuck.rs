//! What S3 doesn't delete, kept in mind to be named at the end.

use crate::cloud::s3::deletion::Undeleted;
use crate::error::Error;

/// How many are named.
const NAMED: usize = 20;

/// What can't be deleted.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    count: u64,
    any_is_locked: bool,
    /// The first of them.
    named: Vec<Undeleted>,
}

impl Stuck {
    /// These, too.
    pub fn add(&mut self, more: Vec<Undeleted>) {
        self.count += more.len() as u64;
        self.any_is_locked |= more.iter().any(Undeleted::is_locked);
        let room = NAMED - self.named.len();
        self.named.extend(more.into_iter().take(room));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Every one of them by name, as far as that helps, and what to do.
    pub fn explain(&self, bucket: &str) -> Error {
        let objects = if self.count == 1 {
            "1 object"
        } else {
            &format!("{} objects", self.count)
        };
        let mut text = format!("s3://{bucket} can't be emptied: S3 didn't delete {objects}");
        for one in &self.named {
            text += &format!(
                "\n  {:?} (version {}): {}: {}",
                one.key, one.version, one.code, one.message
            );
        }
        match self.count - self.named.len() as u64 {
            0 => {}
            more => text += &format!("\n  and {more} more"),
        }
        let help = if self.any_is_locked {
            "Object Lock keeps them until their retention ends or their legal hold is lifted (`aws s3api \
             get-object-retention`, `get-object-legal-hold`): run the same command after that, or deploy with `on_destroy: \
             keep` to leave the bucket"
        } else if self.named.iter().any(Undeleted::may_pass) {
            "S3 asked to try again later: run the same command again in a minute"
        } else {
            "the role or user that runs qfleet needs s3:DeleteObject and s3:DeleteObjectVersion on all objects of the \
             bucket, and no policy may deny them; then run the same command again"
        };
        Error::failed(text).with_help(help)
    }
}
