//! The emulator's life: found, started, stopped.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{obstacle, of_port, version_at};
use super::executable;
use super::home::{Home, Record, cannot};
use super::inherited;
use crate::error::{Error, Result};

/// The port that AWS emulators usually listen on.
pub const DEFAULT_PORT: u16 = 4566;

/// It answers after about a second; a loaded machine may take much longer.
const TIME_TO_START: Duration = Duration::from_secs(60);
const TIME_TO_STOP: Duration = Duration::from_secs(5);
const TIME_TO_DIE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(25);
/// How many lines of the log a failure shows.
const LOG_TAIL: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Emulator {
    /// `http://127.0.0.1:<port>`, for every service.
    pub endpoint: String,
    /// Its port on loopback.
    pub port: u16,
    pub pid: i32,
    /// Its version; nothing when it doesn't answer.
    pub version: Option<String>,
    /// When it was started.
    pub started: Timestamp,
    pub log: String,
    /// The program that was started; null when an earlier version of qfleet started it.
    pub program: Option<String>,
    /// Whether this very call started it.
    #[serde(skip)]
    pub new: bool,
}

impl Emulator {
    /// How long it has been up.
    pub fn uptime(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.started)).unwrap_or_default()
    }

    fn of(record: &Record, log: &Path) -> Self {
        let endpoint = of_port(record.port);
        Emulator {
            version: version_at(&endpoint),
            endpoint,
            port: record.port,
            pid: record.pid,
            started: record.started,
            log: log.display().to_string(),
            program: record.program.clone(),
            new: false,
        }
    }
}

/// The emulator that runs, started when none does. Blocks until it answers.
///
/// # Errors
/// A failure, when it isn't installed, its port is taken or it doesn't start.
pub fn ensure_running() -> Result<Emulator> {
    start(None)
}

/// The emulator that runs, for what only an emulator can answer that has something in it.
///
/// # Errors
/// A failure, when none runs or the one that does doesn't answer.
pub fn found_running() -> Result<Emulator> {
    let home = Home::enter()?;
    if home.life_lock()?.is_some() {
        return Err(
            Error::failed("no local AWS emulator is running, so nothing is deployed to one").with_help(
                "`qfleet deploy ENV --local` starts it, as `qfleet local up ENV` and `qfleet local start` do; one that \
                 qfleet didn't start is named with --endpoint-url",
            ),
        );
    }
    running(&home, None)
}

/// Starts the emulator on a port, or finds the one that runs. Blocks until it answers.
///
/// # Errors
/// A failure, when it isn't installed, its port is taken, it runs on another port than the one asked for, or it
/// doesn't start.
pub fn start(port: Option<u16>) -> Result<Emulator> {
    let home = Home::enter()?;
    let Some(life) = home.life_lock()? else {
        return running(&home, port);
    };
    let program = executable::find()?;
    let port = port.unwrap_or(DEFAULT_PORT);
    if let Some(obstacle) = obstacle(port) {
        return Err(
            Error::failed(format!("the local emulator can't listen on port {port}: {obstacle}")).with_help(format!(
                "take another port with `qfleet local start --port <PORT>`, or use what listens there with \
                 --local --endpoint-url {}",
                of_port(port)
            )),
        );
    }
    launch(&home, life, &program, port)
}

/// The emulator that runs; nothing when none does.
pub fn status() -> Result<Option<Emulator>> {
    let home = Home::enter()?;
    if home.life_lock()?.is_some() {
        return Ok(None);
    }
    Ok(Some(Emulator::of(&home.record()?, &home.log())))
}

/// Whether the emulator surely runs. Not while somebody starts or stops it; and nothing is made to find out.
pub fn runs() -> bool {
    let home = Home::enter_at_once();
    home.is_some_and(|home| matches!(home.life_lock(), Ok(None)))
}

