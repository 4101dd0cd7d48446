//! Fleets that are replaced while they work: how many instances are in service over time, whatever the fleet's size.

mod reverting;

use std::time::Duration;

use qfleet::blueprint::Value;
use qfleet::engine::deploy::{Buckets, Deployment, deploy};
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::draw_up::draw_up;
use qfleet::engine::plan::{Plan, StackAction, StackPlan};

use crate::clock::engine::{Ran, Rig, blueprint};
use crate::endpoint::{Script, ScriptedGroup};

/// A deployed fleet of which so many instances run.
async fn fleet(min: usize, max: usize, running: usize) -> Rig {
    fleet_of(min, max, running, |group| group).await
}

async fn fleet_of(min: usize, max: usize, running: usize, like: fn(ScriptedGroup) -> ScriptedGroup) -> Rig {
    fleet_that(min, max, running, "", like).await
}

/// One with more keys of its instances.
async fn fleet_that(
    min: usize,
    max: usize,
    running: usize,
    more: &str,
    like: impl Fn(ScriptedGroup) -> ScriptedGroup,
) -> Rig {
    let file = format!(
        "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {{program: program, \
         types: [t3.micro], min: {min}, max: {max}{more}}}\n    scaling: {{seconds_per_message: 1}}\n"
    );
    let mut rig = Rig::of(blueprint(&file), Script::new());
    rig.deploy().await.well();
    let instances: Vec<String> = (0..running).map(|n| format!("us-east-2a:i-{n:03}")).collect();
    let instances: Vec<&str> = instances.iter().map(String::as_str).collect();
    let group = ScriptedGroup::new(&name(&rig), &instances).sizes(min, running, max);
    let group = group.takes(Duration::from_secs(5), Duration::from_secs(15));
    rig.endpoint.rescript(|script| script.group(like(group)));
    rig.again();
    rig
}

/// The name of its group.
fn name(rig: &Rig) -> String {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let group = world.stacks[stack].resource("Group").expect("the group");
        group.physical_id.clone().expect("its name")
    })
}

/// Another program: another launch template.
fn another_program(rig: &mut Rig) {
    let key = Value::Literal("programs/another.tar.gz".into());
    rig.stack("work").parameters.insert("ProgramKey".into(), key);
}

fn work(plan: &Plan) -> &StackPlan {
    let found = plan.stacks.iter().find(|stack| stack.part == "work");
    found.expect("the stage")
}

/// The fewest instances that were in service at any time.
fn lowest(rig: &Rig) -> usize {
    let name = name(rig);
    let counts = rig.endpoint.world(|world| world.in_service(&name));
    counts.into_iter().map(|(_, count)| count).min().unwrap_or_default()
}

/// In service now, desired, and those in service of an old version: others may still drain.
async fn now(rig: &Rig) -> (usize, i32, usize) {
    let group = rig.cloud.group(&name(rig)).await.expect("an answer").expect("a group");
    let (all, new) = (group.in_service(), group.in_service_as_launched_now());
    (all, group.desired, all - new)
}

/// What CloudFormation said of the group.
fn said(rig: &Rig) -> Vec<String> {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let of_group = world.stacks[stack]
            .events
            .iter()
            .filter(|event| event.resource_id == "Group");
        of_group.filter_map(|event| event.reason.clone()).collect()
    })
}

fn kept(rig: &Rig) -> String {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        world.stacks[stack].definition.parameters["MinInstancesInService"].clone()
    })
}

