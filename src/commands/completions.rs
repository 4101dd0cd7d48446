//! `qfleet completions SHELL`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::error::Result;
use crate::report;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  qfleet completions bash > ~/.local/share/bash-completion/completions/qfleet\n  \
                  qfleet completions zsh > ~/.zfunc/_qfleet    # with ~/.zfunc in $fpath\n  \
                  qfleet completions fish > ~/.config/fish/completions/qfleet.fish")]
pub struct Completions {
    /// The shell to complete for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "qfleet", &mut script);
        report::text(&String::from_utf8_lossy(&script));
        Ok(())
    }
}
