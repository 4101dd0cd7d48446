//! What a function's program is to be packed from, and for.

use std::path::PathBuf;

use crate::environment::{Environment, Lambda};

/// A function's program, as it is to be packed.
#[derive(Debug)]
pub struct Recipe<'a> {
    pub lambda: &'a Lambda,
    /// Where its source is.
    pub folder: PathBuf,
    /// For the emulator, which runs functions on this machine.
    pub local: bool,
    /// Where the file names the function.
    pub pointer: String,
}

impl<'a> Recipe<'a> {
    /// That of a stage, by its place in the file.
    pub fn of(environment: &Environment, index: usize, lambda: &'a Lambda, local: bool) -> Self {
        Recipe {
            lambda,
            folder: environment.program_folder(&lambda.program),
            local,
            pointer: format!("/stages/{index}/workers/lambda"),
        }
    }
}
