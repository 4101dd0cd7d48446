//! A stage that is paused, and stuck after a failure.

use qfleet::deployed::Deployed;
use qfleet::deployed::stage::Stage;
use qfleet::engine::recover::{self, Skip};

use super::*;

async fn stage(rig: &Rig) -> Stage {
    let found = Deployed::find(&rig.cloud, "lab").await.expect("found");
    let mut stages = Stage::all(&found).into_iter();
    stages.find(|stage| stage.name == "work").expect("the stage")
}

#[tokio::test(start_paused = true)]
async fn a_paused_stage_that_is_stuck_is_paused_when_it_has_recovered() {
    let mut rig = deployed(&both("none")).await;
    let ended = both("instances").replace("name: work\n", "name: work\n    queue: {visibility_timeout: 7m}\n");
    then(&mut rig, &ended, |script| {
        script
            .takes("lab-work", "Group", Duration::from_secs(5))
            .fails_times("lab-work", "Group", Verb::Create, "no capacity", 1)
            .fails_times("lab-work", "Queue", Verb::Restore, "not now", 1)
    });
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(rig.status("work").as_deref(), Some("UPDATE_ROLLBACK_FAILED"));
    rig.again();
    let found = Deployed::find(&rig.cloud, "lab").await.expect("found");
    let stuck = recover::find(&rig.cloud, &found, Skip::These(&[]))
        .await
        .expect("looked");
    assert_eq!(
        stuck.iter().map(|stack| stack.part.as_str()).collect::<Vec<_>>(),
        ["work"]
    );
    let ran = rig
        .tell(async |context| (Ok(recover::recover(context, "lab", &stuck).await), Ok(())))
        .await;
    ran.well();
    assert_eq!(rig.status("work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    assert_eq!(workers(&rig), ["LaunchTemplate", "Function"]);
    assert!(stage(&rig).await.paused.is_some());
    rig.again().deploy().await.well();
    assert_eq!(workers(&rig), ["Group", "LaunchTemplate", "Function"]);
    assert!(stage(&rig).await.paused.is_none());
}
