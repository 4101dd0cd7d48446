//! What commands call of the local emulator: `qfleet iam` allows that, too. A proxy in front of it sees each request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::endpoint::rights::{needed, purposes};
use crate::endpoint::{Call, Service, forward};
use crate::harness::{Output, account, emulator};
use crate::lab::{LAB, with_file};

#[derive(Clone)]
struct Recorder {
    calls: Arc<Mutex<Vec<Call>>>,
    emulator: String,
}

impl Recorder {
    fn serve() -> (SocketAddr, Recorder) {
        let recorder = Recorder {
            calls: Arc::default(),
            emulator: emulator().to_owned(),
        };
        let (tell, told) = std::sync::mpsc::channel();
        let state = recorder.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                tell.send(listener.local_addr().expect("its address"))
                    .expect("the test waits");
                let router = Router::new().fallback(take).with_state(state);
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        (told.recv().expect("it starts"), recorder)
    }

    fn taken(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn take(State(recorder): State<Recorder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    };
    let body = body.to_bytes();
    let call = Call::read(&parts, body.clone(), Instant::now());
    let calls = &recorder.calls;
    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    forward(&recorder.emulator, &parts, body).await
}

#[test]
fn each_command_is_allowed_what_it_calls_of_the_emulator() {
    let (address, recorder) = Recorder::serve();
    let endpoint = format!("http://{address}");
    let account = account();
    let file = LAB.replace(
        "bucket:",
        &format!("account: \"{account}\"\nlifetime: 8h\nresults: {{}}\nbucket:"),
    );
    let begun = with_file(&file).args(["check", "lab.yaml"]).run();
    let run = |args: &[&str]| -> Output {
        let test = begun.then().args(args).args(["--local", "--endpoint-url", &endpoint]);
        test.run()
    };
    let mut seen = 0;
    for (by, args) in [
        ("plan", vec!["plan", "lab.yaml"]),
        ("deploy", vec!["deploy", "lab.yaml", "--yes"]),
        ("plan", vec!["plan", "lab.yaml"]),
        ("deploy", vec!["deploy", "lab.yaml", "--yes"]),
        ("send", vec!["send", "lab.yaml", "lab.yaml"]),
        ("send", vec!["send", "lab.yaml", "--stage", "work", "lab.yaml"]),
        ("status", vec!["status", "lab.yaml"]),
        ("files", vec!["files", "lab.yaml"]),
        ("results", vec!["results", "lab.yaml"]),
        ("outputs", vec!["outputs", "lab.yaml"]),
        ("events", vec!["events", "lab.yaml"]),
        ("list", vec!["list"]),
        ("extend", vec!["extend", "lab.yaml", "2h"]),
        ("backfill", vec!["backfill", "lab.yaml", "work", "--yes"]),
        ("drift", vec!["drift", "lab.yaml"]),
        ("dlq-purge", vec!["dlq", "purge", "lab.yaml", "--yes"]),
        ("destroy", vec!["destroy", "lab.yaml", "--yes"]),
    ] {
        recorder.taken();
        run(&args);
        let purposes = purposes(by).expect("a purpose");
        let printed = purposes.iter().flat_map(|purpose| ["--for", purpose.name()]);
        let policies = begun.then().args(["iam", "lab.yaml"]).args(printed).run().stdout;
        for call in recorder.taken() {
            // What only the emulator has to be asked: an import of its own tells no description.
            if (call.service, call.action.as_str()) == (Service::CloudFormation, "GetTemplate") && by != "deploy" {
                continue;
            }
            for action in needed(&call) {
                // The lab delivers nothing: the search for what is left does without the answer.
                if action == "cloudfront:ListOriginAccessControls" {
                    continue;
                }
                seen += 1;
                assert!(policies.contains(&format!("\"{action}\"")), "{args:?}: {action}");
            }
        }
    }
    assert!(seen > 150, "{seen}");
}
