//! An AWS endpoint that follows a script: a CloudFormation that behaves as AWS's documentation says, in time, with
//! failure and refusal, where the local emulator is instant and lax. Each rule names the page that it comes from.
//!
//! ```text
//! script ─▶ world ◀─ answer ◀─┬─ tcp        (the real binary, the real clock)
//!             │               └─ in_memory  (the SDK's HTTP client, a paused clock)
//!             ├─ change_sets, change_set_calls, direct, stacks, recovery   the API's actions
//!             ├─ drift, revert                   drift as scripted, and change sets that put it back
//!             ├─ operation, phases, job, made    what runs, phase by phase, resource by resource, and what becomes of it
//!             ├─ names                           names and values of resources
//!             ├─ template, template_summary, diff   what should be, and what differs
//!             ├─ auto_scaling, cloud_watch       groups whose instances come and go; metrics as scripted
//!             ├─ rolling_update                  groups whose instances an update of their stack replaces
//!             ├─ draining, users, kept, imports  what stands in the way of a deletion, what outlives it, and is taken in
//!             ├─ queues, move_tasks              SQS
//!             ├─ functions, mappings             Lambda: functions, and event source mappings
//!             ├─ tables                          DynamoDB: tables and their records
//!             ├─ cloudfront                      CloudFront: distributions
//!             ├─ said                            what services say of a resource, as a test writes it down
//!             ├─ left                            what outlived its stack, and listings that lag
//!             ├─ stale                           reads that show how things were
//!             ├─ ec2                             which zones offer which instance types, and where subnets are
//!             ├─ load_balancers                  Elastic Load Balancing: what there is, and the health of targets
//!             ├─ limits                          what an account may have at most
//!             ├─ logs                            what was logged, as scripted
//!             ├─ rights                          which rights a call needs, and whether `qfleet iam` names them
//!             ├─ account                         regions and subscriptions
//!             ├─ simulation                      IAM: what the caller's policies allow
//!             ├─ s3, buckets, parts, listing     S3: objects, versions, uploads in parts
//!             ├─ notifications                   S3: whom a bucket tells of what
//!             └─ services                        the least of SSM; or forward, to the emulator
//! ```

mod account;
mod answer;
mod auto_scaling;
mod broken;
mod buckets;
mod calls;
pub mod cbor;
mod change_set_calls;
mod change_sets;
mod clock;
mod cloud_watch;
pub mod cloudfront;
mod diff;
mod direct;
mod draining;
mod drift;
mod ec2;
mod existing;
mod failures;
mod faults;
mod forward;
mod functions;
mod gate;
mod imports;
mod in_memory;
mod job;
mod kept;
mod left;
mod limits;
mod listing;
mod load_balancers;
mod logs;
mod made;
mod mappings;
mod model;
mod move_tasks;
mod names;
mod notifications;
mod operation;
mod parts;
mod phases;
mod query;
mod queues;
mod recovery;
mod revert;
pub mod rights;
mod rolling_update;
mod s3;
mod said;
mod script;
mod scripted_group;
mod services;
mod simulation;
mod stacks;
mod stale;
mod state;
mod tables;
mod tcp;
mod template;
mod template_summary;
mod users;
mod world;
mod xml;

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use answer::{Shared, lock};
pub use calls::{Call, Service};
pub use draining::Obstacles;
pub use drift::Drifted;
pub use existing::Existing;
pub use failures::Verb;
pub use faults::{Fault, On};
pub use forward::forward;
pub use functions::ScriptedFunction;
pub use gate::Gate;
pub use mappings::ScriptedMapping;
pub use model::Model;
pub use notifications::Moment;
pub use query::Refusal;
pub use queues::arn_of;
pub use said::attributes;
pub use script::{DescribeEvents, Happening, Script, Taking};
pub use scripted_group::{ScriptedActivity, ScriptedGroup};
pub use world::{Step, World};
pub use xml::Fields;

/// An endpoint. Dropped, it fails the test if a request broke the service model.
pub struct Endpoint {
    world: Shared,
    url: Option<String>,
}

impl Endpoint {
    /// Over TCP on loopback, on the real clock.
    pub fn serve(script: Script) -> Self {
        // Here, where a missing model fails the test and not a thread beside it.
        model::Model::get();
        let (address, world) = tcp::serve(move || Arc::new(Mutex::new(World::new(script))));
        Endpoint {
            world,
            url: Some(format!("http://{address}")),
        }
    }

