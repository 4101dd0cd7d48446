//! What was approved is what is applied: the digest of a plan, and a deploy that is held to it.

mod kinds;
mod markdown;
mod refused;
mod retried;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::endpoint::{Endpoint, Script, ScriptedGroup};
use crate::harness::{Output, Test};
use crate::lab::{self, LAB};

const IMAGE: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// The plan as JSON, with these options.
fn plan(there: &Output, options: &[&str]) -> Value {
    let run = there
        .then()
        .args(["plan", "lab.yaml", "--output", "json"])
        .args(options);
    run.run().json()
}

fn digest(there: &Output, options: &[&str]) -> String {
    let plan = plan(there, options);
    plan["digest"]
        .as_str()
        .unwrap_or_else(|| panic!("no digest: {plan:#}"))
        .to_owned()
}

fn expect(there: &Output, digest: &str) -> Test {
    there.then().args(["deploy", "lab.yaml", "--expect", digest])
}

/// A folder with this file, in which nothing was run that asks AWS.
fn folder(endpoint: &Endpoint, file: &str) -> Output {
    lab::with_file_at(endpoint, file).args(["schema"]).run()
}

fn deployed(endpoint: &Endpoint) -> Output {
    lab::at(endpoint).args(["deploy", "lab.yaml", "--yes"]).run()
}

fn changed() -> String {
    LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m")
}

/// The file becomes this one.
fn with(there: &Output, file: &str) -> Output {
    there.then().file("lab.yaml", file).args(["schema"]).run()
}

/// The group of the stage has these instances.
fn scaled_to(endpoint: &Endpoint, instances: &[&str]) {
    let group = endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let group = world.stacks[stack].resource("Group").expect("it");
        group.physical_id.clone().expect("a name")
    });
    let group = ScriptedGroup::new(&group, instances).sizes(1, instances.len(), 3);
    endpoint.rescript(|script| script.group(group));
}

fn executed(endpoint: &Endpoint) -> usize {
    endpoint.calls("ExecuteChangeSet").len()
}

/// What is done of what the digest stands for, by name.
fn subjects(digest: &str) -> Vec<&str> {
    let entries = digest.split(':').skip(2);
    entries.filter_map(|entry| Some(entry.split_once('=')?.0)).collect()
}

#[test]
fn the_digest_is_the_same_in_another_folder_and_another_time_and_what_it_stands_for_is_deployed() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    assert_eq!(subjects(&approved), ["artifacts", "dashboard", "intake", "work"]);
    assert_eq!(digest(&there, &[]), approved);
    let elsewhere = folder(&endpoint, LAB);
    assert_ne!(elsewhere.folder(), there.folder());
    assert_eq!(digest(&elsewhere, &[]), approved);
    let (account, region) = ("111122223333", "us-east-2");
    assert!(!approved.contains(account) && !approved.contains(region), "{approved}");

    let text = there.then().args(["plan", "lab.yaml"]).run().stdout;
    let last = text.lines().last().expect("a line");
    assert_eq!(last, format!("  qfleet deploy lab.yaml --expect {approved}"));

    // Nobody is asked, though there is no terminal.
    expect(&elsewhere, &approved).stdout_contains("QueueUrl").run();
    assert_eq!(executed(&endpoint), 4);

    // The same for a change, of which AWS says what it is.
    with(&there, &changed());
    let changes = digest(&there, &[]);
    assert_eq!(subjects(&changes), ["work"]);
    assert_eq!(digest(&with(&elsewhere, &changed()), &[]), changes);
    expect(&elsewhere, &changes).run();
    assert_eq!(executed(&endpoint), 5);
}

#[test]
fn a_plan_of_nothing_has_a_digest_too() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    let nothing = digest(&there, &[]);
    assert_eq!(subjects(&nothing), [] as [&str; 0]);
    let before = executed(&endpoint);
    expect(&there, &nothing).stdout_contains("Nothing to do").run();
    assert_eq!(executed(&endpoint), before);
    there.then().args(["plan", "lab.yaml"]).stdout_lacks("--expect").run();
}

