//! `qfleet schema`

use clap::Args;

use crate::error::Result;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    /// Prints the JSON Schema.
    pub fn run(self) -> Result<()> {
        Ok(())
    }
}
