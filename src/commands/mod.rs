//! The command line: one file a verb, with its arguments and its `run()`.

mod check;
mod deploy;
mod destroy;
mod global;
mod outputs;
mod placement;
mod plan;
mod render;
mod schema;
mod status;

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
    /// Find what is wrong, or unwise, without asking AWS: the file, its templates, with cfn-lint if it's there
    Check(check::Check),
    /// Show what a deploy would change, and change nothing
    Plan(plan::Plan),
    /// Make an environment what its file says: show what will change, ask, do it
    Deploy(deploy::Deploy),
    /// Show how an environment is: stacks, queues, workers
    Status(status::Status),
    /// Print what the stacks put out: names, URLs, ARNs
    Outputs(outputs::Outputs),
    /// Take an environment down
    Destroy(destroy::Destroy),
    /// Write the CloudFormation templates that an environment file describes
    Render(render::Render),
    /// Print the JSON Schema of the environment file
    Schema(schema::Schema),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Check(command) => command.run(&self.global),
            Command::Plan(command) => command.run(&self.global),
            Command::Deploy(command) => command.run(&self.global),
            Command::Status(command) => command.run(&self.global),
            Command::Outputs(command) => command.run(&self.global),
            Command::Destroy(command) => command.run(&self.global),
            Command::Render(command) => command.run(&self.global),
            Command::Schema(command) => command.run(),
        }
    }
}
