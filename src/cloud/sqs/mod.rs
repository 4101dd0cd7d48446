//! SQS: queues and messages.

pub mod message_moves;
pub mod messages;
pub mod queues;
