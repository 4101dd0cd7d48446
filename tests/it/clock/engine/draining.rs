//! How long a destroy waits for workers, and what an interrupt does to it then.

mod scheduled;

use qfleet::cloud::autoscaling::bounds::Bounds;

use super::*;
use crate::endpoint::{Existing, Obstacles, ScriptedGroup, ScriptedMapping};

const GROUP: &str = "lab-work-group";

/// The stack of a stage, with this resource.
fn holding(resource: &str) -> Existing {
    Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", "empty")
        .body(&format!("Resources:\n  {resource}"))
}

/// A stage whose group has this instance, and a hook of a minute.
fn stage(group: ScriptedGroup) -> Rig {
    let stack = holding(&format!(
        "Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: {{AutoScalingGroupName: {GROUP}}}\n"
    ));
    Rig::new(Script::new().existing(stack).group(group.obstacles(Obstacles {
        hook: Some(60),
        ..Obstacles::default()
    })))
}

/// An instance that never comes up never reaches its hook: CloudFormation is left to it in the end.
#[tokio::test(start_paused = true)]
async fn an_instance_that_never_leaves_is_waited_for_so_long_and_no_longer() {
    let rig = stage(ScriptedGroup::new(GROUP, &[]).and("us-east-2a", "i-1", "Pending"));
    let ran = rig.destroy().await.well();
    let said = |words: &str| {
        let found = ran
            .told
            .iter()
            .find(|(_, event)| matches!(event, Event::Warning { message } if message.contains(words)));
        found.map(|(at, _)| *at - ran.began)
    };
    let given_up = said("instances left in lab-work-group").expect("it is said");
    // The hook's minute, and two more.
    assert!((180.0..190.0).contains(&given_up.as_secs_f64()), "{given_up:?}");
    assert_eq!(
        rig.endpoint.calls("CompleteLifecycleAction").len(),
        0,
        "it waits in no hook"
    );
}

/// A worker that needs half its time costs no more than that.
#[tokio::test(start_paused = true)]
async fn a_worker_that_finishes_is_waited_for_and_no_longer() {
    let drains = Duration::from_secs(30);
    let rig = stage(ScriptedGroup::new(GROUP, &["us-east-2a:i-1"]).takes(drains, drains));
    let ran = rig.destroy().await.well();
    let took = ran.took().as_secs_f64();
    assert!((30.0..34.0).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn interrupted_while_workers_finish_nothing_is_deleted_and_the_next_run_goes_on() {
    let drains = Duration::from_secs(30);
    let mut rig = stage(ScriptedGroup::new(GROUP, &["us-east-2a:i-1"]).takes(drains, drains));
    let interrupt = rig.interrupt.0.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        interrupt.send_replace(true);
    });
    let ran = rig.destroy().await;
    assert_eq!(ran.exit_code(), qfleet::error::exit_code::INTERRUPTED);
    assert!(ran.took() < Duration::from_secs(12));
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
    rig.again();
    rig.destroy().await.well();
    assert_eq!(rig.endpoint.stacks(), [] as [&str; 0]);
}

/// CloudFormation deletes a mapping in any state: one that isn't disabled in time stops nothing.
#[tokio::test(start_paused = true)]
async fn an_event_source_mapping_is_waited_for_so_long_and_no_longer() {
    let stack = holding("Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {FunctionName: lab}\n");
    for (disables, refused, took) in [
        (60, 0, 60.0..63.0),
        (3600, 0, 180.0..184.0),
        (1, u32::MAX, 180.0..184.0),
    ] {
        let rig = Rig::new(Script::new().existing(stack.clone()).mapping(ScriptedMapping {
            state: "Enabled".into(),
            disables: Duration::from_secs(disables),
            in_use: refused,
            ..ScriptedMapping::default()
        }));
        let ran = rig.destroy().await.well();
        assert!(took.contains(&ran.took().as_secs_f64()), "{disables}: {:?}", ran.took());
        assert_eq!(rig.endpoint.stacks(), [] as [&str; 0]);
    }
}

