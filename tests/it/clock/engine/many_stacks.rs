//! Many stacks at once: under the account's limits, in parallel, and each on its own when one fails.

use std::collections::BTreeMap;
use std::time::Duration;

use qfleet::engine::outcome::Outcome;

use crate::clock::engine::{Rig, blueprint, calls_between};
use crate::endpoint::{Endpoint, Script, Verb};

/// How long CloudFormation takes to work a change set out.
const CHANGE_SET: Duration = Duration::from_secs(2);

/// Eight stacks: artifacts, intake, a chain of three stages beside two single ones, dashboard.
fn eight() -> qfleet::blueprint::Blueprint {
    let stage = |name: &str, from: &str| {
        format!(
            "  - name: {name}\n    from: {from}\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: \
             {{program: program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
        )
    };
    let stages = [
        ("one", "bucket"),
        ("two", "one"),
        ("three", "two"),
        ("left", "bucket"),
        ("right", "bucket"),
    ];
    let stages: String = stages.iter().map(|(name, from)| stage(name, from)).collect();
    let blueprint = blueprint(&format!(
        "name: lab\nregion: us-east-2\nbucket: {{on_destroy: empty}}\nstages:\n{stages}"
    ));
    assert_eq!(blueprint.stacks.len(), 8);
    blueprint
}

/// Operations of 20 to 60 s.
fn long() -> Script {
    let stages = [("one", 31), ("two", 24), ("three", 20), ("left", 57), ("right", 44)];
    let script = Script::new()
        .change_sets_take(CHANGE_SET)
        .takes("lab-artifacts", "Bucket", Duration::from_secs(21))
        .takes("lab-intake", "Bucket", Duration::from_secs(27))
        .takes("lab-dashboard", "Dashboard", Duration::from_secs(22));
    stages.iter().fold(script, |script, (stage, seconds)| {
        script.takes(&format!("lab-{stage}"), "Queue", Duration::from_secs(*seconds))
    })
}

/// Reads of stacks and their events in each second.
fn reads_a_second(endpoint: &Endpoint) -> Vec<usize> {
    let (stacks, events) = (
        endpoint.calls_a_second("DescribeStacks"),
        endpoint.calls_a_second("DescribeStackEvents"),
    );
    let at = |list: &[usize], second: usize| list.get(second).copied().unwrap_or_default();
    let seconds = stacks.len().max(events.len());
    (0..seconds)
        .map(|second| at(&stacks, second) + at(&events, second))
        .collect()
}

