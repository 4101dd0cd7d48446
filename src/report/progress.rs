//! Events as they happen: live in a terminal, plain lines without one, or JSON lines.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::style::{BAD, CAREFUL, FAINT, GOOD, paint, seconds};
use crate::engine::event::{Event, Events};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// A line a stack, redrawn in place.
    Live,
    /// Each change once, on a line of its own.
    Plain,
    /// JSON lines on standard output.
    Jsonl,
}

impl Face {
    /// Live in a terminal, plain elsewhere.
    pub fn for_people() -> Face {
        if std::io::stderr().is_terminal() {
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
    /// Begins.
    pub fn begin(face: Face) -> (Events, Progress) {
        let (events, receiver) = Events::channel();
        let live = (face == Face::Live).then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let task = match (face, &live) {
            (Face::Jsonl, _) => tokio::spawn(jsonl(receiver)),
            (_, Some(display)) => tokio::spawn(in_place(receiver, display.clone())),
            _ => tokio::spawn(plain(receiver)),
        };
        (events, Progress { live, task })
    }

    /// Does something with the terminal to itself, e.g. asks a question.
    pub fn suspend<R>(&self, work: impl FnOnce() -> R) -> R {
        match &self.live {
            Some(display) => display.suspend(work),
            None => work(),
        }
    }

    /// Waits until everything is shown. All senders must be gone.
    pub async fn end(self) {
        let _ = self.task.await;
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: jiff::Timestamp,
    #[serde(flatten)]
    event: &'a Event,
}

async fn jsonl(mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        super::json_line(&Line {
            at: jiff::Timestamp::now(),
            event: &event,
        });
    }
}

async fn plain(mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        for line in lines(&event, true) {
            let _ = writeln!(anstream::stderr().lock(), "{line}");
        }
    }
}

async fn in_place(mut events: UnboundedReceiver<Event>, display: MultiProgress) {
    let mut bars: BTreeMap<String, (ProgressBar, Vec<String>)> = BTreeMap::new();
    while let Some(event) = events.recv().await {
        match &event {
            Event::OperationStarted { stack, operation, .. } => {
                let bar = display.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
                    bar.set_style(style);
                }
                bar.set_prefix(format!("{} {stack}", operation.doing()));
                bar.enable_steady_tick(Duration::from_millis(120));
                bars.insert(stack.clone(), (bar, Vec::new()));
            }
            Event::Resource { stack, resource } if !resource.failed() => {
                if let Some((bar, busy)) = bars.get_mut(stack)
                    && !resource.is_stack
                {
                    busy.retain(|name| *name != resource.logical_id);
                    if resource.status.ends_with("_IN_PROGRESS") {
                        busy.push(resource.logical_id.clone());
                    }
                    bar.set_message(busy.join(", "));
                }
            }
            Event::OperationEnded { stack, .. } => {
                if let Some((bar, _)) = bars.remove(stack) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
        // Through the display, so that lines appear above what is redrawn.
        let text: Vec<String> = lines(&event, false);
        if !text.is_empty() {
            display.suspend(|| {
                for line in text {
                    let _ = writeln!(anstream::stderr().lock(), "{line}");
                }
            });
        }
    }
    for (bar, _) in bars.into_values() {
        bar.finish_and_clear();
    }
}

/// An event in words. `every` names what a redrawn line shows by itself.
fn lines(event: &Event, every: bool) -> Vec<String> {
    match event {
        Event::OperationStarted { stack, operation, .. } if every => vec![format!("{} {stack}", operation.doing())],
        Event::Resource { stack, resource } if resource.failed() => {
            let reason = resource.reason.as_deref().unwrap_or_default();
            vec![format!(
                "  {stack}: {} {}: {reason}",
                resource.logical_id,
                paint(BAD, &resource.status)
            )]
        }
        Event::Resource { stack, resource } if every && !resource.is_stack => {
            vec![format!(
                "  {stack}: {} {}",
                resource.logical_id,
                paint(FAINT, &resource.status)
            )]
        }
        Event::OperationEnded {
            stack,
            operation,
            succeeded,
            status,
            seconds: length,
            ..
        } => {
            let length = seconds(*length);
            vec![match succeeded {
                true => format!("{} {} {stack} in {length}", paint(GOOD, "✓"), operation.done()),
                false => format!(
                    "{} {} {stack} failed after {length}: {status}",
                    paint(BAD, "✗"),
                    operation.doing()
                ),
            }]
        }
        Event::Unchanged { stack, .. } => vec![format!("{} {stack} is unchanged", paint(FAINT, "="))],
        Event::Uploaded { stage, bytes, .. } => {
            let size = crate::environment::units::Size::bytes(*bytes);
            vec![format!("{} uploaded the program of {stage} ({size})", paint(GOOD, "✓"))]
        }
        Event::Emptied {
            bucket,
            deleted_objects: 0,
        } => vec![format!("{} {bucket} is empty", paint(FAINT, "="))],
        Event::Emptied {
            bucket,
            deleted_objects,
        } => {
            vec![format!(
                "{} emptied {bucket}: {deleted_objects} deleted",
                paint(GOOD, "✓")
            )]
        }
        Event::Warning { message } => vec![format!("{} {message}", paint(CAREFUL, "warning:"))],
        _ => Vec::new(),
    }
}
