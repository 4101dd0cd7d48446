//! What the endpoint doesn't play itself, asked of the local emulator.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// The same request to another endpoint, and its answer.
pub async fn forward(endpoint: &str, parts: &Parts, body: Bytes) -> Response {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("{}{path}", endpoint.trim_end_matches('/'))
        .parse()
        .expect("the emulator's address");
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers.clone();
    match Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
    {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("the emulator at {endpoint}: {error}")).into_response(),
    }
}
