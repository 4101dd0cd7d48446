//! What is missing of a stage.

use schemars::JsonSchema;
use serde::Serialize;

/// Something that a stack made and somebody deleted behind CloudFormation's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    Queue,
    DeadLetterQueue,
    ReplyQueue,
    ReplyDeadLetterQueue,
    Group,
    Function,
    Mapping,
}

impl Gone {
    pub fn as_str(self) -> &'static str {
        match self {
            Gone::Queue => "queue",
            Gone::DeadLetterQueue => "dead-letter queue",
            Gone::ReplyQueue => "queue for replies",
            Gone::ReplyDeadLetterQueue => "dead-letter queue of its replies",
            Gone::Group => "group",
            Gone::Function => "function",
            Gone::Mapping => "event source mapping",
        }
    }
}
