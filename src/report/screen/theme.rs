//! The screen's styles. Without colours, letters, bold and dim still tell what is what.

use ratatui::style::{Color, Modifier, Style};

use crate::cloud::autoscaling::groups::Instance;
use crate::cloud::cloudformation::stack_status::StackStatus;

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
            Tone::Careful => colored(Color::Yellow),
            Tone::Bad => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
            Tone::Plain => Style::new(),
        }
    }

    /// Of an instance's cell, which is a block of colour with a letter on it.
    pub fn cell(self, tone: Tone) -> Style {
        let block = |background| {
            if self.colors {
                Style::new().fg(Color::Black).bg(background)
            } else {
                Style::new().add_modifier(Modifier::BOLD)
            }
        };
        match tone {
            Tone::Good => block(Color::Green),
            Tone::Careful => block(Color::Yellow),
            Tone::Bad => block(Color::Red),
            Tone::Strong | Tone::Plain => block(Color::Blue),
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
        state if state.starts_with("Pending") => ('P', Tone::Careful),
        state if state.starts_with("Terminat") => ('T', Tone::Bad),
        state if state.starts_with("Warmed") => ('W', Tone::Plain),
        _ => ('?', Tone::Plain),
    }
}

/// What the letters mean: first the one that must be seen, then the most usual ones.
pub const LEGEND: [(char, Tone, &str); 6] = [
    (NOTICE, Tone::Bad, "spot notice"),
    ('I', Tone::Good, "in service"),
    ('P', Tone::Careful, "pending"),
    ('D', Tone::Strong, "drains"),
    ('T', Tone::Bad, "terminates"),
    (GONE, Tone::Faint, "gone"),
];

/// An instance that EC2 has announced to take back.
pub const NOTICE: char = '!';

/// An instance that was there a moment ago.
pub const GONE: char = '×';
