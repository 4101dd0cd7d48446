//! From a request to its answer: logged, hit by faults, checked, dispatched.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::broken::{Broken, Place};
use super::calls::{Call, Service};
use super::cbor;
use super::faults::Fault;
use super::forward::forward;
use super::model::Model;
use super::query::{Input, Refusal, answer};
use super::rights;
use super::said::Said;
use super::script::{DescribeEvents, Taking};
use super::services::Plain;
use super::world::World;
use super::xml::Fields;

/// On a response: don't send it, end the connection.
#[derive(Debug, Clone, Copy)]
pub struct Cut;

/// What all requests share.
pub type Shared = Arc<Mutex<World>>;

const CLOUDFORMATION: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
const AUTO_SCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const SNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const LOAD_BALANCING: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The endpoint, as axum sees it.
pub fn router(world: Shared) -> Router {
    Router::new().fallback(identified).with_state(world)
}

/// A poisoned lock only means that another test thread failed in it; the assertion there says more.
pub fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Every answer has an id by which AWS finds the request again; S3's have two
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/get-request-ids.html>).
async fn identified(state: State<Shared>, request: Request) -> Response {
    let signed = request.headers().get("authorization").cloned();
    let is_s3 = signed.is_some_and(|signed| signed.to_str().is_ok_and(|signed| signed.contains("/s3/aws4_request")));
    let id = HeaderValue::from_str(&lock(&state.0).unique()).expect("an id");
    let mut response = take(state, request).await;
    let names: &[&'static str] = match is_s3 {
        true => &["x-amz-request-id", "x-amz-id-2"],
        false => &["x-amzn-requestid"],
    };
    for name in names {
        response.headers_mut().entry(*name).or_insert_with(|| id.clone());
    }
    response
}

async fn take(State(world): State<Shared>, request: Request) -> Response {
    let ahead = lock(&world).script.clock_ahead;
    let mut response = taken_in(world, request).await;
    if ahead != 0 {
        let date = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response
            .headers_mut()
            .extend(date.parse().ok().map(|date| (HeaderName::from_static("date"), date)));
    }
    response
}

async fn taken_in(world: Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taking = lock(&world).script.taking.filter(|_| parts.method == Method::PUT);
    let Some(body) = taken(body, taking).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (call, fault, forward_to) = {
        let mut world = lock(&world);
        world.catch_up();
        let call = Call::read(&parts, body, world.now);
        let fault = world.fault_of(&call);
        if let Some(wrong) = rights::not_allowed(&call) {
            world.complaints.push(wrong);
        }
        rights::record(&call);
        world.calls.push(call.clone());
        (call, fault, world.script.forward_to.clone())
    };
    match fault {
        Some(Fault::Refuse(refusal)) => return refused(&call, &refusal),
        Some(Fault::Cut) => return cut(),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Held(ref gate)) => gate.pass().await,
        Some(Fault::LateEffect(time)) => {
            tokio::time::sleep(time).await;
            lock(&world).catch_up();
        }
        _ => {}
    }
    let response = match (call.service, forward_to) {
        (
            Service::Json
            | Service::Sqs
            | Service::Sns
            | Service::Iam
            | Service::S3
            | Service::AutoScaling
            | Service::CloudWatch
            | Service::LoadBalancing
            | Service::Other,
            Some(endpoint),
        ) => forward(&endpoint, &parts, call.body.clone()).await,
        _ => answered(&mut lock(&world), &parts, &call),
    };
    match fault {
        Some(Fault::CutAfterEffect) => cut(),
        Some(Fault::StallAfterEffect) => std::future::pending().await,
        Some(Fault::StallInHeaders) => broken(response, true, true).await,
        Some(Fault::StallInBody) => broken(response, false, true).await,
        Some(Fault::CutInBody) => broken(response, false, false).await,
        Some(Fault::NoBody) => shortened(response, |_| 0).await,
        Some(Fault::HalfBody) => shortened(response, |length| length / 2).await,
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            response
        }
        _ => response,
    }
}

