//! How commands end: whatever call stands still or fails, by which signal or by `--timeout`, in time, with the right exit
//! code, and with one document.

mod commands;
mod failing;
mod standing_still;
mod terminal;

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::Test;
use commands::{ALL, Run};

/// Five seconds are promised, and held to on a paused clock (`engine_clock::waiting`). A process here shares its processors
/// with all that is tested beside it, and was seen to take seven: it has until a pipeline would kill it.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How many processes run at once: they mostly wait.
const AT_ONCE: usize = 12;
const SOME: usize = 7;

/// What a process came to.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

/// A process, and the folder that it runs in.
struct Running {
    _test: Test,
    child: Child,
}

impl Running {
    fn start(test: Test) -> Self {
        let mut command = test.command();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qfleet runs");
        Running { _test: test, child }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        // One that has ended meanwhile is looked at afterwards.
        let _ = kill(Pid::from_raw(pid), signal);
    }

    /// Waits for its end. `since`: what `took` counts from.
    fn ended(self, since: Instant) -> Ended {
        let output = self.child.wait_with_output().expect("it ends");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: since.elapsed(),
        }
    }
}

/// A call of a command: of this action, the first, second … time.
#[derive(Clone)]
struct Case {
    command: Run,
    action: String,
    number: u32,
    /// What the command ends with when all goes well.
    code: i32,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} {}", self.command, self.action, self.number)
    }
}

/// Every call of every command that goes well, with `QFLEET_EVERY_CALL`, as in `make soak`. Without it, one of `SOME`
/// actions of each, at its first call; which, `turn` chooses.
fn cases(turn: usize) -> Vec<Case> {
    let every = std::env::var_os("QFLEET_EVERY_CALL").is_some();
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let cases = Mutex::new(Vec::new());
        all(ALL.to_vec(), |command| {
            let endpoint = command.endpoint();
            let test = command.at(&endpoint).args(["--output", "json"]);
            let ended = Running::start(test).ended(Instant::now());
            one_document(&command, &ended)?;
            let mut numbers = BTreeMap::new();
            for call in endpoint.world(|world| world.calls.clone()) {
                let number = numbers.entry(call.action.clone()).or_insert(0);
                *number += 1;
                cases.lock().expect("the cases").push(Case {
                    command,
                    action: call.action,
                    number: *number,
                    code: ended.code,
                });
            }
            Ok(())
        });
        cases.into_inner().expect("the cases")
    });
    assert!(CASES.len() > 300, "{}", CASES.len());
    if every {
        return CASES.clone();
    }
    let first = CASES.iter().filter(|case| case.number == 1);
    first.skip(turn).step_by(SOME).cloned().collect()
}

/// Does all of it, several at once, and fails with everything that went wrong.
#[track_caller]
fn all<T: Send>(cases: Vec<T>, check: impl Fn(T) -> Result<(), String> + Sync) {
    let count = cases.len();
    let cases = Mutex::new(cases.into_iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().expect("the cases").next() else {
                        return;
                    };
                    if let Err(what) = check(case) {
                        wrong.lock().expect("what went wrong").push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("what went wrong");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// With `--output json`, standard output is one document, whatever happened.
fn one_document(run: &Run, ended: &Ended) -> Result<(), String> {
    let mut documents = serde_json::Deserializer::from_str(&ended.stdout).into_iter::<serde_json::Value>();
    let count = documents.by_ref().take_while(Result::is_ok).count();
    if count == 1 && documents.next().is_none() {
        return Ok(());
    }
    Err(format!(
        "{run}: {count} documents\n--- stdout\n{}\n--- stderr\n{}",
        ended.stdout, ended.stderr
    ))
}
