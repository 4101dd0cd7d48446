//! `qfleet completions SHELL`

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::completing::VARIABLE;
use crate::error::{Error, Result};
use crate::report;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
The script asks qfleet itself, so that environments and their stages are offered, too: `qfleet` must be on the PATH. Nothing is \
asked of AWS.

Examples:
  echo 'source <(qfleet completions bash)' >> ~/.bashrc
  echo 'source <(qfleet completions zsh)' >> ~/.zshrc          # after compinit
  qfleet completions zsh > ~/.zfunc/_qfleet                    # or so, with ~/.zfunc in $fpath
  qfleet completions fish > ~/.config/fish/completions/qfleet.fish")]
pub struct Completions {
    /// The shell to complete for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// A file in $fpath is run as the function that it defines, when it is needed for the first time.
const OF_FPATH: &str = "if [[ ${funcstack[1]-} == _qfleet ]]; then _clap_dynamic_completer_qfleet; fi\n";

impl Completions {
    pub fn run(self) -> Result<()> {
        let failed = |error: String| Error::failed(format!("there is no script for {}: {error}", self.shell));
        let shells = Shells::builtins();
        let completer = shells.completer(&self.shell.to_string());
        let completer = completer.ok_or_else(|| failed("it isn't known".to_owned()))?;
        let mut script = Vec::new();
        completer
            .write_registration(VARIABLE, "qfleet", "qfleet", "qfleet", &mut script)
            .map_err(|error| failed(error.to_string()))?;
        let mut script = String::from_utf8_lossy(&script).into_owned();
        if self.shell == Shell::Zsh {
            script.push_str(OF_FPATH);
        }
        report::text(script.trim_start());
        Ok(())
    }
}
