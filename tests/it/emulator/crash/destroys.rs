//! Destroys killed at random moments and run again: at the end nothing is left but what was to stay, and nothing of a
//! neighbour whose name begins alike was touched.
//!
//! `QFLEET_DESTROY_CRASHES` says how many environments go so (6, half of them on each endpoint), `QFLEET_CRASH_SEED` which
//! moments. `make soak` does 100 and shows the figures.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::emulator::crash::{Figures, KILLS, REGION, chance, finished, killed, lock, seeds, several_at_once, wait};
use crate::emulator::whole_way::everything;
use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Aws, Test, account};
use crate::lab::{LAB, with_file};

fn runs(offset: u64) -> impl Iterator<Item = u64> {
    seeds("QFLEET_DESTROY_CRASHES", 6, offset)
}

/// In every other run the data is to stay.
fn keeps(seed: u64) -> bool {
    seed / 2 % 2 == 1
}

fn environment(name: &str, account: &str, keeps: bool) -> String {
    let on_destroy = if keeps { "keep" } else { "empty" };
    crate::emulator::crash::lab(account, "2m")
        .replace("name: lab\n", &format!("name: {name}\n"))
        .replace("on_destroy: empty", &format!("on_destroy: {on_destroy}"))
}

fn deploy(test: Test, name: &str, account: &str, keeps: bool) -> Test {
    let test = test.file(&format!("{name}.yaml"), environment(name, account, keeps));
    let (status, said) = finished(&mut args(&test, &["deploy", &format!("{name}.yaml"), "--yes"]));
    assert!(status.success(), "{name}: {said}");
    test
}

/// The same run with other arguments.
fn args(test: &Test, args: &[&str]) -> std::process::Command {
    let mut command = test.command();
    command.args(args);
    command
}

/// Kills destroys, then lets one through; returns its receipt. `whole` is how long a destroy takes that isn't killed.
fn crash(seed: u64, test: &Test, whole: Duration, figures: &Mutex<Figures>, left: impl Fn() -> Vec<String>) -> Value {
    let began = Instant::now();
    lock(figures).runs += 1;
    let destroy = ["destroy", "lab.yaml", "--yes", "--output", "json"];
    for kill in 0..KILLS {
        let most = whole.div_f64(1.0 + kill as f64 / 2.0);
        if !killed(&mut args(test, &destroy), most.mul_f64(chance(seed, 100 + kill))) {
            continue;
        }
        let left = left();
        lock(figures).killed(left);
    }
    let ended = args(test, &destroy).output().expect("qfleet runs");
    let said = [&ended.stderr, &ended.stdout].map(|said| String::from_utf8_lossy(said).into_owned());
    let said = said.join("\n");
    assert!(
        ended.status.success(),
        "seed {seed}: {}\n{said}\nleft: {:?}",
        ended.status,
        left()
    );
    let mut figures = lock(figures);
    figures.longest = figures.longest.max(began.elapsed());
    let shown: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    shown["receipt"].clone()
}

/// Two environments side by side, and how long it takes to destroy one of them without a kill.
fn whole(test: Test, account: &str) -> Duration {
    let test = deploy(test, "lab", account, false);
    let began = Instant::now();
    let (status, said) = finished(&mut args(&test, &["destroy", "lab.yaml", "--yes"]));
    assert!(status.success(), "{said}");
    began.elapsed()
}

