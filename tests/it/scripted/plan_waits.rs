//! `plan --wait`, beside a deploy that runs: a pipeline's plan is there to be approved all the same.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::deployed::signalled;
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::Output;
use crate::lab;

/// A deploy that was begun, each of whose resources takes so long.
fn begun(each: Duration) -> (Endpoint, Output) {
    let endpoint = Endpoint::serve(Script::new().resources_take(each));
    let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes", "--no-wait"]);
    // What needs those that run isn't begun.
    let begun = deploy.status(5).run();
    (endpoint, begun)
}

fn actions(plan: &Json) -> Vec<&str> {
    let stacks = plan["stacks"].as_array().expect("stacks").iter();
    stacks
        .map(|stack| stack["action"].as_str().expect("an action"))
        .collect()
}

#[test]
fn a_plan_waits_for_a_deploy_that_runs_where_it_is_asked_to() {
    let (endpoint, begun) = begun(Duration::from_secs(2));
    let plan = |more: &[&str]| {
        let test = begun.then().args(["plan", "lab.yaml", "--output", "json"]);
        test.args(more).run().json()
    };
    let at_once = plan(&[]);
    assert!(actions(&at_once).contains(&"busy"), "{at_once:#}");
    assert_eq!(at_once["digest"], Json::Null, "there is nothing to approve");
    let executed = endpoint.calls("ExecuteChangeSet").len();
    let waited = plan(&["--wait"]);
    assert!(!actions(&waited).contains(&"busy"), "{waited:#}");
    assert!(
        waited["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("v1:")),
        "{waited:#}"
    );
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), executed);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
    // Where nothing runs, there is nothing to wait for.
    assert_eq!(plan(&["--wait"])["digest"], waited["digest"]);
}

#[test]
fn a_plan_waits_for_as_long_as_it_is_told() {
    let (endpoint, begun) = begun(Duration::from_secs(60));
    let plan = begun.then().args(["plan", "lab.yaml", "--wait", "--timeout", "3s"]);
    plan.status(1)
        .stdout("")
        .stderr_contains("what runs there took longer than --timeout")
        .stderr_contains("it goes on in CloudFormation; the same command waits for it again")
        .run();
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_IN_PROGRESS"));
}

#[test]
fn a_plan_that_may_not_look_on_says_so() {
    let (endpoint, begun) = begun(Duration::from_secs(60));
    let denied = Fault::refuse(
        403,
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/somebody is not authorized",
    );
    endpoint.rescript(|script| {
        script
            .fault(On::action("DescribeEvents"), denied.clone())
            .fault(On::action("DescribeStackEvents"), denied)
    });
    let plan = begun.then().args(["plan", "lab.yaml", "--wait"]);
    plan.status(1)
        .stdout("")
        .stderr_contains(
            "error: DescribeStackEvents failed: User: arn:aws:iam::111122223333:user/somebody is not authorized",
        )
        .run();
}

#[test]
fn a_plan_that_is_interrupted_while_it_waits_leaves_alone_what_runs() {
    let (endpoint, begun) = begun(Duration::from_secs(60));
    let plan = begun.then().args(["plan", "lab.yaml", "--wait"]);
    let (code, _, said) = signalled(&plan, &endpoint, Signal::SIGTERM, |endpoint| {
        endpoint.world(|world| {
            let mut calls = world.calls.iter();
            calls.any(|call| call.by.as_deref() == Some("plan") && call.action.ends_with("Events"))
        })
    });
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("interrupted while it waited for what runs on "), "{said}");
    for action in ["CancelUpdateStack", "DeleteStack"] {
        assert_eq!(endpoint.calls(action).len(), 0, "{action}");
    }
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_IN_PROGRESS"));
}
