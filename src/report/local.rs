//! What the `local` commands say.

use std::fmt::Write;

use jiff::Timestamp;

use super::style::{FAINT, STRONG, paint, seconds};
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

/// Where the emulator is and how it is.
pub fn status(emulator: Option<&Emulator>, now: Timestamp) -> String {
    let Some(emulator) = emulator else {
        return "No local AWS emulator is running (`qfleet local start` starts it)\n".to_owned();
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
        ("log", emulator.log.clone()),
    ] {
        let _ = writeln!(out, "  {}  {value}", paint(FAINT, format!("{name:<8}")));
    }
    out
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
            "note: the local AWS emulator is ministack {version}; qfleet is tested with {VERSION}"
        ));
    }
}