#[test]
fn killed_destroys_converge_on_the_scripted_endpoint() {
    let account = "111122223333";
    let neighbour = Existing::new("lab-2-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab-2")
        .tag("qfleet:part", "work")
        .body("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-2-work}\n");
    let prepared = |stale_reads: u32| {
        let script = Script::new()
            .resources_take(Duration::from_millis(60))
            .page(20)
            .stale_reads(stale_reads)
            .existing(neighbour.clone());
        let endpoint = Endpoint::serve(script);
        let test = crate::lab::at(&endpoint);
        (endpoint, test)
    };
    let (calibration, test) = prepared(0);
    let whole = whole(test, account);
    drop(calibration);
    let figures = Mutex::new(Figures::default());
    let (ours, others) = ("lab-111122223333-us-east-2", "lab-2-111122223333-us-east-2");
    let run = |seed: u64| {
        let (endpoint, test) = prepared((seed % 3) as u32);
        let test = deploy(test, "lab", account, keeps(seed));
        endpoint.world(|world| {
            for bucket in [ours, others] {
                (0..20).for_each(|n| world.services.put_object(bucket, &format!("uploads/{n}"), "precious"));
            }
        });
        let left = || {
            endpoint.world(|world| {
                let ours = world
                    .stacks
                    .iter()
                    .filter(|stack| stack.is_there() && stack.name != "lab-2-work");
                ours.map(|stack| format!("{} {}", stack.name, stack.status)).collect()
            })
        };
        let receipt = crash(seed, &test, whole, &figures, left);
        assert_eq!(endpoint.stacks(), ["lab-2-work"], "seed {seed}");
        assert_eq!(endpoint.change_sets(), [] as [&str; 0], "seed {seed}");
        assert_eq!(receipt["clean"], true, "seed {seed}: {receipt:#}");
        let (kept, neighbours) = endpoint.world(|world| {
            let keys = |bucket: &str| world.services.keys(bucket).len();
            (keys(ours), keys(others))
        });
        assert_eq!(neighbours, 20, "seed {seed}: the neighbour's");
        assert_eq!(kept, if keeps(seed) { 20 } else { 0 }, "seed {seed}");
        lock(&figures).converged += 1;
    };
    several_at_once(runs(0), run);
    lock(&figures).show("destroys, scripted endpoint");
}

#[test]
fn killed_destroys_converge_on_the_emulator() {
    let prepared = || with_file(LAB).emulated();
    let whole = whole(prepared(), &account());
    let figures = Mutex::new(Figures::default());
    for seed in runs(1) {
        let account = account();
        let (ours, others) = (format!("lab-{account}-{REGION}"), format!("lab-2-{account}-{REGION}"));
        let test = deploy(prepared(), "lab-2", &account, false);
        wait(fill(&account, &others));
        let before = everything(&account);
        let test = deploy(test, "lab", &account, keeps(seed));
        wait(fill(&account, &ours));
        let left = || {
            let all = wait(crate::emulator::crash::stacks(&account)).into_iter();
            all.filter(|stack| !stack.starts_with("lab-2-")).collect()
        };
        let receipt = crash(seed, &test, whole, &figures, left);
        assert_eq!(receipt["clean"], true, "seed {seed}: {receipt:#}");
        let mut after = everything(&account);
        if keeps(seed) {
            assert_eq!(wait(keys(&account, &ours)), 20, "seed {seed}: what was to stay");
            let kept = ["lab-work", "lab-work-dlq", "lab-next", "lab-next-dlq"];
            take(&mut after, "SQS queues", &kept);
            take(&mut after, "S3 buckets", &[&ours]);
        }
        assert_eq!(after, before, "seed {seed}");
        assert_eq!(wait(keys(&account, &others)), 20, "seed {seed}: the neighbour's");
        lock(&figures).converged += 1;
    }
    lock(&figures).show("destroys, emulator");
}

/// Takes what was to stay out of what is there; it must have been in it.
#[track_caller]
fn take(all: &mut Value, kind: &str, names: &[&str]) {
    let held = all[kind].as_array_mut().expect("some");
    let mut missing: BTreeSet<&str> = names.iter().copied().collect();
    held.retain(|one| {
        let name = one.as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        !missing.remove(name)
    });
    assert!(missing.is_empty(), "{kind} that were to stay are gone: {missing:?}");
}

async fn fill(account: &str, bucket: &str) {
    let s3 = Aws::new(account, REGION).s3;
    for n in 0..20 {
        let put = s3.put_object().bucket(bucket).key(format!("uploads/{n}"));
        put.body(b"precious".to_vec().into()).send().await.expect("an object");
    }
}

async fn keys(account: &str, bucket: &str) -> usize {
    let listed = Aws::new(account, REGION)
        .s3
        .list_objects_v2()
        .bucket(bucket)
        .send()
        .await;
    listed.expect("a listing").contents().len()
}
