//! Deploys and destroys killed at random moments and run again: whatever a SIGKILL leaves behind, the same command makes
//! good.
//!
//! `QFLEET_CRASHES` says how many environments are deployed so (10, half of them on each endpoint), `QFLEET_CRASH_SEED`
//! which moments; half as many are destroyed so. `make soak` does 200 and shows the figures.

mod destroys;

use std::collections::BTreeMap;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::endpoint::{Endpoint, Script};
use crate::harness::{Aws, Test, account};
use crate::lab::{LAB, with_file};

const REGION: &str = "us-east-2";
/// How often one environment's deploys are killed before one is let through.
const KILLS: u64 = 3;
/// How many environments are deployed at once on scripted endpoints, each on one of its own.
const AT_ONCE: usize = 4;
const STACKS: [&str; 5] = ["lab-artifacts", "lab-dashboard", "lab-intake", "lab-next", "lab-work"];

fn lab(account: &str, timeout: &str) -> String {
    let stage = |name: &str, from: &str| {
        format!(
            "  - name: {name}\n    from: {from}\n    queue: {{visibility_timeout: {timeout}}}\n    workers:\n      \
             instances: {{program: program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
        )
    };
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: empty}}\nstages:\n{}{}",
        stage("work", "bucket"),
        stage("next", "work")
    )
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
    )
}

/// Runs of one endpoint, by their numbers; both endpoints together do as many as `variable` asks for.
fn seeds(variable: &str, unasked: u64, offset: u64) -> impl Iterator<Item = u64> + use<> {
    let seed = number("QFLEET_CRASH_SEED").unwrap_or(20_260_101);
    let count = number(variable).unwrap_or(unasked);
    println!("QFLEET_CRASH_SEED={seed} {variable}={count}");
    (0..count)
        .filter(move |run| run % 2 == offset)
        .map(move |run| seed.wrapping_mul(1_000_003).wrapping_add(run))
}

fn runs(offset: u64) -> impl Iterator<Item = u64> {
    seeds("QFLEET_CRASHES", 10, offset)
}

/// A number between 0 and 1 that follows from the seed and what it is for (splitmix64).
fn chance(seed: u64, what: u64) -> f64 {
    let mut bits = seed.wrapping_add(what.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What came of all runs on one endpoint.
#[derive(Default)]
struct Figures {
    runs: usize,
    kills: usize,
    converged: usize,
    longest: Duration,
    /// Stacks by status as the killed runs left them.
    left: BTreeMap<String, usize>,
}

impl Figures {
    fn show(&self, endpoint: &str) {
        let Figures {
            runs,
            kills,
            converged,
            longest,
            left,
        } = self;
        let left: Vec<String> = left.iter().map(|(status, times)| format!("{times} {status}")).collect();
        println!(
            "crash test, {endpoint}: {runs} runs, {kills} kills, {converged} converged, longest {:.1} s; left behind by kills: {}",
            longest.as_secs_f64(),
            left.join(", ")
        );
    }

    /// A kill, and the stacks that it left.
    fn killed(&mut self, left: Vec<String>) {
        self.kills += 1;
        for stack in left {
            let (_, status) = stack.split_once(' ').unwrap_or_default();
            *self.left.entry(status.to_owned()).or_default() += 1;
        }
    }
}

/// Runs for all seeds, which mostly wait: several at once.
fn several_at_once(seeds: impl Iterator<Item = u64> + Send, run: impl Fn(u64) + Sync) {
    let seeds = Mutex::new(seeds);
    let next = || seeds.lock().ok().and_then(|mut seeds| seeds.next());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| std::iter::from_fn(next).for_each(&run));
        }
    });
}

/// A poisoned lock only means that another run failed; the assertion there says more.
fn lock(figures: &Mutex<Figures>) -> MutexGuard<'_, Figures> {
    figures.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Starts the command and kills it after a while. False when it ended by itself before.
fn killed(command: &mut Command, after: Duration) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().expect("qfleet runs");
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("killed");
    child.wait().expect("gone").code().is_none()
}

