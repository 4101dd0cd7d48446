use std::process::ExitCode;

use qfleet::commands::Cli;

fn main() -> ExitCode {
    qfleet::local::note_inherited();
    qfleet::commands::answer_shell();
    let cli = Cli::from_command_line();
    let output = cli.global.output;
    match cli.run().and_then(|()| qfleet::report::all_written()) {
        Ok(()) => {
            qfleet::report::calls::end();
            ExitCode::SUCCESS
        }
        Err(error) => {
            qfleet::report::error(&error, output);
            ExitCode::from(error.exit_code())
        }
    }
}
