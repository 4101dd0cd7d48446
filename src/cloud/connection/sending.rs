//! Bodies that are sent: given up when nothing of them is taken any more, and never because the line is slow.
//!
//! The SDK has a protection of its own, and it is off for what is sent: it wants to see something move in each second and
//! gives up after five without. On a slow line a socket's buffer empties in lumps that are further apart; and a body that
//! is handed over in one piece is not watched at all.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// A body of which nothing is taken for this long stands still. An answer is waited for as long after the body's end.
/// botocore waits as long for a socket.
pub(in crate::cloud) const STANDS_STILL: Duration = Duration::from_secs(60);
/// A body up to this length fits into a socket's buffer: nothing of it can be seen to move.
const PIECE: usize = 64 << 10;

/// Whether a body of this length is watched while it is sent. Only objects are: the answer to what lists keys, or parts,
/// may take minutes.
pub(in crate::cloud) fn is_watched(puts: bool, length: Option<u64>) -> bool {
    puts && length.is_none_or(|length| length > PIECE as u64)
}

/// Nothing was taken, and nothing was said.
#[derive(Debug, thiserror::Error)]
#[error("took nothing more of what is sent to it, for {} s", STANDS_STILL.as_secs())]
pub(in crate::cloud) struct StandsStill;

/// The SDK's own HTTP client: it heeds proxies.
pub(in crate::cloud) fn default_http_client() -> Option<SharedHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    let none = RuntimeComponentsBuilder::new("none");
    plugin.runtime_components(&none).http_client()
}

/// An HTTP client that watches what it sends.
#[derive(Debug)]
pub(in crate::cloud) struct Watching(pub SharedHttpClient);

impl HttpClient for Watching {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WatchingConnector(self.0.http_connector(settings, components)))
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct WatchingConnector(SharedHttpConnector);

impl HttpConnector for WatchingConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let length = request.body().content_length();
        if !is_watched(request.method() == "PUT", length) {
            return self.0.call(request);
        }
        let moved = Moved::default();
        let body = mem::replace(request.body_mut(), SdkBody::taken());
        *request.body_mut() = SdkBody::from_body_1_x(Pieces {
            body,
            piece: Bytes::new(),
            moved: moved.clone(),
        });
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            tokio::select! {
                answer = answer => answer,
                () = moved.stands_still() => Err(ConnectorError::timeout(StandsStill.into())),
            }
        })
    }
}

/// When something was taken last.
#[derive(Debug, Clone)]
struct Moved(Arc<Mutex<Instant>>);

impl Default for Moved {
    fn default() -> Self {
        Moved(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Moved {
    fn now(&self) {
        if let Ok(mut last) = self.0.lock() {
            *last = Instant::now();
        }
    }

    async fn stands_still(&self) {
        loop {
            let last = self
                .0
                .lock()
                .map_or_else(|poisoned| *poisoned.into_inner(), |last| *last);
            if last.elapsed() >= STANDS_STILL {
                return;
            }
            sleep_until(last + STANDS_STILL).await;
        }
    }
}

/// A body that is handed over in small pieces, so that it is seen to move.
struct Pieces {
    body: SdkBody,
    /// What is left of the frame that it gave last.
    piece: Bytes,
    moved: Moved,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces")
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.moved.now();
        if self.piece.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.piece = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let length = self.piece.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = Body::size_hint(&self.body);
        let piece = self.piece.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + piece);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + piece);
        }
        hint
    }
}
