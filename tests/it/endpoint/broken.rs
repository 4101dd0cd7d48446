//! Answers that break off: in the middle of their headers, or of their body; and connections that go silent there.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// On a response: how far it is sent, and what comes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    pub at: Place,
    /// Nothing more comes, or else the connection ends.
    pub stalls: bool,
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Headers,
    /// After half of so many bytes.
    Body(usize),
}

/// What a connection is to do to the response that it sends next.
#[derive(Debug, Clone, Default)]
pub struct Fate(Arc<Mutex<Option<State>>>);

#[derive(Debug)]
struct State {
    broken: Broken,
    /// How many bytes may still go; unknown until the headers' end.
    left: Option<usize>,
}

impl Fate {
    pub fn set(&self, broken: Broken) {
        let left = (broken.at == Place::Headers).then_some(20);
        *self.0.lock().expect("no panic in between") = Some(State { broken, left });
    }
}

/// A connection that breaks as it is fated to.
pub struct Connection {
    stream: TcpStream,
    fate: Fate,
}

impl Connection {
    pub fn new(stream: TcpStream, fate: Fate) -> Self {
        Connection { stream, fate }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let fate = self.fate.clone();
        let mut fate = fate.0.lock().expect("no panic in between");
        let Some(state) = fate.as_mut() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let left = match (state.left, end, state.broken.at) {
            (Some(left), ..) => left,
            (None, Some(end), Place::Body(length)) => end + 4 + length / 2,
            _ => bytes.len(),
        };
        if left == 0 {
            return match state.broken.stalls {
                true => Poll::Pending,
                false => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            };
        }
        let sent = Pin::new(&mut self.stream).poll_write(context, &bytes[..left.min(bytes.len())]);
        if let Poll::Ready(Ok(sent)) = sent
            && (state.left.is_some() || end.is_some())
        {
            state.left = Some(left - sent);
        }
        sent
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
