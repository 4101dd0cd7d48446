//! From a path to an [`Environment`], or to everything that is wrong with the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::checks;
use super::explain::{explain, meant};
use super::given_name::GivenName;
use super::mend::{Broken, mend};
use super::problem::{Problem, Problems, Source};
use super::schema::{schema, validator};
use super::source::{Places, child};
use super::{Environment, yaml};

/// More than any environment file needs, and little enough to read and show.
const LARGEST: u64 = 1 << 20;

/// Reads and checks an environment file.
///
/// # Errors
/// All problems of the file at once.
pub fn load(path: &Path) -> Result<Environment, Problems> {
    load_as(path, None)
}

/// The same with a name in place of the file's, whatever that says.
///
/// # Errors
/// All problems of the file at once.
pub fn load_as(path: &Path, name: Option<&GivenName>) -> Result<Environment, Problems> {
    match text_of(path) {
        Ok(text) => parse_as(path, text, name),
        Err((text, problem)) => {
            let source = Source::new(path.to_owned(), text, Places::new());
            Err(Problems::new(Arc::new(source), vec![problem]))
        }
    }
}

/// Checks the text of an environment file; `path` is for messages, and for paths in the file, which are relative to it.
///
/// # Errors
/// All problems of the file at once.
pub fn parse(path: &Path, text: String) -> Result<Environment, Problems> {
    parse_as(path, text, None)
}

/// The same with a name in place of the file's, whatever that says.
///
/// # Errors
/// All problems of the file at once.
pub fn parse_as(path: &Path, text: String, name: Option<&GivenName>) -> Result<Environment, Problems> {
    let document = yaml::read(&text);
    let mut source = Source::new(path.to_owned(), text, document.places);
    source.given_name = name.cloned();
    let source = Arc::new(source);
    let mut problems = document.problems;
    let Some(mut value) = document.value else {
        if problems.is_empty() {
            problems.push(empty());
        }
        return Err(Problems::new(source, problems));
    };
    let mut broken = Broken::default();
    for pointer in document.unknown {
        broken.add(pointer);
    }
    if value.is_null() && !broken.covers("") {
        problems.push(empty());
        return Err(Problems::new(source, problems));
    }
    if let (Value::Object(keys), Some(given)) = (&mut value, name) {
        keys.insert("name".to_owned(), Value::from(given.name.as_str()));
    }
    problems.extend(against_schema(&value, &source, &mut broken));
    match serde_json::from_value::<Environment>(mend(schema(), &value, "", &broken)) {
        Ok(environment) => {
            let environment = Environment {
                source: Arc::clone(&source),
                ..environment
            };
            problems.extend(checks::check(&environment, &broken));
            if problems.is_empty() {
                return Ok(environment);
            }
        }
        // The schema is as strict as the types, so this can only follow from what is already said.
        Err(error) if problems.is_empty() => problems.push(Problem::new("", error.to_string())),
        Err(_) => {}
    }
    Err(Problems::new(source, problems))
}

fn empty() -> Problem {
    Problem::new("", "the file is empty").help("write an environment file to start from with `qfleet init`")
}

/// What the schema finds, one problem for one cause.
pub(super) fn against_schema(value: &Value, source: &Source, broken: &mut Broken) -> Vec<Problem> {
    let validator = match validator() {
        Ok(validator) => validator,
        Err(error) => {
            return vec![Problem::new(
                "",
                format!("the schema of environment files is wrong: {error}"),
            )];
        }
    };
    let mut errors: Vec<_> = validator.iter_errors(value).collect();
    // A mistyped key is one cause of two errors, an unknown key and a missing one: the first explains the second.
    errors.sort_by_key(|error| matches!(error.kind(), Kind::Required { .. }));
    let unreadable: Vec<bool> = errors
        .iter()
        .map(|error| broken.covers(error.instance_path().as_str()))
        .collect();
    let mut problems: Vec<Problem> = Vec::new();
    for (error, unreadable) in errors.iter().zip(unreadable) {
        let pointer = error.instance_path().as_str();
        if unreadable {
            continue;
        }
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                let part = error.schema_path().as_str();
                let part = schema()
                    .pointer(&part[..part.rfind('/').unwrap_or(0)])
                    .unwrap_or(&Value::Null);
                let explained = explain(error, source).into_iter();
                problems.extend(explained.filter(|problem| !broken.covers(&problem.pointer)));
                for key in unexpected {
                    broken.add(child(pointer, key));
                    if let Some(meant) = meant(key, part) {
                        broken.add(child(pointer, meant));
                    }
                }
            }
            Kind::Required { property } => {
                let missing = child(pointer, property.as_str().unwrap_or_default());
                if !broken.covers(&missing) {
                    problems.extend(explain(error, source));
                    broken.add(missing);
                }
            }
            // A value that is too long and doesn't match either is wrong once.
            _ if broken.covers(pointer) => {}
            _ => {
                problems.extend(explain(error, source));
                broken.add(pointer);
            }
        }
    }
    problems
}

/// The file's text, or what is wrong with it and as much of it as can be shown.
fn text_of(path: &Path) -> Result<String, (String, Problem)> {
    let bytes = read(path).map_err(|error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => Problem::new("", "the file is not there")
                .help("write an environment file to start from with `qfleet init`"),
            io::ErrorKind::IsADirectory => Problem::new("", "this is a folder").help("give the path of a file in it"),
            io::ErrorKind::PermissionDenied => {
                Problem::new("", "you may not read this file").help("look at its permissions with `ls -l`")
            }
            _ => Problem::new("", format!("the file can't be read: {error}")),
        };
        (String::new(), problem)
    })?;
    if bytes.len() as u64 > LARGEST {
        let problem = Problem::new("", "the file is larger than 1 MiB")
            .help("an environment file has a few kilobytes: is this the right one?");
        return Err((String::new(), problem));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            if utf16 {
                let problem = Problem::new("", "the file is UTF-16").help("save the file as UTF-8");
                return Err((String::new(), problem));
            }
            let at = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes).into_owned();
            let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            Err((
                text,
                Problem::new("", "not UTF-8 from here on")
                    .help("save the file as UTF-8")
                    .on_bytes(at..end),
            ))
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
