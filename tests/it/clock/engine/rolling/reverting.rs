//! Drift of a fleet that is put back, which may replace its instances as well.

use qfleet::deployed::Deployed;
use qfleet::engine::event::Event;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::revert;

use crate::clock::engine::rolling::{NIGHTS, fleet, fleet_of, fleet_that, kept, lowest, name, said};
use crate::clock::engine::{Ran, Rig};
use crate::endpoint::{Drifted, Fault, On, ScriptedGroup};

/// Puts back what drifted, after this happened.
async fn revert_after(rig: &Rig, drifted: Drifted, meanwhile: impl Fn(&Rig)) -> Ran {
    rig.endpoint.rescript(|script| script.drifted(drifted));
    let drafts = Drafts::default();
    rig.tell(async |context| {
        let mut stacks = Deployed::find(&rig.cloud, "lab").await.expect("found").stacks;
        stacks.retain(|stack| stack.part == "work");
        let reverts = revert::draw_up(&rig.cloud, "lab", &stacks, &drafts)
            .await
            .expect("drawn up");
        meanwhile(rig);
        let report = revert::revert(context, "lab", &drafts, &stacks, &reverts).await;
        (Ok(report), drafts.discard(&rig.cloud).await)
    })
    .await
}

/// The last deploy knew a fleet of two. What is put back makes CloudFormation replace instances of another version.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_scaled_out_works_on_while_drift_is_put_back() {
    for later in [10, 12] {
        let of_before = |group: ScriptedGroup| {
            (0..10).fold(group.version("2"), |group, n| {
                group.launched_from(&format!("i-{n:03}"), "1")
            })
        };
        let rig = fleet_of(2, 20, 10, of_before).await;
        assert_eq!(kept(&rig), "2");
        let group = Drifted::new("lab-work", "Group", "MODIFIED")
            .properties(r#"{"MaxSize":"20"}"#, r#"{"MaxSize":"30"}"#)
            .difference("/MaxSize", "20", "30", "NOT_EQUAL");
        let name = name(&rig);
        rig.endpoint.world(|world| world.calls.clear());
        let ran = revert_after(&rig, group.clone(), |rig| {
            rig.endpoint.rescript(|script| script.resize(&name, later))
        });
        ran.await.well();
        assert_eq!(kept(&rig), later.to_string(), "{later}");
        // Made again with the number, and so once more when the fleet has grown since.
        let made = |rig: &Rig| rig.endpoint.calls("CreateChangeSet").len();
        assert_eq!(made(&rig), if later == 10 { 2 } else { 4 }, "{later}");
        let initiated = format!("while keeping at least {later} instance(s) in service");
        let said = said(&rig);
        assert!(
            said.iter().any(|reason| reason.contains(&initiated)),
            "{later}: {said:#?}"
        );
        assert!(lowest(&rig) >= 10, "{later}: {said:#?}");
        assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
        // Where it is the number of the last deploy, one change set is enough.
        rig.endpoint.world(|world| world.calls.clear());
        revert_after(&rig, group, |_| ()).await.well();
        assert_eq!((kept(&rig), made(&rig)), (later.to_string(), 1));
    }
}

/// What is put back is in the queue. CloudFormation sees the bounds of the night, too, and gives the group those of its
/// template.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_sleeps_by_its_schedule_sleeps_on_after_drift_is_put_back() {
    let drifted = |resource: &str, path: &str, template: &str, actual: &str| {
        let properties = |value: &str| format!("{{\"{path}\":\"{value}\"}}");
        Drifted::new("lab-work", resource, "MODIFIED")
            .properties(&properties(template), &properties(actual))
            .difference(&format!("/{path}"), template, actual, "NOT_EQUAL")
    };
    let group =
        |min: &str, max: &str| drifted("Group", "MaxSize", "20", max).difference("/MinSize", "2", min, "NOT_EQUAL");
    // The schedule's own stay; what somebody has set is put back.
    for (now, after) in [((0, 0), [0, 0, 0]), ((0, 5), [2, 2, 20])] {
        let (min, max) = now;
        let rig = fleet_that(2, 20, 0, NIGHTS, |group| group.sizes(min, 0, max)).await;
        let queue = drifted("Queue", "VisibilityTimeout", "300", "30");
        rig.endpoint.rescript(|script| script.drifted(queue));
        let ran = revert_after(&rig, group(&min.to_string(), &max.to_string()), |_| ()).await;
        ran.well();
        assert_eq!(rig.endpoint.group(&name(&rig)).0, after, "{now:?}");
    }
    // Where the schedule can't be kept, that is said.
    let rig = fleet_that(2, 20, 0, NIGHTS, |group| group.sizes(0, 0, 0)).await;
    let action = "UpdateAutoScalingGroup";
    rig.endpoint
        .rescript(|script| script.fault(On::action(action), Fault::access_denied(action)));
    let ran = revert_after(&rig, group("0", "0"), |_| ()).await;
    let warned = ran.told.iter().any(|(_, event)| {
        matches!(event, Event::Warning { message } if message.contains("had 0 to 0 instances by its schedule"))
    });
    assert!(warned, "{:?}", ran.told);
}