/// Plans, lets this happen, and deploys what was planned.
async fn deploy_after(rig: &Rig, meanwhile: impl Fn(&Rig)) -> Ran {
    let drafts = Drafts::default();
    rig.tell(async |context| {
        let plan = draw_up(rig.planner(&drafts)).await.expect("a plan");
        meanwhile(rig);
        let report = deploy(Deployment {
            context,
            blueprint: &rig.blueprint,
            plan: &plan,
            drafts: &drafts,
            options: &rig.options,
            concurrency: 8,
            now: jiff::Timestamp::now,
            approve: &|_, _| true,
            approved: None,
            buckets: &Buckets::default(),
        })
        .await;
        (Ok(report), drafts.discard(&rig.cloud).await)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_fleet_of_any_size_works_on_while_it_is_replaced() {
    // Minimum, maximum, running; lowest in service, replaced at a time, how many times.
    for (min, max, running, stay, at_a_time, batches) in [
        (2, 20, 2, 2, 2, 1),
        (2, 20, 10, 10, 5, 2),
        (2, 20, 18, 15, 5, 4),
        (2, 20, 20, 15, 5, 4),
        (0, 10, 0, 0, 0, 0),
        (0, 10, 3, 3, 3, 1),
        (1, 4, 1, 1, 1, 1),
        (1, 1, 1, 0, 1, 1),
        (4, 4, 4, 3, 1, 4),
    ] {
        let case = format!("{running} of {min} to {max}");
        let mut rig = fleet(min, max, running).await;
        another_program(&mut rig);
        let plan = rig.plan().await.expect("a plan");
        let planned = work(&plan).rolling_update.clone().expect("a rolling update");
        assert_eq!(
            (
                planned.instances,
                planned.min_in_service,
                planned.batch_size,
                planned.batches
            ),
            (running, stay, at_a_time, batches),
            "{case}"
        );
        assert_eq!(planned.about_seconds, 180 * batches as u64, "{case}");

        rig.deploy().await.well();
        assert_eq!(lowest(&rig), stay, "{case}: {:#?}", said(&rig));
        assert_eq!(
            now(&rig).await,
            (running, running as i32, 0),
            "{case}: {:#?}",
            said(&rig)
        );
        if running > 0 {
            let initiated =
                format!("Terminating {running} obsolete instance(s) in batches of {at_a_time}, while keeping");
            assert!(
                said(&rig).iter().any(|reason| reason.contains(&initiated)),
                "{case}: {:#?}",
                said(&rig)
            );
        }
    }
}

/// What the schedule of office hours says, and what it has set.
const NIGHTS: &str = ", capacity: [{cron: '0 18 * * *', min: 0, max: 0}, {cron: '0 8 * * *'}]";

#[tokio::test(start_paused = true)]
async fn a_fleet_has_the_bounds_that_its_schedule_gave_it_while_it_is_replaced_and_after() {
    // Minimum and maximum by schedule, running; lowest in service, how many times.
    for (min, max, running, stay, batches) in [(0, 0, 0, 0, 0), (1, 2, 2, 1, 2), (4, 20, 6, 6, 2)] {
        let case = format!("{running} of {min} to {max}");
        let by_schedule = move |group: ScriptedGroup| group.sizes(min, running, max);
        let mut rig = fleet_that(2, 20, running, NIGHTS, by_schedule).await;
        another_program(&mut rig);
        let plan = rig.plan().await.expect("a plan");
        let planned = work(&plan).rolling_update.clone().expect("a rolling update");
        let found = (planned.instances, planned.min_in_service, planned.batches);
        assert_eq!(found, (running, stay, batches), "{case}");
        let ran = rig.deploy().await.well();
        assert!(
            ran.took() < Duration::from_secs(120),
            "{case}: waits for nobody's signals"
        );
        assert_eq!(lowest(&rig), stay, "{case}: {:#?}", said(&rig));
        let (sizes, _) = rig.endpoint.group(&name(&rig));
        assert_eq!(sizes, [min, running, max], "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn bounds_that_are_changed_while_the_schedule_has_set_others_are_said_to_hold_at_once() {
    let warning = async |rig: &Rig| {
        work(&rig.plan().await.expect("a plan"))
            .warning
            .clone()
            .unwrap_or_default()
    };
    let mut rig = fleet_that(2, 20, 0, NIGHTS, |group| group.sizes(0, 0, 0)).await;
    let body = rig.stack("work").body.clone();
    rig.stack("work").body = body.replace("MaxSize: \"20\"", "MaxSize: \"30\"");
    let said = warning(&rig).await;
    assert!(
        said.contains("0 to 0 instances") && said.contains("so 0 to 30, until the schedule"),
        "{said}"
    );
    rig.stack("work").body = body.replace("MinSize: \"2\"", "MinSize: \"3\"");
    let said = warning(&rig).await;
    assert!(said.contains("so 3 to 0, and Auto Scaling may refuse that"), "{said}");
    // Where it has those of the template, nothing is to be said.
    let mut rig = fleet_that(2, 20, 2, NIGHTS, |group| group).await;
    rig.stack("work").body = body.replace("MinSize: \"2\"", "MinSize: \"3\"");
    assert_eq!(warning(&rig).await, "");
}

#[tokio::test(start_paused = true)]
async fn the_number_that_was_kept_in_service_is_no_change_later() {
    let mut rig = fleet(2, 20, 10).await;
    another_program(&mut rig);
    rig.deploy().await.well();
    assert_eq!(kept(&rig), "10");

    // The fleet shrinks; the file is unchanged.
    let name = name(&rig);
    rig.endpoint.rescript(|script| script.resize(&name, 4));
    let plan = rig.plan().await.expect("a plan");
    assert!(!plan.changes_anything(), "{:#?}", work(&plan));

    // Something changes that replaces no instance.
    let stack = rig.stack("work");
    stack.body = stack
        .body
        .replace("MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 3600");
    let plan = rig.plan().await.expect("a plan");
    let changes = &work(&plan).changes;
    assert_eq!(work(&plan).action, StackAction::Update);
    assert!(
        changes.iter().all(|change| change.logical_id != "Group"),
        "{changes:#?}"
    );
    assert_eq!(work(&plan).rolling_update, None);
    rig.deploy().await.well();
    assert_eq!(kept(&rig), "10");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_grew_or_shrank_after_the_plan_is_counted_again() {
    for (later, stay) in [(10, 10), (2, 2)] {
        let mut rig = fleet(2, 20, 3).await;
        another_program(&mut rig);
        let ran = deploy_after(&rig, |rig| {
            let name = name(rig);
            rig.endpoint.rescript(|script| script.resize(&name, later));
        });
        ran.await.well();
        assert_eq!(kept(&rig), stay.to_string(), "{later}");
        assert_eq!(now(&rig).await, (later, later as i32, 0), "{later}");
        rig.is_deployed();
    }
}

/// What another stack puts out may be another thing after its update: what that does to this one, no plan knew.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_the_update_of_another_stack_replaces_is_counted_too() {
    for changes in [false, true] {
        let mut rig = fleet(2, 20, 10).await;
        rig.touch("artifacts");
        if changes {
            let work = rig.stack("work");
            work.body = work.body.replacen("EvaluationPeriods: 1", "EvaluationPeriods: 2", 1);
        }
        rig.endpoint.world(|world| {
            world.services.make_bucket("another");
        });
        rig.endpoint
            .rescript(|script| script.output("lab-artifacts", "BucketName", "another"));
        let ran = rig.deploy().await.well();
        assert!(matches!(ran.outcome("work"), Outcome::Done { .. }), "{changes}");
        assert_eq!(kept(&rig), "10", "{changes}");
        assert!(lowest(&rig) >= 10, "{changes}: {} {:#?}", lowest(&rig), said(&rig));
        assert_eq!(now(&rig).await, (10, 10, 0), "{changes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_takes_no_more_than_a_batch_away() {
    // The first five come up, the next five don't. The rollback keeps what the deploy before kept: two.
    let mut rig = fleet_of(2, 20, 10, |group| group.starts(1)).await;
    another_program(&mut rig);
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(
        rig.status("work").as_deref(),
        Some("UPDATE_ROLLBACK_COMPLETE"),
        "{:#?}",
        said(&rig)
    );
    let keeping = |n: usize| format!("while keeping at least {n} instance(s) in service");
    let said = said(&rig);
    for n in [10, 2] {
        assert!(said.iter().any(|reason| reason.contains(&keeping(n))), "{n}: {said:#?}");
    }
    assert!(lowest(&rig) >= 5, "{}: {said:#?}", lowest(&rig));
    assert_eq!(now(&rig).await.2, 0);
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_how_the_fleet_is_replaced() {
    let mut rig = fleet(2, 20, 18).await;
    another_program(&mut rig);
    let plan = rig.plan().await.expect("a plan");
    let text = qfleet::report::plan::text(&plan, &Default::default(), "lab");
    let line = "18 instances are replaced, 5 at a time (4 batches, about 12m); at least 15 stay in service, and nothing scales meanwhile";
    assert!(text.contains(line), "{text}");
    let json = serde_json::to_value(&plan).expect("JSON");
    let stack = &json["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .find(|stack| stack["part"] == "work");
    assert_eq!(
        stack.expect("the stage")["rolling_update"],
        serde_json::json!({
            "instances": 18, "batch_size": 5, "batches": 4, "min_in_service": 15, "about_seconds": 720
        })
    );
}

/// The first change set, which counts no instances, is thrown away once and not again at the end.
#[tokio::test(start_paused = true)]
async fn a_draft_that_was_thrown_away_is_forgotten() {
    let mut rig = fleet(2, 20, 10).await;
    another_program(&mut rig);
    rig.endpoint.world(|world| world.calls.clear());
    rig.plan().await.expect("a plan");
    assert_eq!(rig.endpoint.calls("CreateChangeSet").len(), 2);
    assert_eq!(rig.endpoint.calls("DeleteChangeSet").len(), 2);
}