/// The same command, let through.
fn finished(command: &mut Command) -> (ExitStatus, String) {
    let ended = command.stdin(Stdio::null()).output().expect("qfleet runs");
    (ended.status, String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// How long a deploy takes that isn't killed.
fn whole(test: Test, account: &str) -> Duration {
    let test = test
        .file("lab.yaml", lab(account, "2m"))
        .args(["deploy", "lab.yaml", "--yes"]);
    let began = Instant::now();
    let (status, said) = finished(&mut test.command());
    assert!(status.success(), "{said}");
    began.elapsed()
}

/// One environment: deployed, then changed, each with kills. `whole` is how long a deploy takes that isn't killed.
fn crash(
    seed: u64,
    test: Test,
    account: &str,
    whole: Duration,
    figures: &Mutex<Figures>,
    left: impl Fn() -> Vec<String>,
) {
    let began = Instant::now();
    lock(figures).runs += 1;
    let mut test = test.args(["deploy", "lab.yaml", "--yes"]);
    for (round, timeout) in [(0, "2m"), (1, "3m")] {
        test = test.file("lab.yaml", lab(account, timeout));
        for kill in 0..KILLS {
            // What earlier runs finished isn't done again.
            let most = whole.div_f64(1.0 + kill as f64);
            let after = most.mul_f64(chance(seed, 10 * round + kill));
            if !killed(&mut test.command(), after) {
                continue;
            }
            let left = left();
            lock(figures).killed(left);
        }
        let (status, said) = finished(&mut test.command());
        assert!(
            status.success(),
            "seed {seed}, round {round}: {status}\n{said}\nleft: {:?}",
            left()
        );
    }
    let mut figures = lock(figures);
    figures.longest = figures.longest.max(began.elapsed());
}

#[test]
fn killed_deploys_converge_on_the_scripted_endpoint() {
    let prepared = |stale_reads: u32| {
        let script = Script::new()
            .resources_take(Duration::from_millis(150))
            .change_sets_take(Duration::from_millis(150))
            .page(20)
            .stale_reads(stale_reads);
        let endpoint = Endpoint::serve(script);
        let test = crate::lab::at(&endpoint);
        (endpoint, test)
    };
    let account = "111122223333";
    let (calibration, test) = prepared(0);
    let whole = whole(test, account);
    drop(calibration);
    let figures = Mutex::new(Figures::default());
    let run = |seed: u64| {
        let (endpoint, test) = prepared((seed % 3) as u32);
        let left = || {
            endpoint.world(|world| {
                let there = world.stacks.iter().filter(|stack| stack.is_there());
                there.map(|stack| format!("{} {}", stack.name, stack.status)).collect()
            })
        };
        crash(seed, test, account, whole, &figures, left);
        // A run may be killed while it asks whether a stack is unchanged that was updated a moment ago: what it asked with has
        // failed, as there is nothing to change, and can't be executed. It goes with the next change, or with the stack.
        let executable = endpoint.world(|world| {
            let all = world.stacks.iter().flat_map(|stack| &stack.change_sets);
            let changes_nothing = "The submitted information didn't contain changes";
            let failed_so =
                |reason: &Option<String>| reason.as_deref().is_some_and(|text| text.starts_with(changes_nothing));
            all.filter(|known| known.is_active() && !failed_so(&known.reason))
                .map(|known| known.name.clone())
                .collect()
        });
        is_whole(seed, left(), executable);
        let creates: Vec<(String, usize)> = endpoint.world(|world| {
            let begins = |name: &str| {
                let all = world.stacks.iter().filter(|stack| stack.name == name);
                let events = all.flat_map(|stack| &stack.events);
                events
                    .filter(|event| event.resource_id == name && event.status == "CREATE_IN_PROGRESS")
                    .count()
            };
            STACKS.iter().map(|name| ((*name).to_owned(), begins(name))).collect()
        });
        assert!(
            creates.iter().all(|(_, times)| *times == 1),
            "seed {seed}: made more than once: {creates:?}"
        );
        lock(&figures).converged += 1;
    };
    several_at_once(runs(0), run);
    lock(&figures).show("scripted endpoint");
}

#[test]
fn killed_deploys_converge_on_the_emulator() {
    let prepared = || with_file(LAB).emulated();
    let whole = whole(prepared(), &account());
    let figures = Mutex::new(Figures::default());
    for seed in runs(1) {
        let account = account();
        let left = || wait(stacks(&account));
        crash(seed, prepared(), &account, whole, &figures, left);
        // The emulator keeps a stack's other change sets when one is executed.
        is_whole(seed, left(), Vec::new());
        lock(&figures).converged += 1;
    }
    lock(&figures).show("emulator");
}

/// Everything is there, and nothing is left over.
#[track_caller]
fn is_whole(seed: u64, mut stacks: Vec<String>, change_sets: Vec<String>) {
    stacks.sort();
    let names: Vec<&str> = stacks.iter().filter_map(|stack| stack.split(' ').next()).collect();
    assert_eq!(names, STACKS, "seed {seed}");
    let well = |stack: &String| stack.ends_with(" CREATE_COMPLETE") || stack.ends_with(" UPDATE_COMPLETE");
    assert!(stacks.iter().all(well), "seed {seed}: {stacks:?}");
    assert_eq!(change_sets, [] as [&str; 0], "seed {seed}");
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// The stacks that there are, with their status.
async fn stacks(account: &str) -> Vec<String> {
    let aws = Aws::new(account, REGION);
    let all = aws.cloudformation.describe_stacks().send().await.expect("stacks");
    let named = all.stacks().iter().map(|stack| {
        let name = stack.stack_name().expect("a name");
        format!("{name} {}", stack.stack_status().expect("a status"))
    });
    named.collect()
}
