//! How long a destroy waits for a function that works.

use super::*;
use crate::endpoint::{Existing, Fault, On, ScriptedMapping};

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

/// A stage whose function may take so many seconds, and has two messages in hand for so long.
fn working(timeout: u64, seconds: u64) -> Rig {
    let stack = Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", "empty")
        .body(
            &"\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lab-work}
  Function:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: lab-work-Function-1, Timeout: 30}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: lab-work-Function-1, EventSourceArn: 'arn:aws:sqs:us-east-2:111122223333:lab-work'}
"
            .replace("Timeout: 30", &format!("Timeout: {timeout}")),
        );
    let rig = Rig::new(Script::new().existing(stack).mapping(ScriptedMapping {
        state: "Enabled".into(),
        ..ScriptedMapping::default()
    }));
    rig.endpoint.world(|world| {
        let queues = &mut world.services.queues;
        queues.make(QUEUE, &["one", "two"]);
        queues.take_all(QUEUE, tokio::time::Instant::now() + Duration::from_secs(seconds));
    });
    rig
}

/// What was said of its messages in flight, and whether it has finished.
fn finishing(ran: &Ran) -> Vec<(u64, bool)> {
    let told = ran.told.iter().filter_map(|(_, event)| match event {
        Event::Finishing {
            messages_in_flight,
            function,
            finished,
            ..
        } => {
            assert_eq!(function, "lab-work-Function-1");
            Some((*messages_in_flight, *finished))
        }
        _ => None,
    });
    told.collect()
}

/// From when the mapping is disabled to the deletion of its stack.
fn waited(rig: &Rig) -> f64 {
    let at = |action: &str| rig.endpoint.calls(action)[0].at;
    (at("DeleteStack") - at("UpdateEventSourceMapping")).as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn what_a_function_has_in_hand_is_waited_for_and_no_longer() {
    let rig = working(300, 80);
    let ran = rig.destroy().await.well();
    assert_eq!(finishing(&ran), [(2, false), (0, true)]);
    assert!((79.0..85.0).contains(&waited(&rig)), "{}", waited(&rig));
}

/// Messages that it failed on stay in flight for as long as the queue says; nothing works on them.
#[tokio::test(start_paused = true)]
async fn no_longer_is_waited_than_an_invocation_may_take() {
    let rig = working(30, 3600);
    let ran = rig.destroy().await.well();
    assert_eq!(finishing(&ran), [(2, false)]);
    assert!((30.0..36.0).contains(&waited(&rig)), "{}", waited(&rig));
}

/// "may not achieve consistency until at least 1 minute after the producers stop sending messages": for so long, none in
/// flight says nothing.
#[tokio::test(start_paused = true)]
async fn a_function_that_seems_to_have_nothing_in_hand_is_waited_for_until_the_count_holds() {
    for (timeout, least) in [(30, 30.0), (300, 60.0)] {
        let rig = working(timeout, 0);
        let ran = rig.destroy().await.well();
        assert_eq!(finishing(&ran), [(0, false), (0, true)]);
        assert!((least..least + 5.0).contains(&waited(&rig)), "{}", waited(&rig));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_counted_late_are_waited_for() {
    let rig = working(300, 90);
    let from = tokio::time::Instant::now() + Duration::from_secs(45);
    rig.endpoint
        .world(|world| world.services.queues.in_flight_from = Some(from));
    let ran = rig.destroy().await.well();
    assert_eq!(finishing(&ran), [(0, false), (2, false), (0, true)]);
    assert!((89.0..95.0).contains(&waited(&rig)), "{}", waited(&rig));
}

/// What can't be known keeps nothing from going.
#[tokio::test(start_paused = true)]
async fn whether_it_has_finished_may_be_unknown() {
    let rig = working(30, 20);
    let denied = Fault::access_denied("GetFunction");
    rig.endpoint
        .rescript(|script| script.fault(On::action("GetFunction"), denied));
    let ran = rig.destroy().await.well();
    let said = "whether its function has finished isn't known: GetFunction failed";
    assert!(
        ran.warnings().iter().any(|warning| warning.contains(said)),
        "{:?}",
        ran.warnings()
    );
}
