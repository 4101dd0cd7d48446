//! A stream of events: whoever works tells them, whoever shows them listens.

use tokio::sync::mpsc;

/// Where events go. Nobody listening is no error.
#[derive(Debug, Clone)]
pub struct Events<E>(mpsc::UnboundedSender<E>);

/// Events among which are warnings: something that the reader should know, and that stops nothing.
pub trait Warns {
    fn warning(message: String) -> Self;
}

impl<E> Events<E> {
    /// Both ends of a stream: one to tell, one to listen.
    pub fn channel() -> (Events<E>, mpsc::UnboundedReceiver<E>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Events(sender), receiver)
    }

    pub fn tell(&self, event: E) {
        let _ = self.0.send(event);
    }
}

impl<E: Warns> Events<E> {
    pub fn warn(&self, message: impl Into<String>) {
        self.tell(E::warning(message.into()));
    }
}
