//! What the `local` commands say.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;

use super::style::{FAINT, STRONG, count, paint, seconds};
use crate::local::tools::{Installed, WANTED};
use crate::local::{Emulator, VERSION};

/// An emulator that runs: just started, or found.
pub fn started(emulator: &Emulator) -> String {
    let what = if emulator.new { "started" } else { "already running" };
    format!("Local AWS emulator {what} at {}\n", emulator.endpoint)
}

/// An emulator that was ended, or that there was none.
pub fn stopped(emulator: Option<&Emulator>) -> String {
    match emulator {
        Some(emulator) => format!(
            "Local AWS emulator at {} stopped; everything that was deployed to it is gone\n",
            emulator.endpoint
        ),
        None => "No local AWS emulator is running\n".to_owned(),
    }
}

/// Before the emulator is ended. `fleets`: the environments whose local fleets run.
pub fn stop_question(emulator: &Emulator, fleets: &[String]) -> String {
    let with_them = match fleets {
        [] => String::new(),
        [one] => format!(", and end the local fleet of {one}"),
        more => format!(", and end the local fleets of {}", more.join(", ")),
    };
    format!(
        "Stop the local AWS emulator at {}, with everything that was deployed to it{with_them}?",
        emulator.endpoint
    )
}

/// Where the emulator is and how it is.
pub fn status(emulator: Option<&Emulator>, is_installed: bool, now: Timestamp) -> String {
    let Some(emulator) = emulator else {
        let next = if is_installed {
            "(`qfleet local start` starts it)"
        } else {
            "and none is installed (`qfleet local install` installs it)"
        };
        return format!("No local AWS emulator is running {next}\n");
    };
    let version = emulator.version.as_deref();
    let mut out = format!(
        "Local AWS emulator is {}\n",
        paint(STRONG, if version.is_some() { "running" } else { "not answering" })
    );
    for (name, value) in [
        ("endpoint", emulator.endpoint.clone()),
        ("process", emulator.pid.to_string()),
        ("version", format!("ministack {}", version.unwrap_or("unknown"))),
        ("uptime", seconds(emulator.uptime(now).as_secs_f64())),
        ("program", emulator.program.clone().unwrap_or("unknown".to_owned())),
        ("log", emulator.log.clone()),
    ] {
        let _ = writeln!(out, "  {}  {value}", paint(FAINT, format!("{name:<8}")));
    }
    out
}

/// What each of the packages is for, that were installed for their own sake; in the order of [`WANTED`].
const FOR: [&str; 3] = ["the local AWS emulator", "for workers in Python", "for `qfleet check`"];

/// Said before the packages are fetched.
pub fn installing(folder: &Path) -> String {
    format!(
        "Installing ministack {VERSION}, boto3 and cfn-lint in {} (some 160 MB)",
        folder.display()
    )
}

/// What is installed, with its licences.
pub fn installed(installed: &Installed) -> String {
    let what = if installed.changed {
        "Installed"
    } else {
        "Already installed"
    };
    let mut out = format!("{what} in {}, with Python {}:\n", installed.folder, installed.python);
    let named = |name: &str| installed.packages.iter().find(|package| package.name == name);
    for (package, purpose) in WANTED
        .iter()
        .zip(FOR)
        .filter_map(|(name, purpose)| Some((named(name)?, purpose)))
    {
        let license = package.license.as_deref().unwrap_or("licence unknown");
        let _ = writeln!(
            out,
            "  {:<10} {:<10} {purpose:<23}  {license}",
            package.name, package.version
        );
    }
    let others = installed.packages.len().saturating_sub(WANTED.len());
    let _ = writeln!(
        out,
        "{} that they need; `qfleet local install --output json` names each with its licence",
        count(others, "package")
    );
    out
}

/// What was removed, or that there was nothing.
pub fn uninstalled(folder: Option<&str>) -> String {
    match folder {
        Some(folder) => format!("Removed {folder}\n"),
        None => "Nothing was installed\n".to_owned(),
    }
}

/// Says on standard error what a command that needs an emulator has done about it, and whether it's another than the
/// one qfleet is tested with.
pub fn note(emulator: &Emulator, asked_for: bool) {
    if emulator.new && !asked_for {
        super::note(&format!(
            "Started the local AWS emulator at {} (`qfleet local stop` ends it)",
            emulator.endpoint
        ));
    }
    if let Some(version) = emulator.version.as_deref().filter(|version| *version != VERSION) {
        super::note(&format!(
            "note: the local AWS emulator is ministack {version}; qfleet is tested with {VERSION}, which \
             `qfleet local install` brings"
        ));
    }
}
