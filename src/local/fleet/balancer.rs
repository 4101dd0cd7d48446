//! The load balancer of a local web tier: it listens on one port for as long as the fleet runs, and hands each connection
//! to a program that is in service, one after the other.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::error::{Error, Result};

/// What an Application Load Balancer answers that has no healthy target
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>).
const NOBODY: &[u8] = b"HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(50);

/// A running load balancer. It ends when this is dropped; what goes through it goes on.
#[derive(Debug)]
pub(super) struct Balancer {
    pub url: String,
    targets: watch::Sender<Vec<u16>>,
    server: AbortHandle,
}

impl Balancer {
    /// Starts one on a free port of loopback.
    pub fn serve() -> Result<Balancer> {
        let failed = |error| Error::failed(format!("no load balancer can listen on loopback: {error}"));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let (targets, known) = watch::channel(Vec::new());
        let server = tokio::spawn(accept(listener, known)).abort_handle();
        Ok(Balancer { url, targets, server })
    }

    /// The ports of the programs that are in service.
    pub fn set_targets(&self, ports: Vec<u16>) {
        self.targets
            .send_if_modified(|known| std::mem::replace(known, ports.clone()) != ports);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// When there is none.
pub(super) fn free_port() -> Result<u16> {
    let bound = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    let bound = bound.map_err(|error| Error::failed(format!("there is no free port on loopback: {error}")))?;
    Ok(bound.port())
}

async fn accept(listener: TcpListener, targets: watch::Receiver<Vec<u16>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    loop {
        // One that is gone before it was taken is no trouble of the next. But as long as there are no file descriptors, each
        // one fails at once.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (targets, turn) = (targets.clone(), Arc::clone(&turn));
        tokio::spawn(async move {
            let ports = targets.borrow().clone();
            let first = turn.fetch_add(1, Ordering::Relaxed);
            forward(client, &ports, first).await;
        });
    }
}

/// Each is tried, from the one whose turn it is on.
async fn forward(mut client: TcpStream, ports: &[u16], first: usize) {
    for offset in 0..ports.len() {
        let port = ports[(first + offset) % ports.len()];
        if let Ok(mut target) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            let _ = copy_bidirectional(&mut client, &mut target).await;
            return;
        }
    }
    // Read first: closing with something unread would reset the connection, and the answer with it.
    let _ = client.read(&mut [0; 4096]).await;
    let _ = client.write_all(NOBODY).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each connection with its name, and ends it.
    async fn program(name: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("listens");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let _ = client.read(&mut [0; 100]).await;
                let _ = client.write_all(name.as_bytes()).await;
            }
        });
        port
    }

    async fn ask(balancer: &Balancer) -> String {
        let address = balancer.url.trim_start_matches("http://");
        let mut client = TcpStream::connect(address).await.expect("connects");
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("writes");
        let mut said = String::new();
        client.read_to_string(&mut said).await.expect("reads");
        said
    }

    #[tokio::test]
    async fn programs_take_turns_and_one_that_is_away_is_passed_over() {
        let balancer = Balancer::serve().expect("serves");
        assert!(ask(&balancer).await.starts_with("HTTP/1.1 503 "));
        balancer.set_targets(vec![program("a").await, program("b").await]);
        let mut all = [ask(&balancer).await, ask(&balancer).await];
        all.sort();
        assert_eq!(all, ["a", "b"]);
        balancer.set_targets(vec![free_port().expect("free"), program("c").await]);
        assert_eq!([ask(&balancer).await, ask(&balancer).await], ["c", "c"]);
        balancer.set_targets(Vec::new());
        assert!(ask(&balancer).await.starts_with("HTTP/1.1 503 "));
    }
}
