//! Which of the bucket's files a stage gets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// Which of the bucket's files a stage gets: those that fit both keys, where both are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Only {
    /// What their keys begin with, `uploads` of the bucket included.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200), example = "uploads/img/")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What their keys end in: one of these, at most 20. Upper and lower case differ.
    #[schemars(length(max = 20), inner(regex(pattern = patterns::SUFFIX), length(max = 50)), example = [".png", ".jpg"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suffix: Vec<String>,
}

impl Only {
    /// Whether a stage gets the file with this key, which lies under the watched prefix.
    pub fn takes(&self, key: &str) -> bool {
        let begins = self
            .prefix
            .as_ref()
            .is_none_or(|prefix| key.starts_with(prefix.as_str()));
        begins && (self.suffix.is_empty() || self.suffix.iter().any(|suffix| key.ends_with(suffix.as_str())))
    }
}
