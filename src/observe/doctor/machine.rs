//! What this machine has.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::check::{Check, Mend, Topic};
use crate::blueprint::cfn_lint;
use crate::environment::Environment;
use crate::error::Error;
use crate::local;
use crate::shell;

/// What a program may take to say its version: Python's take a second on a busy machine.
const TIME: Duration = Duration::from_secs(10);
/// Of Python, for the emulator and for workers.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// What is asked of this machine.
pub struct Machine<'a> {
    pub environment: Option<&'a Environment>,
    /// Whether the emulator is meant, and which one.
    pub local: bool,
    pub endpoint_url: Option<&'a str>,
    /// The command that looks again.
    pub again: &'a str,
}

pub(super) async fn checks(machine: &Machine<'_>) -> Vec<Check> {
    let version = env!("CARGO_PKG_VERSION");
    let mut all = vec![Check::passed(Topic::Qfleet, format!("qfleet {version}"))];
    let (python, cfn_lint, emulator) = tokio::join!(python(machine), cfn_lint(), emulator(machine));
    all.extend([python, cfn_lint, emulator]);
    all
}

/// Why a program didn't say what it was asked.
#[derive(Debug, PartialEq, Eq)]
enum Unsaid {
    /// It took too long, as it may on a busy machine.
    Slow(String),
    Broken(String),
}

/// The first line that a program says; nothing where there is none of that name.
async fn says(program: impl Into<OsString>, args: &[&str]) -> Result<Option<String>, Unsaid> {
    let program = program.into();
    let shown = program.to_string_lossy().into_owned();
    let mut command = Command::new(&program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    match timeout(TIME, command.output()).await {
        Err(_) => Err(Unsaid::Slow(format!(
            "{shown} did not say its version within {} s",
            TIME.as_secs()
        ))),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(Err(error)) => Err(Unsaid::Broken(format!("{shown}: {error}"))),
        Ok(Ok(output)) => {
            let line = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                text.lines()
                    .map(str::trim)
                    .find(|line| !line.is_empty())
                    .map(str::to_owned)
            };
            match output.status.success() {
                true => Ok(Some(
                    line(&output.stdout)
                        .or_else(|| line(&output.stderr))
                        .unwrap_or_default(),
                )),
                false => Err(Unsaid::Broken(format!(
                    "{shown} ended with {}: {}",
                    output.status,
                    line(&output.stderr).unwrap_or_default()
                ))),
            }
        }
    }
}

async fn python(machine: &Machine<'_>) -> Check {
    const FOR: &str = "the emulator runs on it, and so do workers in Python that `qfleet local up` starts";
    let install = || Mend::new("install Python 3.10 or later").page("https://www.python.org/downloads/");
    match says("python3", &["--version"]).await {
        Ok(Some(version)) if !is_recent(&version) => Check::unknown(
            Topic::Python,
            format!("{version}, which is older than 3.10: {FOR}"),
            install(),
        ),
        Ok(Some(version)) => match packages(machine).await {
            Some(lacks) => Check::failed(
                Topic::Python,
                lacks.to_string(),
                Mend::new(lacks.help().unwrap_or_default()),
            ),
            None => Check::passed(Topic::Python, version),
        },
        Ok(None) => match packages(machine).await {
            Some(lacks) => Check::failed(Topic::Python, lacks.to_string(), install()),
            None => Check::unknown(
                Topic::Python,
                format!("no python3 is found on the PATH: {FOR}"),
                install(),
            ),
        },
        Err(Unsaid::Slow(why) | Unsaid::Broken(why)) => Check::unknown(Topic::Python, why, install()),
    }
}

/// `Python 3.11.2`
fn is_recent(version: &str) -> bool {
    let mut numbers = version.trim_start_matches("Python ").split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST_PYTHON,
        _ => false,
    }
}

/// What the workers lack that are to run here.
async fn packages(machine: &Machine<'_>) -> Option<Error> {
    let environment = machine.environment.filter(|_| machine.local)?;
    let programs = environment
        .instances()
        .filter_map(|(_, instances)| instances.program.as_ref());
    let programs: Vec<PathBuf> = programs.map(|program| environment.program_folder(program)).collect();
    let again = machine.again.to_owned();
    let asked = spawn_blocking(move || local::python::check(&programs, &again)).await;
    asked.ok()?.err()
}

