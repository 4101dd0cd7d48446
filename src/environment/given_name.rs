//! A name that was given in place of the file's.

use std::fmt;

/// A name that stands in place of the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenName {
    pub name: String,
    pub by: GivenBy,
}

/// Where a name was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBy {
    Option,
    Variable,
}

impl GivenBy {
    /// The environment variable that gives every command its name.
    pub const VARIABLE: &'static str = "QFLEET_NAME";
}

impl fmt::Display for GivenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GivenBy::Option => "--name",
            GivenBy::Variable => Self::VARIABLE,
        })
    }
}
