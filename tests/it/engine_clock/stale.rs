//! Reads that come too early: a part of them doesn't know a stack yet, or shows it as it was.

use std::time::Duration;

use qfleet::cloud::events::ResourceEvent;

use super::Rig;
use crate::endpoint::{Existing, Fault, On, Script};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Three of ten reads, up to ten seconds old.
fn stale() -> Script {
    Script::new().resources_take(seconds(1)).stale_share(30, seconds(10))
}

/// Deployed, changed, and taken down, one right after the other, each time with other reads that are stale.
#[tokio::test(start_paused = true)]
async fn deploys_updates_and_destroys_come_to_the_same_with_three_of_ten_reads_stale() {
    for seed in 1..=6 {
        let mut rig = Rig::new(stale());
        rig.endpoint.world(|world| world.seed(seed));
        rig.deploy().await.well();
        rig.is_deployed();
        // The simulated CloudFormation makes no bucket; there it is, not to be taken for one without a stack.
        rig.endpoint.world(|world| {
            world.services.make_bucket("lab-111122223333-us-east-2");
        });
        assert!(
            rig.creates().iter().all(|(_, times)| *times == 1),
            "{seed}: {:?}",
            rig.creates()
        );
        for part in ["intake", "work"] {
            rig.touch(part);
            rig.again().deploy().await.well();
            rig.is_deployed();
            let status = rig.status(part);
            assert_eq!(status.as_deref(), Some("UPDATE_COMPLETE"), "{seed}: {part}");
        }
        rig.again().destroy().await.well();
        assert_eq!(rig.endpoint.stacks(), [] as [&str; 0], "{seed}");
    }
}

/// What a stack puts out is read once it is what was made of it: the next stack is made with that.
#[tokio::test(start_paused = true)]
async fn what_a_stack_puts_out_is_not_read_too_early() {
    for seed in 1..=4 {
        let mut rig = Rig::new(Script::new());
        rig.deploy().await.well();
        rig.touch("intake");
        let script = stale().output("lab-intake", "TopicArn", "arn:aws:sns:us-east-2:111122223333:another");
        rig.endpoint.rescript(|_| script);
        rig.endpoint.world(|world| world.seed(seed));
        let ran = rig.again().deploy().await.well();
        let outputs = &ran.report().outputs["intake"];
        assert!(outputs["TopicArn"].ends_with(":another"), "{seed}: {outputs:?}");
    }
}

/// A read of events that is older than what was seen last isn't everything anew: above all, the end of an earlier
/// operation is not that of this one.
#[tokio::test(start_paused = true)]
async fn events_that_lack_the_newest_known_one_are_no_news() {
    let stack = Existing::new("lab-work", "UPDATE_COMPLETE").events(20);
    let rig = Rig::new(Script::new().existing(stack));
    let ids = |events: Vec<ResourceEvent>| events.into_iter().map(|event| event.id).collect::<Vec<_>>();
    let all = ids(rig.cloud.events_after("lab-work", None).await.expect("events"));
    assert!(all.len() > 20);
    let after = |id: String| {
        let cloud = rig.cloud.clone();
        async move { ids(cloud.events_after("lab-work", Some(&id)).await.expect("events")) }
    };
    assert_eq!(after(all[18].clone()).await, all[19..]);
    assert_eq!(after("of-the-future".into()).await, [] as [&str; 0]);
}

/// A stack that reads don't know yet holds its own queue: nothing is said to be there without one.
#[tokio::test(start_paused = true)]
async fn what_a_stack_holds_that_is_not_known_yet_is_its_own() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    let early = || Fault::refuse(400, "ValidationError", "Stack with id lab-work does not exist");
    let of_work = |action: &str| On::action(action).stack("lab-work").numbers(1..=1);
    rig.endpoint.rescript(|script| {
        let script = script.fault(of_work("DescribeStacks"), early());
        script.fault(of_work("ListStackResources"), early())
    });
    let plan = rig.again().plan().await.expect("a plan");
    assert!(plan.is_busy(), "{plan:#?}");
    assert_eq!(
        rig.endpoint.calls("DescribeStackResources").len(),
        2,
        "the queue and its dead letters'"
    );
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The answer to a request that began an operation is lost, and the SDK sends it again: AWS refuses the second one.
#[tokio::test(start_paused = true)]
async fn an_execution_whose_answer_was_lost_is_watched_like_any_other() {
    for script in [Script::new(), stale()] {
        let script = script.takes("lab-work", "Queue", seconds(30));
        let lost = On::action("ExecuteChangeSet").numbers(1..=1);
        let mut rig = Rig::new(script.fault(lost.clone(), Fault::CutAfterEffect));
        rig.deploy().await.well();
        rig.is_deployed();
        rig.touch("work");
        rig.endpoint
            .rescript(|script| script.fault(lost, Fault::StallAfterEffect));
        let ran = rig.again().deploy().await.well();
        assert!(ran.took() > seconds(25), "it was watched: {:?}", ran.took());
        assert_eq!(rig.status("work").as_deref(), Some("UPDATE_COMPLETE"));
        assert!(rig.creates().iter().all(|(_, times)| *times == 1));
    }
}
