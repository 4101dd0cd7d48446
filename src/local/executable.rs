//! Where the emulator's program is.

use std::env;
use std::path::{Path, PathBuf};

use super::home::cannot;
use crate::error::{Error, Result};
use crate::folders;

/// The version of ministack that qfleet is tested with.
pub const VERSION: &str = "1.5.33";
const VARIABLE: &str = "QFLEET_MINISTACK";

/// Finds ministack: `$QFLEET_MINISTACK`, else what `qfleet local install` brought, else in the folder of the user's data in
/// which earlier versions of qfleet looked for it, else on the PATH.
pub(super) fn find() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
    {
        return if is_executable(&named) {
            absolute(&named)
        } else {
            Err(missing(&format!(
                "{VARIABLE} names {}, which is no program",
                named.display()
            )))
        };
    }
    let own = folders::tool("ministack");
    let earlier = folders::data().map(|folder| folder.join("ministack/bin/ministack"));
    let on_path = env::var_os("PATH").unwrap_or_default();
    let found = own
        .into_iter()
        .chain(earlier)
        .chain(env::split_paths(&on_path).map(|folder| folder.join("ministack")))
        .find(|candidate| is_executable(candidate));
    match found {
        Some(program) => absolute(&program),
        None => Err(missing("the local AWS emulator, ministack, is not installed")),
    }
}

/// Whether a command that needs the emulator would find its program.
pub fn is_installed() -> bool {
    find().is_ok()
}

/// It is started in another folder than ours.
fn absolute(program: &Path) -> Result<PathBuf> {
    std::path::absolute(program).map_err(|error| cannot("find", program, &error))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn missing(what: &str) -> Error {
    Error::failed(what).with_help(format!(
        "install it with `qfleet local install`, or name its program in {VARIABLE}"
    ))
}
