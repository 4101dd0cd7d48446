//! What needs no AWS: files, templates, help.

mod advice;
mod alarms;
pub mod arrows;
pub mod cfn_lint;
pub mod check;
pub mod checkov;
pub mod docs;
pub mod environment;
mod filters;
mod functions;
pub mod help;
mod images;
pub mod init;
mod keys;
mod metric_math;
mod options;
pub mod render;
pub mod resource_schemas;
mod results;
pub mod schema;
mod secrets;
mod shipped;
mod sound;
mod templates;
mod variables;
mod web;
mod written;
