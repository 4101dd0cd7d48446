//! What keys and other events of the terminal mean.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Leave,
    /// Show stages further down (or up, when negative).
    Scroll(isize),
    /// Show a page of stages further down (or up, when negative).
    Page(isize),
    /// Show the first stages.
    First,
    /// Show the last stages.
    Last,
    /// Draw again, because the terminal has another size.
    Redraw,
}

/// What an event means; nothing for most.
pub fn action(event: &Event) -> Option<Action> {
    match event {
        Event::Resize(..) => Some(Action::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => of_key(key),
        _ => None,
    }
}

fn of_key(key: &KeyEvent) -> Option<Action> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        // The terminal is in raw mode: Ctrl-C is a key, not a signal.
        return (key.code == KeyCode::Char('c')).then_some(Action::Leave);
    }
    match key.code {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Action::Leave),
        KeyCode::Down | KeyCode::Char('j') => Some(Action::Scroll(1)),
        KeyCode::Up | KeyCode::Char('k') => Some(Action::Scroll(-1)),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(Action::Page(1)),
        KeyCode::PageUp => Some(Action::Page(-1)),
        KeyCode::Home | KeyCode::Char('g') => Some(Action::First),
        KeyCode::End | KeyCode::Char('G') => Some(Action::Last),
        _ => None,
    }
}

/// The first stage to show after an action, of `all` stages of which `room` fit.
pub fn scrolled(first: usize, action: Action, all: usize, room: usize) -> usize {
    let last = all.saturating_sub(room);
    let to = match action {
        Action::Scroll(by) => first.saturating_add_signed(by),
        Action::Page(by) => first.saturating_add_signed(by.saturating_mul(isize::try_from(room).unwrap_or(1))),
        Action::First => 0,
        Action::Last => last,
        Action::Leave | Action::Redraw => first,
    };
    to.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode) -> Option<Action> {
        action(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn keys_that_leave() {
        for code in [KeyCode::Char('q'), KeyCode::Esc] {
            assert_eq!(press(code), Some(Action::Leave));
        }
        let control = |c| action(&Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
        assert_eq!(control('c'), Some(Action::Leave));
        assert_eq!(control('q'), None);
        assert_eq!(press(KeyCode::Char('c')), None);
        let mut released = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert_eq!(
            action(&Event::Key(released)),
            None,
            "pressed before, in another program"
        );
    }

    #[test]
    fn keys_and_sizes_that_draw_again() {
        assert_eq!(press(KeyCode::Down), press(KeyCode::Char('j')));
        assert_eq!(press(KeyCode::Up), press(KeyCode::Char('k')));
        assert_eq!(action(&Event::Resize(80, 24)), Some(Action::Redraw));
        assert_eq!(press(KeyCode::Char('x')), None);
        assert_eq!(action(&Event::FocusGained), None);
    }

    #[test]
    fn scrolling_stays_within_the_stages() {
        assert_eq!(scrolled(0, Action::Scroll(-1), 9, 3), 0);
        assert_eq!(scrolled(0, Action::Scroll(1), 9, 3), 1);
        assert_eq!(scrolled(6, Action::Scroll(1), 9, 3), 6, "the last three are shown");
        assert_eq!(scrolled(1, Action::Page(1), 9, 3), 4);
        assert_eq!(scrolled(4, Action::Page(-1), 9, 3), 1);
        assert_eq!(scrolled(5, Action::First, 9, 3), 0);
        assert_eq!(scrolled(0, Action::Last, 9, 3), 6);
        assert_eq!(scrolled(6, Action::Redraw, 9, 9), 0, "all fit now");
        assert_eq!(scrolled(0, Action::Scroll(1), 0, 0), 0);
    }
}
