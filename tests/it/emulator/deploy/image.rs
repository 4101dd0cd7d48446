//! A stage whose image brings the worker: no program, no bucket for one, nothing to run locally.

use super::*;

fn image(account: &str) -> String {
    lab(account, "").replace(
        "program: program",
        "image: ami-0123456789abcdef0, root_device: /dev/sda1, environment: {MODE: fast}",
    )
}

#[test]
fn an_image_that_brings_its_worker_is_deployed_without_a_bucket_for_programs() {
    let account = account();
    let test = Test::new().file("lab.yaml", image(&account));
    let deployed = test.args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    assert_eq!(
        stacks(&account).0,
        [
            "lab-dashboard CREATE_COMPLETE",
            "lab-intake CREATE_COMPLETE",
            "lab-work CREATE_COMPLETE"
        ]
    );
    let again = deployed.then().args(["plan", "lab.yaml", "--exit-code"]).emulated();
    again.stdout_contains("Nothing to do: all stacks are as").run();
    // Messages go where they would, whoever takes them.
    let outputs = deployed
        .then()
        .args(["outputs", "lab.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    let text = outputs.to_string();
    assert!(
        text.contains("MODE=") && text.contains("QFLEET_QUEUE_URL=") && !text.contains("\"Program\""),
        "{text}"
    );
    let status = deployed
        .then()
        .args(["status", "lab.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(status["findings"], serde_json::json!([]), "{status:#}");

    let up = deployed.then().args(["local", "up", "lab.yaml"]).emulated().status(2);
    up.stderr_contains("no worker of work runs here: its image brings it, and only EC2 starts images")
        .run();

    let destroyed = deployed.then().args(["destroy", "lab.yaml", "--yes"]).emulated();
    destroyed.stdout_contains("nothing is left over").run();
    assert_eq!(stacks(&account).0.len(), 0);
}

/// The bucket goes when nothing needs it any more, and comes back with the program.
#[test]
fn a_program_that_moves_into_the_image_leaves_a_bucket_to_prune() {
    let account = account();
    let first = test(&account, "")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run();
    assert_eq!(stacks(&account).0.len(), 4);
    let baked = first.then().file("lab.yaml", image(&account));
    baked.args(["deploy", "lab.yaml", "--yes", "--prune"]).emulated().run();
    assert_eq!(
        stacks(&account).0,
        [
            "lab-dashboard CREATE_COMPLETE",
            "lab-intake CREATE_COMPLETE",
            "lab-work UPDATE_COMPLETE"
        ]
    );
    let back = first.then().file("lab.yaml", lab(&account, ""));
    back.args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    assert_eq!(stacks(&account).0.len(), 4);
    first.then().args(["destroy", "lab.yaml", "--yes"]).emulated().run();
}
