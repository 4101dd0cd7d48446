//! A folder with an environment, its program and a local fleet, which ends with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use qfleet::local::fleet::state::{Activity, FleetState, GroupState, StatusCode};

use crate::harness::{Aws, Output, Test, account};

pub const REGION: &str = "us-east-2";
/// Far more than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const RUN: &str = "#!/bin/sh\nexec python3 -B -S worker.py\n";

/// What an environment is made of, as far as tests differ in it.
#[derive(Clone)]
pub struct Plan {
    pub name: String,
    pub account: String,
    pub min: u32,
    pub max: u32,
    /// How long a message takes.
    pub seconds: f64,
    pub visibility_timeout: u32,
    pub program: PathBuf,
    /// How many of the fleet's minutes pass in a real one.
    pub speed: u32,
    /// More of the file, at its first level.
    pub more: &'static str,
    /// Bounds at set times.
    pub capacity: &'static str,
}

impl Plan {
    pub fn new(name: &str, min: u32, max: u32) -> Plan {
        Plan {
            name: name.to_owned(),
            account: account(),
            min,
            max,
            seconds: 0.0,
            visibility_timeout: 5,
            program: "program".into(),
            speed: 60,
            more: "",
            capacity: "",
        }
    }

    /// The target is 2 messages an instance.
    pub fn file(&self, notes: &Path) -> String {
        let Plan {
            name,
            account,
            min,
            max,
            seconds,
            visibility_timeout,
            program,
            speed: _,
            more,
            capacity,
        } = self;
        format!(
            "name: {name}\nregion: {REGION}\naccount: \"{account}\"\n{more}stages:\n  - name: work\n    {from}queue: \
             {{visibility_timeout: {visibility_timeout}s, max_receives: 2}}\n    workers:\n      instances:\n        \
             program: {program:?}\n        types: [t3.micro]\n        min: {min}\n        max: {max}\n        capacity: [{capacity}]\n        \
             drain_timeout: 60s\n        warmup: 60s\n        environment: {{SECONDS: \"{seconds}\", NOTES: {notes:?}, \
             MOVER_POLL_SECONDS: \"1\"}}\n    scaling: {{acceptable_latency: 20s, seconds_per_message: 10}}\n",
            from = if more.contains("bucket:") {
                "from: bucket\n    "
            } else {
                ""
            },
        )
    }
}

/// The folder, and the fleet that runs in it.
pub struct Place {
    pub first: Output,
    pub plan: Plan,
    pub supervisor: Option<Child>,
}

impl Place {
    /// Nothing deployed, nothing running.
    pub fn new(plan: Plan) -> Place {
        let test = Test::new();
        let notes = test.path("notes");
        let first = test
            .file("fleet.yaml", plan.file(&notes))
            .executable("program/run", RUN)
            .file("program/worker.py", include_str!("worker.py"))
            .args(["local", "down"])
            .stdout("No local fleet is running\n")
            .run();
        Place {
            first,
            plan,
            supervisor: None,
        }
    }

    /// Another run here.
    pub fn qfleet(&self, args: &[&str]) -> Test {
        self.first.then().args(args.iter().copied()).emulated()
    }

    /// Starts the fleet in the foreground, its output in a file, and waits until it runs.
    pub fn up(mut self) -> Place {
        self.start();
        self
    }

    pub fn start(&mut self) {
        let speed = self.plan.speed.to_string();
        let args = ["local", "up", "fleet.yaml", "--speed", &speed, "--output", "jsonl"];
        let args = args.into_iter().chain(["--log-file", "up.log"]).collect::<Vec<_>>();
        let output = File::create(self.first.path("up.jsonl")).expect("a file");
        let errors = File::create(self.first.path("up.err")).expect("a file");
        let mut command = self.qfleet(&args).command();
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        self.supervisor = Some(child.spawn().expect("qfleet runs"));
        let pid = self.supervisor_pid();
        self.until("the fleet runs", || self.state().filter(|state| state.pid == pid));
    }

    pub fn supervisor_pid(&self) -> i32 {
        let child = self.supervisor.as_ref().expect("a supervisor");
        i32::try_from(child.id()).expect("a pid")
    }

