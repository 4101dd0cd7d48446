//! A function that is tried before the instances go: what of them it leaves alone, and who has to wait for it.

use jiff::Timestamp;
use qfleet::cloud::cloudformation::change_set::Change;
use qfleet::engine::deploy::bring_up::{Ask, Wish, bring_up};
use qfleet::engine::destroy::prune::Pruning;
use qfleet::engine::operation::Context;
use qfleet::engine::outcome::Report;
use qfleet::engine::plan::Plan;
use qfleet::engine::plan::drafts::Drafts;
use qfleet::engine::plan::planner::Options;
use qfleet::error::{Result, exit_code};

use super::*;
use crate::clock::engine::load;
use crate::endpoint::ScriptedGroup;

const IMAGE: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
const DEPLOYED_IMAGE: &str = "ami-0123456789abcdef0";

/// A fleet that doesn't work: a rolling update of it would fail.
async fn broken_fleet(before: &str) -> Rig {
    let rig = Rig::of(blueprint(before), Script::new());
    let ran = rig.deploy().await.well();
    let group = ran.report().outputs["work"]["GroupName"].clone();
    let fleet = ScriptedGroup::new(&group, &["us-east-2a:i-1", "us-east-2b:i-2"]).starts(0);
    rig.endpoint.rescript(|script| script.group(fleet));
    rig.endpoint
        .world(|world| world.services.set_parameter(IMAGE, "ami-0fedcba9876543210"));
    rig
}

/// What was last deployed as the parameter of the image.
fn image(rig: &Rig) -> String {
    rig.endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        world.stacks[stack].definition.parameters["ImageId"].clone()
    })
}

/// There is a newer image in each case, which an update of the instances would take.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_does_not_work_is_not_replaced_for_the_trial() {
    for (before, after) in [
        // The function is as it is deployed, or changes, or is described for the first time.
        (both("instances"), both("lambda")),
        (both("instances").replace("30s", "20s"), both("lambda")),
        (file(INSTANCES), both("lambda")),
        // What the instances are made of changes, too.
        (
            file(INSTANCES),
            both("lambda").replace("types: [t3.micro]", "types: [t3.small]"),
        ),
    ] {
        let mut rig = broken_fleet(&before).await;
        rig.blueprint = blueprint(&after);
        let told = said(&rig, &["Group", "LaunchTemplate"]).len();
        let fails = ScriptedFunction {
            fails: Some("no such module"),
            ..ScriptedFunction::default()
        };
        rig.endpoint.rescript(|script| script.function(fails));
        let ran = rig.again().deploy().await;
        assert!(
            ran.failure("work").message.contains("no such module"),
            "{:?}",
            ran.failure("work")
        );
        assert_eq!(said(&rig, &["Group", "LaunchTemplate"]).len(), told, "{after}");
        assert_eq!(invoked(&rig), 1);
        // Mended, it goes on.
        rig.endpoint
            .rescript(|script| script.function(ScriptedFunction::default()));
        let ran = rig.again().deploy().await.well();
        assert_eq!(ran.warnings(), [] as [&str; 0]);
        let of_group: Vec<String> = said(&rig, &["Group", "LaunchTemplate"]).split_off(told);
        let of_group: Vec<&String> = of_group.iter().filter(|said| said.starts_with("Group")).collect();
        assert_eq!(
            of_group,
            ["Group DELETE_IN_PROGRESS", "Group DELETE_COMPLETE"],
            "{after}"
        );
        assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
        assert_eq!(image(&rig), IMAGE, "from here on it is the newest again");
        rig.is_deployed();
    }
}

#[tokio::test(start_paused = true)]
async fn the_image_stays_for_as_long_as_the_function_fails() {
    let mut rig = broken_fleet(&file(INSTANCES)).await;
    rig.blueprint = blueprint(&both("lambda"));
    let fails = ScriptedFunction {
        fails: Some("no such module"),
        ..ScriptedFunction::default()
    };
    rig.endpoint.rescript(|script| script.function(fails));
    assert_eq!(rig.again().deploy().await.exit_code(), 1);
    assert_eq!(image(&rig), DEPLOYED_IMAGE);
    // Back with the instances, the newer one is a change as ever.
    rig.blueprint = blueprint(&both("instances"));
    let plan = rig.again().plan().await.expect("a plan");
    let work = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    assert_eq!(work.rolls_instances, Some(2));
}

/// Who agrees to everything.
struct Agrees;

impl Ask for Agrees {
    fn show(&self, _: &Plan, _: &qfleet::blueprint::Blueprint) {}
    fn agrees(&self, _: &Plan, _: Option<&Pruning>) -> Result<bool> {
        Ok(true)
    }
    fn approves(&self, _: &str, _: &[&Change]) -> bool {
        true
    }
}

/// The whole command, with `--no-wait`.
async fn not_waited(rig: &Rig, file: &str) -> Ran {
    let (_folder, environment) = load(file);
    let drafts = Drafts::default();
    rig.tell(async |context: Context<'_>| {
        let wish = Wish {
            environment: &environment,
            blueprint: rig.blueprint.clone(),
            options: Options::default(),
            prunes: false,
            approved: None,
            attaches: true,
            deploy: "qfleet deploy lab",
            concurrency: 8,
            drafts: &drafts,
            now: Timestamp::now,
        };
        let result: Result<Report> = bring_up(context, wish, &Agrees).await;
        (result, drafts.discard(&rig.cloud).await)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_is_tried_needs_somebody_who_waits() {
    for before in [both("instances"), file(INSTANCES)] {
        let after = both("lambda");
        let mut rig = deployed(&before).await;
        then(&mut rig, &after, |script| script).waiting.no_wait = true;
        let executed = rig.endpoint.calls("ExecuteChangeSet").len();
        let ran = not_waited(&rig, &after).await;
        assert_eq!(ran.exit_code(), exit_code::USAGE);
        let error = ran.result.as_ref().expect_err("refused").to_string();
        assert!(
            error.starts_with("lab-work switches to the function") && error.contains("--no-wait"),
            "{error}"
        );
        assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), executed);
        assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
    }
    // One that CloudFormation does by itself is begun. The dashboard comes after the stack of which it shows others then, and
    // before the one of which it shows nothing any more.
    let switches = [
        ("lambda", "instances", exit_code::NOT_ALL_BEGUN),
        ("instances", "none", 0),
    ];
    for (before, after, code) in switches {
        let mut rig = deployed(&both(before)).await;
        then(&mut rig, &both(after), |script| script).waiting.no_wait = true;
        let ran = not_waited(&rig, &both(after)).await;
        assert_eq!(ran.exit_code(), code, "{:?}", ran.result);
        tokio::time::sleep(Duration::from_secs(300)).await;
        rig.is_deployed();
    }
}
