//! What watching costs, on a paused clock against the scriptable endpoint in memory.

use std::time::Duration;

use jiff::Timestamp;
use qfleet::cloud::Cloud;
use qfleet::observe::events::Follower;
use qfleet::observe::findings::Words;
use qfleet::observe::reads::{Stacks, status};
use qfleet::observe::watch::{Pace, Phase, Watcher};
use tokio::sync::mpsc::channel;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Existing, Fault, Happening, On, Script, ScriptedGroup};
use crate::scripted::watch::stage;

fn cloud(endpoint: &Endpoint) -> Cloud {
    Cloud::over(endpoint.http_client(), "111122223333", "us-east-2")
}

fn words() -> Words {
    Words::new(None, "lab")
}

/// Stages `s0`, `s1`, … with a group each.
fn stages(count: usize) -> Script {
    (0..count).fold(Script::new(), |script, n| {
        let name = format!("s{n:03}");
        let group = ScriptedGroup::new(&format!("lab-{name}-Group"), &[&format!("us-east-2a:i-{n:03}")]);
        script.existing(stage(&name)).group(group)
    })
}

#[tokio::test(start_paused = true)]
async fn queues_are_read_often_stacks_and_metrics_seldom() {
    let endpoint = Endpoint::in_memory(stages(3));
    let (sender, mut snapshots) = channel(1);
    let watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    tokio::spawn(watcher.run(sender, Timestamp::now));
    let began = Instant::now();
    let mut refreshes = 0;
    while began.elapsed() < Duration::from_secs(600) {
        let snapshot = snapshots.recv().await.expect("a snapshot");
        assert_eq!(snapshot.phase, Phase::Deployed);
        assert!(snapshot.status.unknown.is_empty(), "{:?}", snapshot.status.unknown);
        refreshes += 1;
    }
    assert!((119..=122).contains(&refreshes), "{refreshes} in ten minutes");
    let calls = |action: &str| endpoint.calls(action).len();
    // Two queues a stage.
    assert_eq!(calls("GetQueueAttributes"), refreshes * 3 * 2);
    assert_eq!(calls("DescribeScalingActivities"), refreshes * 3);
    assert_eq!(calls("DescribeAutoScalingGroups"), refreshes, "all groups at once");
    assert!((10..=11).contains(&calls("GetMetricData")), "a minute is a point");
    let listings = calls("DescribeStacks");
    assert!((40..=42).contains(&listings), "each 15 s, not {listings}");
    let busiest = endpoint.calls_a_second("DescribeStacks").into_iter().max();
    assert!(
        busiest <= Some(4),
        "CloudFormation's limits are low: {busiest:?} in a second"
    );
}

#[tokio::test(start_paused = true)]
async fn metrics_of_all_stages_are_read_in_as_few_calls_as_there_can_be() {
    let endpoint = Endpoint::in_memory(stages(150).series("oldest149", &[(0, 7.0)]));
    let cloud = cloud(&endpoint);
    let stacks = Stacks::read(&cloud, "lab").await.expect("stacks");
    let read = status(&cloud, stacks, &words(), Timestamp::now()).await;
    assert_eq!(read.stages.len(), 150);
    assert!(read.unknown.is_empty(), "{:?}", read.unknown);
    let last = read.stages.last().expect("a stage");
    assert_eq!(
        last.oldest_message_age_seconds,
        Some(7),
        "the second call's answer reached the last stage"
    );
    assert_eq!(endpoint.calls("GetMetricData").len(), 2, "900 queries, 500 a call");
    assert_eq!(
        endpoint.calls("DescribeAutoScalingGroups").len(),
        3,
        "150 groups, 50 a call"
    );
    assert!(read.stages.iter().all(|stage| stage.group().is_some()));
}

