//! Many real workers and many files on this machine: every file is moved, and moved once, and the supervisor stays small.
//!
//! `QFLEET_SOAK_WORKERS` says how many workers (8), `QFLEET_SOAK_FILES` how many files (300), `QFLEET_SOAK_IDLE_SECONDS`
//! for how long the idle supervisor's CPU is measured (not at all: an ordinary test shares its machine with others).
//! `make soak` does 50, 5,000 and 20, and shows the figures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;

use crate::harness::{Output, Test, account};

/// Far more than it takes: on a busy machine with two cores, 40 ms a file and a third of a second a worker.
fn patience(workers: usize, files: usize) -> Duration {
    Duration::from_secs(300)
        + Duration::from_millis(300) * u32::try_from(files).expect("a number of files")
        + Duration::from_secs(5) * u32::try_from(workers).expect("a number of workers")
}
const MOST_MEMORY_KIB: u64 = 60 * 1024;
const MOST_OWN_KIB: u64 = 20 * 1024;
const MOST_IDLE_SHARE: f64 = 0.1;

fn number(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
        Err(_) => default,
    }
}

fn environment_file(workers: usize) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mover");
    format!(
        "name: soak\nregion: us-east-2\naccount: \"{}\"\nlifetime: 8h\nbucket: {{on_destroy: empty}}\nstages:\n  \
         - name: move\n    from: bucket\n    queue: {{visibility_timeout: 10m}}\n    workers:\n      instances:\n        \
         program: {program:?}\n        types: [t3.micro]\n        min: {workers}\n        max: {workers}\n        \
         environment: {{MOVER_POLL_SECONDS: \"5\"}}\n    scaling: {{seconds_per_message: 1}}\n",
        account()
    )
}

/// A fleet in the background, which ends with the test.
struct Fleet {
    deployed: Output,
    pid: u64,
    folder: PathBuf,
}

impl Fleet {
    fn up(workers: usize) -> Fleet {
        let deployed = Test::new()
            .file("soak.yaml", environment_file(workers))
            .args(["deploy", "soak.yaml", "--yes"])
            .emulated()
            .run();
        let mut fleet = Fleet {
            deployed,
            pid: 0,
            folder: PathBuf::new(),
        };
        let up = fleet.json(&["local", "up", "soak.yaml", "--detach"]);
        fleet.pid = up["pid"].as_u64().expect("a process");
        let log = Path::new(up["log"].as_str().expect("a log"));
        fleet.folder = log.parent().expect("its folder").to_owned();
        fleet
    }

    fn qfleet(&self, args: &[&str]) -> Test {
        self.deployed.then().args(args.iter().copied()).emulated()
    }

    fn json(&self, args: &[&str]) -> Value {
        self.qfleet(args).args(["--output", "json"]).run().json()
    }

    fn stage(&self) -> Value {
        self.json(&["status", "soak.yaml"])["stages"][0].take()
    }

    fn until(&self, what: &str, patience: Duration, is_so: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let stage = self.stage();
            if is_so(&stage) {
                return;
            }
            assert!(
                began.elapsed() < patience,
                "{what} didn't come: {stage}\n{}",
                self.said()
            );
            sleep(Duration::from_secs(1));
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("supervisor.log")).unwrap_or_default()
    }

    /// How often each file was moved, by the workers' logs.
    fn moves(&self) -> BTreeMap<String, usize> {
        let moved = Regex::new(r"(?m) INFO moved uploads/(\S+) -> ").expect("a pattern");
        let mut moves = BTreeMap::new();
        for instance in fs::read_dir(self.folder.join("instances")).expect("instances") {
            let log = instance.expect("an instance").path().join("worker.log");
            let text = fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
            for found in moved.captures_iter(&text) {
                *moves.entry(found[1].to_owned()).or_default() += 1;
            }
        }
        moves
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Also when an assertion has failed: nothing may outlive the test.
        let mut down = self.deployed.then().args(["local", "down", "soak"]).command();
        let _ = down.output();
    }
}

