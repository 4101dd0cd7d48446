//! The requests of a recording, made to the endpoint.

use std::time::Duration;

use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use crate::endpoint::{Drifted, Endpoint, Script, ScriptedMapping, Verb};
use crate::scripted::conformance::compare::{Marks, differences};
use crate::scripted::conformance::fixture::{Fixture, Step, View};
use crate::scripted::conformance::wire::Api;

/// As the recordings write it.
const ACCOUNT: &str = "111111111111";
const REGION: &str = "us-east-2";

/// What the endpoint says otherwise than AWS did.
pub async fn play(fixture: &Fixture) -> Vec<String> {
    let mut marks = Marks::default();
    marks.set("<partition>", "aws");
    marks.set("<region>", REGION);
    let endpoint = Endpoint::in_memory(script(fixture, &mut marks));
    for (url, bodies) in &fixture.given.queues {
        let bodies: Vec<&str> = bodies
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let url = marks.fill_text(url);
        endpoint.world(|world| world.services.queues.make(&url, &bodies));
    }
    let mut found = Vec::new();
    for (place, step) in fixture.steps.iter().enumerate() {
        let of_step = take(&endpoint, step, &mut marks).await;
        found.extend(
            of_step
                .into_iter()
                .map(|what| format!("step {place}, {}: {what}", step.action)),
        );
    }
    found
}

fn script(fixture: &Fixture, marks: &mut Marks) -> Script {
    let mut script = Script::new().account(ACCOUNT).expects_complaints();
    for failing in &fixture.given.fails {
        let verb = match failing.verb.as_str() {
            "create" => Verb::Create,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            other => panic!("nothing fails to {other}"),
        };
        let stack = marks.fill_text(&failing.stack);
        script = script.fails(&stack, &failing.resource, verb, &failing.reason);
        if failing.begun {
            script = script.begun(&stack, &failing.resource);
        }
    }
    for unreadable in &fixture.given.unreadable {
        let stack = marks.fill_text(&unreadable.stack);
        script = script.unreadable(&stack, &unreadable.resource, &marks.fill_text(&unreadable.reason));
    }
    for known in &fixture.given.drifted {
        let (expected, actual) = (marks.fill(&known.expected), marks.fill(&known.actual));
        let drifted = Drifted::new(&marks.fill_text(&known.stack), &known.resource, &known.status)
            .properties(&expected.to_string(), &actual.to_string());
        let differences = known.differences.iter();
        script = script.drifted(differences.fold(drifted, |drifted, [path, expected, actual, kind]| {
            drifted.difference(path, expected, actual, kind)
        }));
    }
    if let Some(state) = &fixture.given.mapping {
        script = script.mapping(ScriptedMapping {
            state: state.clone(),
            disables: Duration::ZERO,
            in_use: 0,
            ..ScriptedMapping::default()
        });
    }
    script
}

async fn take(endpoint: &Endpoint, step: &Step, marks: &mut Marks) -> Vec<String> {
    let api = Api::of(&step.service, ACCOUNT, REGION);
    let request = marks.fill(&step.request);
    let is_there = |answer: &Value| step.until.iter().all(|(at, wanted)| answer.pointer(at) == Some(wanted));
    let mut answer = ask(endpoint, &api, &step.action, &request).await;
    for _ in 0..60 {
        if is_there(&answer.1) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = ask(endpoint, &api, &step.action, &request).await;
    }
    let (status, answer) = answer;
    if !is_there(&answer) {
        return vec![format!("never {:?}: {answer}", step.until)];
    }
    let mut found = Vec::new();
    let recorded = match (&step.answer, &step.error) {
        (Some(answer), _) => answer.clone(),
        (_, Some(error)) => json!({"Error": error}),
        // A step on the way.
        _ if status < 300 => return found,
        _ => return vec![format!("refused: {answer}")],
    };
    let usual = if step.error.is_some() { 400 } else { 200 };
    let wanted = step.status.unwrap_or(usual);
    if status != wanted {
        found.push(format!("AWS says {wanted}, the endpoint {status}"));
    }
    let answer = match step.view {
        Some(View::EventsByResource) => by_resource(&answer),
        Some(View::EventsInOrder) => in_order(&answer),
        None => answer,
    };
    let answer = match &step.part {
        Some(pointer) => answer.pointer(pointer).cloned().unwrap_or_default(),
        None => answer,
    };
    found.extend(differences(&recorded, &answer, marks));
    found
}

async fn ask(endpoint: &Endpoint, api: &Api, action: &str, request: &Value) -> (u16, Value) {
    let request: Request<_> = api.request(action, request);
    let (parts, body) = endpoint.ask(request).await.into_parts();
    let body = body.collect().await.expect("a body in memory").to_bytes();
    let status = parts.status.as_u16();
    (status, api.answer(action, status, &parts.headers, &body))
}

/// Changes of status, oldest first: of events of one status in a row the newest, as LocalStack's recordings keep them
/// (`capture_resource_state_changes` there), which also leave the cleanup out.
fn changes_of_status(answer: &Value) -> Vec<&Value> {
    let mut last: Map<String, Value> = Map::new();
    let mut kept = Vec::new();
    for event in answer["StackEvents"].as_array().into_iter().flatten() {
        let (id, status) = (
            event["LogicalResourceId"].as_str().unwrap_or_default(),
            &event["ResourceStatus"],
        );
        if status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" || last.get(id) == Some(status) {
            continue;
        }
        last.insert(id.to_owned(), status.clone());
        kept.push(event);
    }
    kept.reverse();
    kept
}

fn by_resource(answer: &Value) -> Value {
    let mut resources: Map<String, Value> = Map::new();
    for event in changes_of_status(answer) {
        let id = event["LogicalResourceId"].as_str().unwrap_or_default();
        let name = if event["LogicalResourceId"] == event["StackName"] {
            "Stack"
        } else {
            id
        };
        let list = resources.entry(name).or_insert_with(|| json!([]));
        let shown = json!([event["ResourceStatus"], event["PhysicalResourceId"]]);
        list.as_array_mut().expect("a list").push(shown);
    }
    resources.into()
}

fn in_order(answer: &Value) -> Value {
    let pair = |event: &Value| json!([event["LogicalResourceId"], event["ResourceStatus"]]);
    changes_of_status(answer).into_iter().map(pair).collect()
}