#[test]
fn each_thing_that_is_approved_changes_the_digest() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &changed());
    let mut seen = BTreeSet::from([digest(&there, &[])]);
    let mut is_new = |what: &str, digest: String| assert!(seen.insert(digest), "{what}");
    for options in [
        &["--only", "work"][..],
        &["--prune"],
        &["--allow-replace", "Queue"],
        &["--disable-protection"],
        &["--role-arn", "arn:aws:iam::111122223333:role/deploys"],
    ] {
        is_new(&options.join(" "), digest(&there, options));
    }
    let file = |text: &str| digest(&with(&there, text), &[]);
    is_new(
        "a parameter",
        file(&LAB.replace("visibility_timeout: 2m", "visibility_timeout: 4m")),
    );
    is_new("tags", file(&format!("{}tags: {{team: media}}\n", changed())));
    is_new("protection", file(&format!("{}protect: true\n", changed())));
    is_new("how long it lives", file(&format!("{}lifetime: 8h\n", changed())));
    is_new("another name", file(&changed().replace("name: lab", "name: other")));
    let program = there.then().executable("program/run", "#!/bin/sh\nexec sleep 2\n");
    with(&program.args(["schema"]).run(), &changed());
    is_new("the program", digest(&there, &[]));
    endpoint.world(|world| world.services.set_parameter(IMAGE, "ami-0aaaaaaaaaaaaaaa1"));
    is_new("the image behind a name", digest(&there, &[]));
    // Another run has changed the stack meanwhile, though what would be done to its resources is called the same.
    let another = folder(
        &endpoint,
        &LAB.replace("visibility_timeout: 2m", "visibility_timeout: 5m"),
    );
    another.then().args(["deploy", "lab.yaml", "--yes"]).run();
    is_new("what it was before", digest(&there, &[]));
    let first = |script: Script, file: &str| digest(&folder(&Endpoint::serve(script), file), &[]);
    is_new("a first deploy", first(Script::new(), LAB));
    is_new("another account", first(Script::new().account("444455556666"), LAB));
    let zones = ["eu-west-1a", "eu-west-1b"];
    let there = Script::new()
        .region("eu-west-1")
        .offers("t3.micro", &zones)
        .default_zones(&zones);
    let elsewhere = LAB.replace("us-east-2", "eu-west-1");
    is_new("another region", first(there, &elsewhere));
}

/// A fleet scales by itself: that is no other plan.
#[test]
fn a_fleet_that_grows_meanwhile_is_still_what_was_approved() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &LAB.replace("t3.micro", "t3.small"));
    let sized = |instances: &[&str]| {
        scaled_to(&endpoint, instances);
        plan(&there, &[])
    };
    let of = |plan: &Value| {
        let stacks = plan["stacks"].as_array().expect("stacks").iter();
        let mut work = stacks.filter(|stack| stack["part"] == "work");
        work.next().expect("work")["rolls_instances"].clone()
    };
    let one = sized(&["us-east-2a:i-1"]);
    let three = sized(&["us-east-2a:i-1", "us-east-2b:i-2", "us-east-2c:i-3"]);
    assert_eq!((of(&one), of(&three)), (1.into(), 3.into()), "{one:#}");
    assert_eq!(one["digest"], three["digest"]);
    // One that scales from nothing to something is still approved, too.
    let digest = one["digest"].as_str().expect("a digest");
    expect(&there, digest).run();
}

#[test]
fn a_plan_that_cannot_be_deployed_has_no_digest() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        world.stacks[stack].status = "UPDATE_ROLLBACK_FAILED".into();
    });
    let plan = there
        .then()
        .args(["plan", "lab.yaml", "--output", "json"])
        .status(4)
        .run();
    assert_eq!(plan.json()["digest"], Value::Null);
}
