//! Services that don't answer, answer half, or answer with nothing: how long a call takes then, how it is tried again and
//! what is said; each way that an answer can fail, in memory, on a clock that stands still.

use std::time::Duration;

use qfleet::cloud::Cloud;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Existing, Fault, On, Script};

const STACK: &str = "lab-work";

fn cloud(script: Script) -> (Endpoint, Cloud) {
    let endpoint = Endpoint::in_memory(script.existing(Existing::new(STACK, "CREATE_COMPLETE")));
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    (endpoint, cloud)
}

fn ways() -> [Fault; 8] {
    [
        Fault::Stall,
        Fault::StallInHeaders,
        Fault::StallInBody,
        Fault::Cut,
        Fault::CutInBody,
        Fault::NoBody,
        Fault::HalfBody,
        Fault::internal_failure(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_not_answered_is_tried_again() {
    for fault in ways() {
        let what = format!("{fault:?}");
        let (endpoint, cloud) = cloud(Script::new().fault(On::action("DescribeStacks").numbers(1..=2), fault));
        let began = Instant::now();
        let stack = cloud
            .stack(STACK)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(stack.expect("it is there").name, STACK, "{what}");
        assert_eq!(endpoint.calls("DescribeStacks").len(), 3, "{what}");
        assert!(
            began.elapsed() < Duration::from_secs(25),
            "{what}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_never_answered_ends_within_40_seconds_and_says_what_happened() {
    for (fault, says) in ways().into_iter().zip([
        "did not answer within 10 s (tried 3 times",
        "did not answer within 10 s (tried 3 times",
        "did not answer within 10 s (tried 3 times",
        "can't be reached: connection closed before message completed (tried",
        "is lost: unexpected end of file (tried 8 times",
        "is lost: it says that all is well, and has nothing in it (tried 8 times",
        "is lost: it is cut off (tried 8 times",
        "The request processing has failed",
    ]) {
        let what = format!("{fault:?}");
        let (_, cloud) = cloud(Script::new().fault(On::action("DescribeStacks"), fault));
        let began = Instant::now();
        let error = cloud.stack(STACK).await.expect_err("no answer");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(40), "{what}: {took:?}");
        let said = error.to_string();
        assert!(said.starts_with("DescribeStacks failed: "), "{what}: {said}");
        assert!(said.contains(says), "{what}: {said}");
    }
}

/// The name of the service, the region or the network is wrong: more attempts would only be silence.
#[tokio::test(start_paused = true)]
async fn a_service_that_never_was_reached_is_given_up_within_10_seconds() {
    let (endpoint, cloud) = cloud(Script::new().fault(On::action("DescribeStacks").numbers(2..=u32::MAX), Fault::Cut));
    cloud.stack(STACK).await.expect("an answer");
    let reached = Instant::now();
    cloud.stack(STACK).await.expect_err("no answer any more");
    let reached = reached.elapsed();
    let other = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let never = Instant::now();
    other.stack(STACK).await.expect_err("no answer at all");
    let never = never.elapsed();
    assert!(never < Duration::from_secs(10), "{never:?}");
    assert!(reached < Duration::from_secs(40), "{reached:?}");
}

/// A lost answer to what changes something: it was done, and is not done twice.
#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_is_lost_is_asked_for_again_with_the_same_token() {
    for fault in [Fault::NoBody, Fault::HalfBody, Fault::CutInBody, Fault::StallInBody] {
        let what = format!("{fault:?}");
        let script = Script::new().fault(On::action("DeleteStack").numbers(1..=1), fault);
        let (endpoint, cloud) = cloud(script);
        cloud
            .delete_stack(STACK, None)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let calls = endpoint.calls("DeleteStack");
        let tokens: Vec<_> = calls.iter().map(|call| call.input.text("ClientRequestToken")).collect();
        assert_eq!(tokens.len(), 2, "{what}");
        assert!(tokens[0].is_some() && tokens[0] == tokens[1], "{what}: {tokens:?}");
    }
}

/// An empty answer in JSON can be read, as if nothing were there.
#[tokio::test(start_paused = true)]
async fn parameters_that_are_answered_with_nothing_are_asked_for_again() {
    let script = Script::new().fault(On::action("GetParametersByPath").numbers(1..=1), Fault::NoBody);
    let (endpoint, cloud) = cloud(script);
    cloud.put_parameter("/qfleet/lab/expires", "later").await.expect("put");
    let found = cloud.parameters_under("/qfleet").await.expect("an answer");
    assert_eq!(found.len(), 1);
    assert_eq!(endpoint.calls("GetParametersByPath").len(), 2);
}

/// EC2 has no client of the SDK's, and is asked by the same rules.
#[tokio::test(start_paused = true)]
async fn ec2_is_waited_for_and_asked_again_like_any_other() {
    for fault in [Fault::Stall, Fault::StallInHeaders, Fault::StallInBody] {
        let what = format!("{fault:?}");
        let (_, cloud) = cloud(Script::new().fault(On::action("DescribeSubnets"), fault));
        let began = Instant::now();
        let error = cloud.default_zones().await.expect_err("no answer");
        let (took, said) = (began.elapsed(), error.to_string());
        assert!(took < Duration::from_secs(40), "{what}: {took:?}");
        assert!(
            said.contains("did not answer within 10 s (tried 3 times"),
            "{what}: {said}"
        );
    }
    for fault in [Fault::NoBody, Fault::HalfBody, Fault::CutInBody] {
        let what = format!("{fault:?}");
        let (endpoint, cloud) = cloud(Script::new().fault(On::action("DescribeSubnets").numbers(1..=1), fault));
        let zones = cloud.default_zones().await;
        let zones = zones.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!zones.is_empty(), "{what}");
        assert!(endpoint.calls("DescribeSubnets").len() > 1, "{what}");
    }
}
