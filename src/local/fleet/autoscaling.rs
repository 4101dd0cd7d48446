//! The part of Auto Scaling's API that the emulator lacks, for workers and for whoever ends one: instances, their hooks,
//! their termination. Everything else goes on to the emulator. Beside it, what no API of Auto Scaling's does: EC2 takes
//! a spot instance back.
//! (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/Welcome.html>)

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use url::form_urlencoded;

use super::group::Refusal;
use super::state::Activity;
use crate::error::{Error, Result};

/// A POST to this path and an instance's id announces its interruption.
pub(super) const INTERRUPTIONS: &str = "/spot-interruptions/";
const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

/// What is asked of the supervisor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// The instances of these ids; all, without any.
    Instances(Vec<String>),
    /// A worker is done with its hook.
    Complete(Waiting),
    /// A worker needs more time in its hook.
    Heartbeat(Waiting),
    /// An instance is to go.
    Terminate {
        id: String,
        /// And the group is to shrink.
        decrement: bool,
    },
    /// EC2 is to take this instance back.
    Interrupt(String),
}

/// An instance in its hook.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub group: String,
    pub hook: String,
    pub id: String,
}

/// What the supervisor answers.
#[derive(Debug)]
pub(super) enum Answer {
    Instances(Vec<Listed>),
    Done,
    Begun(Activity),
    /// EC2 takes it back at this time.
    Interrupted(Timestamp),
}

/// An instance in a list.
#[derive(Debug)]
pub(super) struct Listed {
    pub id: String,
    pub group: String,
    pub zone: String,
    pub instance_type: String,
    pub lifecycle_state: &'static str,
}

/// A call, and where its answer goes.
pub(super) type Asked = (Call, oneshot::Sender<std::result::Result<Answer, Refusal>>);

/// A running endpoint. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub url: String,
    server: AbortHandle,
}

