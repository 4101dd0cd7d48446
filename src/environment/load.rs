//! From a path to an [`Environment`], or to everything that is wrong with the file.

use std::path::Path;
use std::sync::Arc;

use super::Environment;
use super::problem::{Problem, Problems, Source};

/// Reads and checks an environment file. All problems of the file come back at once.
pub fn load(path: &Path) -> Result<Environment, Problems> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let source = Arc::new(Source {
        path: path.to_owned(),
        text,
    });
    match serde_yaml::from_str::<Environment>(&source.text) {
        Ok(environment) => Ok(Environment { source, ..environment }),
        Err(error) => Err(Problems {
            list: vec![Problem::new("", error.to_string())],
            source,
        }),
    }
}
