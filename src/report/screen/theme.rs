//! The screen's styles. Without colours, letters and bold still tell what is what. The colours are those of
//! [`crate::report::style`], for the reasons there; what must be seen from the back row is a block of colour.

use ratatui::style::{Color, Modifier, Style};

use crate::cloud::autoscaling::groups::Instance;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::observe::local_fleet::ORPHANED;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub colors: bool,
}

/// What a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// On its way, or to be looked at.
    Careful,
    /// Wrong, or going.
    Bad,
    Strong,
    Faint,
    Plain,
}

impl Theme {
    pub fn text(self, tone: Tone) -> Style {
        let colored = |color| {
            if self.colors {
                Style::new().fg(color)
            } else {
                Style::new()
            }
        };
        match tone {
            Tone::Good => colored(Color::Green),
            Tone::Careful => self.cell(Tone::Careful),
            Tone::Bad => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Faint | Tone::Plain => Style::new(),
        }
    }

    /// Of a bar: what is over the target is seen to be so on white, too, where yellow isn't.
    pub fn bar(self, is_over: bool) -> Style {
        match (self.colors, is_over) {
            (false, _) => Style::new(),
            (true, true) => Style::new().fg(Color::Magenta),
            (true, false) => Style::new().fg(Color::Green),
        }
    }

    /// Of an instance's cell, or of a number that must be seen: a block of colour with a letter or more on it.
    pub fn cell(self, tone: Tone) -> Style {
        let block = |letter, background| {
            if self.colors {
                Style::new().fg(letter).bg(background)
            } else {
                Style::new().add_modifier(Modifier::BOLD)
            }
        };
        match tone {
            Tone::Good => block(Color::Black, Color::Green),
            Tone::Careful => block(Color::Black, Color::Yellow),
            // Black on red can't be read where red is dark, nor on blue anywhere.
            Tone::Bad => block(Color::White, Color::Red).add_modifier(Modifier::BOLD),
            Tone::Strong | Tone::Plain => block(Color::Black, Color::Cyan),
            Tone::Faint => self.text(Tone::Faint),
        }
    }
}

/// What a stack's status amounts to.
pub fn of_stack(status: &StackStatus) -> Tone {
    match status {
        status if status.is_well() => Tone::Good,
        status if status.is_in_progress() => Tone::Careful,
        StackStatus::ReviewInProgress => Tone::Faint,
        _ => Tone::Bad,
    }
}

/// The letter of an instance's lifecycle state, and what it amounts to
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html>).
pub fn of_instance(instance: &Instance) -> (char, Tone) {
    match instance.lifecycle_state.as_str() {
        "InService" if instance.health == "Unhealthy" => ('U', Tone::Bad),
        "InService" if instance.spot_notice.is_some() => (NOTICE, Tone::Bad),
        "InService" => ('I', Tone::Good),
        "Terminating:Wait" => ('D', Tone::Strong),
        "Standby" | "EnteringStandby" => ('S', Tone::Plain),
        ORPHANED => (ORPHAN, Tone::Bad),
        state if state.starts_with("Pending") => ('P', Tone::Careful),
        state if state.starts_with("Terminat") => ('T', Tone::Bad),
        state if state.starts_with("Warmed") => ('W', Tone::Plain),
        _ => ('?', Tone::Plain),
    }
}

/// What the letters mean: first the one that must be seen, then the most usual ones.
pub const LEGEND: [(char, Tone, &str); 7] = [
    (NOTICE, Tone::Bad, "spot notice"),
    (ORPHAN, Tone::Bad, "orphaned"),
    ('I', Tone::Good, "in service"),
    ('P', Tone::Careful, "pending"),
    ('D', Tone::Strong, "drains"),
    ('T', Tone::Bad, "terminates"),
    (GONE, Tone::Faint, "gone"),
];

/// An instance that EC2 has announced to take back.
pub const NOTICE: char = '!';

/// An instance whose worker runs, and whom nobody replaces.
pub const ORPHAN: char = 'O';

/// An instance that was there a moment ago.
pub const GONE: char = '×';

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::contrast;

    /// As ratatui names the sixteen.
    fn number(color: Color) -> Option<usize> {
        Some(match color {
            Color::Reset => return None,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::White => 15,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn every_tone_can_be_read_in_every_theme() {
        let theme = Theme { colors: true };
        for tone in [
            Tone::Good,
            Tone::Careful,
            Tone::Bad,
            Tone::Strong,
            Tone::Faint,
            Tone::Plain,
        ] {
            for style in [theme.text(tone), theme.cell(tone)] {
                assert!(!style.add_modifier.contains(Modifier::DIM), "{tone:?}");
                let (front, behind) = (style.fg.and_then(number), style.bg.and_then(number));
                contrast::check(&format!("{tone:?}"), front, behind);
            }
        }
    }
}
