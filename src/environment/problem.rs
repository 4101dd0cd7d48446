//! What is wrong with an environment file, and where.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong, or could be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to the value in the file, e.g. `/stages/0/queue/max_receives`; empty for the whole file.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            pointer: pointer.into(),
            message: message.into(),
            help: None,
        }
    }
    /// The same, with what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An environment file as it was read: its path, its text and where each value stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The file.
    pub source: std::sync::Arc<Source>,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} problem(s)", self.source.path.display(), self.list.len())
    }
}

impl std::error::Error for Problems {}
