//! Stages whose image brings the worker: nothing signals, so a deploy ends when instances are in service.

use std::time::Duration;

use qfleet::blueprint::Value;
use qfleet::engine::event::Event;
use qfleet::engine::operation::OnInterrupt;
use qfleet::engine::outcome::{Outcome, Unattended};
use tokio::time::{Instant, sleep};

use crate::clock::engine::{Ran, Rig, blueprint};
use crate::endpoint::{Script, ScriptedGroup};

const BOTH: &[&str] = &["us-east-2a:i-1", "us-east-2b:i-2"];

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

/// The lab, with these of its instances.
async fn deployed(instances: &[&str]) -> (Rig, String) {
    let mut rig = rig();
    let (ran, name) = tokio::join!(Box::pin(rig.deploy()), async {
        let name = group(&rig).await;
        has(&rig, &name, BOTH);
        name
    });
    ran.well();
    has(&rig, &name, instances);
    rig.again();
    (rig, name)
}

/// What was told of instances that are waited for: how many were in service, and of how many.
fn counts(ran: &Ran) -> Vec<(usize, usize)> {
    let counts = ran.told.iter().filter_map(|(_, event)| match event {
        Event::Starting {
            instances_in_service,
            instances_awaited,
            ..
        } => Some((*instances_in_service, *instances_awaited)),
        _ => None,
    });
    counts.collect()
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
    let shown = qfleet::report::plan::text(&plan, &Default::default(), "lab");
    let line = "nothing signals: it is done when 2 instances are in service, whatever the worker on them does";
    assert!(shown.contains(line), "{shown}");
    let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
        let name = group(&rig).await;
        has(&rig, &name, &["us-east-2a:i-1"]);
        sleep(Duration::from_secs(120)).await;
        assert_eq!(rig.status("work").as_deref(), Some("CREATE_COMPLETE"));
        has(&rig, &name, &["us-east-2a:i-1", "us-east-2b:i-2"]);
    });
    let ran = ran.well();
    assert!((120..150).contains(&seconds(&ran)), "{} s", seconds(&ran));
    assert_eq!(
        counts(&ran)[counts(&ran).len() - 2..],
        [(1, 2), (2, 2)],
        "once, and when it changes"
    );
    assert!(counts(&ran).len() <= 3);
    rig.is_deployed();
}

/// It fails until they are, with the same words, and then goes on with what comes after them.
#[tokio::test(start_paused = true)]
async fn the_next_deploy_of_an_unchanged_stack_waits_for_its_instances_again() {
    let mut rig = rig();
    let (ran, name) = tokio::join!(Box::pin(rig.deploy()), async {
        let name = group(&rig).await;
        has(&rig, &name, &["us-east-2a:i-1"]);
        name
    });
    let failed = "of the 2 instances that it should have at least, 1 are in service after 600 s";
    assert!(ran.failure("work").message.contains(failed));
    let ran = Box::pin(rig.again().deploy()).await;
    assert!(ran.failure("work").message.contains(failed), "{:?}", ran.result);
    assert_eq!((ran.exit_code(), rig.status("dashboard")), (1, None));
    rig.again();
    let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
        sleep(Duration::from_secs(60)).await;
        has(&rig, &name, BOTH);
    });
    let ran = ran.well();
    assert!(matches!(ran.outcome("work"), Outcome::Unchanged));
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_to_do_instances_are_waited_for_all_the_same() {
    let (mut rig, name) = deployed(&[]).await;
    assert!(!rig.plan().await.expect("a plan").changes_anything());
    let ran = Box::pin(rig.again().deploy()).await;
    assert_eq!((ran.exit_code(), seconds(&ran) / 10), (1, 60));
    assert!(
        ran.failure("work").message.contains("0 are in service"),
        "{:?}",
        ran.result
    );
    rig.again();
    let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
        sleep(Duration::from_secs(60)).await;
        has(&rig, &name, BOTH);
    });
    let ran = ran.well();
    assert!((60..66).contains(&seconds(&ran)), "{} s", seconds(&ran));
    assert_eq!(counts(&ran), [(0, 2), (2, 2)]);
    // One look, where they are.
    let looks = rig.endpoint.calls("DescribeAutoScalingGroups").len();
    let ran = Box::pin(rig.again().deploy()).await.well();
    assert_eq!((counts(&ran).len(), seconds(&ran)), (0, 0));
    let looks = rig.endpoint.calls("DescribeAutoScalingGroups").len() - looks;
    assert_eq!(looks, 2, "that, and for groups that a destroy lowered");
    // Whoever lets it have fewer, or doesn't wait at all, isn't kept.
    let lower = ScriptedGroup::new(&name, &["us-east-2a:i-1"]).sizes(1, 1, 4);
    rig.endpoint.rescript(|script| script.group(lower));
    assert_eq!(seconds(&Box::pin(rig.again().deploy()).await.well()), 0);
    has(&rig, &name, &[]);
    rig.waiting.no_wait = true;
    assert_eq!(seconds(&Box::pin(rig.again().deploy()).await.well()), 0);
}