/// A lab with a fleet of two to four, whose destroy was stopped while its workers finished. Gives the group's name.
async fn destroy_that_was_stopped() -> (Rig, String) {
    let mut rig = Rig::new(Script::new());
    let ran = rig.deploy().await.well();
    let group = ran.report().outputs["work"]["GroupName"].clone();
    let drains = Duration::from_secs(30);
    let fleet = ScriptedGroup::new(&group, &["us-east-2a:i-1", "us-east-2b:i-2"])
        .sizes(2, 2, 4)
        .takes(drains, drains);
    rig.endpoint.rescript(|script| script.group(fleet));
    rig.again();
    let (ran, _) = tokio::join!(
        rig.destroy(),
        rig.interrupt_when(|endpoint| endpoint.group(&group).0 == [0, 0, 0])
    );
    assert_eq!(ran.exit_code(), qfleet::error::exit_code::INTERRUPTED);
    rig.again();
    (rig, group)
}

#[tokio::test(start_paused = true)]
async fn bounds_that_a_destroy_lowered_before_it_was_stopped_are_put_back_by_the_next_deploy() {
    let (mut rig, group) = destroy_that_was_stopped().await;
    let plan = rig.plan().await.expect("a plan");
    let lowered = plan.stacks.iter().find_map(|stack| stack.lowered.as_ref());
    let lowered = lowered.expect("it is planned");
    assert_eq!((lowered.min, lowered.max, lowered.put_back), (2, 4, true));
    assert_eq!(rig.endpoint.group(&group).0, [0, 0, 0], "a plan changes nothing");
    let ran = rig.deploy().await.well();
    assert_eq!(rig.endpoint.group(&group), ([2, 2, 4], vec![]));
    let said = format!("lab-work: {group} has 2 to 4 instances again");
    assert!(
        ran.warnings().iter().any(|warning| warning.starts_with(&said)),
        "{:?}",
        ran.warnings()
    );
    let changed = rig.endpoint.calls("UpdateAutoScalingGroup").len();
    rig.again().deploy().await.well();
    assert_eq!(rig.endpoint.calls("UpdateAutoScalingGroup").len(), changed, "once");
    // Also where a deploy has nothing else to do.
    rig.cloud.mark_bounds(&group, bounds(2, 4), None).await.expect("marked");
    rig.cloud.put_bounds(&group, bounds(0, 0)).await.expect("lowered");
    rig.again().deploy().await.well();
    assert_eq!(rig.endpoint.group(&group).0[..2], [2, 2]);
}

fn bounds(min: i32, max: i32) -> Bounds {
    Bounds { min, max }
}

/// What somebody else set since, or set to nothing, is drift, and stays.
#[tokio::test(start_paused = true)]
async fn bounds_that_somebody_else_set_stay() {
    let (mut rig, group) = destroy_that_was_stopped().await;
    let by_hand = |min, max| qfleet::cloud::autoscaling::bounds::Bounds { min, max };
    rig.cloud.put_bounds(&group, by_hand(1, 1)).await.expect("by hand");
    rig.deploy().await.well();
    assert_eq!(rig.endpoint.group(&group), ([1, 1, 1], vec![]));
    rig.cloud.put_bounds(&group, by_hand(0, 0)).await.expect("by hand");
    let ran = rig.again().deploy().await.well();
    assert_eq!(rig.endpoint.group(&group), ([0, 0, 0], vec![]));
    assert!(ran.warnings().is_empty(), "{:?}", ran.warnings());
}

/// Even while the plan's question waits for its answer.
#[tokio::test(start_paused = true)]
async fn bounds_that_somebody_else_set_after_the_plan_was_shown_stay() {
    let (rig, group) = destroy_that_was_stopped().await;
    let plan = rig.plan().await.expect("a plan");
    let by_hand = qfleet::cloud::autoscaling::bounds::Bounds { min: 1, max: 1 };
    rig.cloud.put_bounds(&group, by_hand).await.expect("by hand");
    let executed = async |context: Context<'_>| (Ok(rig.execute(context, &Drafts::default(), &plan).await), Ok(()));
    let ran = rig.tell(executed).await.well();
    assert_eq!(rig.endpoint.group(&group), ([1, 1, 1], vec![]));
    assert!(ran.warnings().is_empty(), "{:?}", ran.warnings());
}