    /// Waits until the supervisor ends by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.supervisor.take().expect("a supervisor");
        let began = Instant::now();
        loop {
            if let Some(ended) = child.try_wait().expect("waits") {
                return ended;
            }
            assert!(began.elapsed() < PATIENCE, "it doesn't end\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn said(&self) -> String {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        ["up.jsonl", "up.err"].map(|name| read(self.first.path(name))).concat()
            + &read(self.fleet_path("supervisor.log"))
    }

    pub fn fleet_path(&self, path: &str) -> PathBuf {
        let fleet = format!("home/.local/state/qfleet/fleets/{}", self.plan.name);
        self.first.path(&fleet).join(path)
    }

    /// The state that the supervisor wrote last.
    pub fn state(&self) -> Option<FleetState> {
        let text = fs::read_to_string(self.fleet_path("fleet.json")).ok()?;
        Some(serde_json::from_str(&text).expect("a state"))
    }

    pub fn group(&self) -> GroupState {
        self.state().expect("a state").groups.remove(0)
    }

    /// Waits for so many instances in service, each with its worker's process; their ids and processes.
    pub fn in_service(&self, count: usize) -> BTreeMap<String, i32> {
        self.until(&format!("{count} instances in service"), || {
            let group = self.state()?.groups.into_iter().next()?;
            let all = group.in_service() == count && group.instances.len() == count;
            let pids = group.instances.iter().map(|one| Some((one.id.clone(), one.pid?)));
            all.then(|| pids.collect::<Option<BTreeMap<_, _>>>()).flatten()
        })
    }

    /// Each activity as it stands, oldest first.
    pub fn activities(&self) -> Vec<Activity> {
        let text = fs::read_to_string(self.fleet_path("activities.jsonl")).unwrap_or_default();
        let mut all: Vec<Activity> = Vec::new();
        for line in text.lines() {
            let activity: Activity = serde_json::from_str(line).expect("an activity");
            match all.iter_mut().find(|known| known.activity_id == activity.activity_id) {
                Some(known) => *known = activity,
                None => all.push(activity),
            }
        }
        all
    }

    /// Waits for an activity that has ended.
    pub fn activity(&self, what: &str, is_it: impl Fn(&Activity) -> bool) -> Activity {
        self.until(what, || {
            let over =
                |one: &Activity| one.status_code == StatusCode::Successful || one.status_code == StatusCode::Failed;
            self.activities().into_iter().find(|one| over(one) && is_it(one))
        })
    }

    /// What the workers noted: instance and text.
    pub fn notes(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.first.path("notes")).unwrap_or_default();
        let split = |line: &str| {
            line.split_once(' ')
                .map(|(who, what)| (who.to_owned(), what.to_owned()))
        };
        text.lines().filter_map(split).collect()
    }

    /// How many different notes begin like this.
    pub fn noted(&self, what: &str) -> usize {
        let found: std::collections::BTreeSet<String> = self
            .notes()
            .into_iter()
            .map(|(_, text)| text)
            .filter(|text| text.starts_with(what))
            .collect();
        found.len()
    }

    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}\n{:?}\n{}",
                self.notes(),
                self.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Messages to the stage's queue.
    pub fn send(&self, bodies: impl IntoIterator<Item = String>) {
        self.send_to("work", bodies);
    }

    pub fn send_to(&self, stage: &str, bodies: impl IntoIterator<Item = String>) {
        let bodies: Vec<String> = bodies.into_iter().collect();
        let queue = format!("{}-{stage}", self.plan.name);
        self.aws(async |aws| {
            let url = aws.sqs.get_queue_url().queue_name(queue).send().await.expect("a queue");
            for body in bodies {
                let sent = aws
                    .sqs
                    .send_message()
                    .set_queue_url(url.queue_url.clone())
                    .message_body(body);
                sent.send().await.expect("sent");
            }
        });
    }

    /// Messages that wait and messages in flight.
    pub fn depth(&self, queue: &str) -> (u32, u32) {
        let queue = format!("{}-{queue}", self.plan.name);
        self.aws(async |aws| {
            let url = aws.sqs.get_queue_url().queue_name(queue).send().await.expect("a queue");
            let all = aws_sdk_sqs::types::QueueAttributeName::All;
            let asked = aws
                .sqs
                .get_queue_attributes()
                .set_queue_url(url.queue_url)
                .attribute_names(all);
            let answer = asked.send().await.expect("attributes");
            let count = |name: &str| -> u32 {
                let attributes = answer.attributes().expect("some");
                attributes[&name.into()].parse().expect("a number")
            };
            (
                count("ApproximateNumberOfMessages"),
                count("ApproximateNumberOfMessagesNotVisible"),
            )
        })
    }

    /// Does something with the emulator, past qfleet.
    pub fn aws<T>(&self, work: impl AsyncFnOnce(&Aws) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let aws = Aws::new(&self.plan.account, REGION);
        runtime.expect("a runtime").block_on(work(&aws))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut child) = self.supervisor.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for verb in ["down", "stop"] {
            let _ = self.first.then().args(["local", verb, "--yes"]).command().output();
        }
    }
}

/// SIGKILL to a process group.
pub fn kill_group(pid: i32) {
    killpg(Pid::from_raw(pid), Signal::SIGKILL).expect("kills");
}