/// What the group launches is in the launch template: put back, it replaces every instance.
#[tokio::test(start_paused = true)]
async fn a_launch_template_is_put_back_while_as_many_work_as_run() {
    let rig = fleet(2, 20, 10).await;
    let template = Drifted::new("lab-work", "LaunchTemplate", "MODIFIED")
        .properties(
            r#"{"LaunchTemplateData":{"EbsOptimized":true}}"#,
            r#"{"LaunchTemplateData":{"EbsOptimized":false}}"#,
        )
        .difference("/LaunchTemplateData/EbsOptimized", "true", "false", "NOT_EQUAL");
    revert_after(&rig, template, |_| ()).await.well();
    assert_eq!(kept(&rig), "10");
}

type Happens<'a> = &'a dyn Fn(&Rig);

/// What was shown is what is done. Nothing of it stays behind, and nothing is thrown away twice.
#[tokio::test(start_paused = true)]
async fn other_changes_than_were_shown_are_not_made_when_the_fleet_has_grown_or_shrunk() {
    let differs = |resource: &str, path: &str| {
        let before = format!("{{\"{path}\":\"20\"}}");
        let after = format!("{{\"{path}\":\"30\"}}");
        Drifted::new("lab-work", resource, "MODIFIED")
            .properties(&before, &after)
            .difference(&format!("/{path}"), "20", "30", "NOT_EQUAL")
    };
    let more = |rig: &Rig| {
        let queue = differs("Queue", "VisibilityTimeout");
        rig.endpoint.rescript(|script| script.drifted(queue));
    };
    let image = |rig: &Rig, id: &str| {
        let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
        rig.endpoint.world(|world| world.services.set_parameter(name, id));
    };
    let (nothing, newer) = (|_: &Rig| (), |rig: &Rig| image(rig, "ami-0fedcba9876543210"));
    let newest = |rig: &Rig| image(rig, "ami-0aaaaaaaaaaaaaaaa");
    let cases: [(Happens<'_>, Happens<'_>, usize); 4] = [
        (&nothing, &more, 12),
        (&nothing, &newer, 12),
        // The same resources change, for another image.
        (&newer, &newest, 12),
        // Back at the number that was deployed, which one change set is enough for.
        (&nothing, &more, 2),
    ];
    for (before, meanwhile, later) in cases {
        let rig = fleet(2, 20, 10).await;
        rig.endpoint.world(|world| world.calls.clear());
        let name = name(&rig);
        before(&rig);
        let ran = revert_after(&rig, differs("Group", "MaxSize"), |rig| {
            rig.endpoint.rescript(|script| script.resize(&name, later));
            meanwhile(rig);
        });
        let ran = ran.await;
        let failure = ran.failure("work");
        assert!(
            failure.message.contains("other changes would be made now"),
            "{failure:#?}"
        );
        assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), 0);
        assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
        let calls = |action: &str| rig.endpoint.calls(action).len();
        assert_eq!(calls("CreateChangeSet"), calls("DeleteChangeSet"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_replaces_no_instance_is_put_back_with_the_number_that_was_deployed() {
    let rig = fleet(2, 20, 10).await;
    rig.endpoint.world(|world| world.calls.clear());
    let queue = Drifted::new("lab-work", "Queue", "MODIFIED")
        .properties(r#"{"VisibilityTimeout":300}"#, r#"{"VisibilityTimeout":30}"#)
        .difference("/VisibilityTimeout", "300", "30", "NOT_EQUAL");
    revert_after(&rig, queue, |_| ()).await.well();
    assert_eq!(kept(&rig), "2");
    assert_eq!(rig.endpoint.calls("CreateChangeSet").len(), 1);
    assert_eq!(lowest(&rig), 10);
}