/// Nor is what the plan showed as left alone put back when it is lowered once more.
#[tokio::test(start_paused = true)]
async fn bounds_that_the_plan_left_alone_stay_when_they_are_lowered_again() {
    let (rig, group) = destroy_that_was_stopped().await;
    let by_hand = |min, max| qfleet::cloud::autoscaling::bounds::Bounds { min, max };
    rig.cloud.put_bounds(&group, by_hand(1, 1)).await.expect("by hand");
    let plan = rig.plan().await.expect("a plan");
    rig.cloud.put_bounds(&group, by_hand(0, 0)).await.expect("by hand");
    let executed = async |context: Context<'_>| (Ok(rig.execute(context, &Drafts::default(), &plan).await), Ok(()));
    rig.tell(executed).await.well();
    assert_eq!(rig.endpoint.group(&group).0, [0, 0, 0]);
}

/// A second destroy knows what the first one noted; with the group, the mark goes.
#[tokio::test(start_paused = true)]
async fn a_destroy_that_is_stopped_twice_notes_what_was_before_the_first() {
    let (mut rig, group) = destroy_that_was_stopped().await;
    rig.interrupt.0.send_replace(false);
    let (ran, _) = tokio::join!(rig.destroy(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        rig.interrupt.0.send_replace(true);
    });
    assert_eq!(ran.exit_code(), qfleet::error::exit_code::INTERRUPTED);
    rig.again().deploy().await.well();
    assert_eq!(rig.endpoint.group(&group), ([2, 2, 4], vec![]));
}

/// A group that failed to be created was there before under its name, or was made and didn't start in time.
#[tokio::test(start_paused = true)]
async fn a_group_that_failed_to_be_created_is_drained_only_if_its_stack_made_it() {
    let body = format!(
        "Resources:\n  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: {{AutoScalingGroupName: {GROUP}}}\n"
    );
    let stack = || {
        Existing::new("lab-work", "CREATE_FAILED")
            .tag("qfleet:environment", "lab")
            .tag("qfleet:part", "work")
            .tag("qfleet:on-destroy", "empty")
            .body(&body)
            .resource("Group", "CREATE_FAILED", "Received 0 SUCCESS signal(s) out of 1")
    };
    let group = || ScriptedGroup::new(GROUP, &["us-east-2a:i-1"]);
    for (group, lowered) in [(group(), 0), (group().did_not_start(), 1)] {
        let rig = Rig::new(Script::new().existing(stack()).group(group));
        let ran = rig.destroy().await.well();
        assert_eq!(rig.endpoint.calls("UpdateAutoScalingGroup").len(), lowered);
        let left = ran.warnings().iter().any(|said| said.contains("is left as it is"));
        assert_eq!(left, lowered == 0, "{:?}", ran.warnings());
    }
}