/// The stack is deployed by then, and nothing says otherwise.
#[tokio::test(start_paused = true)]
async fn an_interrupt_and_the_end_of_the_time_end_the_waiting_and_say_so() {
    // When the stack was just made, and where there is nothing to do.
    for is_new in [true, false] {
        for why in [Unattended::Interrupted, Unattended::TimedOut] {
            let mut rig = match is_new {
                true => rig(),
                false => deployed(&[]).await.0,
            };
            let code = match why {
                Unattended::TimedOut => {
                    rig.waiting.deadline = Some(Instant::now() + Duration::from_secs(120));
                    1
                }
                _ => 130,
            };
            let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
                sleep(Duration::from_secs(120)).await;
                assert_eq!(rig.status("work").as_deref(), Some("CREATE_COMPLETE"));
                if why == Unattended::Interrupted {
                    rig.interrupt.0.send_replace(true);
                }
            });
            assert_eq!(
                (ran.exit_code(), seconds(&ran)),
                (code, 120),
                "{why:?}: {:?}",
                ran.result
            );
            let outcome = ran.outcome("work");
            assert!(
                matches!(outcome, Outcome::Starting { awaits_instances: 2, why: said } if *said == why),
                "{outcome:?}"
            );
            let shown = qfleet::report::summary::text(ran.report(), "qfleet deploy lab");
            let line = "lab-work is deployed, but was not waited for until 2 instances came into service";
            assert!(shown.contains(line), "{shown}");
            assert!(!shown.contains("lab-work was not begun"), "{shown}");
            assert!(shown.contains("to pick it up again: qfleet deploy lab"), "{shown}");
            rig.waiting.deadline = None;
            let name = group(&rig).await;
            has(&rig, &name, BOTH);
            Box::pin(rig.again().deploy()).await.well();
            rig.is_deployed();
        }
    }
    // Who waits for what runs, waits for this.
    let (mut rig, name) = deployed(&[]).await;
    rig.waiting.on_interrupt = OnInterrupt::Wait;
    let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
        sleep(Duration::from_secs(10)).await;
        rig.interrupt.0.send_replace(true);
        sleep(Duration::from_secs(50)).await;
        has(&rig, &name, BOTH);
    });
    assert!(seconds(&ran.well()) >= 60);
}

/// Old ones that only drain don't count, either way; old ones in service aren't what was deployed.
#[tokio::test(start_paused = true)]
async fn instances_count_that_are_in_service_and_launched_as_they_are_now() {
    let (mut rig, name) = deployed(&[]).await;
    let drains = ScriptedGroup::new(&name, BOTH)
        .sizes(2, 2, 4)
        .and("us-east-2a", "i-0", "Terminating:Wait")
        .launched_from("i-0", "0");
    rig.endpoint.rescript(|script| script.group(drains));
    assert_eq!(seconds(&Box::pin(rig.deploy()).await.well()), 0);
    let old = ScriptedGroup::new(&name, BOTH).sizes(2, 2, 4).launched_from("i-2", "0");
    rig.endpoint.rescript(|script| script.group(old));
    let ran = Box::pin(rig.again().deploy()).await;
    assert!(
        ran.failure("work").message.contains("1 are in service"),
        "{:?}",
        ran.result
    );
}

/// CloudFormation doesn't wait for instances in a termination hook, so they are there when it is done.
#[tokio::test(start_paused = true)]
async fn a_rolled_fleet_is_in_service_while_the_old_one_drains() {
    let (mut rig, name) = deployed(BOTH).await;
    let hours = Duration::from_secs(7200);
    let fleet = ScriptedGroup::new(&name, BOTH)
        .sizes(2, 2, 4)
        .takes(hours, Duration::from_secs(20));
    rig.endpoint.rescript(|script| script.group(fleet));
    let image = Value::Literal("ami-0fedcba9876543210".into());
    rig.stack("work").parameters.insert("ImageId".into(), image);
    let ran = Box::pin(rig.deploy()).await.well();
    assert!(seconds(&ran) < 600, "{} s", seconds(&ran));
    let found = rig.cloud.group(&name).await.expect("an answer").expect("a group");
    let drain = found
        .instances
        .iter()
        .filter(|one| one.lifecycle_state == "Terminating:Wait");
    assert_eq!((drain.count(), found.in_service_as_launched_now()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_whose_instances_do_not_come_into_service_fails_and_says_how_many_did() {
    let rig = rig();
    let (ran, ()) = tokio::join!(Box::pin(rig.deploy()), async {
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
        Box::pin(rig.deploy())
    );
    rig.again();
    let image = Value::Literal("ami-0fedcba9876543210".into());
    rig.stack("work").parameters.insert("ImageId".into(), image);
    let ran = Box::pin(rig.deploy()).await.well();
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