async fn cfn_lint() -> Check {
    let named = std::env::var_os(cfn_lint::EXECUTABLE);
    let own = cfn_lint::own().filter(|_| named.is_none());
    let executable = named.unwrap_or_else(|| "cfn-lint".into());
    let install = Mend::new("install it, or name it in QFLEET_CFN_LINT").command("qfleet local install");
    let mut said = says(executable, &["--version"]).await;
    let is_of_path = !matches!(said, Ok(None));
    if let (false, Some(own)) = (is_of_path, &own) {
        said = says(own, &["--version"]).await;
    }
    match said {
        Ok(Some(version)) if is_older(&version, cfn_lint::VERSION) => Check::unknown(
            Topic::CfnLint,
            format!(
                "{version} is older than {}, with which qfleet is tested: it may not know what AWS has by now",
                cfn_lint::VERSION
            ),
            match own {
                Some(_) if !is_of_path => Mend::new("bring a newer one").command("qfleet local install"),
                Some(own) => Mend::new("use the one that `qfleet local install` brought, or update that of the PATH")
                    .command(format!(
                        "export {}={}",
                        cfn_lint::EXECUTABLE,
                        shell::word(&own.to_string_lossy())
                    )),
                None => Mend::new("update it, or name a newer one in QFLEET_CFN_LINT"),
            },
        ),
        Ok(Some(version)) => Check::passed(Topic::CfnLint, version),
        Ok(None) => Check::unknown(
            Topic::CfnLint,
            "cfn-lint isn't found: `qfleet check` can't hold templates against AWS's schemas",
            install,
        ),
        Err(Unsaid::Slow(why)) => Check::unknown(Topic::CfnLint, why, Mend::new("look again when less runs here")),
        Err(Unsaid::Broken(why)) => Check::failed(Topic::CfnLint, why, install),
    }
}

/// Whether a program that says `NAME 1.2.3` is older than this version. What isn't understood is none.
fn is_older(says: &str, version: &str) -> bool {
    let numbers =
        |version: &str| -> Option<Vec<u32>> { version.split('.').map(|number| number.parse().ok()).collect() };
    let said = says.split_whitespace().last().and_then(numbers);
    said.zip(numbers(version)).is_some_and(|(said, wanted)| said < wanted)
}

async fn emulator(machine: &Machine<'_>) -> Check {
    let given = machine.endpoint_url.filter(|_| machine.local).map(str::to_owned);
    let asked = spawn_blocking(move || match given {
        Some(endpoint) => local::diagnosis::at(&endpoint),
        None => local::diagnosis::of_own(),
    });
    let Ok(Ok(found)) = timeout(TIME, asked).await else {
        let again = Mend::new("another qfleet may be starting or stopping it: ask again");
        let why = format!("the local emulator did not say its version within {} s", TIME.as_secs());
        return Check::unknown(Topic::Emulator, why, again);
    };
    let stop = "end it, and start the other with `qfleet local start`";
    match found {
        Ok(found) => {
            let version = found.version.as_deref();
            let name = format!("ministack {}", version.unwrap_or("of a version that it doesn't say"));
            let state = match (&found.runs_at, machine.local) {
                (Some(endpoint), _) => format!("runs at {endpoint}"),
                (None, true) => {
                    "doesn't run yet: `qfleet local start` starts it, and so does a deploy with --local".to_owned()
                }
                (None, false) => "is installed".to_owned(),
            };
            let what = format!("{name} {state}");
            match (version, found.obstacle) {
                (_, Some(obstacle)) if machine.local => Check::failed(
                    Topic::Emulator,
                    format!("{name} can't listen on port {}: {obstacle}", local::DEFAULT_PORT),
                    Mend::new("start it on another port").command("qfleet local start --port 4567"),
                ),
                (Some(version), _) if version == local::VERSION => Check::passed(Topic::Emulator, what),
                (None, _) if found.runs_at.is_some() => {
                    Check::failed(Topic::Emulator, what, Mend::new(stop).command("qfleet local stop"))
                }
                _ => Check::unknown(
                    Topic::Emulator,
                    format!("{what}; qfleet is tested with {}", local::VERSION),
                    Mend::new(format!("install ministack {}", local::VERSION)).command("qfleet local install"),
                ),
            }
        }
        Err(error) => {
            let mend = Mend::new(error.help().unwrap_or_default());
            match machine.local {
                true => Check::failed(Topic::Emulator, error.to_string(), mend),
                false => Check::unknown(Topic::Emulator, format!("{error}: only --local needs it"), mend),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_python_is_compared_number_by_number() {
        let recent = ["Python 3.10.0", "Python 3.14.0rc1", "Python 4.0"];
        let old = ["Python 3.9.25", "Python 2.7.18", "", "python"];
        assert!(recent.into_iter().all(is_recent));
        assert!(!old.into_iter().any(is_recent));
    }

    #[test]
    fn a_version_of_a_program_is_compared_number_by_number() {
        assert!(is_older("cfn-lint 1.9.2", "1.58.0"));
        assert!(!is_older("cfn-lint 1.58.0", "1.58.0"));
        assert!(!is_older("cfn-lint 2.0.0", "1.58.0"));
        assert!(!is_older("cfn-lint of its own", "1.58.0"));
    }

    #[tokio::test]
    async fn what_a_program_says_is_its_first_line_and_why_it_fails_the_first_of_its_errors() {
        let of = async |script: &str| says("sh", &["-c", script]).await;
        assert_eq!(of("echo; echo one; echo two").await, Ok(Some("one".to_owned())));
        let failed = of("echo no >&2; exit 3").await.expect_err("it fails");
        assert_eq!(failed, Unsaid::Broken("sh ended with exit status: 3: no".to_owned()));
        assert_eq!(says("no-program-of-this-name", &[]).await, Ok(None));
    }
}
