//! What a function's `build` makes of its program: run in a copy of the folder, and kept, so that the same program isn't
//! built twice.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use super::files::Found;
use super::{Recipe, hexadecimal};
use crate::environment::problem::Problem;
use crate::folders;

/// The script's name.
pub(super) const SCRIPT: &str = "build";
/// Stands for how a program is built and packed: what older versions kept isn't used.
const FORM: &[u8] = b"1";
/// What nobody used for so long goes.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many lines of its output a failure shows.
const TAIL: usize = 30;

/// Stands for everything that a build depends on and that qfleet knows.
pub(super) fn key(recipe: &Recipe<'_>, source: &Found) -> io::Result<String> {
    let mut hash = Sha256::new();
    let local = if recipe.local { "local" } else { "" };
    let architecture = recipe.lambda.architecture.to_string();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for text in [
        FORM,
        recipe.lambda.runtime.as_bytes(),
        architecture.as_bytes(),
        local.as_bytes(),
    ] {
        part(text);
    }
    for file in &source.files {
        part(file.name.as_bytes());
        part(&[u8::from(file.executable)]);
        part(&fs::read(&file.path)?);
    }
    Ok(hexadecimal(hash.finalize()))
}

/// The folder for what was built, if there is a place for it.
pub(super) fn cache() -> Option<PathBuf> {
    Some(folders::cache()?.join("builds"))
}

/// The zip that was built before.
pub(super) fn kept(cache: &Path, key: &str) -> Option<Vec<u8>> {
    let path = cache.join(key);
    let bytes = fs::read(&path).ok()?;
    // It was used: that keeps it.
    let _ = File::options()
        .append(true)
        .open(&path)
        .and_then(|file| file.set_modified(SystemTime::now()));
    Some(bytes)
}

/// Keeps a zip, whole or not at all, and drops those that nobody used for long. Where that can't be done, the program is
/// built again next time.
pub(super) fn keep(cache: &Path, key: &str, zip: &[u8]) {
    let kept = || {
        fs::create_dir_all(cache)?;
        let mut draft = tempfile::NamedTempFile::new_in(cache)?;
        io::Write::write_all(&mut draft, zip)?;
        draft.persist(cache.join(key)).map_err(|error| error.error)
    };
    if kept().is_err() {
        return;
    }
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let age = entry
            .metadata()
            .and_then(|found| found.modified())
            .map(|used| used.elapsed());
        if matches!(age, Ok(Ok(age)) if age > KEPT) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Runs the script in a copy of its folder, which is left to the caller.
///
/// # Errors
/// Why it can't be run, or its failure with what it said.
pub(super) fn run(recipe: &Recipe<'_>, source: &Found, pointer: &str) -> Result<tempfile::TempDir, Problem> {
    let script = recipe.folder.join(SCRIPT);
    let failed = |error: io::Error| Problem::new(pointer, format!("{} can't be run: {error}", script.display()));
    let folder = tempfile::Builder::new()
        .prefix("qfleet-build-")
        .tempdir()
        .map_err(failed)?;
    copy(source, folder.path()).map_err(failed)?;
    let output = tempfile::NamedTempFile::new().map_err(failed)?;
    // One handle, so that the two follow each other.
    let said = output.reopen().map_err(failed)?;
    let complained = said.try_clone().map_err(failed)?;
    let mut command = Command::new(folder.path().join(SCRIPT));
    command
        .current_dir(folder.path())
        .env("QFLEET_RUNTIME", &recipe.lambda.runtime)
        .env("QFLEET_ARCHITECTURE", recipe.lambda.architecture.to_string())
        .env_remove("QFLEET_LOCAL")
        .stdin(Stdio::null())
        .stdout(said)
        .stderr(complained);
    if recipe.local {
        command.env("QFLEET_LOCAL", "true");
    }
    let status = patiently(&mut command).map_err(failed)?;
    if status.success() {
        return Ok(folder);
    }
    let said = fs::read(output.path()).unwrap_or_default();
    let problem = Problem::new(pointer, format!("{} failed ({status})", script.display()));
    Err(match tail(&String::from_utf8_lossy(&said)) {
        tail if tail.is_empty() => problem.help("it said nothing"),
        tail => problem.help(format!("it said:\n{tail}")),
    })
}

/// A process that was started while the script was copied holds the copy open until it is another program, and so long it
/// can't be run.
fn patiently(command: &mut Command) -> io::Result<ExitStatus> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match command.status() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn copy(source: &Found, folder: &Path) -> io::Result<()> {
    for file in &source.files {
        let place = folder.join(&file.name);
        if let Some(above) = place.parent() {
            fs::create_dir_all(above)?;
        }
        // With its mode.
        fs::copy(&file.path, place)?;
    }
    Ok(())
}

/// The last lines, without what would steer the terminal.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    let plain = |line: &&str| {
        line.chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect::<String>()
    };
    last.iter().map(plain).collect::<Vec<_>>().join("\n")
}
