//! Black-box tests. A module a feature, one binary for all of them.

mod cfn_lint;
mod environment;
mod render;
mod schema;
