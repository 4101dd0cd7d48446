//! How long `qfleet kill-worker` waits, on a clock that stands still.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use qfleet::cloud::Cloud;
use qfleet::engine::kill_worker::{Ask, How, Killed, News, Wanted, kill_worker};
use qfleet::error::Result;
use qfleet::interrupt::Interrupt;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Script, ScriptedGroup};
use crate::scripted::watch::stage;

/// Agrees or doesn't, and keeps what it is told.
struct Person {
    agrees: bool,
    told: Mutex<Vec<String>>,
}

impl Ask for Person {
    fn agrees(&self, victim: &Killed, protected: bool) -> Result<bool> {
        assert_eq!((victim.instance.as_str(), protected), ("i-01", false));
        Ok(self.agrees)
    }

    fn tell(&self, _: &Killed, news: News<'_>) {
        let told = match news {
            News::Changed(change) => change.after.clone().unwrap_or_default(),
            news => format!("{news:?}"),
        };
        self.told.lock().expect("a lock").push(told);
    }
}

/// Kills an instance that stays for an hour, with five minutes' time. Returns the error, what was told, how long it took,
/// and how many instances Auto Scaling was told to terminate.
async fn kill(agrees: bool) -> (String, Vec<String>, Duration, usize) {
    let long = Duration::from_secs(3600);
    let group = ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-01"]).takes(long, long);
    let endpoint = Endpoint::in_memory(Script::new().existing(stage("work")).group(group));
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let began = Instant::now();
    let (_asking, interrupt) = Interrupt::by_hand();
    let interrupt = interrupt.until(began + Duration::from_secs(300));
    let wanted = Wanted {
        environment: "lab",
        words: "lab.yaml",
        stage: None,
        instance: None,
        how: How::Drain,
        no_wait: false,
        timeout: "5m".parse().expect("a length"),
    };
    let person = Person {
        agrees,
        told: Mutex::default(),
    };
    let killed = kill_worker(&cloud, &interrupt, &wanted, || Timestamp::UNIX_EPOCH, &person).await;
    let error = killed.expect_err("no replacement").to_string();
    let terminated = endpoint.calls("TerminateInstanceInAutoScalingGroup").len();
    (
        error,
        person.told.into_inner().expect("a lock"),
        began.elapsed(),
        terminated,
    )
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let (error, told, took, terminated) = kill(true).await;
    assert_eq!(error, "i-01 is not replaced after 5m; Auto Scaling goes on by itself");
    assert_eq!(told[..2], ["Draining", "Terminating:Wait"]);
    assert_eq!((took.as_secs(), terminated), (300, 1));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_agree_keeps_the_instance() {
    let (error, told, _, terminated) = kill(false).await;
    assert_eq!(error, "not confirmed: nothing was changed");
    assert_eq!((told.len(), terminated), (0, 0));
}
