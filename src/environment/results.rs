//! What became of each job: a table that workers write to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, KeptFor};

/// A table in DynamoDB that workers write down in what became of each job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// How long a record is kept after it was last written, 1h or longer, or `forever`. DynamoDB deletes it some time
    /// after that, without a charge.
    #[serde(default = "ttl")]
    pub ttl: KeptFor,
}

impl Results {
    /// None: for ever.
    pub fn ttl_seconds(&self) -> Option<u64> {
        match self.ttl {
            KeptFor::Time(length) => Some(length.as_secs()),
            KeptFor::Forever => None,
        }
    }
}

fn ttl() -> KeptFor {
    KeptFor::Time(Duration::days(30))
}
