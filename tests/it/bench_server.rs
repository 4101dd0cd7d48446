//! The scriptable endpoint for programs outside of this test: `tests/bench/` holds qfleet and its peers against it.
//!
//! A line on standard input is an order, a line on standard output that begins with `answer: ` its answer, both JSON.
//! Each served endpoint is a world of its own, so that calls belong to whom it was served for.
//!
//! ```text
//! {"serve": {"change_sets_take": 2.0}}                                         → {"url": "http://127.0.0.1:…"}
//! {"takes": {"url": …, "stack": "lab-work", "resource": "Queue", "seconds": 20}} → {}
//! {"look": {"url": …}}                                                         → {"calls": […], "events": […], "complaints": […]}
//! ```
//!
//! Times are seconds since 1970. Ends when standard input does.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Script};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// A new endpoint.
    Serve { change_sets_take: f64 },
    /// From now on a resource takes this long to be made, changed or deleted.
    Takes {
        url: String,
        stack: String,
        resource: String,
        seconds: f64,
    },
    /// What happened so far.
    Look { url: String },
}

#[test]
#[ignore = "no test: serves the benchmark until its standard input ends"]
fn serve() {
    let mut endpoints: BTreeMap<String, Endpoint> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let order: Order = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let answer = match order {
            Order::Serve { change_sets_take } => {
                let script = Script::new().change_sets_take(Duration::from_secs_f64(change_sets_take));
                let endpoint = Endpoint::serve(script);
                let url = endpoint.url().to_owned();
                endpoints.insert(url.clone(), endpoint);
                json!({"url": url})
            }
            Order::Takes {
                url,
                stack,
                resource,
                seconds,
            } => {
                endpoints[&url].rescript(|script| script.takes(&stack, &resource, Duration::from_secs_f64(seconds)));
                json!({})
            }
            Order::Look { url } => look(&endpoints[&url]),
        };
        // On a line of its own, whatever the test harness has written before.
        println!("\nanswer: {answer}");
    }
}

fn look(endpoint: &Endpoint) -> Value {
    let complaints = endpoint.complaints();
    let (wall, now) = (SystemTime::now(), Instant::now());
    let seconds = |at: Instant| {
        let then = wall - now.saturating_duration_since(at);
        then.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    };
    endpoint.world(|world| {
        let calls: Vec<Value> = world
            .calls
            .iter()
            .map(|call| json!({"action": call.action, "at": seconds(call.at)}))
            .collect();
        let events = world
            .stacks
            .iter()
            .flat_map(|stack| stack.events.iter().map(move |event| (stack, event)));
        let events: Vec<Value> = events
            .filter(|(stack, event)| event.resource_id == stack.name)
            .map(|(stack, event)| json!({"stack": stack.name, "status": event.status, "at": seconds(event.at)}))
            .collect();
        json!({"calls": calls, "events": events, "complaints": complaints})
    })
}
