//! Options of the commands that start operations: how long they are waited for.

use super::global::Global;
use crate::engine::operation::{OnInterrupt, Waiting};
use crate::environment::units::Duration;
use crate::interrupt::Interrupt;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

impl ValueEnum for OnInterrupt {
    fn value_variants<'a>() -> &'a [Self] {
        &[OnInterrupt::Detach, OnInterrupt::Wait, OnInterrupt::Cancel]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            OnInterrupt::Detach => (
                "detach",
                "The command ends, and they go on in CloudFormation; the same command picks them up again",
            ),
            OnInterrupt::Wait => ("wait", "The command waits for them, and begins nothing new"),
            OnInterrupt::Cancel => (
                "cancel",
                "An update is cancelled and rolled back, an unfinished first create is deleted",
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// How long a command may take.
#[derive(Debug, Args)]
pub struct Timeout {
    /// Stop after this long (`30m`, `2h`) and exit with 1; what runs goes on
    #[arg(long, value_name = "LENGTH", help_heading = "Waiting")]
    timeout: Option<Duration>,
}

impl Timeout {
    /// From its beginning to its end.
    pub fn length(&self) -> Option<std::time::Duration> {
        self.timeout
            .map(|length| std::time::Duration::from_secs(length.as_secs()))
    }
}

/// How long operations are waited for.
#[derive(Debug, Args)]
pub struct Waits {
    /// What happens to running operations when the command is interrupted
    #[arg(long, value_name = "WHAT", default_value = "detach", help_heading = "Waiting")]
    on_interrupt: OnInterrupt,
    #[command(flatten)]
    timeout: Timeout,
    /// Start operations and don't wait for them; what needs their outputs is not started, and exit with 5 then
    #[arg(long, help_heading = "Waiting")]
    pub no_wait: bool,
}

impl Waits {
    /// How long the command may take, from its beginning to its end.
    pub fn timeout(&self) -> Option<std::time::Duration> {
        self.timeout.length()
    }

    /// `--on-interrupt` for a command that goes on with what this one leaves; nothing where it is as ever.
    pub fn words(&self) -> String {
        let word = self.on_interrupt.to_possible_value();
        let word = word.filter(|_| self.on_interrupt != OnInterrupt::default());
        word.map_or(String::new(), |word| format!(" --on-interrupt {}", word.get_name()))
    }

    /// Of operations that begin from now on.
    pub fn begin(&self, global: &Global, interrupt: &Interrupt) -> Waiting {
        if self.on_interrupt != OnInterrupt::Detach {
            interrupt.take_your_time();
        }
        Waiting {
            on_interrupt: self.on_interrupt,
            deadline: global.deadline(self.timeout()),
            no_wait: self.no_wait,
        }
    }
}
