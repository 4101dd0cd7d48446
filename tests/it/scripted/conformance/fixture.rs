//! Recordings of real AWS under `tests/fixtures/aws`; the README there describes the format.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// A recording: requests in their order, and what AWS answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    pub source: Source,
    #[serde(default)]
    pub given: Given,
    pub steps: Vec<Step>,
}

/// Where it is from, and under which licence it may be here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub origin: String,
    pub license: String,
    pub recorded: String,
}

/// What is there when the requests begin, and what will go wrong: AWS had it by itself, the endpoint is told.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// Queues by URL, with the bodies of their messages.
    pub queues: Map<String, Value>,
    /// Resources that fail: stack, resource, verb, reason.
    pub fails: Vec<Failing>,
    /// Resources whose values a change set can't tell.
    pub unreadable: Vec<Unreadable>,
    /// What drift detection finds.
    pub drifted: Vec<Drifted>,
    /// The state of event source mappings.
    pub mapping: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    pub stack: String,
    pub resource: String,
    pub verb: String,
    pub reason: String,
    /// A create that had begun: there is a physical id.
    #[serde(default)]
    pub begun: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    pub stack: String,
    pub resource: String,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drifted {
    pub stack: String,
    pub resource: String,
    pub status: String,
    pub expected: Value,
    pub actual: Value,
    /// Path, expected, actual, type.
    pub differences: Vec<[String; 4]>,
}

/// A request, and what came back. Without `answer` and `error` it is only made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub service: String,
    pub action: String,
    #[serde(default)]
    pub request: Value,
    /// The request is repeated until its answer has these values at these JSON pointers.
    #[serde(default)]
    pub until: Map<String, Value>,
    /// The part of the answer that was recorded, as a JSON pointer.
    pub part: Option<String>,
    pub view: Option<View>,
    pub answer: Option<Value>,
    pub error: Option<Value>,
    /// The answer's HTTP status; 200 unless it says.
    pub status: Option<u16>,
}

/// Answers that were recorded in another shape.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// The events of a stack, oldest first, by resource.
    EventsByResource,
    /// The same as pairs of resource and status, over all resources.
    EventsInOrder,
}

/// All of them, with their names.
pub fn all() -> Vec<(String, Fixture)> {
    let mut found = Vec::new();
    collect(&folder(), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a fixture");
            let name = path
                .strip_prefix(folder())
                .expect("under the folder")
                .with_extension("");
            let fixture = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (name.display().to_string(), fixture)
        })
        .collect()
}

/// The file of a name.
pub fn path(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/aws")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}
