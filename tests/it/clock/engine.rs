//! The engine on a paused clock, against the scriptable endpoint in memory: what it notices when, with how many calls,
//! and what it makes of every fault.

mod change_sets;
mod draining;
mod emptying;
mod existing_bucket;
mod failures;
mod faults;
mod functions;
mod importing;
mod in_service;
mod interrupted;
mod keeping;
mod leftovers;
mod many_stacks;
mod nothing_to_do;
mod noticing;
mod other_bucket;
mod pruning;
mod rolling;
mod side_by_side;
mod stale;
mod switching;
mod waiting;
mod zones;

use std::collections::BTreeMap;
use std::panic::Location;
use std::time::Duration;

use qfleet::blueprint::{Blueprint, Placement, Stack};
use qfleet::cloud::cloudformation::change_set::Change;
use qfleet::cloud::{Cloud, CloudError};
use qfleet::deployed::Deployed;
use qfleet::deployed::protection::Lifted;
use qfleet::engine::deploy::settle::settle;
use qfleet::engine::deploy::{Buckets, Deployment, nothing_to_do};
use qfleet::engine::destroy::Teardown;
use qfleet::engine::event::{Event, Events};
use qfleet::engine::operation::{Context, Waiting};
use qfleet::engine::outcome::{Failure, Outcome, Report};
use qfleet::engine::plan::Plan;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::draw_up::draw_up;
use qfleet::engine::plan::planner::{Options, Planner};
use qfleet::environment::{self, Environment};
use qfleet::error::{Error, Result};
use qfleet::interrupt::Interrupt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Script};
use crate::lab::LAB;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-2";

