//! Requests that wait in front of a gate until nobody else comes: what waits together was sent without waiting for each
//! other's answers. So waves of calls are counted. On a paused clock no time decides: it only goes on when everybody
//! waits.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

/// A gate, which lets all that wait through at once.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<oneshot::Sender<()>>,
    /// How many went through at a time.
    waves: Vec<usize>,
    comings: u64,
}

/// Nobody else comes when nobody came for so long.
const QUIET: Duration = Duration::from_millis(1);

impl Gate {
    /// Waits until the wave that this request is part of is let through.
    pub async fn pass(&self) {
        let (open, opened) = oneshot::channel();
        let coming = {
            let mut state = self.state();
            state.waiting.push(open);
            state.comings += 1;
            state.comings
        };
        let gate = self.clone();
        // The last one to come opens, once it has been the last for a while.
        tokio::spawn(async move {
            tokio::time::sleep(QUIET).await;
            let mut state = gate.state();
            if state.comings == coming {
                let waiting = std::mem::take(&mut state.waiting);
                state.waves.push(waiting.len());
                for open in waiting {
                    // Who hung up meanwhile needs no answer.
                    let _ = open.send(());
                }
            }
        });
        let _ = opened.await;
    }

    /// How many requests there were in each wave.
    pub fn waves(&self) -> Vec<usize> {
        self.state().waves.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
