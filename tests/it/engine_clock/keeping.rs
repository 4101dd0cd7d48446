//! Data that is to stay: where that can't be had, nothing is deleted.

use super::*;
use crate::endpoint::{Existing, Happening};

const QUEUE: &str = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n";

/// A stage's queue, which its template would delete.
fn stage(on_destroy: &str, body: &str) -> Existing {
    Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", on_destroy)
        .body(body)
}

/// It fails with this, leaves no change set behind, and the stack is as it was.
#[track_caller]
fn is_refused(rig: &Rig, ran: &Ran, why: &str) {
    let failure = ran.failure("work");
    assert!(failure.message.contains(why), "{failure:#?}");
    for action in ["DeleteStack", "ExecuteChangeSet"] {
        assert_eq!(rig.endpoint.calls(action).len(), 0, "{action}");
    }
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
    assert!(rig.status("work").is_some());
}

/// The template was deployed by somebody else, and CloudFormation goes by it.
#[tokio::test(start_paused = true)]
async fn data_that_the_template_would_delete_is_not_deleted() {
    let rig = Rig::new(Script::new().existing(stage("keep", QUEUE)));
    let ran = rig.destroy().await;
    is_refused(&rig, &ran, "its deployed template would delete Queue");
    let help = ran.failure("work").help.clone().unwrap_or_default();
    assert!(help.contains("`on_destroy: keep`"), "{help}");
}

/// Somebody else keeps the data while this destroy, which was to delete it, waits for that update.
#[tokio::test(start_paused = true)]
async fn data_that_what_is_waited_for_keeps_is_not_deleted() {
    let update = Happening::Operation {
        stack: "lab-work".into(),
        during: "UPDATE_IN_PROGRESS".into(),
        takes: Duration::from_secs(60),
        then: "UPDATE_COMPLETE".into(),
    };
    let script = Script::new().existing(stage("empty", QUEUE));
    let rig = Rig::new(script.at(Duration::ZERO, update));
    let keeps = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        rig.endpoint.world(|world| {
            let work = world.find("lab-work").expect("it is there");
            let template = world.stacks[work].definition.template.as_mut().expect("a template");
            template.body = template
                .body
                .replace("    Properties", "    DeletionPolicy: Retain\n    Properties");
        });
    };
    let (ran, ()) = futures_util::future::join(rig.destroy(), keeps).await;
    is_refused(&rig, &ran, "keeps its data now, and nothing of it was deleted");
    assert_eq!(rig.status("work").as_deref(), Some("UPDATE_COMPLETE"));
}
