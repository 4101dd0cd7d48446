//! What is said when something fails, and what is refused before it can.

use std::time::Duration;

use qfleet::cloud::cloudformation::change_set::OnFailure;
use qfleet::engine::event::Event;
use qfleet::engine::outcome::Outcome;

use crate::clock::engine::Rig;
use crate::endpoint::{DescribeEvents, Script, Verb};

const DENIED: &str = "Resource handler returned message: \"You are not authorized to perform: sns:SetTopicAttributes\"";

#[tokio::test(start_paused = true)]
async fn a_failed_update_names_its_root_cause_not_what_came_of_it() {
    for answers in [
        DescribeEvents::Answers,
        DescribeEvents::Empty,
        DescribeEvents::UnknownAction,
    ] {
        let mut rig = Rig::new(Script::new().describe_events(answers));
        rig.deploy().await.well();
        let script = Script::new()
            .describe_events(answers)
            .takes("lab-work", "DeadLetterQueue", Duration::from_secs(20))
            .takes("lab-work", "LogGroup", Duration::from_secs(5))
            .fails("lab-work", "LogGroup", Verb::Update, DENIED);
        rig.endpoint.rescript(|_| script);
        rig.touch("work");
        let ran = rig.again().deploy().await;
        assert_eq!(ran.exit_code(), 1);
        let failure = ran.failure("work");
        assert_eq!(
            failure.status.as_ref().map(|status| status.as_str()),
            Some("UPDATE_ROLLBACK_COMPLETE")
        );
        let cause = failure.cause.as_ref().expect("a cause");
        let root = cause.root.as_ref().expect("a root");
        assert_eq!(
            (root.logical_id.as_str(), root.reason.as_deref()),
            ("LogGroup", Some(DENIED))
        );
        assert!(root.physical_id.contains("lab"), "{root:?}");
        assert_eq!(cause.cancelled, ["DeadLetterQueue"]);
        assert!(cause.hint.is_some_and(|hint| hint.contains("permission")), "{cause:?}");
        let line = cause.template_line.expect("a line");
        let body = rig.stack("work").body.clone();
        assert_eq!(body.lines().nth(line - 1), Some("  LogGroup:"));
        // The same command again finds the cause gone.
        rig.endpoint.rescript(|_| Script::new());
        rig.again().deploy().await.well();
        rig.is_deployed();
    }
}

/// Some failures are told by DescribeEvents alone: of this operation, not of an earlier one.
#[tokio::test(start_paused = true)]
async fn a_failure_that_the_stacks_own_events_leave_out_is_asked_for() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    for reason in ["a hook said no", "another hook said no"] {
        let script = Script::new()
            .fails("lab-work", "LogGroup", Verb::Update, reason)
            .untold("lab-work", "LogGroup");
        rig.endpoint.rescript(|_| script);
        rig.touch("work");
        let ran = rig.again().deploy().await;
        let cause = ran.failure("work").cause.clone().expect("a cause");
        let root = cause.root.expect("a root");
        assert_eq!(
            (root.logical_id.as_str(), root.reason.as_deref()),
            ("LogGroup", Some(reason))
        );
    }
}

/// A lab's failed create leaves nothing; why it failed is known all the same.
#[tokio::test(start_paused = true)]
async fn a_create_that_deletes_itself_on_failure_is_still_explained() {
    // The topic is there when the bucket fails, so that there is something to delete.
    let script = Script::new().resources_take(Duration::from_secs(3)).fails_times(
        "lab-intake",
        "Bucket",
        Verb::Create,
        DENIED,
        1,
    );
    let mut rig = Rig::new(script);
    rig.options.manner.on_failure = Some(OnFailure::Delete);
    let ran = rig.deploy().await;
    assert_eq!(rig.status("intake"), None, "it is gone");
    let failure = ran.failure("intake");
    assert_eq!(
        failure.status.as_ref().map(|status| status.as_str()),
        Some("DELETE_COMPLETE")
    );
    let root = failure
        .cause
        .as_ref()
        .and_then(|cause| cause.root.as_ref())
        .expect("a root");
    assert_eq!(
        (root.logical_id.as_str(), root.reason.as_deref()),
        ("Bucket", Some(DENIED))
    );
    let deletes = ran.told.iter().filter(|(_, event)| {
        matches!(event, Event::Resource { stack, resource, .. } if stack == "lab-intake" && resource.status == "DELETE_COMPLETE")
    });
    assert!(deletes.count() > 1, "its last events are told, the stack being gone");
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// It is kept as it is, to be looked at; the next deploy goes on with it.
#[tokio::test(start_paused = true)]
async fn a_create_that_is_kept_on_failure_is_updated_by_the_next_run() {
    let script = Script::new().fails_times("lab-intake", "Topic", Verb::Create, DENIED, 1);
    let mut rig = Rig::new(script);
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_FAILED"));
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_the_way_of_an_operation_that_ended_well_is_a_warning() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    // A renamed bucket is made anew; the old one, which isn't empty, can't be deleted afterwards.
    let body = &mut rig.stack("intake").body;
    *body = body.replacen("BucketName: ", "BucketName: another-bucket #", 1);
    rig.options.allow_replace = vec!["Bucket".into()];
    let script = Script::new().fails(
        "lab-intake",
        "Bucket",
        Verb::Delete,
        "The bucket you tried to delete is not empty",
    );
    rig.endpoint.rescript(|_| script);
    let ran = rig.again().deploy().await.well();
    assert!(matches!(ran.outcome("intake"), Outcome::Done { .. }));
    let warnings = ran.warnings().join("\n");
    assert!(warnings.contains("lab-intake: Bucket DELETE_FAILED"), "{warnings}");
}

/// What holds data is neither replaced nor deleted, unless it is named: before anything is begun.
#[tokio::test(start_paused = true)]
async fn data_is_not_replaced_without_being_named() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    let executed = rig.endpoint.calls("ExecuteChangeSet").len();
    let body = &mut rig.stack("intake").body;
    *body = body.replacen("BucketName: ", "BucketName: another-bucket #", 1);
    rig.again();
    for (allowed, code) in [
        (vec![], 4),
        (vec!["Queue".to_owned()], 4),
        (vec!["Bucket".to_owned()], 0),
    ] {
        rig.options.allow_replace = allowed;
        let ran = rig.deploy().await;
        assert_eq!(ran.exit_code(), code, "{:?}", ran.result);
        if code == 4 {
            let error = ran.result.expect_err("a refusal");
            assert!(error.to_string().contains("lab-111122223333-us-east-2"), "{error}");
            assert!(
                error.help().is_some_and(|help| help.contains("--allow-replace Bucket")),
                "{error:?}"
            );
            assert_eq!(
                rig.endpoint.calls("ExecuteChangeSet").len(),
                executed,
                "nothing was begun"
            );
            assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
        }
    }
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_COMPLETE"));
}
