//! How a command runs and ends: with its result, when a signal or `--timeout` tells it to, and at once when it must.

use std::sync::mpsc::channel;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::children;
use super::global::Global;
use crate::cloud::CloudError;
use crate::error::{Error, Result, exit_code};
use crate::interrupt::{AtWork, Interrupt};
use crate::report;

/// How long a process that ends at once takes for its last words. A terminal that is stopped, or a reader that doesn't
/// read, doesn't hold it up for longer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often, and how far apart, processes are told to end, and are killed after that. Less than an interrupted command
/// has in all.
const TERMINATED: usize = 20;
const KILLED: usize = 10;
const MOMENT: Duration = Duration::from_millis(100);

impl Global {
    /// Runs a command that only reads: a signal ends it wherever it is.
    pub fn read<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.run(None, async |interrupt| interrupt.unless_stopped(work).await)
    }

    /// Runs a command that has something in hand when a signal comes, or when it has run for as long as it may: it is
    /// told, and ended if it doesn't end by itself soon.
    pub fn run<T>(&self, timeout: Option<Duration>, work: impl AsyncFnOnce(&Interrupt) -> Result<T>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Error::failed(format!("qfleet can't start its threads: {error}")))?;
        let (output, drafts, global) = (self.output, self.drafts.clone(), self.clone());
        let ended = runtime.block_on(async {
            let interrupt = Interrupt::listen(self.deadline(timeout), move |error, known| {
                let (told, heard) = channel();
                let drafts = drafts.clone();
                let look = global.look_at(&known.at_work);
                let code = error.exit_code();
                std::thread::spawn(move || {
                    report::at_once(&error, output, &known, &look, &drafts.names());
                    told.send(())
                });
                let _ = heard.recv_timeout(LAST_WORDS);
                children::end();
                std::process::exit(code.into());
            })
            .map_err(|error| Error::failed(format!("signals can't be handled: {error}")))?;
            work(&interrupt).await
        });
        // A host name that is being looked up can't be given up, and would be waited for.
        runtime.shutdown_background();
        if ended.is_err() {
            children::end();
        }
        ended
    }

    /// What CloudFormation goes on with when nobody waits any longer, and how to look at it.
    fn look_at(&self, at_work: &[AtWork]) -> Vec<String> {
        let mut environments: Vec<&str> = at_work.iter().map(|work| work.environment.as_str()).collect();
        environments.sort_unstable();
        environments.dedup();
        let line = |environment: &str| {
            let of = |is_taken_back: bool| {
                let stacks = at_work.iter();
                let stacks =
                    stacks.filter(|work| work.environment == environment && work.is_taken_back == is_taken_back);
                stacks.map(|work| work.stack.as_str()).collect::<Vec<_>>().join(", ")
            };
            let (forward, back) = (of(false), of(true));
            let look = self.with_whereabouts(&format!("qfleet status --name {environment}"));
            let mut parts = Vec::new();
            if !back.is_empty() {
                parts.push(format!(
                    "CloudFormation was told to cancel what it did with {back}, and takes that back"
                ));
            }
            if !forward.is_empty() {
                parts.push(format!("CloudFormation goes on with {forward}"));
            }
            format!("{}; to look: {look}", parts.join("; "))
        };
        environments.into_iter().map(line).collect()
    }

    /// Does what blocks a thread while it waits for processes that it starts: a signal ends them, and the work with them.
    pub fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.run(None, async |interrupt| {
            let mut work = spawn_blocking(work);
            let stop = tokio::select! {
                done = &mut work => {
                    let done = done.unwrap_or_else(|error| Err(Error::failed(format!("qfleet itself failed: {error}"))));
                    // A Ctrl-C goes to what it started, too, which may be the first to end.
                    let stopped = match done {
                        Ok(_) => None,
                        Err(_) => timeout(MOMENT, interrupt.stopped()).await.ok(),
                    };
                    return stopped.map_or(done, Err);
                }
                stop = interrupt.stopped() => stop,
            };
            // It cleans up behind them. What it starts meanwhile ends, too.
            let end = [(TERMINATED, children::end as fn()), (KILLED, children::kill_all)];
            for (times, end) in end {
                for _ in 0..times {
                    end();
                    if timeout(MOMENT, &mut work).await.is_ok() {
                        return Err(stop);
                    }
                }
            }
            Err(stop)
        })
    }

    /// Shows something until its end, or a signal's. What follows has no other end, and nothing is said of it.
    pub(super) async fn until_stopped(
        interrupt: &Interrupt,
        follows: bool,
        shown: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        tokio::select! {
            shown = shown => shown,
            () = interrupt.wait() => Err(match follows {
                true => Error::Shown(exit_code::INTERRUPTED),
                false => Error::Interrupted,
            }),
        }
    }

    /// What a command ends with that could not throw its change sets away: the first signal, when there was one.
    pub(super) fn left(interrupt: &Interrupt, left: CloudError) -> Error {
        match interrupt.stop() {
            Some(stop) => {
                report::note(&left.to_string());
                stop
            }
            None => left.into(),
        }
    }

    /// Counted from the beginning of the command.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        timeout.and_then(|length| self.began.checked_add(length))
    }
}
