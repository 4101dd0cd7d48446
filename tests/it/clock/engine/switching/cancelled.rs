//! An update that somebody cancels by hand in the middle of a switch.

use qfleet::engine::outcome::Outcome;

use super::*;

/// `aws cloudformation cancel-update-stack`, once the new ones are about to be made.
async fn cancel(rig: &Rig, new: &str) {
    while !said(rig, &[new]).contains(&format!("{new} CREATE_IN_PROGRESS")) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.cloud.cancel_update("lab-work").await.expect("it can be cancelled");
}

/// CloudFormation deletes old resources only once the update is complete, so cancelling leaves them as they were
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-update-cancel.html>).
#[tokio::test(start_paused = true)]
async fn a_switch_that_is_cancelled_by_hand_leaves_the_old_ones_at_work_and_is_done_by_the_next_deploy() {
    for (from, to, old, new) in [
        ("instances", "lambda", "Group", "Mapping"),
        ("lambda", "instances", "Mapping", "Group"),
    ] {
        let mut rig = deployed(&both(from)).await;
        then(&mut rig, &both(to), |script| {
            script.takes("lab-work", new, Duration::from_secs(90))
        });
        let (ran, ()) = tokio::join!(rig.deploy(), cancel(&rig, new));
        assert_eq!(ran.exit_code(), 1, "{from}");
        let failure = ran.failure("work");
        assert_eq!(
            failure.status.as_ref().map(|status| status.as_str()),
            Some("UPDATE_ROLLBACK_COMPLETE"),
            "{failure:?}"
        );
        assert_eq!(workers(&rig), [old, "LaunchTemplate", "Function"], "{from}");
        assert!(
            ran.told
                .iter()
                .all(|(_, event)| !matches!(event, Event::Warning { message } if message.contains("finish"))),
            "nobody hands over"
        );
        // The same command does it.
        rig.endpoint.rescript(|_| Script::new());
        assert!(switch(&rig).await.is_some(), "{from}");
        let again = rig.again().deploy().await.well();
        assert!(matches!(again.outcome("work"), Outcome::Done { .. }), "{from}");
        assert_eq!(workers(&rig), [new, "LaunchTemplate", "Function"], "{to}");
        rig.is_deployed();
    }
}