/// A body, once it came in.
async fn taken(mut body: Body, taking: Option<Taking>) -> Option<Bytes> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            all.extend_from_slice(&data);
            match taking {
                Some(Taking::Stops(after)) if all.len() as u64 > after => std::future::pending().await,
                Some(Taking::Slowly(a_second)) => {
                    tokio::time::sleep(Duration::from_secs_f64(data.len() as f64 / a_second as f64)).await;
                }
                _ => {}
            }
        }
    }
    Some(all.into())
}

impl World {
    /// What goes wrong with this call.
    fn fault_of(&mut self, call: &Call) -> Option<Fault> {
        let at = self.clock.since_start(call.at);
        // Every rule counts the call, the first one that hits decides.
        let hits: Vec<Fault> = self
            .script
            .rules
            .iter_mut()
            .filter_map(|rule| rule.hit(call, at))
            .collect();
        let crowded = self.script.rates.get(&call.action).is_some_and(|most| {
            let second = call.at.checked_sub(Duration::from_secs(1));
            let recent = self
                .calls
                .iter()
                .rev()
                .take_while(|earlier| second.is_none_or(|second| earlier.at > second));
            recent.filter(|earlier| earlier.action == call.action).count() >= *most
        });
        hits.into_iter().next().or_else(|| crowded.then(Fault::throttling))
    }

    /// An action of CloudFormation.
    fn act(&mut self, action: &str, input: &Input) -> Result<Fields, Refusal> {
        if action == "DescribeEvents" {
            match self.script.describe_events {
                DescribeEvents::Answers => {}
                DescribeEvents::Empty => return Ok(Fields::new().members("OperationEvents", [])),
                DescribeEvents::UnknownAction => return Err(unknown(action)),
            }
        }
        let model = Model::get();
        let wrong = model.complaints(action, input);
        if !wrong.is_empty() {
            let errors = if wrong.len() == 1 { "error" } else { "errors" };
            let message = format!("{} validation {errors} detected: {}", wrong.len(), wrong.join("; "));
            self.complaints.push(format!("{action}: {message}"));
            return Err(Refusal::validation(message));
        }
        let present = self.go_back(action, input);
        let answer = self.on_stacks(action, input);
        match present {
            Some(present) => self.stacks = present,
            None => self.remember(),
        }
        answer
    }

    fn on_stacks(&mut self, action: &str, input: &Input) -> Result<Fields, Refusal> {
        match action {
            "DescribeStacks" => self.describe_stacks(input),
            "ListStacks" => self.list_stacks(input),
            "DescribeStackEvents" => self.describe_stack_events(input),
            "DescribeEvents" => self.describe_events(input),
            "ListImports" => self.list_imports(input),
            "ListStackResources" => self.list_stack_resources(input),
            "DescribeStackResources" => self.describe_stack_resources(input),
            "DetectStackDrift" => self.detect_stack_drift(input),
            "DescribeStackDriftDetectionStatus" => self.describe_stack_drift_detection_status(input),
            "DescribeStackResourceDrifts" => self.describe_stack_resource_drifts(input),
            "GetTemplateSummary" => self.get_template_summary(input),
            "GetTemplate" => self.get_template(input),
            "CreateChangeSet" => self.create_change_set(input),
            "DescribeChangeSet" => self.describe_change_set(input),
            "ListChangeSets" => self.list_change_sets(input),
            "DeleteChangeSet" => self.delete_change_set(input),
            "ExecuteChangeSet" => self.execute_change_set(input),
            "CreateStack" => self.create_stack(input),
            "UpdateStack" => self.update_stack(input),
            "DeleteStack" => self.delete_stack(input),
            "CancelUpdateStack" => self.cancel_update_stack(input),
            "RollbackStack" => self.rollback_stack(input),
            "ContinueUpdateRollback" => self.continue_update_rollback(input),
            "UpdateTerminationProtection" => self.update_termination_protection(input),
            _ => {
                self.complaints.push(format!(
                    "{action}: the endpoint doesn't know it{}",
                    if Model::get().knows(action) { " yet" } else { "" }
                ));
                Err(unknown(action))
            }
        }
    }
}

