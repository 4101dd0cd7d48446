//! The face over TCP: for the real binary, on the real clock. Connections can be cut and stalled.

use std::net::{Ipv4Addr, SocketAddr};

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::answer::{Cut, Shared, lock, router};
use super::broken::{Broken, Connection, Fate};

/// Serves on a free port of loopback, in a thread of its own, for as long as the process lives: tests end their
/// processes, not their servers.
pub fn serve(world: impl FnOnce() -> Shared + Send + 'static) -> (SocketAddr, Shared) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("a port on loopback");
            let world = world();
            let address = listener.local_addr().expect("its address");
            tell.send((address, world.clone())).expect("the test waits");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, world.clone()));
            }
        });
    });
    told.recv().expect("the endpoint starts")
}

async fn converse(stream: TcpStream, world: Shared) {
    let fate = Fate::default();
    let connection = Connection::new(stream, fate.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        lock(&world).start_counting();
        let router = router(world.clone());
        let fate = fate.clone();
        async move {
            // A request that came in takes effect, even when who sent it is gone.
            let answering = tokio::spawn(router.oneshot(request.map(axum::body::Body::new)));
            let Ok(Ok(response)) = answering.await else {
                return Err("the endpoint failed");
            };
            if let Some(broken) = response.extensions().get::<Broken>() {
                fate.set(*broken);
            }
            match response.extensions().get::<Cut>() {
                // An error ends the connection without an answer.
                Some(Cut) => Err("cut, as the script says"),
                None => Ok(response),
            }
        }
    });
    // A peer that goes away, or is cut off, is part of the play.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service)
        .await;
}
