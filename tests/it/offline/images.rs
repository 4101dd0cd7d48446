//! Templates of instances that start from an image of one's own, or that qfleet knows.

use qfleet::blueprint::{self, Placement};
use qfleet::environment::units::Duration;
use qfleet::environment::{Instances, Settings, Stage};
use serde_json::Value;

use crate::offline::shipped::{loaded, rendered};

const AMI: &str = "ami-0123456789abcdef0";

#[test]
fn an_image_is_looked_up_for_the_types_processors_and_starts_from_its_own_root_device() {
    for (image, types, path, device) in [
        (
            "ubuntu-24.04",
            "t3.small",
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
            "/dev/sda1",
        ),
        (
            "ubuntu-24.04",
            "t4g.small",
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
            "/dev/sda1",
        ),
        (
            "al2023",
            "t4g.small",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "/dev/xvda",
        ),
        ("/images/worker", "t4g.small", "/images/worker", "/dev/sda1"),
        // An id is taken as it is.
        (AMI, "t4g.small", AMI, "/dev/sdf1"),
    ] {
        let mut environment = loaded("ubuntu");
        let instances = environment.stages[0].workers.instances.as_mut().expect("instances");
        image.clone_into(&mut instances.image);
        instances.types = vec![types.to_owned()];
        instances.root_device = (image == path).then(|| device.to_owned());
        let blueprint = rendered(&environment, "us-east-2", false);
        let stack = blueprint
            .stacks
            .iter()
            .find(|stack| stack.part == "move")
            .expect("the stage");
        let (value, of_type) = match image {
            AMI => (blueprint::Value::Literal(AMI.to_owned()), "AWS::EC2::Image::Id"),
            _ => (
                blueprint::Value::Ssm(path.to_owned()),
                "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
            ),
        };
        assert_eq!(stack.parameters["ImageId"], value, "{image}");
        let template = blueprint::template::read(&stack.body).expect("a template");
        assert_eq!(template["Parameters"]["ImageId"]["Type"], of_type, "{image}");
        let data = &template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
        assert_eq!(data["ImageId"]["Ref"], "ImageId", "{image}");
        assert_eq!(data["BlockDeviceMappings"][0]["DeviceName"], device, "{image}");
    }
}

/// What is in the template of a stage whose image brings the worker, and what isn't.
#[test]
fn an_image_that_brings_its_worker_gets_its_settings_and_nothing_else() {
    let of = |change: &dyn Fn(&mut Instances)| {
        let mut environment = loaded("image");
        change(environment.stages[0].workers.instances.as_mut().expect("instances"));
        let blueprint = rendered(&environment, "us-east-2", false);
        assert!(blueprint.artifacts.is_empty());
        let parts: Vec<&str> = blueprint.stacks.iter().map(|stack| stack.part.as_str()).collect();
        assert_eq!(parts, ["intake", "work", "dashboard"]);
        assert_eq!(blueprint.parts, parts);
        let stack = blueprint.stacks.into_iter().nth(1).expect("the stage");
        let template = blueprint::template::read(&stack.body).expect("a template");
        let data = &template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
        let user_data = data["UserData"]["Fn::Base64"]["Fn::Join"][1].to_string();
        let group = template["Resources"]["Group"].clone();
        let statements = template["Resources"]["Role"]["Properties"]["Policies"].to_string();
        (stack, user_data, group, statements)
    };
    let (stack, user_data, group, statements) = of(&|_| ());
    let wanted = stack.in_service.expect("what is waited for");
    assert_eq!((wanted.at_least, wanted.within_seconds), (1, 900));
    for text in [
        "/etc/qfleet/worker.env",
        "QFLEET_QUEUE_URL=${Queue}",
        "QFLEET_LOG_GROUP",
        "MODE=",
    ] {
        assert!(user_data.contains(text), "{text}: {user_data}");
    }
    for text in ["bootstrap", "base64", "QFLEET_LIFECYCLE_HOOK"] {
        assert!(!user_data.contains(text), "{text}: {user_data}");
    }
    assert!(group["CreationPolicy"].is_null());
    let update = &group["UpdatePolicy"]["AutoScalingRollingUpdate"];
    assert_eq!(
        (&update["WaitOnResourceSignals"], &update["PauseTime"]),
        (&Value::Null, &"PT3M".into())
    );
    // Nobody would say that it may go on.
    assert!(group["Properties"]["LifecycleHookSpecificationList"].is_null());
    for sid in [
        "FetchProgram",
        "TellWhyItDidNotStart",
        "SignalDeployment",
        "TellGroupThatWorkIsDone",
        "FindOwnGroup",
    ] {
        assert!(!statements.contains(sid), "{sid}");
    }
    assert!(statements.contains("ReceiveJobs") && statements.contains("WriteLogs"));

    let (_, user_data, group, statements) = of(&|instances| {
        instances.drain_timeout = Some(Duration::minutes(2));
    });
    assert!(user_data.contains("QFLEET_LIFECYCLE_HOOK=drain") && user_data.contains("QFLEET_DRAIN_SECONDS=120"));
    assert_eq!(
        group["Properties"]["LifecycleHookSpecificationList"][0]["HeartbeatTimeout"],
        135
    );
    assert!(statements.contains("TellGroupThatWorkIsDone"));

    let (_, user_data, ..) = of(&|instances| {
        instances.environment.clear();
        instances.settings = Some(Settings::Nowhere);
    });
    assert_eq!(user_data, "null");

    // A batch of a rolling update gets as long as the image's worker takes to start, and `PauseTime` is an hour at most.
    for (minutes, pause) in [(7, "PT7M"), (120, "PT1H")] {
        let (_, _, group, _) = of(&|instances| instances.warmup = Duration::minutes(minutes));
        let update = &group["UpdatePolicy"]["AutoScalingRollingUpdate"];
        assert_eq!(update["PauseTime"], pause);
        assert_eq!(group["Properties"]["DefaultInstanceWarmup"], minutes * 60);
    }
}

#[test]
fn a_template_that_needs_a_bucket_is_refused_where_there_is_none() {
    let mut environment = loaded("image");
    let stage = environment.stages[0].clone();
    let numbered = |number: usize| Stage {
        name: format!("work-{number}"),
        ..stage.clone()
    };
    environment.stages = (0..40).map(numbered).collect();
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local: false,
    };
    let problems = blueprint::render(&environment, &placement).expect_err("is too long");
    let [problem] = problems.list.as_slice() else {
        panic!("{:?}", problems.list);
    };
    assert!(
        problem
            .message
            .starts_with("the template of photo-image-dashboard has "),
        "{}",
        problem.message
    );
    environment.dashboard = false;
    blueprint::render(&environment, &placement).expect("renders");
}
