//! Zones that offer the instance types: chosen when a stack is made, and kept.

use qfleet::engine::plan::StackAction;

use crate::clock::engine::{Rig, blueprint, refusal};
use crate::endpoint::{Fault, On, Script};

fn file(instances: &str) -> String {
    format!(
        "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {{program: program, min: 1, max: 1, \
         {instances}}}\n"
    )
}

fn rig(instances: &str, script: Script) -> Rig {
    Rig::of(blueprint(&file(instances)), script)
}

/// What a deployed stack's parameter is.
fn zones(rig: &Rig, part: &str) -> String {
    rig.endpoint.world(|world| {
        let stack = world.find(&format!("lab-{part}")).expect("the stack");
        world.stacks[stack].definition.parameters["Zones"].clone()
    })
}

fn asked(rig: &Rig) -> usize {
    rig.endpoint.calls("DescribeInstanceTypeOfferings").len()
}

/// Why nothing is planned.
async fn why_refused(rig: &Rig) -> String {
    let plan = rig.plan().await.expect("a plan");
    refusal(&plan, &rig.blueprint, &[]).expect("a refusal").to_string()
}

#[tokio::test(start_paused = true)]
async fn a_network_is_put_where_the_types_are_offered_and_stays_there() {
    let script = Script::new().offers("t3.micro", &["us-east-2b", "us-east-2c", "us-east-2-chi-1a"]);
    let mut rig = rig("types: [t3.micro], network: create", script);
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "network"), "us-east-2b,us-east-2c");
    let call = &rig.endpoint.calls("DescribeInstanceTypeOfferings")[0];
    assert_eq!(call.region, "us-east-2", "signed");
    rig.endpoint.world(|world| {
        let stack = world.find("lab-network").expect("the stack");
        let subnet = world.stacks[stack].resource("PublicSubnet1").expect("a subnet");
        assert_eq!(subnet.properties["AvailabilityZone"], "us-east-2b");
    });
    // A zone more, and another change: nothing moves, and nobody is asked again.
    let before = asked(&rig);
    rig.endpoint
        .rescript(|script| script.offers("t3.micro", &["us-east-2a", "us-east-2b", "us-east-2c"]));
    rig.again();
    assert!(!rig.plan().await.expect("a plan").changes_anything());
    rig.touch("network");
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "network"), "us-east-2b,us-east-2c");
    assert_eq!(asked(&rig), before);
}

#[tokio::test(start_paused = true)]
async fn a_network_takes_no_more_zones_than_it_needs_and_keeps_them_for_other_types() {
    let script = Script::new()
        .offers("t3.micro", &["us-east-2a", "us-east-2b", "us-east-2c"])
        .offers("t3.small", &["us-east-2b", "us-east-2c"]);
    let mut rig = rig("types: [t3.micro], network: create", script);
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "network"), "us-east-2a,us-east-2b");
    // A subnet can't be moved to another zone.
    rig.blueprint = blueprint(&file("types: [t3.small], network: create"));
    rig.again();
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "network"), "us-east-2a,us-east-2b");
}

#[tokio::test(start_paused = true)]
async fn all_zones_are_those_of_the_default_vpc_that_offer_a_type() {
    let script = Script::new()
        .default_zones(&["us-east-2a", "us-east-2b"])
        .offers("t3.micro", &["us-east-2b", "us-east-2c"]);
    let mut rig = rig("types: [t3.micro]", script);
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "work"), "us-east-2b");
    // Another type is another choice.
    rig.blueprint = blueprint(&file("types: [t3.micro, t3.small]"));
    rig.again();
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "work"), "us-east-2a,us-east-2b");
}

const WEB: &str = "web: {instances: {program: program, types: [t3.micro]}}\n";

