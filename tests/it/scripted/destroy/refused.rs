//! Nothing is deleted while others use it, or while it is protected.

use crate::endpoint::{Existing, Fault, On, Script};
use crate::scripted::destroy::{destroy, intake, nothing_was_deleted, part, serve, work};

const IMPORTS: &str = "\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      KmsMasterKeyId: !ImportValue lab-topic
";

#[test]
fn a_stack_of_others_that_imports_is_named_and_nothing_is_deleted() {
    // A neighbour's, too, whose name begins alike.
    for importer in ["their-alarms", "lab-2-alarms", "lab-alarms-2"] {
        let theirs = Existing::new(importer, "CREATE_COMPLETE").body(IMPORTS);
        let endpoint = serve(Script::new().existing(intake()).existing(work()).existing(theirs));
        destroy(&endpoint)
            .status(4)
            .stderr_contains(format!("the stack {importer} imports lab-topic from lab-intake"))
            .run();
        nothing_was_deleted(&endpoint);
        assert_eq!(endpoint.stacks().len(), 3);
    }
}

#[test]
fn a_stack_of_the_environment_that_imports_goes_first() {
    // Its tags say nothing of it.
    let ours = part("alarms", "", IMPORTS);
    let script = Script::new().existing(intake()).existing(ours);
    let takes = std::time::Duration::from_secs(2);
    let endpoint = serve(script.takes("lab-alarms", "Queue", takes));
    destroy(&endpoint).run();
    let begun = |action: &str, place: usize| endpoint.calls(action)[place].at;
    assert!(begun("DeleteStack", 1) - begun("DeleteStack", 0) >= takes);
    assert!(
        begun("DeleteObjects", 0) - begun("DeleteStack", 0) >= takes,
        "its bucket is as it was until then"
    );
    let deleted = endpoint.calls("DeleteStack").into_iter().filter_map(|call| call.stack);
    assert_eq!(deleted.collect::<Vec<_>>(), ["lab-alarms", "lab-intake"]);
}

#[test]
fn a_foreign_subscription_is_named_with_what_ends_it() {
    let arn = "arn:aws:sns:us-east-2:111122223333:lab-uploads:0b1c";
    let script = Script::new().page(1).existing(intake()).existing(work());
    let script = script.subscribed(":lab-uploads", "PendingConfirmation", "email", "new@example.com");
    let endpoint = serve(script.subscribed(":lab-uploads", arn, "email", "ops@example.com"));
    destroy(&endpoint)
        .status(4)
        .stderr_contains("ops@example.com (email) is subscribed to the topic lab-uploads of lab-intake")
        .stderr_contains(format!(
            "aws sns unsubscribe --subscription-arn {arn} --region us-east-2"
        ))
        .stderr_lacks("new@example.com")
        .run();
    nothing_was_deleted(&endpoint);
}

#[test]
fn subscriptions_that_get_nothing_and_those_of_the_environment_are_no_reason() {
    let subscribed = part(
        "copy",
        "intake",
        "\
Parameters:
  TopicArn: {Type: String}
Resources:
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref TopicArn, Protocol: sqs, Endpoint: arn:aws:sqs:us-east-2:111122223333:lab-copy}
",
    );
    let subscribed = subscribed.parameter("TopicArn", "arn:aws:sns:us-east-2:111122223333:lab-uploads");
    let script = Script::new().existing(intake()).existing(subscribed);
    let script = script.subscribed(":lab-uploads", "PendingConfirmation", "email", "new@example.com");
    let endpoint = serve(script.subscribed(":lab-uploads", "Deleted", "email", "old@example.com"));
    destroy(&endpoint).stderr_lacks("example.com").run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn users_that_may_not_be_looked_for_are_warned_of_and_stop_nothing() {
    let mut script = Script::new().existing(intake());
    for action in ["ListImports", "ListSubscriptionsByTopic"] {
        script = script.fault(On::action(action), Fault::access_denied(action));
    }
    let endpoint = serve(script);
    destroy(&endpoint)
        .stderr_contains("it isn't known whether another stack imports lab-topic")
        .stderr_contains("it isn't known whether anybody else is subscribed to arn:aws:sns")
        .run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn termination_protection_switched_on_by_hand_is_lifted_only_when_told_to() {
    let endpoint = serve(Script::new().existing(intake().protected()).existing(work()));
    destroy(&endpoint)
        .status(4)
        .stderr_contains("lab-intake is protected")
        .stderr_contains("--disable-protection")
        .run();
    nothing_was_deleted(&endpoint);
    destroy(&endpoint).args(["--disable-protection"]).run();
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    let lifted = endpoint.calls("UpdateTerminationProtection");
    assert_eq!(lifted.len(), 1, "of the one stack that had it");
    assert_eq!(lifted[0].input.text("EnableTerminationProtection"), Some("false"));
}

#[test]
fn lifting_termination_protection_is_asked_for() {
    let endpoint = serve(Script::new().existing(intake().protected()));
    let run = crate::scripted::destroy::with_endpoint(crate::harness::Test::new(), &endpoint);
    let run = run.args(["destroy", "--name", "lab", "--disable-protection"]);
    let question = "Lift the termination protection of lab-intake, and destroy lab in account";
    let (code, said) = crate::harness::in_a_terminal(&run, 200, &[(question, "n\r")]);
    assert_eq!(code, 4, "{said}");
    nothing_was_deleted(&endpoint);
}

#[test]
fn an_environment_that_its_tags_protect_is_refused_whatever_the_flags() {
    // Also where somebody switched the termination protection off.
    for hand in [false, true] {
        let tagged = work().tag("qfleet:protect", "true");
        let tagged = if hand { tagged.protected() } else { tagged };
        let endpoint = serve(Script::new().existing(intake()).existing(tagged));
        destroy(&endpoint)
            .args(["--disable-protection", "--force"])
            .status(4)
            .stderr_contains("its tags say `protect: true`")
            .stderr_contains("`protect: false`")
            .run();
        nothing_was_deleted(&endpoint);
    }
}

#[test]
fn protection_that_comes_after_the_question_holds() {
    let script = Script::new().existing(intake()).existing(work());
    let endpoint = serve(script.takes("lab-work", "Queue", std::time::Duration::from_secs(1)));
    crate::scripted::destroy::while_it_is_deleted(
        &endpoint,
        "lab-work",
        |world| {
            let intake = world.find("lab-intake").expect("it is there");
            world.stacks[intake].protected = true;
        },
        || {
            let refused = destroy(&endpoint).status(4);
            refused.stderr_contains("lab-intake is protected").run()
        },
    );
    assert_eq!(endpoint.calls("DeleteObjects").len(), 0, "its bucket is as it was");
    assert_eq!(endpoint.stacks(), ["lab-intake"]);
}
