//! How commands end: whatever call stands still or fails, by which signal or by `--timeout`, in time, with the right exit
//! code, and with one document.

mod builds;
pub mod commands;
mod failing;
mod secrets;
mod standing_still;
mod terminal;
mod waiting;

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, Once, RwLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::Test;
use commands::{ALL, Run, WITHOUT_CALLS};

/// What is promised. A process here shares its processors with all that is tested beside it: one that took longer is run
/// again, alone, and that one may not.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// A second signal. Less than any wait that the first one leaves a command.
const AT_ONCE_WITHIN: Duration = Duration::from_secs(2);
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
        let child = test.spawn();
        Running { _test: test, child }
    }

    fn signal(&self, signal: Signal) {
        // One that has ended meanwhile is looked at afterwards.
        let _ = kill(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// Waits until it is so, or it has ended, or this time is over.
    fn until(&mut self, longest: Duration, is_so: impl Fn() -> bool) {
        let until = Instant::now() + longest;
        while !is_so() && self.child.try_wait().expect("a child").is_none() && Instant::now() < until {
            sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end. `since`: what `took` counts from.
    fn ended(self, since: Moment) -> Ended {
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
            let mut running = Running::start(command.at(&endpoint).args(command.form()));
            if command.is_endless() {
                running.until(Duration::from_secs(4), || {
                    endpoint.world(|world| world.calls.len() >= 40)
                });
                running.signal(Signal::SIGTERM);
            }
            let ended = running.ended(Moment::now());
            one_document(&command, &ended)?;
            let mut numbers = BTreeMap::new();
            for call in endpoint.world(|world| world.calls.clone()) {
                let number = numbers.entry(call.action.clone()).or_insert(0);
                *number += 1;
                if command.is_endless() && *number > 2 {
                    continue;
                }
                cases.lock().expect("the cases").push(Case {
                    command,
                    action: call.action,
                    number: *number,
                    code: ended.code,
                });
            }
            Ok::<_, String>(())
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

/// What is wrong with a case.
enum Wrong {
    /// It ended well, and took longer than it may.
    Late(String),
    Otherwise(String),
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Wrong::Otherwise(what)
    }
}

/// Whether something that ended well ended in time.
fn in_time(took: Duration, longest: Duration, what: impl FnOnce() -> String) -> Result<(), Wrong> {
    match took < longest {
        true => Ok(()),
        false => Err(Wrong::Late(what())),
    }
}

/// A moment on a clock that a busy machine slows down, as it does what is tested: it counts a thread's naps.
#[derive(Clone, Copy)]
struct Moment(u32);

const NAP: Duration = Duration::from_millis(10);

impl Moment {
    fn now() -> Self {
        static NAPS: AtomicU32 = AtomicU32::new(0);
        static NAPPING: Once = Once::new();
        NAPPING.call_once(|| {
            std::thread::spawn(|| {
                loop {
                    sleep(NAP);
                    NAPS.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        Moment(NAPS.load(Ordering::Relaxed))
    }

    fn elapsed(self) -> Duration {
        NAP * (Self::now().0 - self.0)
    }
}

/// Held by every case, so that one can be alone.
static BESIDE_OTHERS: RwLock<()> = RwLock::new(());

/// Does all of it, several at once, and fails with everything that went wrong.
#[track_caller]
fn all<T: Send + Clone, E: Into<Wrong>>(cases: Vec<T>, check: impl Fn(T) -> Result<(), E> + Sync) {
    let check = |case: T| check(case).map_err(Into::into);
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
                    let beside_others = BESIDE_OTHERS.read();
                    let mut checked = check(case.clone());
                    drop(beside_others);
                    if let Err(Wrong::Late(_)) = checked {
                        let _alone = BESIDE_OTHERS.write();
                        checked = check(case);
                    }
                    if let Err(Wrong::Late(what) | Wrong::Otherwise(what)) = checked {
                        wrong.lock().expect("what went wrong").push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("what went wrong");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A command that is new is in the table, or is said to ask nothing of AWS.
#[test]
fn no_command_is_missing() {
    let commands = |of: &[&str]| {
        let help = Test::new().args(of.iter().copied()).args(["--help"]).run().stdout;
        let (_, list) = help.split_once("Commands:\n").expect("commands");
        let (list, _) = list.split_once("\n\n").expect("an end");
        let names = list.lines().filter_map(|line| line.strip_prefix("  "));
        let names = names.filter_map(|line| line.split(' ').next().filter(|name| !name.is_empty()));
        let names = names.filter(|name| *name != "help");
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let nested = |name: &str| {
        commands(&[name])
            .into_iter()
            .map(|verb| format!("{name} {verb}"))
            .collect()
    };
    let all = commands(&[]).into_iter().flat_map(|name| match name.as_str() {
        "local" | "dlq" => nested(&name),
        _ => vec![name],
    });
    let is_known = |name: &String| {
        WITHOUT_CALLS.contains(&name.as_str()) || ALL.iter().any(|run| run.args.join(" ").starts_with(name.as_str()))
    };
    let all: Vec<String> = all.collect();
    assert!(all.len() > 20, "{all:?}");
    let missing: Vec<&String> = all.iter().filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// With `--output json`, standard output is one document, whatever happened.
fn one_document(run: &Run, ended: &Ended) -> Result<(), String> {
    let mut documents = serde_json::Deserializer::from_str(&ended.stdout).into_iter::<serde_json::Value>();
    let count = documents.by_ref().take_while(Result::is_ok).count();
    // What has no end prints an object a line.
    if (count == 1 || run.is_endless()) && documents.next().is_none() {
        return Ok(());
    }
    Err(format!(
        "{run}: {count} documents\n--- stdout\n{}\n--- stderr\n{}",
        ended.stdout, ended.stderr
    ))
}
