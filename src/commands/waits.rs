//! Options of the commands that start operations: how long they are waited for.

use clap::Args;
use tokio::time::Instant;

use crate::engine::operation::{OnInterrupt, Waiting};
use crate::environment::units::Duration;

/// How long operations are waited for.
#[derive(Debug, Args)]
pub struct Waits {
    /// What becomes of running operations when the command is interrupted
    #[arg(long, value_name = "WHAT", default_value = "detach", help_heading = "Waiting")]
    on_interrupt: OnInterrupt,
    /// Stop waiting after this long (`30m`, `2h`) and exit with 1; what runs goes on
    #[arg(long, value_name = "LENGTH", help_heading = "Waiting")]
    timeout: Option<Duration>,
    /// Begin operations and don't wait for them; what needs their outputs is not begun
    #[arg(long, help_heading = "Waiting")]
    pub no_wait: bool,
}

impl Default for Waits {
    /// As when none of the options is given.
    fn default() -> Self {
        Waits {
            on_interrupt: OnInterrupt::Detach,
            timeout: None,
            no_wait: false,
        }
    }
}

impl Waits {
    /// From now on.
    pub fn begin(&self) -> Waiting {
        let timeout = self
            .timeout
            .map(|length| std::time::Duration::from_secs(length.as_secs()));
        Waiting {
            on_interrupt: self.on_interrupt,
            deadline: timeout.and_then(|length| Instant::now().checked_add(length)),
            no_wait: self.no_wait,
        }
    }
}
