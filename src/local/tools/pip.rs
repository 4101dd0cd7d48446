//! The virtual environment, made and filled.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::Package;
use crate::error::{Error, Result};
use crate::local::home::cannot;

/// How many of its last lines an error shows.
const LINES: usize = 8;

/// What is in pip's messages when the index doesn't answer, or has nothing.
const NO_ANSWER: [&str; 9] = [
    "(from versions: none)",
    "NameResolutionError",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionResetError",
    "RemoteDisconnected",
    "ProxyError",
    "SSLError",
];

/// As JSON: its Python's version, and the packages.
const PACKAGES: &str = "\
import importlib.metadata, json, platform
def licence(of):
    named = [c.split(' :: ')[-1] for c in of.get_all('Classifier') or [] if c.startswith('License :: ')]
    first = (of.get('License') or '').strip().splitlines()[:1]
    return of.get('License-Expression') or ' or '.join(named) or ''.join(first) or None
found = [{'name': d.metadata['Name'], 'version': d.version, 'license': licence(d.metadata)}
         for d in importlib.metadata.distributions() if d.metadata['Name'] not in ('pip', 'setuptools')]
print(json.dumps([platform.python_version(), sorted(found, key=lambda one: one['name'].lower())]))
";

/// What of the user's settings would have a virtual environment's Python or pip work elsewhere than in it. Where pip finds
/// packages, and by which proxy, stays theirs to say.
const DROPPED: [&str; 7] = [
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
];

/// Makes an empty virtual environment.
pub(super) fn make_environment(python: &Path, folder: &Path) -> Result<()> {
    let mut command = clean(python);
    command.args(["-I", "-m", "venv"]).arg(folder);
    let output = run(command, python)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{} can't make a virtual environment ({}){}",
        python.display(),
        output.status,
        last_lines(&output)
    )))
}

/// Fills it with what the file requires. Only what has the hash that stands there is taken, and nothing is built: no
/// script of a package runs.
pub(super) fn install(folder: &Path, requirements: &Path) -> Result<()> {
    let python = folder.join("bin/python");
    let mut command = clean(&python);
    // Python compiles what it runs when it first does. All at once, it takes longer than to fetch it.
    command
        .args(["-I", "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"])
        .args([
            "--disable-pip-version-check",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ])
        .arg("--requirement")
        .arg(requirements);
    let output = run(command, &python)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = last_lines(&output);
    Err(if NO_ANSWER.iter().any(|name| said.contains(name)) {
        Error::failed(format!("pip gets nothing from the package index{lines}")).with_help(
            "look at the network; where a proxy is needed, name it in HTTPS_PROXY, and an index of your own in \
             PIP_INDEX_URL or pip.conf",
        )
    } else if said.contains("DO NOT MATCH THE HASHES") {
        Error::failed(format!("a package isn't the one that qfleet was tested with{lines}")).with_help(
            "nothing was installed. Try again; if it stays so, look at what serves the packages: PIP_INDEX_URL, pip.conf",
        )
    } else if said.contains("No matching distribution") {
        Error::failed(format!("a package isn't there for this Python and system{lines}"))
            .with_help("take another Python: `qfleet local install --python python3.12`")
    } else {
        Error::failed(format!("pip failed ({}){lines}", output.status))
    })
}

/// The version of its Python, and the packages that are in it.
pub(super) fn packages(folder: &Path) -> Result<(String, Vec<Package>)> {
    let python = folder.join("bin/python");
    let mut command = clean(&python);
    command.args(["-I", "-c", PACKAGES]);
    let output = run(command, &python)?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::failed(format!(
            "{} doesn't say what is installed ({error}){}",
            python.display(),
            last_lines(&output)
        ))
        .with_help("remove it with `qfleet local uninstall`, and install it again")
    })
}

fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in DROPPED {
        command.env_remove(name);
    }
    // A pip.conf may say `user = true`, which a virtual environment refuses.
    command.env("PIP_USER", "0");
    if std::env::var_os("PIP_RETRIES").is_none() {
        // By default five, with pauses: too long to wait for nothing.
        command.env("PIP_RETRIES", "2");
    }
    command
}

fn run(mut command: Command, program: &Path) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot("run", program, &error))
}

/// The end of what it said, as the end of a message.
fn last_lines(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&both);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(LINES);
    let mut shown = String::new();
    for line in &lines[from..] {
        shown.push_str("\n    ");
        // What a program says must not steer the terminal.
        shown.extend(line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    if shown.is_empty() {
        " without a word".to_owned()
    } else {
        format!("; it said:{shown}")
    }
}
