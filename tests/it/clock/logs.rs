//! Logs that are followed, on a clock that stands still: what comes in late, what is met again, how often is asked.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qfleet::cloud::Cloud;
use qfleet::deployed::stage::Stage;
use qfleet::observe::logs::{Logs, Wanted};
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, Fault, On, Script};

const GROUP: &str = "/qfleet/lab-work";

fn stages() -> Vec<Stage> {
    vec![Stage {
        name: "work".into(),
        log_group: Some(GROUP.into()),
        ..Stage::default()
    }]
}

/// What is shown within so many seconds: messages, and the second in which each was.
async fn followed(endpoint: &Endpoint, seconds: u64) -> Vec<(String, u64)> {
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let (began, wall) = (Instant::now(), Timestamp::now());
    let now = || wall + SignedDuration::try_from(began.elapsed()).expect("a test is shorter than time");
    let stages = stages();
    let mut logs = Logs::new(&cloud, "lab", &stages, Wanted::default(), true);
    let mut shown = Vec::new();
    let mut look = logs.look(wall - SignedDuration::from_mins(10), now()).expect("begins");
    loop {
        while let Some(lines) = logs.more(&mut look).await.expect("answers") {
            let at = began.elapsed().as_secs();
            shown.extend(lines.into_iter().map(|line| (line.message, at)));
        }
        if began.elapsed().as_secs() >= seconds {
            return shown;
        }
        sleep(logs.pause()).await;
        look = logs.look_again(now()).expect("begins");
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn each_line_is_shown_once_and_late_ones_when_they_come() {
    let script = Script::new()
        .page(2)
        .empty_log_pages(1)
        .logged(GROUP, "i-01/worker", seconds(300), "first")
        .logged(GROUP, "i-01/worker", seconds(3), "second")
        .logged(GROUP, "i-02/worker", seconds(2), "third")
        .logs_late(GROUP, "i-02/worker", seconds(20), seconds(12), "late")
        .logs_late(GROUP, "i-02/worker", seconds(59), seconds(70), "too late");
    let endpoint = Endpoint::in_memory(script);
    let shown = followed(&endpoint, 100).await;
    let shown: Vec<(&str, u64)> = shown.iter().map(|(text, at)| (text.as_str(), *at)).collect();
    assert_eq!(shown, [("first", 0), ("second", 0), ("third", 0), ("late", 15)]);
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_are_made_again_and_nothing_is_missed() {
    let throttled = Fault::refuse(400, "ThrottlingException", "Rate exceeded");
    let script = Script::new()
        .logged(GROUP, "i-01/worker", seconds(3), "up")
        .logs_late(GROUP, "i-01/worker", seconds(0), seconds(20), "meanwhile")
        .fault(
            On::action("FilterLogEvents").after(seconds(4)).until(seconds(150)),
            throttled,
        );
    let endpoint = Endpoint::in_memory(script);
    let shown = followed(&endpoint, 200).await;
    let texts: Vec<&str> = shown.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["up", "meanwhile"]);
    assert!((150..200).contains(&shown[1].1), "{shown:?}");
    let a_second = endpoint.calls_a_second("FilterLogEvents");
    assert!(a_second.iter().all(|calls| *calls <= 5), "{a_second:?}");
}
