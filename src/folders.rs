//! The user's folders, by the XDG base directory specification.

use std::env;
use std::path::PathBuf;

/// `$XDG_STATE_HOME/qfleet`, by default `~/.local/state/qfleet`: what must outlive a command.
pub fn state() -> Option<PathBuf> {
    of_user("XDG_STATE_HOME", ".local/state")
}

/// `$XDG_DATA_HOME/qfleet`, by default `~/.local/share/qfleet`: what the user put there.
pub fn data() -> Option<PathBuf> {
    of_user("XDG_DATA_HOME", ".local/share")
}

/// A program that `qfleet local install` brought; none where it isn't installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let program = data()?.join("tools/bin").join(name);
    program.is_file().then_some(program)
}

/// `$XDG_CACHE_HOME/qfleet`, by default `~/.cache/qfleet`: what can be made again.
pub fn cache() -> Option<PathBuf> {
    of_user("XDG_CACHE_HOME", ".cache")
}

/// The specification says to ignore relative paths in its variables.
fn of_user(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    named
        .or_else(|| env::home_dir().map(|home| home.join(below_home)))
        .map(|base| base.join("qfleet"))
}
