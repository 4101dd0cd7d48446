//! What is redrawn in place on standard error, and lines that are written meanwhile: above it, and never into a question.

use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar};

static SCREEN: Mutex<Screen> = Mutex::new(Screen {
    drawn: None,
    alone: 0,
    kept: Vec::new(),
});

struct Screen {
    drawn: Option<Drawn>,
    /// How many have the terminal to themselves.
    alone: usize,
    /// What was to be said meanwhile.
    kept: Vec<String>,
}

/// What is redrawn.
pub(super) enum Drawn {
    Lines(MultiProgress),
    Bar(ProgressBar),
}

/// From now on this is redrawn.
pub(super) fn begin(drawn: Drawn) {
    if let Ok(mut screen) = SCREEN.lock() {
        screen.drawn = Some(drawn);
    }
}

pub(super) fn end() {
    if let Ok(mut screen) = SCREEN.lock() {
        screen.drawn = None;
    }
}

/// A line on standard error that belongs to no progress.
pub(super) fn line(text: &str) {
    let Ok(mut screen) = SCREEN.lock() else { return };
    if screen.alone > 0 {
        screen.kept.push(text.to_owned());
        return;
    }
    match &screen.drawn {
        Some(Drawn::Lines(lines)) => lines.suspend(|| super::note(text)),
        Some(Drawn::Bar(bar)) => bar.suspend(|| super::note(text)),
        None => super::note(text),
    }
}

/// Does something with the terminal to itself, e.g. asks a question; lines are kept until it is done.
pub(super) fn alone<R>(work: impl FnOnce() -> R) -> R {
    if let Ok(mut screen) = SCREEN.lock() {
        screen.alone += 1;
    }
    let done = work();
    let kept = SCREEN.lock().map(|mut screen| {
        screen.alone -= 1;
        match screen.alone {
            0 => std::mem::take(&mut screen.kept),
            _ => Vec::new(),
        }
    });
    for kept in kept.unwrap_or_default() {
        line(&kept);
    }
    done
}
