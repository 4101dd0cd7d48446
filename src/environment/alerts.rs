//! Who is told when an alarm goes off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// Who is told when an alarm goes off. Exactly one of the two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// A mailbox: it gets a topic of the environment's own. SNS sends it a link, which somebody has to follow first.
    #[schemars(regex(pattern = patterns::EMAIL), length(max = 254), example = "ops@example.com")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// The ARN of a standard topic that is there already. Its policy must let CloudWatch publish.
    #[schemars(regex(pattern = patterns::TOPIC), length(max = 400), example = "arn:aws:sns:us-east-2:111122223333:ops")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<String>,
}

impl Alerts {
    /// Where the topic is that is there already: `arn:partition:sns:region:account:name`.
    pub fn region(&self) -> Option<&str> {
        self.topic.as_deref()?.split(':').nth(3)
    }
}
