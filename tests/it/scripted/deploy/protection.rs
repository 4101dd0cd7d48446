//! Termination protection: a deploy takes off only what qfleet put on.

use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::{self, LAB};

fn protects(endpoint: &Endpoint, stack: &str, on: bool) {
    endpoint.world(|world| {
        let stack = world.find(stack).expect("the stack");
        world.stacks[stack].protected = on;
    });
}

fn is_protected(endpoint: &Endpoint, stack: &str) -> bool {
    endpoint.world(|world| world.stacks[world.find(stack).expect("the stack")].protected)
}

fn deploy(there: &Output, file: &str, more: &[&str]) -> Output {
    let run = there.then().file("lab.yaml", file);
    run.args(["deploy", "lab.yaml", "--yes"]).args(more).run()
}

#[test]
fn what_somebody_switched_on_by_hand_stays_and_is_named() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    protects(&endpoint, "lab-intake", true);
    protects(&endpoint, "lab-work", true);
    let stays = "termination protection stays: somebody switched it on by hand";
    // Where nothing else changes, and where something does.
    for file in [LAB, &LAB.replace("max: 3", "max: 4")] {
        let deployed = deploy(&first, file, &[]);
        assert_eq!(deployed.stdout.matches(stays).count(), 2, "{}", deployed.stdout);
        assert!(is_protected(&endpoint, "lab-intake") && is_protected(&endpoint, "lab-work"));
    }
    let plan = first
        .then()
        .args(["plan", "lab.yaml", "--exit-code", "--output", "json"]);
    let by_hand: Vec<_> = plan.run().json()["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .filter(|stack| stack["protected_by_hand"] == true)
        .map(|stack| stack["part"].clone())
        .collect();
    assert_eq!(by_hand, ["intake", "work"]);

    let lifted = deploy(&first, &LAB.replace("max: 3", "max: 4"), &["--disable-protection"]);
    assert!(
        lifted.stdout.contains("termination protection off"),
        "{}",
        lifted.stdout
    );
    assert!(!is_protected(&endpoint, "lab-intake") && !is_protected(&endpoint, "lab-work"));
}

#[test]
fn what_the_file_switched_on_goes_with_it() {
    let endpoint = Endpoint::serve(Script::new());
    let protected = format!("protect: true\n{LAB}");
    let first = lab::with_file_at(&endpoint, &protected)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    assert!(is_protected(&endpoint, "lab-intake"));
    // Somebody took it off.
    protects(&endpoint, "lab-work", false);
    deploy(&first, &protected, &[]);
    assert!(is_protected(&endpoint, "lab-work"));
    deploy(&first, LAB, &[]);
    assert!(!is_protected(&endpoint, "lab-intake") && !is_protected(&endpoint, "lab-work"));
}

/// It is taken off while the tags still say whose it is.
#[test]
fn a_deploy_that_fails_on_the_way_leaves_it_known_whose_it_is() {
    let endpoint = Endpoint::serve(Script::new());
    let first = lab::with_file_at(&endpoint, &format!("protect: true\n{LAB}"))
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let before = endpoint.world(|world| world.calls.len());
    deploy(&first, LAB, &["--only", "intake"]);
    let order: Vec<String> = endpoint.world(|world| {
        let actions = ["UpdateTerminationProtection", "ExecuteChangeSet"];
        let calls = world.calls[before..].iter().map(|call| call.action.clone());
        calls.filter(|action| actions.contains(&action.as_str())).collect()
    });
    assert_eq!(order, ["UpdateTerminationProtection", "ExecuteChangeSet"]);
}