impl Endpoint {
    /// Starts one on a free port. Calls go into `calls`.
    pub async fn serve(emulator: &str, calls: mpsc::Sender<Asked>) -> Result<Endpoint> {
        let failed = |error| Error::failed(format!("no endpoint can listen on loopback: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let service = Service {
            emulator: emulator.to_owned(),
            calls,
        };
        let router = Router::new()
            .route(&format!("{INTERRUPTIONS}{{id}}"), post(interrupt))
            .fallback(answer)
            .with_state(service);
        let server = tokio::spawn(async move {
            // It ends with an error only when its listener does.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Endpoint {
            url,
            server: server.abort_handle(),
        })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Service {
    emulator: String,
    calls: mpsc::Sender<Asked>,
}

/// Answers with the time of the interruption.
async fn interrupt(State(service): State<Service>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !headers.contains_key(header::AUTHORIZATION) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match service.ask(Call::Interrupt(id)).await {
        Some(Ok(Answer::Interrupted(at))) => at.to_string().into_response(),
        Some(_) => StatusCode::NOT_FOUND.into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Service {
    /// What the supervisor answers; nothing when it ends.
    async fn ask(&self, call: Call) -> Option<std::result::Result<Answer, Refusal>> {
        let (reply, answered) = oneshot::channel();
        self.calls.send((call, reply)).await.ok()?;
        answered.await.ok()
    }
}

async fn answer(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    // SDKs sign, and a page in a browser can't: it may not even try to end an instance.
    if !headers.contains_key(header::AUTHORIZATION) {
        return error(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        );
    }
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let action = parameters.get("Action").map_or("", String::as_str);
    let call = match read(action, &parameters) {
        Ok(Some(call)) => call,
        Ok(None) => return forward(service.emulator, headers, body).await,
        Err(message) => return error(StatusCode::BAD_REQUEST, "ValidationError", &message),
    };
    let id = match &call {
        Call::Complete(waiting) | Call::Heartbeat(waiting) => waiting.id.clone(),
        Call::Terminate { id, .. } | Call::Interrupt(id) => id.clone(),
        Call::Instances(_) => String::new(),
    };
    match service.ask(call).await {
        Some(Ok(answer)) => success(action, &answer),
        Some(Err(refusal)) => error(StatusCode::BAD_REQUEST, "ValidationError", &explain(&refusal, &id)),
        None => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "The local fleet is ending",
        ),
    }
}

/// The call that an action is; nothing for one that the emulator answers.
fn read(action: &str, parameters: &BTreeMap<String, String>) -> std::result::Result<Option<Call>, String> {
    let given = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
    let required = |name: &str| given(name).ok_or_else(|| format!("{name} is required"));
    let waiting = || -> std::result::Result<Waiting, String> {
        Ok(Waiting {
            group: required("AutoScalingGroupName")?,
            hook: required("LifecycleHookName")?,
            // Tokens come with notifications, and nobody sends any here.
            id: given("InstanceId").ok_or("name the instance by InstanceId: a local fleet hands out no tokens")?,
        })
    };
    Ok(Some(match action {
        "DescribeAutoScalingInstances" => {
            Call::Instances((1..).map_while(|n| given(&format!("InstanceIds.member.{n}"))).collect())
        }
        "CompleteLifecycleAction" => {
            let result = required("LifecycleActionResult")?;
            // Of an instance that terminates, both mean that it goes on doing so.
            if !matches!(result.as_str(), "CONTINUE" | "ABANDON") {
                return Err(format!(
                    "LifecycleActionResult must be CONTINUE or ABANDON, not {result}"
                ));
            }
            Call::Complete(waiting()?)
        }
        "RecordLifecycleActionHeartbeat" => Call::Heartbeat(waiting()?),
        "TerminateInstanceInAutoScalingGroup" => Call::Terminate {
            id: required("InstanceId")?,
            decrement: required("ShouldDecrementDesiredCapacity")? == "true",
        },
        _ => return Ok(None),
    }))
}

fn explain(refusal: &Refusal, id: &str) -> String {
    match refusal {
        Refusal::Unknown => format!("Instance Id not found - No managed instance found for instance ID: {id}"),
        Refusal::NotWaiting => format!("No active Lifecycle Action found with instance ID {id}"),
        Refusal::BelowMin => "Currently, desiredSize equals minSize. Terminating instance without replacement will \
                              violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to \
                              false or lower group's min size."
            .to_owned(),
    }
}

fn success(action: &str, answer: &Answer) -> Response {
    let mut inner = String::new();
    match answer {
        Answer::Done | Answer::Interrupted(_) => {}
        Answer::Instances(instances) => {
            inner.push_str("<AutoScalingInstances>");
            for listed in instances {
                inner.push_str("<member>");
                for (name, value) in [
                    ("InstanceId", listed.id.as_str()),
                    ("AutoScalingGroupName", &listed.group),
                    ("AvailabilityZone", &listed.zone),
                    ("InstanceType", &listed.instance_type),
                    ("LifecycleState", listed.lifecycle_state),
                    ("HealthStatus", "HEALTHY"),
                    ("ProtectedFromScaleIn", "false"),
                ] {
                    element(&mut inner, name, value);
                }
                inner.push_str("</member>");
            }
            inner.push_str("</AutoScalingInstances>");
        }
        Answer::Begun(activity) => {
            inner.push_str("<Activity>");
            for (name, value) in [
                ("ActivityId", activity.activity_id.as_str()),
                ("AutoScalingGroupName", &activity.group),
                ("Description", &activity.description),
                ("Cause", &activity.cause),
                ("StartTime", &activity.start_time.to_string()),
                ("StatusCode", activity.status_code.as_str()),
                ("Progress", "0"),
            ] {
                element(&mut inner, name, value);
            }
            inner.push_str("</Activity>");
        }
    }
    let request = uuid::Uuid::new_v4();
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>\
         {request}</RequestId></ResponseMetadata></{action}Response>"
    );
    ([(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let request = uuid::Uuid::new_v4();
    let mut inner = String::new();
    let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
    for (name, value) in [("Type", fault), ("Code", code), ("Message", message)] {
        element(&mut inner, name, value);
    }
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{inner}</Error><RequestId>{request}</RequestId></ErrorResponse>"
    );
    (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

fn element(xml: &mut String, name: &str, value: &str) {
    let _ = write!(xml, "<{name}>");
    for c in value.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            c => xml.push(c),
        }
    }
    let _ = write!(xml, "</{name}>");
}

/// Sends a request on as it came. The emulator reads the account from the signature's key id, and checks no more of it.
async fn forward(emulator: String, headers: HeaderMap, body: Bytes) -> Response {
    let asked = tokio::task::spawn_blocking(move || -> std::result::Result<_, ureq::Error> {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let mut request = agent.post(emulator);
        for name in ["authorization", "content-type", "x-amz-date", "x-amz-security-token"] {
            if let Some(value) = headers.get(HeaderName::from_static(name)) {
                request = request.header(name, value.as_bytes());
            }
        }
        let mut answer = request.send(&body[..])?;
        let text = answer.body_mut().read_to_vec()?;
        Ok((answer.status().as_u16(), text))
    });
    match asked.await {
        Ok(Ok((status, text))) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/xml")], text).into_response()
        }
        Ok(Err(cause)) => error(
            StatusCode::BAD_GATEWAY,
            "ServiceUnavailable",
            &format!("the emulator doesn't answer: {cause}"),
        ),
        Err(_) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailure",
            "the request was given up",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn calls_are_read() {
        let ids = parameters(&[("InstanceIds.member.1", "i-1"), ("InstanceIds.member.2", "i-2")]);
        assert_eq!(
            read("DescribeAutoScalingInstances", &ids),
            Ok(Some(Call::Instances(vec!["i-1".into(), "i-2".into()])))
        );
        let terminate = parameters(&[("InstanceId", "i-1"), ("ShouldDecrementDesiredCapacity", "true")]);
        let call = Call::Terminate {
            id: "i-1".into(),
            decrement: true,
        };
        assert_eq!(read("TerminateInstanceInAutoScalingGroup", &terminate), Ok(Some(call)));
        assert_eq!(read("DescribeAutoScalingGroups", &parameters(&[])), Ok(None));
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |action: &str, pairs: &[(&str, &str)]| read(action, &parameters(pairs)).expect_err("is refused");
        let waits = [("AutoScalingGroupName", "g"), ("LifecycleHookName", "drain")];
        assert!(message("TerminateInstanceInAutoScalingGroup", &[]).contains("InstanceId"));
        let undecided = [("InstanceId", "i-1")];
        assert!(message("TerminateInstanceInAutoScalingGroup", &undecided).contains("ShouldDecrementDesiredCapacity"));
        assert!(message("RecordLifecycleActionHeartbeat", &waits).contains("InstanceId"));
        assert!(message("RecordLifecycleActionHeartbeat", &undecided).contains("AutoScalingGroupName"));
        assert!(message("CompleteLifecycleAction", &waits).contains("LifecycleActionResult"));
        let maybe = [("LifecycleActionResult", "MAYBE")];
        assert!(message("CompleteLifecycleAction", &maybe).contains("MAYBE"));
    }

    #[test]
    fn what_is_put_into_xml_stays_text() {
        let mut xml = String::new();
        element(&mut xml, "Cause", "1 < 2 & \"3\" > 2");
        assert_eq!(xml, "<Cause>1 &lt; 2 &amp; \"3\" &gt; 2</Cause>");
    }
}
