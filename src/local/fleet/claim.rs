//! The right to run an environment's fleet. It is taken before anything of the fleet is written, and goes on to the process that
//! runs it.

use std::fs::File;
use std::process::Stdio;

use super::home::FleetHome;
use super::runs_already;
use crate::error::Result;

/// Held by one process at a time, for as long as it lives.
#[derive(Debug)]
pub struct Claim {
    life: File,
}

impl Claim {
    /// Takes it, or what whoever started this process has handed over. `command` is what starts the fleet, for messages
    /// about one that is gone.
    ///
    /// # Errors
    /// A refusal when a fleet of this environment runs already, or is just being started.
    pub fn take(environment: &str, command: &str) -> Result<Claim> {
        let home = FleetHome::make(environment)?;
        let (life, handed_over) = match home.handed_over() {
            Some(life) => (life, true),
            None => (home.supervise()?.ok_or_else(|| runs_already(environment))?, false),
        };
        // Whoever has handed it over has noted how a person starts it.
        if !handed_over {
            home.note_command(command)?;
        }
        home.forget_state();
        Ok(Claim { life })
    }

    /// As the standard input of the process that is to have it: from then on it is that one's.
    pub fn into_stdin(self) -> Stdio {
        Stdio::from(self.life)
    }
}
