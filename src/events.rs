//! A stream of events: whoever works tells them, whoever shows them listens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

/// Where events go. Nobody listening is no error.
#[derive(Debug, Clone)]
pub struct Events<E> {
    sender: mpsc::UnboundedSender<E>,
    warned: Arc<Mutex<Vec<String>>>,
}

/// Events among which are warnings: something that the reader should know, and that stops nothing.
pub trait Warns {
    fn warning(message: String) -> Self;
}

impl<E> Events<E> {
    /// Both ends of a stream: one to tell, one to listen.
    pub fn channel() -> (Events<E>, mpsc::UnboundedReceiver<E>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let warned = Arc::default();
        (Events { sender, warned }, receiver)
    }

    pub fn tell(&self, event: E) {
        let _ = self.sender.send(event);
    }
}

impl<E: Warns> Events<E> {
    pub fn warn(&self, message: impl Into<String>) {
        let message = message.into();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if !warned.contains(&message) {
            warned.push(message.clone());
        }
        drop(warned);
        self.tell(E::warning(message));
    }

    /// All warnings so far, each once, in their order.
    pub fn warnings(&self) -> Vec<String> {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
