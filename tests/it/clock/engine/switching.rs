//! Workers of one kind that take over from those of the other: in which order things go, what is tried before, what is
//! waited for after, and what is left when something fails.

mod beside;
mod cancelled;
mod held;
mod paused;
mod tried;

use std::time::Duration;

use qfleet::engine::event::Event;
use qfleet::engine::plan::switch::Switch;
use qfleet::environment::Active;

use crate::clock::engine::{Ran, Rig, blueprint};
use crate::endpoint::{Script, ScriptedFunction, Verb};

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

fn file(workers: &str) -> String {
    format!("name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers: {{{workers}}}\n")
}

const INSTANCES: &str = "instances: {program: program, types: [t3.micro], min: 1, max: 4}";
const FUNCTION: &str = "lambda: {program: program, handler: app.handler, runtime: python3.13, timeout: 30s}";

/// Both are described, and these are at work.
fn both(active: &str) -> String {
    file(&format!("{INSTANCES}, {FUNCTION}, active: {active}"))
}

/// An environment that was deployed from this file.
async fn deployed(file: &str) -> Rig {
    let rig = Rig::of(blueprint(file), Script::new());
    rig.deploy().await.well();
    rig
}

/// The same, about to be deployed from another file.
fn then<'a>(rig: &'a mut Rig, file: &str, script: impl FnOnce(Script) -> Script) -> &'a mut Rig {
    rig.blueprint = blueprint(file);
    rig.endpoint.rescript(|_| script(Script::new()));
    rig.again()
}

/// What takes messages, and what stands beside it.
fn workers(rig: &Rig) -> Vec<String> {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        ["Group", "Mapping", "LaunchTemplate", "Function"]
            .iter()
            .filter(|name| world.stacks[stack].resource(name).is_some())
            .map(|name| (*name).to_owned())
            .collect()
    })
}

/// What was said of these resources, in order.
fn said(rig: &Rig, resources: &[&str]) -> Vec<String> {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let events = world.stacks[stack].events.iter();
        events
            .filter(|event| resources.contains(&event.resource_id.as_str()))
            .map(|event| format!("{} {}", event.resource_id, event.status))
            .collect()
    })
}

fn invoked(rig: &Rig) -> usize {
    rig.endpoint.calls("Invoke").len()
}

async fn switch(rig: &Rig) -> Option<Switch> {
    let plan = rig.plan().await.expect("a plan");
    plan.stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage")
        .switch
}

#[tokio::test(start_paused = true)]
async fn the_new_ones_are_there_before_the_old_ones_go() {
    for (from, to, old, new, tried) in [
        ("instances", "lambda", "Group", "Mapping", 1),
        ("lambda", "instances", "Mapping", "Group", 0),
    ] {
        let mut rig = deployed(&both(from)).await;
        assert_eq!(
            workers(&rig),
            [old, "LaunchTemplate", "Function"].map(str::to_owned),
            "{from}"
        );
        then(&mut rig, &both(to), |script| {
            script.takes("lab-work", new, Duration::from_secs(90))
        });
        let planned = switch(&rig).await.expect("a switch");
        assert!(planned.is_proven, "{planned:?}");
        let ran = rig.again().deploy().await.well();
        assert_eq!(
            workers(&rig),
            [new, "LaunchTemplate", "Function"].map(str::to_owned),
            "{to}"
        );
        assert_eq!(invoked(&rig), tried, "{to}");
        let order = said(&rig, &[old, new]);
        let expected = [
            format!("{new} CREATE_IN_PROGRESS"),
            format!("{new} CREATE_COMPLETE"),
            format!("{old} DELETE_IN_PROGRESS"),
            format!("{old} DELETE_COMPLETE"),
        ];
        assert!(order.ends_with(&expected), "{order:?}");
        assert!(told(&ran).iter().all(|(_, known)| *known == to), "{:?}", told(&ran));
        assert!(!told(&ran).is_empty(), "what the queue holds is told");
        assert!(switch(&rig).await.is_none());
    }
}