/// Reads an environment file. Its stages share one program, which is in the folder.
fn load(file: &str) -> (tempfile::TempDir, Environment) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("program")).expect("a folder");
    std::fs::write(path("program/run"), "#!/bin/sh\nexec sleep 1\n").expect("a program");
    std::fs::write(path("program/app.py"), "def handler(event, context): pass\n").expect("a function");
    std::fs::set_permissions(path("program/run"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    std::fs::write(path("lab.yaml"), file).expect("a file");
    let environment = environment::load(&path("lab.yaml")).expect("a good file");
    (folder, environment)
}

fn blueprint(file: &str) -> Blueprint {
    let (_folder, environment) = load(file);
    let placement = Placement {
        account: ACCOUNT.into(),
        region: REGION.into(),
        local: false,
    };
    qfleet::blueprint::render(&environment, &placement).expect("rendered")
}

/// Why it can't be carried out.
fn refusal(plan: &Plan, blueprint: &Blueprint, allowed: &[String]) -> Option<Error> {
    qfleet::engine::plan::refusal::error(plan.refusals(blueprint, allowed))
}

/// An engine, and the endpoint that it works on.
struct Rig {
    endpoint: Endpoint,
    cloud: Cloud,
    blueprint: Blueprint,
    options: Options,
    waiting: Waiting,
    concurrency: usize,
    attach: bool,
    approve: bool,
    interrupt: (watch::Sender<bool>, Interrupt),
    /// What time it is, if it isn't the endpoint's.
    wall: Option<fn() -> jiff::Timestamp>,
}

/// What a deploy or a destroy came to.
struct Ran {
    result: Result<Report>,
    /// What was told, and when.
    told: Vec<(Instant, Event)>,
    /// What became of change sets that weren't executed.
    discarded: std::result::Result<(), CloudError>,
    began: Instant,
    ended: Instant,
}

impl Rig {
    fn new(script: Script) -> Self {
        Rig::of(blueprint(LAB), script)
    }

    fn of(blueprint: Blueprint, script: Script) -> Self {
        let endpoint = Endpoint::in_memory(script);
        let cloud = Cloud::over(endpoint.http_client(), ACCOUNT, REGION);
        Rig {
            endpoint,
            cloud,
            blueprint,
            options: Options::default(),
            waiting: Waiting::default(),
            concurrency: 8,
            attach: true,
            approve: true,
            interrupt: Interrupt::by_hand(),
            wall: None,
        }
    }

    /// Only these parts.
    fn only(mut self, parts: &[&str]) -> Self {
        self.blueprint
            .stacks
            .retain(|stack| parts.contains(&stack.part.as_str()));
        self
    }

    /// Another process with the same file: a connection, a limiter and an interrupt of its own.
    fn again(&mut self) -> &mut Self {
        self.cloud = Cloud::over(self.endpoint.http_client(), ACCOUNT, REGION);
        self.interrupt = Interrupt::by_hand();
        self
    }

    fn stack(&mut self, part: &str) -> &mut Stack {
        let found = self.blueprint.stacks.iter_mut().find(|stack| stack.part == part);
        found.expect("a part of the blueprint")
    }

    /// Changes every resource of a part: stack tags are handed to each of them.
    fn touch(&mut self, part: &str) {
        let tags = &mut self.stack(part).tags;
        let touched = tags.get("touched").map_or(0, |times: &String| times.len());
        tags.insert("touched".into(), "x".repeat(touched + 1));
    }

    /// The endpoint's wall clock, or another one.
    fn now(&self) -> jiff::Timestamp {
        if let Some(wall) = self.wall {
            return wall();
        }
        let now = self.endpoint.world(|world| world.clock.wall(Instant::now()));
        now.parse().expect("a time")
    }

    fn planner<'a>(&'a self, drafts: &'a Drafts) -> Planner<'a> {
        Planner {
            cloud: &self.cloud,
            blueprint: &self.blueprint,
            drafts,
            options: &self.options,
            now: self.now(),
        }
    }

    async fn plan(&self) -> Result<Plan> {
        let drafts = Drafts::default();
        let plan = draw_up(self.planner(&drafts)).await;
        drafts.discard(&self.cloud).await?;
        plan
    }

    /// As the command does it.
    async fn deploy(&self) -> Ran {
        let drafts = Drafts::default();
        self.tell(async |context| {
            let result = self.deploy_with(context, &drafts).await;
            let discarded = drafts.discard_in_time(&self.cloud, &self.interrupt.1).await;
            (result, discarded)
        })
        .await
    }

    async fn deploy_with(&self, context: Context<'_>, drafts: &Drafts) -> Result<Report> {
        let planner = self.planner(drafts);
        let plan = loop {
            let plan = tokio::select! {
                plan = draw_up(planner) => plan?,
                () = self.interrupt.1.wait() => return Err(Error::Interrupted),
            };
            if !plan.is_busy() {
                break plan;
            }
            drafts.discard(&self.cloud).await?;
            settle(context, &self.blueprint, self.attach).await?;
        };
        if let Some(refusal) = refusal(&plan, &self.blueprint, &self.options.allow_replace) {
            return Err(refusal);
        }
        if !plan.changes_anything() {
            return Ok(nothing_to_do(context, &self.blueprint, plan).await);
        }
        Ok(self.execute(context, drafts, &plan).await)
    }

    async fn execute(&self, context: Context<'_>, drafts: &Drafts, plan: &Plan) -> Report {
        let approve = |_: &str, _: &[&Change]| self.approve;
        qfleet::engine::deploy::deploy(Deployment {
            context,
            blueprint: &self.blueprint,
            plan,
            drafts,
            options: &self.options,
            concurrency: self.concurrency,
            now: self.wall.unwrap_or(jiff::Timestamp::now),
            approve: &approve,
            approved: None,
            buckets: &Buckets::default(),
        })
        .await
    }

    async fn destroy(&self) -> Ran {
        self.tell(async |context| {
            let destroyed = async {
                let deployed = Deployed::find(&self.cloud, &self.blueprint.environment).await?;
                Ok(qfleet::engine::destroy::destroy(Teardown {
                    context,
                    deployed: &deployed,
                    role_arn: None,
                    no_drain: false,
                    spares: None,
                    lifted: Lifted::default(),
                    force: false,
                    approve: &|_, _| false,
                    objects: &BTreeMap::new(),
                    now: self.wall.unwrap_or(jiff::Timestamp::now),
                })
                .await)
            };
            (destroyed.await, Ok(()))
        })
        .await
    }

    async fn tell(
        &self,
        work: impl AsyncFnOnce(Context<'_>) -> (Result<Report>, std::result::Result<(), CloudError>),
    ) -> Ran {
        let (events, mut heard) = Events::channel();
        let listening = tokio::spawn(async move {
            let mut told = Vec::new();
            while let Some(event) = heard.recv().await {
                told.push((Instant::now(), event));
            }
            told
        });
        let began = Instant::now();
        let (result, discarded) = work(Context {
            cloud: &self.cloud,
            tell: &events,
            interrupt: &self.interrupt.1,
            waiting: self.waiting,
        })
        .await;
        drop(events);
        Ran {
            result,
            discarded,
            told: listening.await.expect("told"),
            began,
            ended: Instant::now(),
        }
    }

    /// Interrupts when the endpoint is as wanted, looking every 50 ms of its time, for two hours of it at most.
    #[track_caller]
    fn interrupt_when(&self, wanted: impl Fn(&Endpoint) -> bool) -> impl Future<Output = Instant> {
        let (caller, began) = (Location::caller(), Instant::now());
        async move {
            while !wanted(&self.endpoint) {
                assert!(
                    began.elapsed() < Duration::from_secs(2 * 60 * 60),
                    "nothing was interrupted: what {caller} waits for did not come within two hours of the endpoint's time"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.interrupt.0.send_replace(true);
            Instant::now()
        }
    }

    fn status(&self, part: &str) -> Option<String> {
        self.endpoint.status(&format!("lab-{part}"))
    }

    /// Stacks, of all that ever were, that began to be made never or more than once.
    fn not_made_once(&self) -> Vec<String> {
        self.endpoint.world(|world| {
            let begins = |stack: &str| {
                let all = world.stacks.iter().filter(|known| known.name == stack);
                let events = all.flat_map(|known| &known.events);
                events
                    .filter(|event| event.resource_id == stack && event.status == "CREATE_IN_PROGRESS")
                    .count()
            };
            let mut names: Vec<String> = world.stacks.iter().map(|stack| stack.name.clone()).collect();
            names.sort();
            names.dedup();
            names.into_iter().filter(|name| begins(name) != 1).collect()
        })
    }

    /// Everything is there, made once, and nothing is left over.
    #[track_caller]
    fn is_deployed(&self) {
        for stack in &self.blueprint.stacks {
            let status = self.endpoint.status(&stack.name);
            let well = status
                .as_deref()
                .is_some_and(|status| matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE"));
            assert!(well, "{} is {status:?}", stack.name);
        }
        assert_eq!(self.endpoint.change_sets(), [] as [&str; 0]);
    }
}

impl Ran {
    #[track_caller]
    fn report(&self) -> &Report {
        match &self.result {
            Ok(report) => report,
            Err(error) => panic!("{error}\n{:#?}", error.help()),
        }
    }

    /// It ended well, and cleaned up.
    #[track_caller]
    fn well(self) -> Self {
        let report = self.report();
        assert!(report.succeeded, "{report:#?}");
        self.discarded.as_ref().expect("nothing left over");
        self
    }

    #[track_caller]
    fn outcome(&self, part: &str) -> &Outcome {
        let found = self.report().stacks.iter().find(|stack| stack.part == part);
        &found.expect("the part").outcome
    }

    #[track_caller]
    fn failure(&self, part: &str) -> &Failure {
        match self.outcome(part) {
            Outcome::Failed(failure) | Outcome::Unknown(failure) => failure,
            other => panic!("{part} did not fail: {other:#?}"),
        }
    }

    /// What the process would end with.
    fn exit_code(&self) -> u8 {
        let result = self.result.as_ref().map_err(|error| error.exit_code());
        match result.map(Report::result) {
            Ok(Ok(())) => 0,
            Ok(Err(error)) => error.exit_code(),
            Err(code) => code,
        }
    }

    fn warnings(&self) -> Vec<&str> {
        let messages = self.told.iter().filter_map(|(_, event)| match event {
            Event::Warning { message } => Some(message.as_str()),
            _ => None,
        });
        messages.collect()
    }

    /// When the end of the stack's operation was told.
    #[track_caller]
    fn told_end(&self, name: &str) -> Instant {
        let end = self.told.iter().find_map(|(at, event)| match event {
            Event::OperationEnded { stack, .. } if stack == name => Some(*at),
            _ => None,
        });
        end.unwrap_or_else(|| panic!("no end of {name}: {:#?}", self.told))
    }

    fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// When the last event of the stack itself was written.
fn really_ended(endpoint: &Endpoint, stack: &str) -> Instant {
    endpoint.world(|world| {
        let all = world.stacks.iter().filter(|known| known.name == stack);
        let events = all.flat_map(|known| &known.events);
        let last = events
            .filter(|event| event.resource_id == stack)
            .map(|event| event.at)
            .max();
        last.expect("an event of the stack")
    })
}

/// Calls of CloudFormation from one time to another, by action.
fn calls_between(endpoint: &Endpoint, from: Instant, until: Instant) -> Vec<String> {
    endpoint.world(|world| {
        let calls = world.calls.iter().filter(|call| call.at >= from && call.at <= until);
        calls.map(|call| call.action.clone()).collect()
    })
}