/// The time in which CloudFormation could not have done it earlier: each stack's change set worked out, and then executed,
/// as soon as what the stack needs has really ended.
fn critical_path(rig: &Rig) -> Duration {
    let mut ends: BTreeMap<&str, Duration> = BTreeMap::new();
    for stack in &rig.blueprint.stacks {
        let begins = stack.needs.iter().map(|need| ends[need.as_str()]).max();
        let took = rig.endpoint.world(|world| {
            let found = world.find(&stack.name).expect("the stack");
            let events = &world.stacks[found].events;
            let begun = events
                .iter()
                .find(|event| event.status == "CREATE_IN_PROGRESS")
                .expect("begun");
            events.last().expect("its end").at - begun.at
        });
        ends.insert(&stack.part, begins.unwrap_or_default() + CHANGE_SET + took);
    }
    ends.into_values().max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn eight_stacks_keep_to_the_limits_and_take_little_more_than_their_critical_path() {
    let rig = Rig::of(eight(), long());
    let ran = rig.deploy().await.well();
    rig.is_deployed();
    let reads = reads_a_second(&rig.endpoint);
    let total: usize = reads.iter().sum();
    let rate = total as f64 / ran.took().as_secs_f64();
    assert!(rate < 5.0, "{rate} reads a second: {reads:?}");
    // The bucket of tokens lets a burst through after a pause, and no more than the rate for long.
    for ten in reads.windows(10).skip(10) {
        let sum: usize = ten.iter().sum();
        assert!(sum <= 10 * 5 + 20, "{sum} in ten seconds: {reads:?}");
    }
    let critical = critical_path(&rig);
    let more = ran.took().as_secs_f64() / critical.as_secs_f64();
    assert!(more < 1.05, "{:?} for a critical path of {critical:?}", ran.took());
}

/// An account that is throttled, by others too, is asked less, not more.
#[tokio::test(start_paused = true)]
async fn throttling_slows_all_stacks_down_and_fails_none() {
    let rig = Rig::of(eight(), long());
    let others = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        rig.endpoint.rescript(|script| script.at_most("DescribeStackEvents", 1));
        tokio::time::sleep(Duration::from_secs(40)).await;
        rig.endpoint
            .rescript(|script| script.at_most("DescribeStackEvents", 100));
    };
    let (ran, ()) = tokio::join!(rig.deploy(), others);
    ran.well();
    rig.is_deployed();
    let reads = reads_a_second(&rig.endpoint);
    let rate = |from: usize, until: usize| reads[from..until].iter().sum::<usize>() as f64 / (until - from) as f64;
    let (before, during, after) = (rate(5, 20), rate(30, 60), rate(80, 110));
    assert!(
        during < 1.8 && during < before,
        "{before} reads a second, {during} when throttled: {reads:?}"
    );
    // Two stacks are left by then, one of which is looked at every 1.6 s: slowed down for good, it would be far less.
    assert!(after > 1.0, "and it recovers: {after} after {during}: {reads:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_stack_stops_what_needs_it_and_nothing_else() {
    let script = long().fails("lab-two", "LogGroup", Verb::Create, "not today");
    let rig = Rig::of(eight(), script);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    for part in ["artifacts", "intake", "three", "left", "right"] {
        assert!(
            matches!(ran.outcome(part), Outcome::Done { .. }),
            "{part}: {:?}",
            ran.outcome(part)
        );
    }
    let root = ran.failure("two").cause.as_ref().and_then(|cause| cause.root.as_ref());
    assert_eq!(root.expect("a cause").reason.as_deref(), Some("not today"));
    // A stage needs the queues of the stages that it feeds.
    for (part, because) in [("one", "two"), ("dashboard", "one")] {
        match ran.outcome(part) {
            Outcome::Skipped { because: Some(missing) } => {
                assert!(missing == because || missing == "two", "{part} because of {missing}");
            }
            other => panic!("{part}: {other:?}"),
        }
    }
    assert_eq!(rig.endpoint.status("lab-one"), None);
    assert_eq!(
        rig.endpoint.status("lab-dashboard"),
        None,
        "and no empty stack of a change set stays behind"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_stacks_run_at_once_than_asked() {
    let mut rig = Rig::of(eight(), long());
    rig.concurrency = 1;
    let ran = rig.deploy().await.well();
    let lengths: Duration = [21, 27, 22, 31, 24, 20, 57, 44]
        .into_iter()
        .map(Duration::from_secs)
        .sum();
    assert!(ran.took() >= lengths, "{:?} for {lengths:?} of work", ran.took());
    let mut rig = Rig::of(eight(), long());
    rig.concurrency = 2;
    let took = rig.deploy().await.well().took();
    assert!(took < lengths.mul_f64(0.8) && took >= lengths / 2, "{took:?}");
}

/// What is left out is taken as it is: its outputs are read, and nothing is done to it.
#[tokio::test(start_paused = true)]
async fn only_the_parts_that_were_asked_for_are_touched() {
    let rig = Rig::of(eight(), long());
    rig.deploy().await.well();
    let executed = rig.endpoint.calls("ExecuteChangeSet").len();
    let mut rig = rig.only(&["left"]);
    rig.touch("left");
    let ran = rig.again().deploy().await.well();
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), executed + 1);
    assert_eq!(rig.endpoint.status("lab-left").as_deref(), Some("UPDATE_COMPLETE"));
    assert_eq!(ran.report().stacks.len(), 1);
    let written: Vec<String> = calls_between(&rig.endpoint, ran.began, ran.ended)
        .into_iter()
        .filter(|action| !action.starts_with("Describe") && !action.starts_with("Get") && !action.starts_with("List"))
        .collect();
    // Its program is there already.
    assert_eq!(written, ["CreateChangeSet", "HeadObject", "ExecuteChangeSet"]);
}

/// Asked for alone, a part whose needs aren't there can't be deployed, and says so.
#[tokio::test(start_paused = true)]
async fn a_part_without_what_it_needs_says_so() {
    let rig = Rig::of(eight(), long()).only(&["left"]);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    let message = &ran.failure("left").message;
    assert!(
        message.contains("lab-left") && message.contains("`artifacts`") || message.contains("`intake`"),
        "{message}"
    );
    assert_eq!(rig.endpoint.stacks(), [] as [&str; 0]);
}
