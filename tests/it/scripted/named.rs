//! An environment by its name, where the file is lost.

use crate::deployed::{REGION, intake, serve, stage, test};
use crate::endpoint::{Endpoint, Script};
use crate::harness::Test;

fn lab() -> Endpoint {
    let endpoint = serve(Script::new().existing(intake()).existing(stage("work")));
    endpoint.world(|world| {
        world.services.queues.make(crate::deployed::QUEUE, &[]);
        world.services.queues.make(crate::deployed::DEAD_LETTERS, &[]);
    });
    endpoint
}

#[test]
fn it_is_found_by_its_tags_in_the_region_of_the_flag_or_the_defaults() {
    let endpoint = lab();
    for region in [&["--region", REGION][..], &[]] {
        let mut run = test(&endpoint)
            .args(["status", "--name", "lab", "--output", "json"])
            .args(region);
        if region.is_empty() {
            run = run.env("AWS_REGION", REGION);
        }
        // Without a file to read a name, a region or an account from.
        std::fs::remove_file(run.path("lab.yaml")).expect("the file was there");
        let shown = run.run().json();
        assert_eq!(shown["environment"], "lab");
        assert_eq!(shown["region"], REGION);
        let parts: Vec<_> = shown["stacks"]
            .as_array()
            .expect("stacks")
            .iter()
            .map(|stack| &stack["part"])
            .collect();
        assert_eq!(parts, ["intake", "work"]);
        assert_eq!(shown["stages"][0]["stage"], "work");
    }
    let elsewhere = test(&endpoint).args(["status", "--name", "other", "--region", REGION]);
    elsewhere.stdout_contains("other is not deployed").run();
    let elsewhere = test(&endpoint).args(["status", "--name", "other", "--region", REGION, "--output", "json"]);
    let said = &elsewhere.run().json()["findings"][0];
    assert_eq!(
        said["command"],
        format!("qfleet deploy ENV --region {REGION}"),
        "{said}"
    );
}

#[test]
fn without_a_region_it_says_where_to_name_one() {
    let endpoint = lab();
    let run = test(&endpoint).args(["status", "--name", "lab"]).status(2);
    run.stderr_contains("no region").stderr_contains("--region").run();
}

#[test]
fn it_is_one_or_the_other() {
    let run = |args: &[&str]| Test::new().args(["status"]).args(args).status(2).stdout("");
    run(&[]).stderr_contains("<ENV|--name <NAME>>").run();
    run(&["lab", "--name", "lab"])
        .stderr_contains("cannot be used with")
        .run();
    run(&["--name", "Lab"])
        .stderr_contains("2 to 24 lower-case letters")
        .run();
}
