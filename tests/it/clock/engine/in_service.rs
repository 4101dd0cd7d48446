//! Stages whose image brings the worker: nothing signals, so a deploy ends when instances are in service.

use std::time::Duration;

use qfleet::blueprint::Value;
use qfleet::engine::outcome::Outcome;
use tokio::time::sleep;

use crate::clock::engine::{Ran, Rig, blueprint};
use crate::endpoint::{Script, ScriptedGroup};

fn rig() -> Rig {
    let file = "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {image: \
                ami-0123456789abcdef0, root_device: /dev/xvda, types: [t3.micro], min: 2, max: 4, warmup: 3m, start_timeout: \
                10m}\n    scaling: {seconds_per_message: 1}\n";
    Rig::of(blueprint(file), Script::new())
}

/// The name of its group, once CloudFormation has made it.
async fn group(rig: &Rig) -> String {
    loop {
        let found = rig.endpoint.world(|world| {
            let stack = &world.stacks[world.find("lab-work")?];
            stack.resource("Group")?.physical_id.clone()
        });
        match found {
            Some(name) => return name,
            None => sleep(Duration::from_millis(100)).await,
        }
    }
}

fn has(rig: &Rig, name: &str, instances: &[&str]) {
    let group = ScriptedGroup::new(name, instances).sizes(2, 2, 4);
    rig.endpoint.rescript(|script| script.group(group));
}

fn seconds(ran: &Ran) -> u64 {
    (ran.ended - ran.began).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_deploy_ends_when_as_many_instances_as_there_should_be_at_least_are_in_service() {
    let rig = rig();
    let plan = rig.plan().await.expect("a plan");
    let awaited: Vec<_> = plan
        .stacks
        .iter()
        .map(|stack| (stack.part.as_str(), stack.awaits_instances))
        .collect();
    // No program, no bucket for programs.
    assert_eq!(awaited, [("work", Some(2)), ("dashboard", None)]);
    let shown = qfleet::report::plan::text(&plan, "lab");
    let line = "nothing signals: it is done when 2 instances are in service, whatever the worker on them does";
    assert!(shown.contains(line), "{shown}");
    let (ran, ()) = tokio::join!(rig.deploy(), async {
        let name = group(&rig).await;
        has(&rig, &name, &["us-east-2a:i-1"]);
        sleep(Duration::from_secs(120)).await;
        assert_eq!(rig.status("work").as_deref(), Some("CREATE_COMPLETE"));
        has(&rig, &name, &["us-east-2a:i-1", "us-east-2b:i-2"]);
    });
    let ran = ran.well();
    assert!((120..150).contains(&seconds(&ran)), "{} s", seconds(&ran));
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn a_deploy_whose_instances_do_not_come_into_service_fails_and_says_how_many_did() {
    let rig = rig();
    let (ran, ()) = tokio::join!(rig.deploy(), async {
        let name = group(&rig).await;
        has(&rig, &name, &["us-east-2a:i-1"]);
    });
    assert!((600..630).contains(&seconds(&ran)), "{} s", seconds(&ran));
    let report = ran.report();
    let work = report
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    let Outcome::Failed(failure) = &work.outcome else {
        panic!("{:?}", work.outcome);
    };
    let text = format!("{failure:?}");
    assert!(
        text.contains("of the 2 instances that it should have at least, 1 are in service after 600 s"),
        "{text}"
    );
    // It was CloudFormation's last word, and is not taken back.
    assert_eq!(rig.status("work").as_deref(), Some("CREATE_COMPLETE"));
}

#[tokio::test(start_paused = true)]
async fn another_image_rolls_the_fleet_with_a_rest_after_each_batch() {
    let mut rig = rig();
    let ((), _) = tokio::join!(
        async {
            let name = group(&rig).await;
            has(&rig, &name, &["us-east-2a:i-1", "us-east-2b:i-2"]);
        },
        rig.deploy()
    );
    rig.again();
    let image = Value::Literal("ami-0fedcba9876543210".into());
    rig.stack("work").parameters.insert("ImageId".into(), image);
    let ran = rig.deploy().await.well();
    // Two instances, one at a time.
    assert!((360..420).contains(&seconds(&ran)), "{} s", seconds(&ran));
    let said: Vec<String> = rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let reasons = world.stacks[stack]
            .events
            .iter()
            .filter_map(|event| event.reason.clone());
        reasons.collect()
    });
    assert!(
        said.iter()
            .any(|reason| reason.contains("Pausing for PT3M when new instances are added")),
        "{said:#?}"
    );
    assert!(!said.iter().any(|reason| reason.contains("signal")), "{said:#?}");
}
