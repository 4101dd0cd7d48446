//! How soon the end of an operation is noticed, with how many calls, and what stale reads do to that.

use std::time::Duration;

use crate::clock::engine::{Ran, Rig, blueprint, calls_between, really_ended};
use crate::endpoint::{Existing, Script};

const ARTIFACTS: &str = "lab-artifacts";

/// Tells apart what would otherwise happen at the same time.
const MOMENT: Duration = Duration::from_nanos(1);

/// The bucket takes so long; the rest of the stack is quick.
fn taking(seconds: f64) -> Script {
    Script::new().takes(ARTIFACTS, "Bucket", Duration::from_secs_f64(seconds))
}

/// How late the end was noticed, and calls a second of what ran.
fn lag(rig: &Rig, ran: &Ran) -> (f64, f64) {
    let executed = rig.endpoint.calls("ExecuteChangeSet").last().expect("executed").at;
    let ended = really_ended(&rig.endpoint, ARTIFACTS);
    let noticed = ran.told_end(ARTIFACTS);
    let calls = calls_between(&rig.endpoint, executed + MOMENT, noticed - MOMENT);
    let reads = calls.iter().filter(|action| action.starts_with("Describe")).count();
    (
        (noticed - ended).as_secs_f64(),
        (reads + 1) as f64 / (noticed - executed).as_secs_f64(),
    )
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_first_create_is_noticed_within_a_second() {
    let blueprint = blueprint(crate::clock::engine::LAB);
    let (mut lags, mut rates) = (Vec::new(), Vec::new());
    for seconds in [5.3, 11.1, 17.7, 20.0, 24.9, 33.4, 47.2, 60.5, 88.8, 121.6] {
        let rig = Rig::of(blueprint.clone(), taking(seconds)).only(&["artifacts"]);
        let ran = rig.deploy().await.well();
        let (lag, rate) = lag(&rig, &ran);
        assert!(rate < 1.2, "{rate} calls a second in an operation of {seconds} s");
        lags.push(lag);
        rates.push(rate);
    }
    let (lag, rate) = (average(&lags), average(&rates));
    assert!(lag < 1.0, "{lag} s late on average: {lags:?}");
    assert!(rate < 1.15, "{rate} calls a second on average: {rates:?}");
}

#[tokio::test(start_paused = true)]
async fn with_history_the_end_of_an_update_is_noticed_within_half_a_second() {
    let blueprint = blueprint(crate::clock::engine::LAB);
    let (mut lags, mut rates) = (Vec::new(), Vec::new());
    for (last, now) in [
        (10.0, 10.4),
        (20.0, 19.3),
        (20.0, 21.1),
        (34.0, 33.2),
        (45.0, 46.6),
        (60.0, 61.7),
        (120.0, 119.0),
    ] {
        let mut rig = Rig::of(blueprint.clone(), taking(5.0)).only(&["artifacts"]);
        rig.deploy().await.well();
        rig.touch("artifacts");
        rig.endpoint.rescript(|_| taking(last));
        rig.again().deploy().await.well();
        rig.touch("artifacts");
        rig.endpoint.rescript(|_| taking(now));
        let ran = rig.again().deploy().await.well();
        let (lag, rate) = lag(&rig, &ran);
        lags.push(lag);
        rates.push(rate);
    }
    let (lag, rate) = (average(&lags), average(&rates));
    assert!(lag < 0.5, "{lag} s late on average: {lags:?}");
    assert!(rate < 0.7, "{rate} calls a second on average: {rates:?}");
}

/// The events carry the progress and the end; the stack is read once, for its outputs.
#[tokio::test(start_paused = true)]
async fn only_events_are_read_while_it_runs_and_the_stack_once_after() {
    let rig = Rig::new(taking(25.0)).only(&["artifacts"]);
    let ran = rig.deploy().await.well();
    let executed = rig.endpoint.calls("ExecuteChangeSet")[0].at;
    let noticed = ran.told_end(ARTIFACTS);
    let during = calls_between(&rig.endpoint, executed + MOMENT, noticed - MOMENT);
    assert!(
        during.iter().all(|action| action == "DescribeStackEvents"),
        "{during:?}"
    );
    let after = calls_between(&rig.endpoint, noticed, ran.ended);
    let read: Vec<&String> = after.iter().filter(|action| action.starts_with("Describe")).collect();
    assert_eq!(read, ["DescribeStackEvents", "DescribeStacks"]);
}

/// A group can come up for minutes without an event. That its last event was lost is looked for now and then only.
#[tokio::test(start_paused = true)]
async fn silence_for_minutes_costs_few_calls_more() {
    let rig = Rig::new(taking(290.0)).only(&["artifacts"]);
    let ran = rig.deploy().await.well();
    let executed = rig.endpoint.calls("ExecuteChangeSet")[0].at;
    let during = calls_between(&rig.endpoint, executed, ran.told_end(ARTIFACTS));
    let stacks = during.iter().filter(|action| *action == "DescribeStacks").count();
    assert!(stacks <= 10, "{stacks} reads of the stack in 290 s");
    let (_, rate) = lag(&rig, &ran);
    assert!(rate < 1.25, "{rate} calls a second");
}

/// Reads that come too early still show how things were: REVIEW_IN_PROGRESS before a create, and what looks like an end
/// before an update or a delete.
#[tokio::test(start_paused = true)]
async fn stale_reads_are_not_taken_for_the_end() {
    let mut rig = Rig::new(taking(20.0).stale_reads(7)).only(&["artifacts"]);
    rig.deploy().await.well();
    assert_eq!(rig.status("artifacts").as_deref(), Some("CREATE_COMPLETE"));
    rig.touch("artifacts");
    let ran = rig.again().deploy().await.well();
    assert_eq!(rig.status("artifacts").as_deref(), Some("UPDATE_COMPLETE"));
    assert!(
        ran.took() > Duration::from_secs(20),
        "it waited for the real end: {:?}",
        ran.took()
    );
    rig.again().destroy().await.well();
    assert_eq!(rig.endpoint.stacks(), [] as [&str; 0]);
}

/// What runs is told as it happens, however many events and pages that is.
#[tokio::test(start_paused = true)]
async fn hundreds_of_events_are_all_told_once_and_in_order() {
    let script = taking(30.0).chatter(ARTIFACTS, "Bucket", 400).page(50);
    let mut rig = Rig::new(script).only(&["artifacts"]);
    for round in 0..2 {
        let ran = rig.again().deploy().await.well();
        let told: Vec<String> = ran
            .told
            .iter()
            .filter_map(|(_, event)| match event {
                qfleet::engine::event::Event::Resource { resource, .. } => Some(resource.id.clone()),
                _ => None,
            })
            .collect();
        let written: Vec<String> = rig.endpoint.world(|world| {
            let stack = &world.stacks[0];
            stack.events.iter().map(|event| event.id.clone()).collect()
        });
        assert!(told.len() > 400, "{}", told.len());
        assert!(written.ends_with(&told), "round {round}");
        assert_eq!(written.len() - told.len() < 3, round == 0);
        rig.touch("artifacts");
    }
}

/// Somebody else has just deleted it, and a stale read still shows it: nothing more happens to what is gone.
#[tokio::test(start_paused = true)]
async fn a_stack_that_was_gone_a_moment_before_is_noticed_soon() {
    let stack = Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work");
    let rig = Rig::new(Script::new().stale_reads(2).existing(stack));
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("it is there");
        world.remember_stale(stack);
        world.start_delete(stack, None, Vec::new(), false);
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ran = rig.destroy().await.well();
    assert!(ran.took() < Duration::from_secs(10), "{:?}", ran.took());
}
