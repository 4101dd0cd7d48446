//! Asks cfn-lint, which knows the schemas of AWS's resources, about rendered templates.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::Blueprint;
use super::lint::{Finding, Severity};
use crate::folders;

/// The environment variable that names the executable. Else it is that of the PATH, else what `qfleet local install` brought.
pub const EXECUTABLE: &str = "QFLEET_CFN_LINT";

const NAME: &str = "cfn-lint";

/// The version that qfleet is tested with.
pub const VERSION: &str = "1.58.0";

/// The one that `qfleet local install` brought.
pub fn own() -> Option<PathBuf> {
    folders::tool(NAME)
}

/// Rules that aren't asked, each with its reason.
const IGNORED: [&str; 1] = [
    "W3010", // "avoid hardcoding availability zones": the user named them, and a template is for one region
];

/// What it says of a line of a template.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Match {
    filename: PathBuf,
    level: String,
    location: Location,
    message: String,
    rule: Rule,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    start: Position,
    path: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line_number: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    id: String,
}

/// Its findings about all stacks, from one process: starting it takes longer than checking a dozen templates.
/// `None` when it isn't installed.
///
/// # Errors
/// Why it couldn't be run, or what it said instead of findings.
pub fn run(blueprint: &Blueprint, region: &str) -> Result<Option<Vec<Finding>>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder for cfn-lint: {error}"))?;
    let mut stacks = BTreeMap::new();
    for stack in &blueprint.stacks {
        let path = folder.path().join(format!("{}.yaml", stack.name));
        fs::write(&path, &stack.body).map_err(|error| format!("{}: {error}", path.display()))?;
        stacks.insert(path, stack);
    }
    let ask = |executable: &OsStr| {
        Command::new(executable)
            .args([
                "--format",
                "json",
                "--non-zero-exit-code",
                "none",
                "--regions",
                region,
                // What a `.cfnlintrc` leaves out is left out, too: without this, it would be overridden.
                "--merge-configs",
                "--ignore-checks",
            ])
            .args(IGNORED)
            .arg("--")
            .args(stacks.keys())
            .output()
    };
    let named = std::env::var_os(EXECUTABLE);
    let mut executable = named.clone().unwrap_or_else(|| OsString::from(NAME));
    let mut output = ask(&executable);
    let is_missing = output.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if let Some(own) = folders::tool(NAME).filter(|_| is_missing && named.is_none()) {
        executable = own.into_os_string();
        output = ask(&executable);
    }
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", executable.display())),
    };
    let matches: Vec<Match> = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or_default();
        format!(
            "{} ended with {} and no findings ({error}): {last}",
            executable.display(),
            output.status
        )
    })?;
    let found = matches.into_iter().map(|found| {
        let of = stacks.get(&found.filename);
        let stack = of.map_or_else(|| found.filename.display().to_string(), |stack| stack.name.clone());
        let file = of.and_then(|stack| stack.file.clone());
        let place = match found.location.path {
            Some(path) if !path.is_empty() => path.iter().map(step).collect::<Vec<_>>().join("/"),
            _ => format!("line {}", found.location.start.line_number),
        };
        Finding {
            severity: if found.level == "Error" {
                Severity::Error
            } else {
                Severity::Warning
            },
            rule: Some(found.rule.id),
            stack,
            line: file.as_ref().map(|_| found.location.start.line_number),
            file,
            place,
            message: found.message,
        }
    });
    Ok(Some(found.collect()))
}

fn step(step: &serde_json::Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), str::to_owned)
}