#[test]
fn every_file_is_moved_once_by_many_workers() {
    let (workers, files) = (number("QFLEET_SOAK_WORKERS", 8), number("QFLEET_SOAK_FILES", 300));
    let patience = patience(workers, files);
    let began = Instant::now();
    let fleet = Fleet::up(workers);
    fleet.until("the workers", patience, |stage| in_service(stage) == workers);
    let up = began.elapsed();

    let content: BTreeMap<String, String> = (0..files)
        .map(|n| (format!("{:02}/{n:05}.txt", n % 50), format!("{n}\n").repeat(n % 200)))
        .collect();
    for (name, text) in &content {
        let path = fleet.deployed.path("files").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for it");
        fs::write(path, text).expect("a file");
    }
    let began = Instant::now();
    let sent = fleet.json(&["send", "soak.yaml", "files"]);
    assert_eq!(sent["files"], files, "{sent}");
    let is_empty = |stage: &Value| stage["queue"]["visible"] == 0 && stage["queue"]["in_flight"] == 0;
    // Before the last events are in the queue, it may be empty, too.
    fleet.until("the move of all files", patience, |stage| {
        is_empty(stage) && fleet.moves().len() >= files
    });
    let took = began.elapsed();

    let once: BTreeMap<String, usize> = content.keys().map(|name| (name.clone(), 1)).collect();
    assert!(fleet.moves() == once, "{}", differences(&once, &fleet.moves()));
    assert_eq!(fleet.stage()["dead_letters"]["visible"], 0);
    assert_eq!(in_service(&fleet.stage()), workers, "{}", fleet.said());
    println!(
        "{workers} workers in service after {:.1} s; {files} files sent in {:.1} s, moved after {:.1} s",
        up.as_secs_f64(),
        sent["seconds"].as_f64().expect("seconds"),
        took.as_secs_f64()
    );
    #[cfg(target_os = "linux")]
    stays_small(fleet.pid);

    fleet
        .qfleet(&["local", "down", "soak"])
        .stdout("Local fleet of soak stopped\n")
        .run();
    fleet.qfleet(&["destroy", "soak.yaml", "--yes"]).run();
}

fn in_service(stage: &Value) -> usize {
    let instances = stage["group"]["instances"].as_array().expect("instances");
    instances
        .iter()
        .filter(|instance| instance["lifecycle_state"] == "InService")
        .count()
}

fn differences(wanted: &BTreeMap<String, usize>, got: &BTreeMap<String, usize>) -> String {
    let missing: Vec<&String> = wanted.keys().filter(|name| !got.contains_key(*name)).collect();
    let more: Vec<_> = got
        .iter()
        .filter(|(name, times)| wanted.get(*name) != Some(*times))
        .collect();
    format!("not moved: {missing:?}; moved how often, and not once: {more:?}")
}

/// The supervisor's memory, and its CPU time while nothing is to be done.
#[cfg(target_os = "linux")]
fn stays_small(pid: u64) {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).expect("the supervisor");
    let status = read("status");
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let text = line.and_then(|text| text.trim().strip_suffix(" kB"));
        text.expect("its memory").parse().expect("a number")
    };
    // The most that it had ever, with the pages of the program itself, of which a debug build has too many to be measured;
    // and without.
    let (most, own) = (kib("VmHWM:"), kib("RssAnon:"));
    println!(
        "supervisor: {} MB at most, {} MB without the program",
        most / 1024,
        own / 1024
    );
    assert!(own < MOST_OWN_KIB, "the supervisor has {own} KiB of memory");

    let seconds = number("QFLEET_SOAK_IDLE_SECONDS", 0);
    if seconds == 0 {
        return;
    }
    assert!(most < MOST_MEMORY_KIB, "the supervisor had {most} KiB of memory");
    // utime and stime, the 14th and 15th field of proc_pid_stat(5), in hundredths of a second. The second field is the
    // program's name, which may have blanks in it, in parentheses.
    let used = || -> f64 {
        let stat = read("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = fields.split(' ').skip(11).take(2);
        ticks.map(|field| field.parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
    };
    let (began, before) = (Instant::now(), used());
    sleep(Duration::from_secs(seconds as u64));
    let share = (used() - before) / began.elapsed().as_secs_f64();
    println!("supervisor: {:.2} % of a core, idle for {seconds} s", share * 100.0);
    assert!(share < MOST_IDLE_SHARE, "the idle supervisor took {share} of a core");
}
