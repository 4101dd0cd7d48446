//! `qfleet schema`

use clap::Args;

use crate::environment;
use crate::error::Result;
use crate::report;

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
An environment file whose first line is

  # yaml-language-server: $schema=schema.json

is completed and checked while you write, in every editor that has the YAML language server. \
Write the schema beside the file with `qfleet schema > stacks/schema.json`.")]
pub struct Schema {}

impl Schema {
    /// Prints the JSON Schema.
    pub fn run(self) -> Result<()> {
        report::json(environment::schema());
        Ok(())
    }
}