/// Ends the emulator, and with it everything that was deployed to it. Returns what was ended; nothing when none ran.
///
/// # Errors
/// A failure, when it can't be ended.
pub fn stop() -> Result<Option<Emulator>> {
    let home = Home::enter()?;
    if home.life_lock()?.is_some() {
        home.forget();
        return Ok(None);
    }
    let record = home.record()?;
    let emulator = Emulator::of(&record, &home.log());
    for (signal, patience) in [(Signal::SIGTERM, TIME_TO_STOP), (Signal::SIGKILL, TIME_TO_DIE)] {
        // Its group, so that functions it runs for Lambda go with it. The number can't have passed to a stranger:
        // who holds the life lock is of this group, and a group's number isn't given away while it has members.
        // An error means that it has none any more, which the lock shows next.
        let _ = killpg(Pid::from_raw(record.pid), signal);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if home.life_lock()?.is_some() {
                home.forget();
                return Ok(Some(emulator));
            }
            sleep(PAUSE);
        }
    }
    Err(Error::failed(format!(
        "the local emulator, process {}, doesn't end",
        record.pid
    )))
}

fn running(home: &Home, asked: Option<u16>) -> Result<Emulator> {
    let emulator = Emulator::of(&home.record()?, &home.log());
    if let Some(port) = asked.filter(|port| *port != emulator.port) {
        return Err(
            Error::failed(format!("the local emulator runs already, on port {}", emulator.port)).with_help(format!(
                "use it there, or end it with `qfleet local stop` before starting one on port {port}"
            )),
        );
    }
    if emulator.version.is_none() {
        return Err(Error::failed(format!(
            "the local emulator, process {}, runs but doesn't answer at {}",
            emulator.pid, emulator.endpoint
        ))
        .with_help(format!(
            "it may only be busy with what runs on it: try again in a moment, or end local fleets with `qfleet local down`. If it \
             stays so, its log is {}; `qfleet local stop` ends it, and all that is deployed to it, whoever did, is gone",
            emulator.log
        )));
    }
    Ok(emulator)
}

fn launch(home: &Home, life: File, program: &Path, port: u16) -> Result<Emulator> {
    home.forget();
    inherited::let_go();
    let log = home.log();
    let output = File::create(&log).map_err(|error| cannot("write", &log, &error))?;
    let errors = output.try_clone().map_err(|error| cannot("write", &log, &error))?;
    let mut child = command(program, port)
        .stdin(Stdio::from(life))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(errors))
        .spawn()
        .map_err(|error| cannot("run", program, &error))?;
    let record = Record {
        pid: i32::try_from(child.id()).map_err(|error| Error::failed(format!("no process id: {error}")))?,
        port,
        started: Timestamp::now(),
        program: Some(program.display().to_string()),
    };
    let up = home
        .write_record(&record)
        .and_then(|()| wait_until_up(&mut child, port, &log));
    if let Err(error) = up {
        let _ = killpg(Pid::from_raw(record.pid), Signal::SIGKILL);
        let _ = child.wait();
        home.forget();
        return Err(error);
    }
    Ok(Emulator {
        new: true,
        ..Emulator::of(&record, &log)
    })
}

/// The program with an environment of ours: what a user's own would add could open it to the network (`BIND_HOST`,
/// `USE_SSL`), make it keep what it must forget (`PERSIST_STATE`), or hand real credentials to functions it runs.
fn command(program: &Path, port: u16) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        // These two listen on every address as soon as the package `cryptography` is there.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir("/")
        // A Ctrl-C at qfleet's terminal is not for it.
        .process_group(0);
    command
}

fn wait_until_up(child: &mut Child, port: u16, log: &Path) -> Result<()> {
    let deadline = Instant::now() + TIME_TO_START;
    let endpoint = of_port(port);
    loop {
        if let Ok(Some(ended)) = child.try_wait() {
            return Err(Error::failed(format!(
                "the local emulator ended while it was starting ({ended}){}",
                tail(log)
            ))
            .with_help(format!("its whole output is in {}", log.display())));
        }
        if version_at(&endpoint).is_some() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::failed(format!(
                "the local emulator didn't answer within {} s{}",
                TIME_TO_START.as_secs(),
                tail(log)
            ))
            .with_help(format!("its whole output is in {}", log.display())));
        }
        sleep(PAUSE);
    }
}

/// The last lines of the log, as the end of a message.
fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return " without a word".to_owned();
    }
    let from = lines.len().saturating_sub(LOG_TAIL);
    let mut shown = String::from("; it said:");
    for line in &lines[from..] {
        shown.push_str("\n    ");
        // What a program says must not steer the terminal.
        shown.extend(
            line.chars()
                .map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }),
        );
    }
    shown
}