fn web(types: &str) -> qfleet::blueprint::Blueprint {
    blueprint(&(file("types: [t3.micro], zones: [us-east-2a]") + &WEB.replace("t3.micro", types)))
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_gets_the_default_vpcs_subnets_and_keeps_them() {
    let script = Script::new()
        .default_zones(&["us-east-2c", "us-east-2a", "us-east-2b"])
        .offers("t3.micro", &["us-east-2a", "us-east-2b"]);
    let mut rig = Rig::of(web("t3.micro"), script);
    rig.deploy().await.well();
    let parameter = |rig: &Rig, name: &str| {
        rig.endpoint.world(|world| {
            let stack = world.find("lab-web").expect("the stack");
            world.stacks[stack].definition.parameters[name].clone()
        })
    };
    assert_eq!(parameter(&rig, "SubnetIds"), "subnet-us-east-2a,subnet-us-east-2b");
    assert_eq!(parameter(&rig, "VpcId"), "vpc-default");
    // A zone more, and another change: it stays where it is, and nobody is asked again.
    let before = asked(&rig);
    rig.endpoint
        .rescript(|script| script.offers("t3.micro", &["us-east-2a", "us-east-2b", "us-east-2c"]));
    rig.touch("web");
    rig.again().deploy().await.well();
    assert_eq!(parameter(&rig, "SubnetIds"), "subnet-us-east-2a,subnet-us-east-2b");
    assert_eq!(asked(&rig), before);
    // Other types are another choice, in the same VPC.
    rig.blueprint = web("t3.small");
    rig.again().deploy().await.well();
    assert_eq!(
        parameter(&rig, "SubnetIds"),
        "subnet-us-east-2a,subnet-us-east-2b,subnet-us-east-2c"
    );
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_in_one_zone_is_refused() {
    for (zones, says) in [
        (
            ["us-east-2a", "us-east-2b"].as_slice(),
            "a load balancer needs subnets in 2 zones, and the default VPC of us-east-2 has 1 in zones of the default VPC \
             that offer t3.micro",
        ),
        (&[], "there is no default VPC with subnets in us-east-2"),
    ] {
        let script = Script::new().default_zones(zones).offers("t3.micro", &["us-east-2a"]);
        let rig = Rig::of(web("t3.micro"), script);
        let ran = rig.deploy().await;
        let error = ran.result.as_ref().expect_err("refused");
        assert_eq!((ran.exit_code(), error.to_string().as_str()), (4, says));
        assert!(rig.endpoint.stacks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_zone_offers_the_types_nothing_is_made() {
    let one = || Script::new().offers("t3.micro", &["us-east-2c"]);
    for (instances, script, says) in [
        (
            "types: [t3.micro], network: create",
            one(),
            "only 1 of the zones of us-east-2 offer t3.micro, and the network needs 2",
        ),
        (
            "types: [t3.micro]",
            one().default_zones(&["us-east-2a"]),
            "the default VPC of us-east-2 has no subnet in a zone that offers t3.micro",
        ),
    ] {
        let rig = rig(instances, script);
        let ran = rig.deploy().await;
        assert_eq!(ran.exit_code(), 4);
        let error = ran.result.as_ref().expect_err("refused");
        assert_eq!(error.to_string(), says);
        assert!(rig.endpoint.stacks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn ec2_is_asked_again_and_its_refusals_are_read() {
    let busy = || Fault::refuse(503, "RequestLimitExceeded", "Request limit exceeded.");
    let on = || On::action("DescribeInstanceTypeOfferings");
    let patient = rig("types: [t3.micro]", Script::new().fault(on().numbers(1..=3), busy()));
    patient.deploy().await.well();
    assert!(asked(&patient) > 3);

    let message = "You are not authorized to perform: ec2:DescribeInstanceTypeOfferings";
    let denied = Fault::refuse(403, "UnauthorizedOperation", message);
    let refused = rig("types: [t3.micro]", Script::new().fault(on(), denied));
    let ran = refused.deploy().await;
    let error = ran.result.as_ref().expect_err("refused");
    assert_eq!(
        error.to_string(),
        format!("DescribeInstanceTypeOfferings failed: {message}")
    );
    assert!(
        error.help().is_some_and(|help| help.contains("permission")),
        "{:?}",
        error.help()
    );
    assert_eq!(asked(&refused), 1);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_named_is_taken_as_it_is() {
    let rig = rig(
        "types: [t3.micro], zones: [us-east-2a]",
        Script::new().offers("t3.micro", &[]),
    );
    let plan = rig.plan().await.expect("a plan");
    assert!(plan.stacks.iter().all(|stack| stack.action == StackAction::Create));
    assert_eq!(asked(&rig), 0);
}

/// An emulator that doesn't know the question: as ministack and others answer what they don't have.
#[tokio::test(start_paused = true)]
async fn where_it_cannot_be_asked_zones_are_taken_without_and_that_is_said() {
    let unknown = |action: &str, status, code| {
        let fault = Fault::refuse(status, code, &format!("Unknown EC2 action: {action}"));
        (On::action(action), fault)
    };
    let offerings = |status, code| unknown("DescribeInstanceTypeOfferings", status, code);
    for (status, code) in [
        (400, "InvalidAction"),
        (501, "InternalFailure"),
        (400, "UnsupportedOperation"),
    ] {
        let (on, fault) = offerings(status, code);
        let mut rig = rig(
            "types: [t3.micro]",
            Script::new()
                .default_zones(&["us-east-2a", "us-east-2b"])
                .fault(on, fault),
        );
        let plan = rig.plan().await.expect("a plan");
        let work = plan.stacks.iter().find(|stack| stack.part == "work").expect("it");
        let said = work.warning.as_deref().unwrap_or_default();
        assert!(
            said.ends_with("taken without that check are us-east-2a, us-east-2b"),
            "{said}"
        );
        rig.again().deploy().await.well();
        assert_eq!(zones(&rig, "work"), "us-east-2a,us-east-2b");
        let plan = rig.again().plan().await.expect("a plan");
        assert!(!plan.changes_anything() && plan.stacks.iter().all(|stack| stack.warning.is_none()));
    }
    // Nor which zones there are.
    let (on, fault) = offerings(400, "InvalidAction");
    let script = Script::new().fault(on, fault);
    let (on, fault) = unknown("DescribeSubnets", 400, "InvalidAction");
    let rig = rig("types: [t3.micro], network: create", script.fault(on, fault));
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "network"), "us-east-2a,us-east-2b");
}

#[tokio::test(start_paused = true)]
async fn stages_of_the_same_types_ask_once() {
    let two = file("types: [t3.micro]")
        + &file("types: [t3.micro]")
            .split_once("stages:\n")
            .expect("stages")
            .1
            .replace("name: work", "name: more");
    let rig = Rig::of(blueprint(&two), Script::new());
    rig.deploy().await.well();
    assert_eq!(zones(&rig, "work"), zones(&rig, "more"));
    // In two pages each.
    assert_eq!(asked(&rig), 2);
    assert_eq!(rig.endpoint.calls("DescribeSubnets").len(), 2);
}

/// A web tier in a VPC that the file names.
fn in_a_vpc(of_instances: &str, of_web: &str) -> qfleet::blueprint::Blueprint {
    let web = format!(
        "web: {{{of_web}instances: {{program: program, types: [t3.micro], vpc: vpc-01234567, subnets: [{of_instances}]}}}}\n"
    );
    blueprint(&(file("types: [t3.micro], zones: [us-east-2a]") + &web))
}

fn with_subnets() -> Script {
    let vpc = "vpc-01234567";
    Script::new()
        .subnet("subnet-0000000a", "us-east-2a", vpc)
        .subnet("subnet-0000000b", "us-east-2b", vpc)
        .subnet("subnet-0000001a", "us-east-2a", vpc)
        .subnet("subnet-0000001c", "us-east-2c", vpc)
}

const PUBLIC: &str = "subnets: [subnet-0000000a, subnet-0000000b], ";

#[tokio::test(start_paused = true)]
async fn instances_where_their_load_balancer_is_not_are_refused_before_anything_is_made() {
    let rig = Rig::of(in_a_vpc("subnet-0000001a, subnet-0000001c", PUBLIC), with_subnets());
    let plan = rig.plan().await.expect("a plan");
    let refusal = refusal(&plan, &rig.blueprint, &[]).expect("a refusal").to_string();
    assert!(
        refusal.starts_with(
            "lab-web: instances in subnet-0000001c would get no requests: it is in us-east-2c, and the load balancer is in \
             us-east-2a, us-east-2b."
        ),
        "{refusal}"
    );
    // Two of the load balancer's in one zone, which are the instances', too.
    let rig = Rig::of(in_a_vpc("subnet-0000000a, subnet-0000001a", ""), with_subnets());
    let refusal = why_refused(&rig).await;
    assert!(
        refusal.contains("are both in us-east-2a, and a load balancer takes one subnet a zone"),
        "{refusal}"
    );
    let rig = Rig::of(in_a_vpc("subnet-0000000a, subnet-00000009", ""), with_subnets());
    let refusal = why_refused(&rig).await;
    assert!(refusal.contains("subnet-00000009 isn't there"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn what_is_deployed_is_not_asked_about_again_and_what_is_new_is() {
    let mut rig = Rig::of(in_a_vpc("subnet-0000001a", PUBLIC), with_subnets());
    rig.deploy().await.well();
    let asked = |rig: &Rig| rig.endpoint.calls("DescribeSubnets").len();
    let before = asked(&rig);
    assert!(before > 0);
    rig.touch("web");
    rig.again().deploy().await.well();
    assert_eq!(asked(&rig), before);
    rig.blueprint = in_a_vpc("subnet-0000001c", PUBLIC);
    rig.again();
    let refusal = why_refused(&rig).await;
    assert!(
        refusal.contains("instances in subnet-0000001c would get no requests"),
        "{refusal}"
    );
}

#[tokio::test(start_paused = true)]
async fn where_ec2_may_not_be_asked_the_plan_says_what_was_not_compared() {
    let script = with_subnets().fault(
        On::action("DescribeSubnets"),
        Fault::refuse(
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        ),
    );
    let rig = Rig::of(in_a_vpc("subnet-0000001a, subnet-0000001c", PUBLIC), script);
    let plan = rig.plan().await.expect("a plan");
    let web = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "web")
        .expect("the web tier");
    let warning = web.warning.as_deref().expect("a warning");
    assert!(
        warning.starts_with("in which zones its subnets are isn't known"),
        "{warning}"
    );
    rig.deploy().await.well();
}

#[tokio::test(start_paused = true)]
async fn another_port_is_announced_as_an_interruption() {
    let mut rig = Rig::of(in_a_vpc("subnet-0000001a", PUBLIC), with_subnets());
    rig.deploy().await.well();
    rig.blueprint = in_a_vpc("subnet-0000001a", &format!("{PUBLIC}port: 9090, "));
    rig.again();
    let plan = rig.plan().await.expect("a plan");
    let web = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "web")
        .expect("the web tier");
    assert_eq!(web.action, StackAction::Update);
    let warning = web.warning.as_deref().expect("a warning");
    assert!(
        warning.contains("with another `port` the web tier is away"),
        "{warning}"
    );
}
