use std::process::ExitCode;

use clap::Parser;
use qfleet::commands::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            qfleet::report::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
