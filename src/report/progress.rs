//! Events as they happen: live in a terminal, plain lines without one, or JSON lines.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::board::{BAR, Board, LiveLine};
use super::live::{self, Drawn};
use super::style::wrapped_to;
use super::words;
use crate::engine::event::{Event, Events};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// A line a stack, redrawn in place.
    Live,
    /// Each change once, on a line of its own.
    Plain,
    /// The same without what becomes of each resource, and of a stack only how it ended.
    Brief,
    /// JSON lines on standard output.
    Jsonl,
}

impl Face {
    /// Live in a terminal that can redraw, plain elsewhere.
    pub fn for_people() -> Face {
        if std::io::stderr().is_terminal() && !super::plain::is() {
            Face::Live
        } else {
            Face::Plain
        }
    }
}

/// Shows events until all their senders are gone.
#[derive(Debug)]
pub struct Progress {
    live: Option<MultiProgress>,
    task: JoinHandle<()>,
}

impl Progress {
    pub fn begin(face: Face) -> (Events, Progress) {
        let (events, receiver) = Events::channel();
        let live = (face == Face::Live).then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        if let Some(display) = &live {
            live::begin(Drawn::Lines(display.clone()));
        }
        let task = match (face, &live) {
            (Face::Jsonl, _) => tokio::spawn(super::line::lines(receiver)),
            (_, Some(display)) => tokio::spawn(in_place(receiver, display.clone())),
            _ => tokio::spawn(plain(receiver, face != Face::Brief, super::note)),
        };
        (events, Progress { live, task })
    }

    /// Does something with the terminal to itself, e.g. asks a question.
    pub fn suspend<R>(&self, work: impl FnOnce() -> R) -> R {
        match &self.live {
            Some(display) => live::alone(|| display.suspend(work)),
            None => work(),
        }
    }

    /// Waits until everything is shown. All senders must be gone.
    pub async fn end(self) {
        let _ = self.task.await;
        live::end();
    }
}

/// Without a line for this long, a reader of a log wonders, and some pipelines end the job.
const HEARTBEAT: Duration = Duration::from_secs(60);

async fn plain(mut events: UnboundedReceiver<Event>, every: bool, mut print: impl FnMut(&str)) {
    let began = Instant::now();
    let mut board = Board::default();
    let mut silent_since = began;
    loop {
        let said = tokio::select! {
            // An event goes before the heartbeat.
            biased;
            event = events.recv() => {
                let Some(event) = event else { return };
                let now = began.elapsed();
                let repeated = board.repeats(&event, now);
                board.note(&event, now);
                if repeated { Vec::new() } else { words::lines(&event, every) }
            }
            () = sleep_until(silent_since + HEARTBEAT) => {
                silent_since = Instant::now();
                board.heartbeat(began.elapsed())
            }
        };
        for line in said {
            print(&line);
            silent_since = Instant::now();
        }
    }
}

/// How often elapsed times go on.
const SECOND: Duration = Duration::from_secs(1);
/// The widest that lines get, and the narrowest that is heeded.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=250;

async fn in_place(mut events: UnboundedReceiver<Event>, display: MultiProgress) {
    let began = Instant::now();
    let mut board = Board::default();
    let mut bars: BTreeMap<String, ProgressBar> = BTreeMap::new();
    let mut second = interval(SECOND);
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => {
                let Some(event) = event else { break };
                board.note(&event, began.elapsed());
                let mut text = words::lines(&event, false);
                // A warning may name a command, which is copied whole.
                if !matches!(event, Event::Warning { .. }) {
                    text.iter_mut().for_each(|line| *line = wrapped_to(Some(width() + SPINNER), line, "", "    "));
                }
                if !text.is_empty() {
                    // Through the display, so that lines appear above what is redrawn.
                    display.suspend(|| text.iter().for_each(|line| super::note(line)));
                }
            }
            _ = second.tick() => {}
        }
        redraw(&mut bars, &board.lines(began.elapsed(), width()), &display);
    }
    for bar in bars.into_values() {
        bar.finish_and_clear();
    }
}

/// A spinner or a bar for each line, under the name of what it is about.
fn redraw(bars: &mut BTreeMap<String, ProgressBar>, lines: &[LiveLine<'_>], display: &MultiProgress) {
    bars.retain(|about, bar| {
        let runs = lines.iter().any(|line| line.about == about);
        if !runs {
            bar.finish_and_clear();
        }
        runs
    });
    for line in lines {
        let bar = bars.entry(line.about.to_owned()).or_insert_with(|| {
            let bar = display.add(ProgressBar::new_spinner());
            let template = match line.done {
                Some(_) => format!("{{bar:{BAR}}} {{wide_msg}}"),
                None => "{spinner} {wide_msg}".to_owned(),
            };
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if let Some((done, of)) = line.done {
            bar.set_length(of);
            bar.set_position(done);
        }
        bar.set_message(for_terminal(&line.text));
    }
}

/// How many columns a spinner and the space behind it take.
const SPINNER: usize = 2;

/// The columns for a line: those of the terminal without the spinner's two.
fn width() -> usize {
    let columns = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
    columns.clamp(*WIDTHS.start(), *WIDTHS.end()).saturating_sub(SPINNER)
}

/// The display writes to the terminal by itself: what `anstream` would drop is dropped before.
fn for_terminal(line: &str) -> String {
    if anstream::AutoStream::choice(&std::io::stderr()) == anstream::ColorChoice::Never {
        anstream::adapter::strip_str(line).to_string()
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests;