    /// Another endpoint over TCP, as this one is now.
    pub fn copy(&self) -> Self {
        let world = self.world(|world| world.clone());
        let (address, world) = tcp::serve(move || Arc::new(Mutex::new(world)));
        Endpoint {
            world,
            url: Some(format!("http://{address}")),
        }
    }

    /// In memory, on the clock of the runtime that it is made in.
    pub fn in_memory(script: Script) -> Self {
        Endpoint {
            world: Arc::new(Mutex::new(World::new(script))),
            url: None,
        }
    }

    /// Its address, when it is served over TCP.
    pub fn url(&self) -> &str {
        self.url.as_deref().expect("an endpoint over TCP")
    }

    /// The SDK's HTTP client to it.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(in_memory::InMemory(self.world.clone()))
    }

    /// One request, without the SDK.
    pub async fn ask(&self, request: axum::extract::Request) -> axum::response::Response {
        use tower::ServiceExt;
        let answer = answer::router(self.world.clone()).oneshot(request).await;
        answer.unwrap_or_else(|never| match never {})
    }

    /// Looks into the world, caught up with the time.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        world.catch_up();
        look(&mut world)
    }

    /// Changes the script while it is played.
    pub fn rescript(&self, change: impl FnOnce(Script) -> Script) {
        self.world(|world| {
            let script = std::mem::replace(&mut world.script, Script::new());
            world.script = change(script);
        });
    }

    /// The calls of an action so far.
    pub fn calls(&self, action: &str) -> Vec<Call> {
        self.world(|world| {
            world
                .calls
                .iter()
                .filter(|call| call.action == action)
                .cloned()
                .collect()
        })
    }

    /// The calls of an action in each second since the start.
    pub fn calls_a_second(&self, action: &str) -> Vec<usize> {
        self.world(|world| {
            let mut seconds = Vec::new();
            for call in world.calls.iter().filter(|call| call.action == action) {
                let second = world.clock.since_start(call.at).as_secs() as usize;
                seconds.resize(seconds.len().max(second + 1), 0);
                seconds[second] += 1;
            }
            seconds
        })
    }

    /// The status of a stack that is there.
    pub fn status(&self, stack: &str) -> Option<String> {
        self.world(|world| {
            let found = world.find(stack)?;
            Some(world.stacks[found].status.clone())
        })
    }

    /// Names of the stacks that are there.
    pub fn stacks(&self) -> Vec<String> {
        self.world(|world| {
            world
                .stacks
                .iter()
                .filter(|stack| stack.is_there())
                .map(|stack| stack.name.clone())
                .collect()
        })
    }

    /// A group's minimum, desired capacity and maximum, and the tags of its own.
    pub fn group(&self, name: &str) -> ([usize; 3], Vec<String>) {
        self.world(|world| {
            let found = world.script.groups.iter().find(|group| group.name == name);
            let group = found.expect("a scripted group");
            (
                [group.min, group.desired, group.max],
                group.tags.keys().cloned().collect(),
            )
        })
    }

    /// What a group was told not to do.
    pub fn suspended(&self, name: &str) -> Vec<String> {
        self.world(|world| {
            let found = world.script.groups.iter().find(|group| group.name == name);
            found.expect("a scripted group").suspended.clone()
        })
    }

    /// Names of the change sets that are there and weren't executed.
    pub fn change_sets(&self) -> Vec<String> {
        self.world(|world| {
            let all = world.stacks.iter().flat_map(|stack| &stack.change_sets);
            all.filter(|known| known.is_active())
                .map(|known| known.name.clone())
                .collect()
        })
    }

    /// Waits, on the real clock, until the world is as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&mut World) -> bool) {
        crate::harness::wait_until(what, || self.world(|world| wanted(world)));
    }

    /// What was wrong with requests, by the service model.
    pub fn complaints(&self) -> Vec<String> {
        self.world(|world| world.complaints.clone())
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if std::thread::panicking() || self.world(|world| world.script.expects_complaints) {
            return;
        }
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "requests that AWS would refuse: {complaints:#?}");
    }
}
