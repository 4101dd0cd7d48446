//! What ends a command before it is done: SIGINT and SIGTERM, and the end of the time that `--timeout` gives it. Work in
//! hand is told to stop, once; what doesn't stop is ended.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;

/// After an interrupt, requests that are on their way get this long to be answered, so that it is known what they did.
pub const GRACE: Duration = Duration::from_secs(3);

/// After an interrupt, or at the end of its time, a command gets this long to end in order. A pipeline kills within about
/// ten seconds after its signal, and five are promised.
pub const LONGEST: Duration = Duration::from_millis(4700);

/// Whether, and until when, the command may go on.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
    deadline: Option<Instant>,
    /// It ends in its own time after a first signal, as it was told to.
    unhurried: Arc<AtomicBool>,
    /// Signals are somebody else's now.
    handed_over: Arc<AtomicBool>,
    known: Arc<Mutex<Known>>,
}

/// What is known of stacks when the command must end at once.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Those on which CloudFormation works.
    pub at_work: Vec<AtWork>,
    /// Those on which an operation has ended.
    pub ended: Vec<HasEnded>,
}

/// A stack on which CloudFormation works while the command waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    pub environment: String,
    pub stack: String,
    /// CloudFormation was told to cancel it, and takes it back.
    pub is_taken_back: bool,
}

/// A stack on which an operation has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HasEnded {
    pub stack: String,
    /// What it is in since.
    pub status: String,
}

/// It is waited for until this is dropped.
#[must_use]
pub struct Awaited<'a> {
    interrupt: &'a Interrupt,
    environment: String,
    stack: String,
}

impl Awaited<'_> {
    /// CloudFormation was told to cancel what runs on it.
    pub fn is_taken_back(&self) {
        if let Ok(mut known) = self.interrupt.known.lock() {
            let mut at_work = known.at_work.iter_mut();
            if let Some(this) = at_work.find(|work| work.stack == self.stack && work.environment == self.environment) {
                this.is_taken_back = true;
            }
        }
    }

    /// What ran on it has ended, and the stack is in this status.
    pub fn has_ended(&self, status: &str) {
        if let Ok(mut known) = self.interrupt.known.lock() {
            known.ended.retain(|ended| ended.stack != self.stack);
            known.ended.push(HasEnded {
                stack: self.stack.clone(),
                status: status.to_owned(),
            });
        }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        if let Ok(mut known) = self.interrupt.known.lock() {
            let is_this = |work: &AtWork| work.stack == self.stack && work.environment == self.environment;
            known.at_work.retain(|work| !is_this(work));
        }
    }
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on. `end_at_once` is to end the process: after a second signal, or when
    /// the command has not ended [`LONGEST`] after the first one or after its deadline.
    ///
    /// # Errors
    /// When the process may not handle signals.
    pub fn listen(
        deadline: Option<Instant>,
        end_at_once: impl Fn(Error, Known) + Send + 'static,
    ) -> io::Result<Interrupt> {
        let (asked, interrupt) = Interrupt::new(deadline);
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let listener = interrupt.clone();
        tokio::spawn(async move {
            let too_long = listener.deadline.map(|deadline| deadline + LONGEST);
            let mut overdue = None;
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                    () = until(too_long) => end_at_once(out_of_time(), listener.known()),
                    () = until(overdue), if !listener.unhurried.load(Ordering::Relaxed) => {
                        end_at_once(Error::Interrupted, listener.known());
                    }
                }
                if listener.handed_over.load(Ordering::Relaxed) {
                    continue;
                }
                if asked.send_replace(true) {
                    end_at_once(Error::Interrupted, listener.known());
                }
                overdue = Some(Instant::now() + LONGEST);
            }
        });
        Ok(interrupt)
    }

    /// Asked by whoever sends `true`, instead of by signals.
    pub fn by_hand() -> (watch::Sender<bool>, Interrupt) {
        Interrupt::new(None)
    }

    /// The same, and its time ends then.
    pub fn until(self, deadline: Instant) -> Interrupt {
        Interrupt {
            deadline: Some(deadline),
            ..self
        }
    }

    fn new(deadline: Option<Instant>) -> (watch::Sender<bool>, Interrupt) {
        let (sender, asked) = watch::channel(false);
        let interrupt = Interrupt {
            asked,
            deadline,
            unhurried: Arc::default(),
            handed_over: Arc::default(),
            known: Arc::default(),
        };
        (sender, interrupt)
    }

    /// Whether a signal asked.
    pub fn asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Returns when a signal asks.
    pub async fn wait(&self) {
        let mut receiver = self.asked.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens any more: never.
            std::future::pending::<()>().await;
        }
    }

    /// Returns when a signal asked and the time for what was on its way is over.
    pub async fn too_late(&self) {
        self.wait().await;
        sleep(GRACE).await;
    }

    /// Why the command must end, if it must: a signal asked, or its time is over.
    pub fn stop(&self) -> Option<Error> {
        if self.asked() {
            return Some(Error::Interrupted);
        }
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        is_over.then(out_of_time)
    }

    /// Returns when it must end.
    pub async fn stopped(&self) -> Error {
        tokio::select! {
            biased;
            () = self.wait() => Error::Interrupted,
            () = until(self.deadline) => out_of_time(),
        }
    }

    /// Does what can be given up at any moment.
    ///
    /// # Errors
    /// Those of the work; and why the command must end.
    pub async fn unless_stopped<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error>
    where
        Error: From<E>,
    {
        tokio::select! {
            biased;
            stop = self.stopped() => Err(stop),
            done = work => Ok(done?),
        }
    }

    /// From now on a first signal doesn't hurry it: the command was told what to do then, and it may take long.
    pub fn take_your_time(&self) {
        self.unhurried.store(true, Ordering::Relaxed);
    }

    /// Notes that CloudFormation works on a stack now, for whoever must end the command at once.
    pub fn awaits(&self, environment: &str, stack: &str) -> Awaited<'_> {
        let (environment, stack) = (environment.to_owned(), stack.to_owned());
        if let Ok(mut known) = self.known.lock() {
            known.at_work.push(AtWork {
                environment: environment.clone(),
                stack: stack.clone(),
                is_taken_back: false,
            });
        }
        Awaited {
            interrupt: self,
            environment,
            stack,
        }
    }

    fn known(&self) -> Known {
        self.known.lock().map(|known| known.clone()).unwrap_or_default()
    }

    /// From now on signals are heard by somebody else.
    pub fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Relaxed);
    }
}

/// Returns at this time, if there is one.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn out_of_time() -> Error {
    Error::failed("the time of --timeout is over")
        .with_help("what was begun goes on in AWS; the same command, with more time, goes on where this one stopped")
}
