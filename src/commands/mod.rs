//! The command line: one file a verb, with its arguments and its `run()`.

mod global;
mod render;
mod schema;

use clap::{Parser, Subcommand};

pub use global::Global;

use crate::error::Result;

/// Deploys queue-fed worker fleets on AWS with CloudFormation, and looks after them.
#[derive(Debug, Parser)]
#[command(name = "qfleet", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the CloudFormation templates that an environment file describes
    Render(render::Render),
    /// Print the JSON Schema of the environment file
    Schema(schema::Schema),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Render(command) => command.run(&self.global),
            Command::Schema(command) => command.run(),
        }
    }
}