#[tokio::test(start_paused = true)]
async fn following_an_idle_environment_costs_a_listing_now_and_then() {
    let endpoint = Endpoint::in_memory(stages(3));
    let cloud = cloud(&endpoint);
    let mut follower = Follower::new(&cloud, "lab", Timestamp::UNIX_EPOCH);
    assert!(!follower.past().await.expect("events").is_empty());
    let minute = tokio::time::timeout(Duration::from_secs(61), follower.next());
    assert!(minute.await.is_err(), "nothing happens");
    assert_eq!(endpoint.calls("DescribeStackEvents").len(), 3, "each stack once");
    assert_eq!(endpoint.calls("DescribeStacks").len(), 1 + 15, "each 4 s");
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_stacks_is_seen_and_its_end_ends_the_watching() {
    let update = Happening::Operation {
        stack: "lab-s000".into(),
        during: "UPDATE_IN_PROGRESS".into(),
        takes: Duration::from_secs(30),
        then: "UPDATE_COMPLETE".into(),
    };
    let delete = Happening::Delete {
        stack: "lab-s000".into(),
    };
    let script = stages(1)
        .at(Duration::from_secs(60), update)
        .at(Duration::from_secs(120), delete);
    let endpoint = Endpoint::in_memory(script);
    let (sender, mut snapshots) = channel(1);
    let watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    tokio::spawn(watcher.run(sender, Timestamp::now));
    let began = Instant::now();
    let mut seen: Vec<(String, u64)> = Vec::new();
    let mut last = Phase::Unknown;
    while let Some(snapshot) = snapshots.recv().await {
        let stack = snapshot.status.stacks.first();
        let now = stack.map_or("none".to_owned(), |stack| stack.status.as_str().to_owned());
        if seen.last().is_none_or(|(before, _)| *before != now) {
            seen.push((now, began.elapsed().as_secs()));
        }
        last = snapshot.phase;
    }
    let words: Vec<&str> = seen.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(
        words[..3],
        ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
        "{seen:?}"
    );
    assert!(
        (60..=76).contains(&seen[1].1),
        "an idle stack is looked at each 15 s: {seen:?}"
    );
    assert!((90..=96).contains(&seen[2].1), "a busy one each 5 s: {seen:?}");
    assert_eq!(last, Phase::Gone);
}

/// The listing of stacks is up to 15 s old: a queue that a destroy has just deleted is none that somebody took away.
#[tokio::test(start_paused = true)]
async fn what_a_destroy_deletes_is_not_found_to_be_gone() {
    let delete = Happening::Operation {
        stack: "lab-s000".into(),
        during: "DELETE_IN_PROGRESS".into(),
        takes: Duration::from_secs(60),
        then: "DELETE_COMPLETE".into(),
    };
    let no_queue = || Fault::refuse(400, "QueueDoesNotExist", "The specified queue does not exist.");
    let queues_go = || On::action("GetQueueAttributes").after(Duration::from_secs(7));
    let found = async |script: Script| {
        let endpoint = Endpoint::in_memory(script.fault(queues_go(), no_queue()));
        let mut watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
        let mut found: Vec<&str> = Vec::new();
        for _ in 0..10 {
            let snapshot = watcher.refresh(Timestamp::now()).await;
            found.extend(snapshot.status.findings.iter().map(|finding| finding.id));
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        (found, endpoint.calls("DescribeStacks").len())
    };
    let (of_destroy, _) = found(stages(1).at(Duration::from_secs(6), delete)).await;
    assert!(!of_destroy.contains(&"resource-gone"), "{of_destroy:?}");
    let (by_hand, listings) = found(stages(1)).await;
    assert_eq!(by_hand, ["resource-gone"; 8]);
    assert!(
        listings <= 5,
        "looked at once more for what is gone, not each time: {listings}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_stages_stand_in_the_order_of_the_file() {
    let endpoint = Endpoint::in_memory(stages(4));
    let order = ["s002", "s000", "renamed", "s003"].map(str::to_owned);
    let watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    let snapshot = watcher.in_order(order.into()).refresh(Timestamp::now()).await;
    let stages: Vec<&str> = snapshot
        .status
        .stages
        .iter()
        .map(|stage| stage.stage.as_str())
        .collect();
    assert_eq!(stages, ["s002", "s000", "s003", "s001"]);
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_the_first_stack_and_through_reads_that_fail() {
    let denied = Fault::refuse(403, "AccessDenied", "not authorized");
    let script = Script::new()
        .existing(Existing::new("other", "CREATE_COMPLETE"))
        .fault(On::action("DescribeStacks").until(Duration::from_secs(9)), denied);
    let endpoint = Endpoint::in_memory(script);
    let mut watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    let first = watcher.refresh(Timestamp::now()).await;
    assert_eq!(first.phase, Phase::Unknown);
    assert_eq!(first.status.unknown, ["DescribeStacks failed: not authorized"]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let second = watcher.refresh(Timestamp::now()).await;
    assert_eq!((second.phase, second.status.unknown.len()), (Phase::NotDeployed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_does_not_hold_up_the_rest_for_long() {
    let endpoint = Endpoint::in_memory(stages(1).fault(On::action("DescribeScalingActivities"), Fault::Stall));
    let mut watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    let began = Instant::now();
    let snapshot = watcher.refresh(Timestamp::now()).await;
    assert!(began.elapsed() <= Duration::from_secs(25), "{:?}", began.elapsed());
    assert_eq!(snapshot.status.unknown, ["scaling activities: no answer within 20 s"]);
    assert!(snapshot.status.stages[0].queue.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_emulator_that_does_not_answer_is_said_within_seconds() {
    let endpoint = Endpoint::in_memory(stages(1).fault(On::action("DescribeScalingActivities"), Fault::Stall));
    let mut watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(true, None));
    let began = Instant::now();
    let snapshot = watcher.refresh(Timestamp::now()).await;
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(snapshot.status.unknown, ["scaling activities: no answer within 4 s"]);
}

#[tokio::test(start_paused = true)]
async fn stacks_that_cannot_be_read_any_more_are_shown_as_they_were() {
    let denied = Fault::refuse(403, "AccessDenied", "not authorized");
    let script = stages(1).fault(On::action("DescribeStacks").after(Duration::from_secs(10)), denied);
    let endpoint = Endpoint::in_memory(script);
    let mut watcher = Watcher::new(cloud(&endpoint), "lab", words(), Pace::new(false, None));
    watcher.refresh(Timestamp::now()).await;
    tokio::time::sleep(Duration::from_secs(16)).await;
    let snapshot = watcher.refresh(Timestamp::now()).await;
    assert_eq!(snapshot.phase, Phase::Deployed, "not gone");
    assert_eq!(snapshot.status.stages.len(), 1);
    assert_eq!(snapshot.status.unknown, ["DescribeStacks failed: not authorized"]);
}
