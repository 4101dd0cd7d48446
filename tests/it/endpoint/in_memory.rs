//! The face inside the SDK: its HTTP client, without a socket, so that time can stand still. For the current-thread
//! runtime with a paused clock.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use axum::body::Body;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use tower::ServiceExt;

use super::answer::{Cut, Shared, lock, router};
use super::broken::{Broken, Place};

/// The SDK's way to an endpoint in memory.
#[derive(Clone)]
pub struct InMemory(pub Shared);

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InMemory({} calls so far)", lock(&self.0).calls.len())
    }
}

impl HttpClient for InMemory {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connection {
            world: self.0.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

#[derive(Clone)]
struct Connection {
    world: Shared,
    read_timeout: Option<Duration>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection(read timeout {:?})", self.read_timeout)
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connection = self.clone();
        HttpConnectorFuture::new(async move {
            // As on a socket, a request that was sent takes effect, even when nobody waits for its answer any more.
            let answer = tokio::spawn(exchange(connection.world, request));
            let limit = connection.read_timeout.unwrap_or(Duration::MAX);
            match tokio::time::timeout(limit, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => Err(ConnectorError::other(error.into(), None)),
                Err(late) => Err(ConnectorError::timeout(late.into())),
            }
        })
    }
}

async fn exchange(world: Shared, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let request = axum::http::Request::from_parts(parts, Body::new(body));
    let response = router(world)
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {});
    if response.extensions().get::<Cut>().is_some() {
        return Err(ConnectorError::io("connection closed before message completed".into()));
    }
    let broken = response.extensions().get::<Broken>().copied();
    let (parts, body) = response.into_parts();
    // axum's body isn't `Sync`, and the SDK's must be.
    let body = body
        .collect()
        .await
        .map_err(|error| ConnectorError::io(error.into()))?
        .to_bytes();
    if let Some(Broken { at, stalls }) = broken {
        if at == Place::Headers {
            return match stalls {
                true => std::future::pending().await,
                false => Err(ConnectorError::io("connection closed in the headers".into())),
            };
        }
        let half = body.slice(..body.len() / 2);
        let rest = futures_util::stream::once(async move {
            match stalls {
                true => std::future::pending().await,
                false => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
            }
        });
        let frames = futures_util::stream::iter([Ok(half)])
            .chain(rest)
            .map_ok(hyper::body::Frame::data);
        let body = SdkBody::from_body_1_x(StreamBody::new(frames));
        return HttpResponse::try_from(axum::http::Response::from_parts(parts, body))
            .map_err(|error| ConnectorError::other(error.into(), None));
    }
    HttpResponse::try_from(axum::http::Response::from_parts(parts, SdkBody::from(body)))
        .map_err(|error| ConnectorError::other(error.into(), None))
}