/// What a template has enabled is enabled again, once, where a destroy disabled it, and not where somebody else did.
#[tokio::test(start_paused = true)]
async fn a_mapping_that_a_destroy_disabled_before_it_was_stopped_is_enabled_by_the_next_deploy() {
    for (declared, enabled_again) in [
        ("", true),
        ("    Enabled: true\n", true),
        ("    Enabled: false\n", false),
    ] {
        let mut rig = Rig::new(Script::new().mapping(ScriptedMapping {
            state: "Enabled".into(),
            disables: Duration::from_secs(60),
            in_use: 0,
            ..ScriptedMapping::default()
        }));
        let mapping =
            "\n  Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n      FunctionName: lab\n";
        let declared = declared.replace("    Enabled", "      Enabled");
        let with = format!("\nResources:{mapping}{declared}");
        let body = rig
            .stack("work")
            .body
            .replacen("\nResources:\n", &format!("{with}\n"), 1);
        rig.stack("work").body = body;
        rig.deploy().await.well();
        rig.again();
        let (ran, _) = tokio::join!(
            rig.destroy(),
            rig.interrupt_when(|endpoint| !endpoint.calls("UpdateEventSourceMapping").is_empty())
        );
        assert_eq!(ran.exit_code(), qfleet::error::exit_code::INTERRUPTED);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let state = |rig: &Rig| rig.endpoint.world(|world| world.mapping_state());
        assert_eq!(state(&rig), "Disabled");
        let plan = rig.again().plan().await.expect("a plan");
        assert_eq!(plan.stacks.iter().any(|stack| stack.disabled.len() == 1), enabled_again);
        assert_eq!(state(&rig), "Disabled", "a plan changes nothing");
        let ran = rig.again().deploy().await.well();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(state(&rig) == "Enabled", enabled_again);
        let said = ran
            .warnings()
            .iter()
            .any(|said| said.contains("is enabled again: a destroy"));
        assert_eq!(said, enabled_again, "{:?}", ran.warnings());
        // Disabled by hand after that, it stays so.
        for mapping in plan.stacks.iter().flat_map(|stack| &stack.disabled) {
            rig.cloud.enable_mapping(&mapping.uuid, false).await.expect("by hand");
            rig.again().deploy().await.well();
            assert_ne!(state(&rig), "Enabled");
        }
    }
}

fn mapping(state: &str, in_use: u32) -> ScriptedMapping {
    ScriptedMapping {
        state: state.into(),
        disables: Duration::from_secs(60),
        in_use,
        ..ScriptedMapping::default()
    }
}

/// What somebody enabled in between only loses its mark, and what is still being disabled is enabled after that. One that
/// the template disables is none of it.
#[tokio::test(start_paused = true)]
async fn a_mark_goes_when_its_mapping_receives_and_only_what_the_template_enables_is_enabled() {
    let mut rig = Rig::new(Script::new().mapping(mapping("Enabled", 0)));
    let of_template = |id: &str, more: &str| {
        format!("  {id}:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n      FunctionName: lab\n{more}")
    };
    let off = of_template("Off", "      Enabled: false\n");
    let both = format!("\nResources:\n{}{off}", of_template("Mapping", ""));
    let body = rig.stack("work").body.replacen("\nResources:\n", &both, 1);
    rig.stack("work").body = body;
    rig.deploy().await.well();
    let uuid = rig.endpoint.world(|world| {
        let work = world.find("lab-work").expect("the stage");
        let mapping = world.stacks[work].resource("Mapping").expect("the mapping");
        mapping.physical_id.clone().expect("its id")
    });
    for (state, in_use, updates) in [("Enabled", 0, 0), ("Disabling", 2, 3)] {
        rig.endpoint.rescript(|script| script.mapping(mapping(state, in_use)));
        let found = rig.cloud.mapping(&uuid).await.expect("an answer").expect("it is there");
        rig.cloud.mark_mapping(&found).await.expect("marked");
        let asked = rig.endpoint.calls("UpdateEventSourceMapping").len();
        let plan = rig.again().plan().await.expect("a plan");
        let disabled = plan.stacks.iter().flat_map(|stack| &stack.disabled);
        assert_eq!(disabled.map(|mapping| &mapping.uuid).collect::<Vec<_>>(), [&uuid]);
        rig.again().deploy().await.well();
        let asked = rig.endpoint.calls("UpdateEventSourceMapping").len() - asked;
        assert_eq!(asked, updates, "{state}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(rig.endpoint.world(|world| world.mapping_state()), "Enabled");
        assert!(!rig.cloud.is_marked(&found).await.expect("an answer"), "{state}");
    }
}

/// What receives nothing before a destroy isn't marked by it: a deploy would have it receive.
#[tokio::test(start_paused = true)]
async fn a_mapping_that_somebody_disabled_is_not_marked() {
    let stack = holding("Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {FunctionName: lab}\n");
    for (state, marked) in [("Enabled", 1), ("Disabling", 0), ("Disabled", 0)] {
        let rig = Rig::new(Script::new().existing(stack.clone()).mapping(mapping(state, 0)));
        rig.destroy().await.well();
        assert_eq!(rig.endpoint.calls("TagResource").len(), marked, "{state}");
    }
}
