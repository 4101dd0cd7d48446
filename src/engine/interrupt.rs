//! SIGINT and SIGTERM: work in hand is told to stop, once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// After an interrupt, requests that are on their way get this long to be answered, so that it is known what they did.
pub const GRACE: Duration = Duration::from_secs(3);

/// Whether the process was asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on. A second signal ends the process at once, with exit code 130.
    ///
    /// # Errors
    /// When the process may not handle signals.
    pub fn listen() -> std::io::Result<Interrupt> {
        use tokio::signal::unix::{SignalKind, signal};
        let (asked, receiver) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if asked.send_replace(true) {
                    std::process::exit(i32::from(crate::error::exit_code::INTERRUPTED));
                }
            }
        });
        Ok(Interrupt(receiver))
    }

    /// Asked by whoever sends `true`, instead of by signals.
    pub fn by_hand() -> (watch::Sender<bool>, Interrupt) {
        let (asked, receiver) = watch::channel(false);
        (asked, Interrupt(receiver))
    }

    /// Whether it was asked.
    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is asked.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens any more: never.
            std::future::pending::<()>().await;
        }
    }

    /// Returns when it was asked and the time for what was on its way is over.
    pub async fn too_late(&self) {
        self.wait().await;
        sleep(GRACE).await;
    }
}
