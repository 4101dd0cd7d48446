//! One queue, and workers of two kinds that take over from each other while files keep coming: real worker processes and a
//! real function, of one program. Every file is moved, none twice, none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, block_in_place};

use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";
const PATIENCE: Duration = Duration::from_secs(120);
/// How many files each of the workers must have moved before the next take over.
const ENOUGH: usize = 15;

fn environment(account: &str, active: &str) -> String {
    let mover = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");
    format!(
        "name: turns\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\nbucket: {{on_destroy: empty, versioning: \
         true}}\nstages:\n  - name: move\n    from: bucket\n    workers:\n      active: {active}\n      instances: \
         {{program: {mover:?}, types: [t3.micro], min: 2, max: 2, environment: {{MOVER_POLL_SECONDS: \"1\"}}}}\n      \
         lambda: {{program: {mover:?}, handler: mover.function.handler, runtime: python3.13}}\n"
    )
}

/// Puts one file after the other, until it is told to stop.
struct Stream {
    sent: Arc<Mutex<BTreeSet<String>>>,
    stop: Arc<AtomicBool>,
    sending: JoinHandle<()>,
}

impl Stream {
    fn begin(aws: Aws, bucket: String) -> Stream {
        let (sent, stop) = (Arc::<Mutex<BTreeSet<String>>>::default(), Arc::<AtomicBool>::default());
        let (noted, stopped) = (Arc::clone(&sent), Arc::clone(&stop));
        let sending = tokio::spawn(async move {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let name = format!("{n:05}.txt");
                let put = aws.s3.put_object().bucket(&bucket).key(format!("uploads/{name}"));
                put.body(name.clone().into_bytes().into()).send().await.expect("is put");
                noted.lock().expect("no panic").insert(name);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Stream { sent, stop, sending }
    }

    fn count(&self) -> usize {
        self.sent.lock().expect("no panic").len()
    }

    async fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.sending.await.expect("it sends to the end");
        self.sent.lock().expect("no panic").clone()
    }
}

/// A fleet in the background, which ends with the test.
struct Fleet(Output);

impl Drop for Fleet {
    fn drop(&mut self) {
        // Also when an assertion has failed: nothing may outlive the test.
        let _ = self.0.then().args(["local", "down", "turns"]).command().output();
    }
}

fn run(test: Test) -> Output {
    block_in_place(|| test.emulated().run())
}

/// How often each file was moved: each move makes a version of its own.
async fn moves(aws: &Aws, bucket: &str) -> BTreeMap<String, usize> {
    let mut moves = BTreeMap::new();
    let (mut key, mut version) = (None, None);
    loop {
        let asked = aws.s3.list_object_versions().bucket(bucket).prefix("processed/");
        let asked = asked.set_key_marker(key).set_version_id_marker(version);
        let listed = asked.send().await.expect("versions");
        for found in listed.versions() {
            let name = found.key().expect("a key").trim_start_matches("processed/");
            *moves.entry(name.to_owned()).or_default() += 1;
        }
        if listed.is_truncated() != Some(true) {
            break;
        }
        (key, version) = (listed.next_key_marker, listed.next_version_id_marker);
    }
    moves
}

/// Nothing is amiss with a stage that is paused, and what its workers of both kinds have said is still there.
fn is_looked_after(paused: &Output) {
    let then = |args: &[&str]| run(paused.then().args(args.iter().copied()));
    then(&["drift", "turns.yaml", "--fail"]);
    then(&["recover", "turns.yaml", "--yes"]);
    let lines = then(&["logs", "turns.yaml", "--output", "jsonl"]).json_lines();
    let is_of = |instances: bool| lines.iter().any(|line| line["instance"].is_string() == instances);
    assert!(is_of(true), "what the instances said");
    assert!(is_of(false), "what the function said");
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what} didn't come");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_take_over_from_each_other_and_no_file_is_lost_or_moved_twice() {
    let account = account();
    let aws = Aws::new(&account, REGION);
    let test = Test::new().file("turns.yaml", environment(&account, "instances"));
    let deployed = run(test.args(["deploy", "turns.yaml", "--yes", "--output", "json"]));
    let outputs = &deployed.json()["outputs"];
    let bucket = outputs["intake"]["BucketName"].as_str().expect("an output").to_owned();
    let fleet = Fleet(run(deployed.then().args(["local", "up", "turns.yaml", "--detach"])));
    let stream = Stream::begin(Aws::new(&account, REGION), bucket.clone());
    let moved = async || moves(&aws, &bucket).await.len();
    let began = Instant::now();

    // Those who are at work move what comes; then others take over, or nobody.
    let turns = ["lambda", "instances", "none", "lambda", "instances"];
    let mut now = "instances";
    for next in turns {
        match now {
            "none" => {
                // The emulator deletes a group without waiting for its instances, which the fleet lets finish.
                until("a pause", async || {
                    let (before, sent) = (moved().await, stream.count());
                    until("files that wait", async || stream.count() >= sent + ENOUGH).await;
                    moved().await == before
                })
                .await;
                let status = run(fleet.0.then().args(["status", "turns.yaml", "--output", "json"])).json();
                assert!(status["stages"][0]["paused"].is_object(), "{status}");
                is_looked_after(&fleet.0);
            }
            _ => {
                let before = moved().await;
                until(&format!("the work of {now}"), async || moved().await >= before + ENOUGH).await;
            }
        }
        let file = || fleet.0.then().file("turns.yaml", environment(&account, next));
        let plan = run(file().args(["plan", "turns.yaml", "--output", "json"])).json();
        let stage = plan["stacks"]
            .as_array()
            .expect("stacks")
            .iter()
            .find(|stack| stack["part"] == "move");
        let switch = &stage.expect("the stage")["switch"];
        assert_eq!((&switch["from"], &switch["to"]), (&now.into(), &next.into()), "{plan}");
        run(file().args(["deploy", "turns.yaml", "--yes"]));
        now = next;
    }
    let sent = stream.end().await;
    until("the end of the work", async || moved().await >= sent.len()).await;
    let moves = moves(&aws, &bucket).await;
    let doubles = moves.values().filter(|times| **times > 1).count();
    let lost = sent.iter().filter(|name| !moves.contains_key(*name)).count();
    println!(
        "{} files, {} switches, {doubles} moved twice, {lost} lost, in {:.0} s",
        sent.len(),
        turns.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!((doubles, lost), (0, 0), "{moves:?}");

    run(fleet.0.then().args(["local", "down", "turns"]));
    run(deployed
        .then()
        .args(["destroy", "turns.yaml", "--yes"])
        .stdout_contains("nothing is left over"));
}
