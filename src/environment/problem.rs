//! What is wrong with an environment file, and where.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

pub use super::source::Source;
use super::source::path;
use crate::seen;

/// How many problems of a file are shown. Whoever mends them checks again.
const MOST: usize = 20;

/// One thing that is wrong, or could be better.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to the value in the file, e.g. `/stages/0/queue/max_receives`; empty for the whole file.
    pub pointer: String,
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    spot: Spot,
}

/// What exactly a problem points at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
enum Spot {
    /// The value at the pointer.
    #[default]
    Value,
    /// The key at the pointer: it is the key that's wrong.
    Key,
    /// These bytes: nothing at a pointer, such as what can't be read as YAML.
    Bytes(Range<usize>),
}

impl Problem {
    /// A problem at `pointer`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        seen::note();
        Problem {
            pointer: pointer.into(),
            message: message.into(),
            help: None,
            spot: Spot::Value,
        }
    }

    /// The same, with what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, about the key and not its value.
    pub fn on_key(mut self) -> Self {
        self.spot = Spot::Key;
        self
    }

    /// The same, about these bytes of the file.
    pub fn on_bytes(mut self, bytes: Range<usize>) -> Self {
        self.spot = Spot::Bytes(bytes);
        self
    }
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone)]
pub struct Problems {
    pub source: Arc<Source>,
    /// At least one, unless it's advice; the first twenty.
    pub list: Vec<Problem>,
    /// How many others there are.
    pub more: usize,
    /// What to do where the file can't be put right now.
    pub instead: Option<String>,
}

/// A problem with the place it stands at: what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Located<'a> {
    /// The file, as the user gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// JSON pointer (RFC 6901).
    pub pointer: &'a str,
    /// The same for people, e.g. `stages[0].queue.max_receives`.
    pub path: String,
    pub message: &'a str,
    /// What would be right.
    pub help: Option<&'a str>,
    /// The bytes of the text to underline.
    #[serde(skip)]
    pub bytes: Range<usize>,
}

impl Problems {
    /// Puts problems of one file into the order of its lines, and keeps the first; the same problem twice is once.
    pub fn new(source: Arc<Source>, mut list: Vec<Problem>) -> Self {
        list.sort_by_cached_key(|problem| {
            let bytes = source_bytes(&source, problem);
            (bytes.start, bytes.end)
        });
        let mut seen = HashSet::new();
        list.retain(|problem| seen.insert(problem.clone()));
        let more = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        Problems {
            source,
            list,
            more,
            instead: None,
        }
    }

    /// The problems with the places they stand at.
    pub fn located(&self) -> impl Iterator<Item = Located<'_>> {
        self.list.iter().map(|problem| {
            let bytes = source_bytes(&self.source, problem);
            let (line, column) = self.source.line_and_column(bytes.start);
            Located {
                file: self.source.path.display().to_string(),
                line,
                column,
                pointer: &problem.pointer,
                path: path(&problem.pointer),
                message: &problem.message,
                help: problem.help.as_deref(),
                bytes,
            }
        })
    }
}

fn source_bytes(source: &Source, problem: &Problem) -> Range<usize> {
    match &problem.spot {
        Spot::Value => source.value(&problem.pointer),
        Spot::Key => source.key(&problem.pointer),
        Spot::Bytes(bytes) => source.clip(bytes),
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.source.path.display();
        match self.list.len() + self.more {
            1 => write!(f, "1 problem in {file}"),
            n => write!(f, "{n} problems in {file}"),
        }
    }
}

impl std::error::Error for Problems {}