fn unknown(action: &str) -> Refusal {
    let message = format!("Could not find operation {action} for version 2010-05-15");
    Refusal::new(400, "InvalidAction", message)
}

fn answered(world: &mut World, parts: &Parts, call: &Call) -> Response {
    let request_id = world.unique();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    // Without it, a bucket of the same name that is somebody else's by now would be taken for ours.
    if call.service == Service::S3
        && call.action != "ListBuckets"
        && header("x-amz-expected-bucket-owner") != world.script.account
    {
        world
            .complaints
            .push(format!("{} without the bucket's expected owner", call.action));
    }
    // "x-amz-skip-destination-validation": without it, everybody's queues and topics get a test message each time.
    if call.action == "PutBucketNotificationConfiguration" && header("x-amz-skip-destination-validation") != "true" {
        world
            .complaints
            .push("a test message is sent to others' queues".to_owned());
    }
    if call.service == Service::S3
        && let Some(plainly) = world.services.of_a_region(call)
    {
        return plain(plainly);
    }
    let of_account = world.limits_say(call).or_else(|| world.simulation_says(call));
    if let Some(response) = of_account {
        return response;
    }
    match (call.service, world.said(call)) {
        (Service::AutoScaling, Some(Said::Fields(fields))) => {
            return xml(200, answer(AUTO_SCALING, &call.action, &fields, &request_id));
        }
        (Service::CloudWatch, Some(Said::Json(value))) => return cbor_answer(200, cbor::encode(&value)),
        (_, Some(Said::Json(value))) => {
            return respond(200, "application/x-amz-json-1.0", value.to_string().into());
        }
        (_, Some(Said::Body(body))) => return xml(200, body),
        (_, Some(Said::Refusal(refusal))) => return refused(call, &refusal),
        _ => {}
    }
    let (namespace, result) = match call.service {
        Service::CloudFormation => (CLOUDFORMATION, world.act(&call.action, &call.input)),
        Service::Sts => (STS, identity(world, &call.action)),
        Service::AutoScaling => (AUTO_SCALING, world.auto_scaling(&call.action, &call.input)),
        Service::LoadBalancing => (LOAD_BALANCING, world.load_balancing(&call.action, &call.input)),
        Service::Sns if call.action == "ListSubscriptionsByTopic" => (SNS, world.sns(&call.action, &call.input)),
        Service::Sns => (SNS, world.told(call)),
        Service::Iam => (IAM, world.told(call)),
        Service::Ec2 => {
            return match world.ec2(call) {
                Ok(body) => xml(200, body),
                Err(refusal) => refused(call, &refusal),
            };
        }
        Service::Account => return plain(world.account(call)),
        Service::Lambda => return world.lambda(call).map_or_else(|refusal| refused(call, &refusal), plain),
        Service::CloudFront => {
            return match world.cloudfront(call) {
                Ok(body) => xml(200, body),
                Err(refusal) => refused(call, &refusal),
            };
        }
        Service::CloudWatch => {
            return match world.cloud_watch(call) {
                Ok(body) => cbor_answer(200, body),
                Err(refusal) => refused(call, &refusal),
            };
        }
        Service::Json if call.action == "FilterLogEvents" => return plain(world.filter_log_events(call)),
        Service::Json => {
            if let Some(answer) = world.table_says(call) {
                return plain(answer);
            }
            let account = world.script.account.clone();
            return plain(world.services.json(call, &account));
        }
        Service::Sqs if call.action == "GetQueueUrl" => {
            let input: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
            return match world.get_queue_url(input["QueueName"].as_str().unwrap_or_default()) {
                Ok(answer) => plain(answer),
                Err(refusal) => refused(call, &refusal),
            };
        }
        Service::Sqs => return plain(world.services.sqs(call)),
        Service::S3 => {
            let chunked = header("content-encoding").contains("aws-chunked");
            return plain(world.services.s3(call, chunked));
        }
        Service::Quotas | Service::Other => {
            let what = format!("the endpoint doesn't know {}", call.action);
            world.complaints.push(what.clone());
            return refused(call, &Refusal::new(501, "NotImplemented", what));
        }
    };
    match result {
        Ok(fields) => xml(200, answer(namespace, &call.action, &fields, &request_id)),
        Err(refusal) => xml(refusal.status, refusal.render(namespace, &request_id)),
    }
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
fn identity(world: &World, action: &str) -> Result<Fields, Refusal> {
    if action != "GetCallerIdentity" {
        return Err(Refusal::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action}"),
        ));
    }
    let (account, caller) = (&world.script.account, &world.script.caller);
    let service = if caller.starts_with("assumed-role/") {
        "sts"
    } else {
        "iam"
    };
    Ok(Fields::new()
        .text("Arn", format!("arn:aws:{service}::{account}:{caller}"))
        .text("UserId", "AIDAEXAMPLE")
        .text("Account", account))
}

