//! The environment that a command is about, once its file was read.

use crate::blueprint;
use crate::environment::Environment;

/// The environment that is meant.
#[derive(Debug, Clone)]
pub struct Meant {
    pub name: String,
    /// Its file; none when it was given by its name alone.
    pub file: Option<Environment>,
    /// For a command that needs the file, to copy from a message: `stacks/lab.yaml`, `ENV --name bob`.
    pub file_words: String,
}

impl Meant {
    /// The stages, as the file orders them.
    pub fn stages(&self) -> Vec<String> {
        let stages = self.file.iter().flat_map(|file| &file.stages);
        stages.map(|stage| stage.name.clone()).collect()
    }

    /// The parts that its file has.
    pub(super) fn parts(&self) -> Option<Vec<String>> {
        self.file.as_ref().map(blueprint::parts_of)
    }
}
