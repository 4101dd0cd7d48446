//! Groups are left without instances before their stacks go, whatever keeps these.

use std::time::Duration;

use crate::endpoint::{Endpoint, Fault, Obstacles, On, Script, ScriptedGroup};
use crate::scripted::destroy::{destroy, order, part, serve};

const GROUP: &str = "lab-work-group";

/// A stage with a group of two instances, i-1 and i-2, and what stands in the way.
fn fleet(obstacles: Obstacles) -> Script {
    let body = format!(
        "\
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{AutoScalingGroupName: {GROUP}, MinSize: '1', MaxSize: '4'}}
"
    );
    let group = ScriptedGroup::new(GROUP, &["us-east-2a:i-1", "us-east-2b:i-2"]).obstacles(obstacles);
    Script::new().existing(part("work", "", &body)).group(group)
}

fn protected(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn is_gone(endpoint: &Endpoint) {
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn a_group_is_shrunk_and_its_workers_finish_before_the_stack_goes() {
    let endpoint = serve(fleet(Obstacles {
        hook: Some(60),
        ..Obstacles::default()
    }));
    let output = destroy(&endpoint).run();
    is_gone(&endpoint);
    let shrunk = endpoint.calls("UpdateAutoScalingGroup");
    for (size, wanted) in [
        ("MinSize", "0"),
        ("MaxSize", "0"),
        ("DesiredCapacity", "0"),
        ("NewInstancesProtectedFromScaleIn", "false"),
    ] {
        assert_eq!(shrunk[0].input.text(size), Some(wanted), "{size}");
    }
    let actions = order(
        &endpoint,
        &["UpdateAutoScalingGroup", "DeleteStack", "CompleteLifecycleAction"],
    );
    assert_eq!(
        actions,
        ["UpdateAutoScalingGroup", "DeleteStack"],
        "workers complete their hooks themselves"
    );
    let drained = output.stderr.find("has no instances left").expect("it is said");
    assert!(drained < output.stderr.find("deleting lab-work").expect("it is said"));
    assert_eq!(endpoint.calls("SetInstanceProtection").len(), 0, "none was protected");
    assert_eq!(endpoint.calls("CancelInstanceRefresh").len(), 0, "none was under way");
}

#[test]
fn scale_in_protection_is_taken_off_those_that_have_it() {
    let endpoint = serve(fleet(Obstacles {
        protected: protected(&["i-2"]),
        ..Obstacles::default()
    }));
    destroy(&endpoint)
        .stderr_contains("scale-in protection was taken off i-2")
        .run();
    is_gone(&endpoint);
    let calls = endpoint.calls("SetInstanceProtection");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].input.texts("InstanceIds"), ["i-2"]);
    assert_eq!(calls[0].input.text("ProtectedFromScaleIn"), Some("false"));
    assert_eq!(endpoint.calls("DeleteStack").len(), 1, "at the first attempt");
}

#[test]
fn a_worker_that_never_completes_its_hook_is_given_its_time_and_no_more() {
    let endpoint = serve(fleet(Obstacles {
        stuck: protected(&["i-1"]),
        hook: Some(3),
        ..Obstacles::default()
    }));
    destroy(&endpoint)
        .stderr_contains("i-1 was not waited for any longer")
        .run();
    is_gone(&endpoint);
    let completed = endpoint.calls("CompleteLifecycleAction");
    assert_eq!(completed.len(), 1);
    let said = |name: &str| completed[0].input.text(name).map(str::to_owned);
    assert_eq!(said("InstanceId").as_deref(), Some("i-1"), "the other one drained");
    assert_eq!(said("LifecycleActionResult").as_deref(), Some("CONTINUE"));
    assert_eq!(said("LifecycleHookName").as_deref(), Some("drain"));
    let waited = completed[0].at - endpoint.calls("UpdateAutoScalingGroup")[0].at;
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
}

#[test]
fn without_draining_hooks_are_completed_at_once() {
    let endpoint = serve(fleet(Obstacles {
        stuck: protected(&["i-1", "i-2"]),
        hook: Some(7200),
        ..Obstacles::default()
    }));
    destroy(&endpoint).args(["--no-drain"]).run();
    is_gone(&endpoint);
    assert_eq!(endpoint.calls("CompleteLifecycleAction").len(), 2);
}

#[test]
fn an_instance_refresh_under_way_is_cancelled_first() {
    for (status, cancelled) in [("InProgress", 1), ("Successful", 0)] {
        let endpoint = serve(fleet(Obstacles {
            refresh: Some(status.into()),
            ..Obstacles::default()
        }));
        destroy(&endpoint).run();
        is_gone(&endpoint);
        assert_eq!(endpoint.calls("CancelInstanceRefresh").len(), cancelled, "{status}");
        if cancelled > 0 {
            let actions = order(&endpoint, &["CancelInstanceRefresh", "UpdateAutoScalingGroup"]);
            assert_eq!(actions, ["CancelInstanceRefresh", "UpdateAutoScalingGroup"]);
        }
    }
}

#[test]
fn what_may_not_be_done_to_a_group_is_warned_of_and_left_to_cloudformation() {
    let mut script = fleet(Obstacles::default());
    for action in ["UpdateAutoScalingGroup", "DescribeInstanceRefreshes"] {
        script = script.fault(On::action(action), Fault::access_denied(action));
    }
    let endpoint = serve(script);
    destroy(&endpoint)
        .stderr_contains("lab-work-group is left to CloudFormation to be emptied: UpdateAutoScalingGroup failed")
        .stderr_contains("DescribeInstanceRefreshes failed")
        .run();
    is_gone(&endpoint);
}

#[test]
fn a_group_that_cannot_be_emptied_fails_with_its_name() {
    let script = fleet(Obstacles {
        protected: protected(&["i-2"]),
        ..Obstacles::default()
    });
    let denied = Fault::access_denied("SetInstanceProtection");
    let endpoint = serve(script.fault(On::action("SetInstanceProtection"), denied));
    destroy(&endpoint)
        .status(1)
        .stderr_contains("SetInstanceProtection failed")
        .stderr_contains("Group did not stabilize")
        .run();
    assert_eq!(
        endpoint.calls("DeleteStack").len(),
        3,
        "each time after another try to mend it"
    );
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("DELETE_FAILED"));
}
