//! Buckets: those of the stacks, and those that are only named. The environment's own has two places, where files come in
//! and where they are put when they are done.

use super::resolve::Resource;

/// A bucket that templates speak of.
pub struct Bucket {
    pub resource: Option<Resource>,
    pub name: Option<String>,
    /// The node of what comes in, and of everything that isn't elsewhere.
    pub node: usize,
    /// The prefix of what is done, and its node.
    pub processed: Option<(String, usize)>,
}

impl Bucket {
    /// The node of what lies under a path, which begins with `/` or is empty.
    pub fn at(&self, path: &str) -> usize {
        let path = path.trim_start_matches('/');
        match &self.processed {
            Some((prefix, node)) if unquoted(path).starts_with(prefix.as_str()) => *node,
            _ => self.node,
        }
    }
}

/// A text as it was before its wildcards were quoted for IAM.
pub fn unquoted(text: &str) -> String {
    text.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$")
}