/// What was told of the queue: how many messages wait and are worked on, and who takes over.
fn told(ran: &Ran) -> Vec<((u64, u64), &'static str)> {
    let told = ran.told.iter().filter_map(|(_, event)| match event {
        Event::Switching {
            to,
            messages_visible,
            messages_in_flight,
            ..
        } => {
            let to = match to {
                Active::Instances => "instances",
                Active::Lambda => "lambda",
                Active::None => "none",
            };
            Some(((*messages_visible, *messages_in_flight), to))
        }
        _ => None,
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_without_messages_leaves_the_instances_at_work() {
    // It is described for the first time, or has changed, or stands there as it is.
    for before in [
        file(INSTANCES),
        both("instances").replace("30s", "20s"),
        both("instances"),
    ] {
        let mut rig = deployed(&before).await;
        let fails = ScriptedFunction {
            fails: Some("no such module"),
            ..ScriptedFunction::default()
        };
        then(&mut rig, &both("lambda"), |script| script.function(fails));
        let ran = rig.deploy().await;
        assert_eq!(ran.exit_code(), 1);
        let failure = ran.failure("work");
        for part in [
            "Exception: no such module",
            "the instances work on",
            "[ERROR] of the program",
        ] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert_eq!(workers(&rig), ["Group", "LaunchTemplate", "Function"], "{before}");
        assert_eq!((invoked(&rig), rig.not_made_once()), (1, Vec::<String>::new()));
        // Mended, the same command goes on from there.
        rig.endpoint.rescript(|_| Script::new());
        rig.again().deploy().await.well();
        assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
        rig.is_deployed();
    }
}

#[tokio::test(start_paused = true)]
async fn new_workers_that_fail_leave_the_old_ones_at_work() {
    for (from, to, old, new, reason) in [
        (
            "lambda",
            "instances",
            "Mapping",
            "Group",
            "Received 0 SUCCESS signal(s) out of 1",
        ),
        (
            "instances",
            "lambda",
            "Group",
            "Mapping",
            // As it was reported in mongodb/docs-worker-pool 878.
            "Resource handler returned message: \"Invalid request provided: Queue visibility timeout: 10 seconds is less than \
             Function timeout: 30 seconds (Service: Lambda, Status Code: 400, Request ID: 0)\" (RequestToken: 0, \
             HandlerErrorCode: InvalidRequest)",
        ),
    ] {
        let mut rig = deployed(&both(from)).await;
        then(&mut rig, &both(to), |script| {
            script.fails("lab-work", new, Verb::Create, reason)
        });
        let ran = rig.deploy().await;
        assert_eq!(ran.exit_code(), 1);
        let failure = ran.failure("work");
        let status = failure.status.as_ref().map(|status| status.as_str());
        assert_eq!(status, Some("UPDATE_ROLLBACK_COMPLETE"));
        let cause = failure.cause.as_ref().expect("a cause");
        let help = if new == "Mapping" {
            "`visibility_timeout`"
        } else {
            "workers did not start"
        };
        assert!(cause.hint.is_some_and(|hint| hint.contains(help)), "{cause:?}");
        let root = cause.root.as_ref().expect("a cause");
        assert_eq!((root.logical_id.as_str(), root.reason.as_deref()), (new, Some(reason)));
        assert_eq!(workers(&rig), [old, "LaunchTemplate", "Function"].map(str::to_owned));
        assert!(
            !said(&rig, &[old]).iter().any(|event| event.contains("DELETE")),
            "{:?}",
            said(&rig, &[old])
        );
        // Once what it failed on is mended, the same command does it.
        rig.endpoint.rescript(|_| Script::new());
        rig.again().deploy().await.well();
        assert_eq!(workers(&rig), [new, "LaunchTemplate", "Function"].map(str::to_owned));
        rig.is_deployed();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_function_has_in_hand_is_waited_for_and_no_longer() {
    for (to, seconds, waits) in [
        // SQS may count a minute late.
        ("none", 20, 60..64),
        ("none", 80, 76..86),
        ("none", 300, 100..104),
        ("instances", 80, 76..86),
        // The new instances hold messages, too: whose they are isn't known.
        ("instances", 300, 100..104),
    ] {
        let longer = |active: &str| both(active).replace("30s", "100s");
        let mut rig = deployed(&longer("lambda")).await;
        then(&mut rig, &longer(to), |script| script);
        let ended = |ran: &Ran| ran.told_end("lab-work");
        rig.endpoint.world(|world| {
            let queues = &mut world.services.queues;
            queues.make(QUEUE, &["one", "two"]);
            queues.take_all(QUEUE, tokio::time::Instant::now() + Duration::from_secs(600));
        });
        // It has them for so long from the end of the update on, which is noticed a little later.
        let releasing = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if rig.status("work").as_deref() == Some("UPDATE_COMPLETE") {
                    break;
                }
            }
            let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
            rig.endpoint.world(|world| world.services.queues.take_all(QUEUE, until));
        };
        let (ran, ()) = tokio::join!(rig.deploy(), releasing);
        let ran = ran.well();
        let finishing = ran.told.iter().any(|(_, event)| {
            matches!(
                event,
                Event::Finishing {
                    at_most_seconds: 100,
                    ..
                }
            )
        });
        assert!(finishing, "{:?}", ran.told);
        let waited = (ran.ended - ended(&ran)).as_secs();
        assert!(waits.contains(&waited), "{to} {seconds}: {waited} s");
    }
}

/// A stage that is to be paused, and its function has a message in hand.
async fn pausing() -> Rig {
    let mut rig = deployed(&both("lambda")).await;
    then(&mut rig, &both("none"), |script| script);
    rig.endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.make(QUEUE, &["one"]);
        queues.take_all(QUEUE, tokio::time::Instant::now() + Duration::from_secs(600));
    });
    rig
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_waiting_and_the_switch_is_done() {
    let rig = pausing().await;
    let waits = |endpoint: &crate::endpoint::Endpoint| !endpoint.calls("GetFunction").is_empty();
    let (ran, _) = tokio::join!(rig.deploy(), rig.interrupt_when(waits));
    assert!(ran.report().succeeded, "{:?}", ran.report());
    let warnings = ran.warnings();
    assert!(
        warnings.iter().any(|warning| warning.contains("the switch is done")),
        "{warnings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_stopped_after_the_trial_goes_on_with_the_switch() {
    let mut rig = deployed(&file(INSTANCES)).await;
    then(&mut rig, &both("lambda"), |script| script);
    let tried = |endpoint: &crate::endpoint::Endpoint| !endpoint.calls("Invoke").is_empty();
    let (ran, _) = tokio::join!(rig.deploy(), rig.interrupt_when(tried));
    assert_ne!(ran.exit_code(), 0);
    assert_eq!(workers(&rig), ["Group", "LaunchTemplate", "Function"]);
    rig.again().deploy().await.well();
    assert_eq!(invoked(&rig), 2, "it is tried again: it may have changed");
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn a_pause_takes_away_what_takes_messages_and_nothing_else() {
    let mut rig = deployed(&both("instances")).await;
    then(&mut rig, &both("none"), |script| script);
    rig.deploy().await.well();
    assert_eq!(workers(&rig), ["LaunchTemplate", "Function"]);
    assert_eq!(invoked(&rig), 0);
    // Nobody is at work, so nobody has to be spared: nothing is tried.
    then(&mut rig, &both("lambda"), |script| script);
    rig.deploy().await.well();
    assert_eq!(
        (workers(&rig), invoked(&rig)),
        (vec!["Mapping".into(), "LaunchTemplate".into(), "Function".into()], 0)
    );
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_describes_the_other_kind_alone_switches_too() {
    let mut rig = deployed(&file(INSTANCES)).await;
    then(&mut rig, &file(FUNCTION), |script| script);
    let planned = switch(&rig).await.expect("a switch");
    assert!(!planned.is_proven, "{planned:?}");
    rig.again().deploy().await.well();
    assert_eq!(workers(&rig), ["Mapping", "Function"]);
    assert_eq!(invoked(&rig), 0);
    rig.is_deployed();
}
