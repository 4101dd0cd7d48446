//! DynamoDB: the table of results, and what is in it.

pub mod records;
pub mod tables;
