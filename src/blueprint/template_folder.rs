//! Where a template lies that is too long to be sent inline.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// A folder of the bucket for programs. A role that plans may serve pull requests: it writes into a folder of its own, and what
/// a deploy hands to CloudFormation lies where only who deploys may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TemplateFolder {
    OfPlans,
    /// Where nothing else is said: who plans isn't allowed to write here, and is told so.
    #[default]
    OfDeploys,
}

impl TemplateFolder {
    /// What the keys in it begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            TemplateFolder::OfPlans => "templates/plan/",
            TemplateFolder::OfDeploys => "templates/deploy/",
        }
    }

    /// The key of a template, which is named by its content.
    pub fn key(self, body: &str) -> String {
        let mut key = self.prefix().to_owned();
        for byte in Sha256::digest(body.as_bytes()) {
            let _ = write!(key, "{byte:02x}");
        }
        key + ".yaml"
    }
}
