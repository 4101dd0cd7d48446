//! How detections are waited for, on a paused clock.

use std::time::Duration;

use qfleet::cloud::Cloud;
use qfleet::observe::drift::{Drift, Verdict, check};
use tokio::time::Instant;

use crate::endpoint::{Drifted, Endpoint, Fault, On, Script};
use crate::scripted::drift::stack;

async fn look(endpoint: &Endpoint) -> Drift {
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    check(&cloud, "lab", None, &[]).await.expect("a look")
}

fn stacks(count: usize) -> Script {
    let names = (0..count).map(|n| format!("lab-s{n:02}"));
    names.fold(Script::new(), |script, name| {
        let in_sync = Drifted::new(&name, "Alert", "IN_SYNC");
        script.existing(stack(&name, "UPDATE_COMPLETE")).drifted(in_sync)
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_detection_is_asked_after_gently() {
    let logs = Drifted::new("lab-s00", "Logs", "MODIFIED").difference("/RetentionInDays", "30", "1", "NOT_EQUAL");
    let script = stacks(1).drifted(logs).detections_take(Duration::from_secs(300));
    let throttled = On::action("DescribeStackDriftDetectionStatus").numbers(3..=5);
    let endpoint = Endpoint::in_memory(script.fault(throttled, Fault::throttling()));
    let began = Instant::now();
    let found = look(&endpoint).await;
    assert_eq!(found.verdict, Verdict::Drifted);
    let took = began.elapsed().as_secs();
    assert!((300..=330).contains(&took), "{took} s");
    // Each six seconds, but for the first few.
    let looks = endpoint.calls("DescribeStackDriftDetectionStatus").len();
    assert!((45..=60).contains(&looks), "{looks} looks in five minutes");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_a_stack_that_could_not_be_checked() {
    let endpoint = Endpoint::in_memory(stacks(1).detections_take(Duration::from_secs(3600)));
    let began = Instant::now();
    let found = look(&endpoint).await;
    assert_eq!(found.verdict, Verdict::Unknown);
    let error = found.stacks[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("it hasn't ended after 20 minutes"), "{error}");
    assert_eq!(began.elapsed().as_secs() / 60, 20);
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_else_began_is_waited_for_and_then_ours_is_run() {
    let endpoint = Endpoint::in_memory(stacks(1).detections_take(Duration::from_secs(60)));
    let ours = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        look(&endpoint).await
    };
    let began = Instant::now();
    let (theirs, ours) = tokio::join!(look(&endpoint), ours);
    assert_eq!((theirs.verdict, ours.verdict), (Verdict::InSync, Verdict::InSync));
    // Theirs ends after 60 s, ours begins then.
    let took = began.elapsed().as_secs();
    assert!((120..=140).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn ten_stacks_are_looked_at_at_once() {
    let endpoint = Endpoint::in_memory(stacks(25).detections_take(Duration::from_secs(60)));
    let found = look(&endpoint).await;
    assert_eq!(found.stacks.len(), 25);
    assert_eq!(found.verdict, Verdict::InSync);
    let starts = endpoint.calls("DetectStackDrift");
    let within = |seconds: u64| {
        let until = starts[0].at + Duration::from_secs(seconds);
        starts.iter().filter(|call| call.at < until).count()
    };
    assert_eq!((within(59), starts.len()), (10, 25));
    assert!(within(100) > 10, "the next begin as soon as one has ended");
}
