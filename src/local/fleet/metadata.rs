//! An instance's metadata service, one a worker on a port of its own: version 2 only, as the launch template asks for
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>).

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::error::{Error, Result};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
/// Six hours, the longest that a token may hold.
const LONGEST: u64 = 21_600;
/// Tokens in use at once; the oldest go first.
const MOST_TOKENS: usize = 1000;

/// What an instance is.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub instance_id: String,
    pub zone: String,
    pub region: String,
    pub instance_type: String,
}

/// What becomes of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Its group takes it out of service.
    pub terminating: bool,
    /// EC2 takes it back at this time.
    pub interruption: Option<Timestamp>,
}

/// A running metadata service. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Its address, as workers take it.
    pub endpoint: String,
    outlook: watch::Sender<Outlook>,
    server: AbortHandle,
}

impl Metadata {
    /// Starts one on a free port.
    pub async fn serve(facts: Facts) -> Result<Metadata> {
        let failed = |error| Error::failed(format!("no metadata service can listen on loopback: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let endpoint = format!("http://{}", listener.local_addr().map_err(failed)?);
        let (outlook, known) = watch::channel(Outlook::default());
        let server = tokio::spawn(async move {
            // It ends with an error only when its listener does, and then the worker does without.
            let _ = axum::serve(listener, router(facts, known)).await;
        });
        Ok(Metadata {
            endpoint,
            outlook,
            server: server.abort_handle(),
        })
    }

    /// Says what becomes of the instance.
    pub fn set_outlook(&self, outlook: Outlook) {
        self.outlook
            .send_if_modified(|known| std::mem::replace(known, outlook) != outlook);
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Service {
    facts: Arc<Facts>,
    outlook: watch::Receiver<Outlook>,
    tokens: Arc<Mutex<Vec<(String, Instant)>>>,
}

fn router(facts: Facts, outlook: watch::Receiver<Outlook>) -> Router {
    let service = Service {
        facts: Arc::new(facts),
        outlook,
        tokens: Arc::default(),
    };
    Router::new()
        .route("/latest/api/token", put(token))
        .route("/latest/meta-data/{*path}", get(meta_data))
        .with_state(service)
}

async fn token(State(service): State<Service>, headers: HeaderMap) -> Response {
    // A request that came through a proxy came from elsewhere.
    if headers.contains_key("x-forwarded-for") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let ttl = headers.get(TTL).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST).contains(ttl)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let token = uuid::Uuid::new_v4().simple().to_string();
    let now = Instant::now();
    let Ok(mut tokens) = service.tokens.lock() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    tokens.retain(|(_, until)| *until > now);
    if tokens.len() >= MOST_TOKENS {
        tokens.remove(0);
    }
    tokens.push((token.clone(), now + Duration::from_secs(ttl)));
    ([(TTL, ttl.to_string())], token).into_response()
}

async fn meta_data(State(service): State<Service>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let given = headers
        .get(TOKEN)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let now = Instant::now();
    let is_valid = service
        .tokens
        .lock()
        .is_ok_and(|tokens| tokens.iter().any(|(token, until)| token == given && *until > now));
    if !is_valid {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let facts = &service.facts;
    let outlook = *service.outlook.borrow();
    let text = match path.trim_end_matches('/') {
        "instance-id" => facts.instance_id.clone(),
        "instance-type" => facts.instance_type.clone(),
        "placement/availability-zone" => facts.zone.clone(),
        "placement/region" => facts.region.clone(),
        "autoscaling/target-lifecycle-state" if outlook.terminating => "Terminated".to_owned(),
        "autoscaling/target-lifecycle-state" => "InService".to_owned(),
        // There only once EC2 has decided to take the instance back
        // (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>).
        "spot/instance-action" => match outlook.interruption {
            Some(at) => json!({ "action": "terminate", "time": format!("{at:.0}") }).to_string(),
            None => return StatusCode::NOT_FOUND.into_response(),
        },
        // An instance here has no role (`iam`): workers get their credentials from the environment.
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, "text/plain")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn service() -> (Router, watch::Sender<Outlook>) {
        let facts = Facts {
            instance_id: "i-0123456789abcdef0".into(),
            zone: "us-east-2b".into(),
            region: "us-east-2".into(),
            instance_type: "t4g.small".into(),
        };
        let (outlook, known) = watch::channel(Outlook::default());
        (router(facts, known), outlook)
    }

    async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("answers");
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn a_token_opens_what_is_there() {
        let (router, outlook) = service();
        let (status, token) = ask(&router, "PUT", "/latest/api/token", &[(TTL, "60")]).await;
        assert_eq!(status, 200);
        let get =
            async |path: &str| ask(&router, "GET", &format!("/latest/meta-data/{path}"), &[(TOKEN, &token)]).await;
        for (path, value) in [
            ("instance-id", "i-0123456789abcdef0"),
            ("placement/availability-zone", "us-east-2b"),
            ("placement/region", "us-east-2"),
            ("instance-type", "t4g.small"),
            ("autoscaling/target-lifecycle-state", "InService"),
        ] {
            assert_eq!(get(path).await, (200, value.to_owned()), "{path}");
        }
        outlook.send_modify(|outlook| outlook.terminating = true);
        assert_eq!(get("autoscaling/target-lifecycle-state").await.1, "Terminated");
        assert_eq!(get("spot/instance-action").await.0, 404);
        let at = "2026-01-02T03:04:05.6Z".parse().expect("a time");
        outlook.send_modify(|outlook| outlook.interruption = Some(at));
        let notice = r#"{"action":"terminate","time":"2026-01-02T03:04:05Z"}"#;
        assert_eq!(get("spot/instance-action").await, (200, notice.to_owned()));
        for path in ["spot/termination-time", "iam/security-credentials/", "nonsense"] {
            assert_eq!(get(path).await.0, 404, "{path}");
        }
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_told() {
        let (router, _outlook) = service();
        assert_eq!(ask(&router, "GET", "/latest/meta-data/instance-id", &[]).await.0, 401);
        assert_eq!(ask(&router, "GET", "/latest/meta-data/nonsense", &[]).await.0, 401);
        assert_eq!(
            ask(&router, "GET", "/latest/meta-data/instance-id", &[(TOKEN, "guessed")])
                .await
                .0,
            401
        );
        for ttl in ["", "0", "21601", "soon"] {
            assert_eq!(
                ask(&router, "PUT", "/latest/api/token", &[(TTL, ttl)]).await.0,
                400,
                "{ttl:?}"
            );
        }
        assert_eq!(ask(&router, "PUT", "/latest/api/token", &[]).await.0, 400);
        assert_eq!(ask(&router, "GET", "/latest/api/token", &[]).await.0, 405);
        let proxied = [(TTL, "60"), ("x-forwarded-for", "10.0.0.1")];
        assert_eq!(ask(&router, "PUT", "/latest/api/token", &proxied).await.0, 403);
    }
}
