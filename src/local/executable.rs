//! Where the emulator's program is.

use std::env;
use std::path::{Path, PathBuf};

use super::home::cannot;
use crate::error::{Error, Result};
use crate::folders;
use crate::shell::word;

/// The version of ministack that qfleet is tested with.
pub const VERSION: &str = "1.5.33";
/// CloudWatch speaks CBOR, for which ministack needs this package but doesn't ask for it.
const CBOR2: &str = "cbor2==6.2.1";
/// What Lambda's Python brings: the emulator runs functions with its own.
const OF_FUNCTIONS: &str = "boto3";
const VARIABLE: &str = "QFLEET_MINISTACK";

/// Finds ministack: `$QFLEET_MINISTACK`, else in qfleet's own folder of the user's data, else on the PATH.
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
    let own = folders::data().map(|folder| folder.join("ministack/bin/ministack"));
    let on_path = env::var_os("PATH").unwrap_or_default();
    let found = own
        .into_iter()
        .chain(env::split_paths(&on_path).map(|folder| folder.join("ministack")))
        .find(|candidate| is_executable(candidate));
    match found {
        Some(program) => absolute(&program),
        None => Err(missing("the local AWS emulator, ministack, is not installed")),
    }
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
    let shown = folders::data().map_or_else(
        || "~/.local/share/qfleet/ministack".to_owned(),
        |folder| word(&folder.join("ministack").to_string_lossy()),
    );
    Error::failed(what).with_help(format!(
        "install it with Python 3.10 or later:\n    \
         python3 -m venv {shown}\n    \
         {shown}/bin/pip install ministack=={VERSION} {CBOR2} {OF_FUNCTIONS}\n  \
         or name its program in {VARIABLE}"
    ))
}
