//! The user's folders, by the XDG base directory specification.

use std::env;
use std::path::{Component, Path, PathBuf};

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

/// The same place as a person writes it: `stacks/../worker` is `worker`. It stays as it is where that would be another place,
/// because a folder on the way is a link or isn't there.
pub fn as_a_person_says(path: &Path) -> PathBuf {
    let said = without_ways_back(path);
    match (path.canonicalize(), said.canonicalize()) {
        (Ok(meant), Ok(found)) if meant == found => said,
        (Err(_), Err(_)) => said,
        _ => path.to_owned(),
    }
}

fn without_ways_back(path: &Path) -> PathBuf {
    let mut said = PathBuf::new();
    for part in path.components() {
        let is_back =
            part == Component::ParentDir && matches!(said.components().next_back(), Some(Component::Normal(_)));
        match is_back {
            true => {
                said.pop();
            }
            false => said.push(part),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_up_and_down_again_is_left_out() {
        for (path, said) in [
            ("stacks/../worker/work.py", "worker/work.py"),
            ("a/b/../../work.py", "work.py"),
            ("../stacks/../worker", "../worker"),
            ("/a/../b", "/b"),
            ("../../b", "../../b"),
        ] {
            assert_eq!(without_ways_back(Path::new(path)), Path::new(said), "{path}");
        }
    }
}