fn refused(call: &Call, refusal: &Refusal) -> Response {
    match call.service {
        Service::CloudFormation => xml(refusal.status, refusal.render(CLOUDFORMATION, "00000000")),
        Service::Sts => xml(refusal.status, refusal.render(STS, "00000000")),
        Service::AutoScaling => xml(refusal.status, refusal.render(AUTO_SCALING, "00000000")),
        Service::Sns => xml(refusal.status, refusal.render(SNS, "00000000")),
        Service::Iam => xml(refusal.status, refusal.render(IAM, "00000000")),
        Service::LoadBalancing => xml(refusal.status, refusal.render(LOAD_BALANCING, "00000000")),
        Service::Ec2 => xml(refusal.status, super::ec2::refused(refusal)),
        Service::CloudFront => xml(refusal.status, super::cloudfront::refused(refusal)),
        Service::CloudWatch => {
            let error = serde_json::json!({"__type": refusal.code, "message": refusal.message});
            cbor_answer(refusal.status, cbor::encode(&error))
        }
        _ => plain(Plain::refusal(call, refusal)),
    }
}

pub(super) fn xml(status: u16, body: String) -> Response {
    respond(status, "text/xml", body.into())
}

fn cbor_answer(status: u16, body: Vec<u8>) -> Response {
    let mut response = respond(status, "application/cbor", body.into());
    let protocol = axum::http::HeaderValue::from_static("rpc-v2-cbor");
    response.headers_mut().insert("smithy-protocol", protocol);
    response
}

pub(super) fn plain(answer: Plain) -> Response {
    let mut response = respond(answer.status, answer.content_type, answer.body);
    if let Some(code) = answer.error_code.and_then(|code| code.parse().ok()) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    if let Some(code) = answer.older_code.and_then(|code| format!("{code};Sender").parse().ok()) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    for (name, value) in answer.headers {
        response
            .headers_mut()
            .extend(value.parse().ok().map(|value| (HeaderName::from_static(name), value)));
    }
    response
}

fn respond(status: u16, content_type: &'static str, body: Bytes) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", content_type)], Body::from(body)).into_response()
}

async fn broken(response: Response, in_headers: bool, stalls: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let at = match in_headers {
        true => Place::Headers,
        false => Place::Body(body.len()),
    };
    parts.extensions.insert(Broken { at, stalls });
    Response::from_parts(parts, Body::from(body))
}

async fn shortened(response: Response, length: impl FnOnce(usize) -> usize) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove("content-length");
    let length = length(body.len());
    Response::from_parts(parts, Body::from(body.slice(..length)))
}

fn cut() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Cut);
    response
}
