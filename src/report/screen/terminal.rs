//! The terminal: entered, drawn to, and always left as it was.

use std::io::{self, BufWriter, IsTerminal, Stdout, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::EventStream;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use futures_util::StreamExt;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc::Receiver;

use super::keys::{self, Action};
use super::theme::Theme;
use super::{View, draw};
use crate::observe::watch::{Phase, Snapshot};
use crate::report::plain;

/// How the watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A key was pressed.
    Left,
    /// The environment is gone.
    Gone,
}

/// Whether there is a terminal to draw on and to read keys from.
pub fn is_possible() -> bool {
    stdout().is_terminal() && io::stdin().is_terminal() && !plain::is()
}

/// Shows snapshots as they come, until a key says to leave or the environment is gone.
///
/// # Errors
/// When the terminal can't be drawn to or read from.
pub async fn show(mut snapshots: Receiver<Snapshot>) -> io::Result<Ended> {
    let theme = Theme {
        colors: anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never,
    };
    // Whether there are colours is decided here; crossterm would look at NO_COLOR again.
    crossterm::style::force_color_output(theme.colors);
    let mut screen = Screen::enter()?;
    let mut view = View::default();
    let mut events = EventStream::new();
    screen.draw(&mut view, theme)?;
    loop {
        tokio::select! {
            snapshot = snapshots.recv() => match snapshot {
                Some(snapshot) if snapshot.phase == Phase::Gone => return Ok(Ended::Gone),
                Some(snapshot) => view.see(snapshot),
                None => return Ok(Ended::Left),
            },
            event = events.next() => match event {
                Some(event) => match keys::action(&event?) {
                    Some(Action::Leave) => return Ok(Ended::Left),
                    Some(action) => view.act(action),
                    None => continue,
                },
                // The terminal is gone.
                None => return Ok(Ended::Left),
            },
        }
        screen.draw(&mut view, theme)?;
    }
}

/// Whether the terminal is ours, so that it is given back once, by whoever comes first.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The alternate screen. Dropped, the terminal is as it was; also after a panic, which drops nothing where it aborts.
struct Screen(Terminal<CrosstermBackend<BufWriter<Stdout>>>);

impl Screen {
    fn enter() -> io::Result<Screen> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            hook(panic);
        }));
        ENTERED.store(true, Ordering::SeqCst);
        Screen::begin().inspect_err(|_| leave())
    }

    fn begin() -> io::Result<Screen> {
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, cursor::Hide)?;
        // A whole frame in one write, or it would be seen in pieces.
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))?;
        Ok(Screen(terminal))
    }

    fn draw(&mut self, view: &mut View, theme: Theme) -> io::Result<()> {
        let mut fits = view.fits;
        self.0.draw(|frame| fits = draw::draw(view, theme, frame))?;
        view.fits = fits;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back, if it was taken. Nothing can be done about one that can't be left.
pub fn leave() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, cursor::Show);
    }
}
