//! Whose it is: what proves that something was left over, and what does not.

use super::*;

/// Anybody can have given these names. Only what says itself whose it is counts, and nobody is told to delete the rest.
#[test]
fn a_name_alone_proves_nothing() {
    let queue = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";
    let bucket = "lab-artifacts-111122223333-us-east-2";
    let dashboard = "lab-us-east-2";
    let topic = format!("arn:aws:sns:{HERE}:lab-uploads");
    let subscription = format!("{topic}:6f2a");
    let left = || {
        Script::new()
            .left("AWS::SQS::Queue", queue)
            .left("AWS::CloudWatch::Dashboard", dashboard)
            .left("AWS::SNS::Topic", &topic)
            .left("AWS::SNS::Subscription", &subscription)
            // Of the same environment in another region, and of one that is called so.
            .left("AWS::CloudWatch::Dashboard", "lab-eu-west-1")
            .left("AWS::CloudWatch::Dashboard", "lab")
            .tagged("lab-eu-west-1", "lab")
            .tagged("lab", "lab")
            .listed_with(
                "lab",
                &format!("arn:aws:sns:{HERE}:salaries"),
                &[("aws:cloudformation:stack-name", "payroll")],
            )
            .left("AWS::SNS::Topic", &format!("arn:aws:sns:{HERE}:salaries"))
    };
    let look = |script: Script, status: i32| {
        let endpoint = Endpoint::serve(script);
        endpoint.world(|world| {
            world.services.make_bucket(bucket);
            world.services.queues.make(queue, &[]);
        });
        let run = test(&endpoint).args(["destroy", "lab.yaml", "--yes", "--output", "json"]);
        run.status(status).run().json()["receipt"].clone()
    };
    assert_eq!(noteworthy(&look(left(), 0)), []);
    let ours = [queue, bucket, dashboard, topic.as_str()];
    let tagged = ours.iter().fold(left(), |script, id| script.tagged(id, "lab"));
    let expected = [
        ("AWS::CloudWatch::Dashboard", dashboard, "left_over"),
        ("AWS::S3::Bucket", bucket, "left_over"),
        ("AWS::SNS::Subscription", &subscription, "left_over"),
        ("AWS::SNS::Topic", &topic, "left_over"),
        ("AWS::SQS::Queue", queue, "kept"),
    ];
    assert_eq!(noteworthy(&look(tagged, 1)), rows(&expected));
}

#[test]
fn what_a_stack_of_somebody_else_holds_is_not_left_over() {
    // Somebody made stacks of these names by hand: no tag of qfleet's is on them.
    let others = ["intake", "work", "dashboard"].map(|part| {
        Existing::new(&format!("lab-{part}"), "CREATE_COMPLETE").body("Resources:\n  T:\n    Type: AWS::SNS::Topic\n")
    });
    let script = others.into_iter().fold(Script::new(), Script::existing);
    let endpoint = Endpoint::serve(
        script
            .left("AWS::SNS::Topic", &format!("arn:aws:sns:{HERE}:lab-intake-Topic-1A"))
            .left(ALARM.0, ALARM.1)
            .left("AWS::CloudWatch::Dashboard", "lab-us-east-2"),
    );
    endpoint.world(|world| {
        world.services.make_bucket("lab-111122223333-us-east-2");
    });
    let run = test(&endpoint).args(["destroy", "lab.yaml", "--yes"]);
    run.stdout_regex(r"^lab is gone already, or never was in account \d{12}, [a-z0-9-]+: nothing to do\.\nlab: nothing is left over in us-east-2.\nOnly us-east-2 was looked in, .*\n$")
        .run();
}

#[test]
fn what_another_stack_holds_or_may_hold_is_not_to_be_removed() {
    let group = "lab-work-LogGroup-1A";
    let look = |script: Script, status: i32| {
        let endpoint = serve(
            script
                .left("AWS::Logs::LogGroup", group)
                .listed("lab", &log_group(group)),
        );
        let receipt = destroy(&endpoint, status).json()["receipt"].clone();
        let mut rows = receipt["resources"].as_array().expect("rows").iter();
        let row = rows.find(|row| row["name"] == group).cloned();
        let row = row.unwrap_or_else(|| panic!("{receipt:#}"));
        (row["fate"].clone(), row["reason"].clone(), row["remove_with"].clone())
    };
    let body =
        format!("Resources:\n  Log:\n    Type: AWS::Logs::LogGroup\n    Properties: {{LogGroupName: {group}}}\n");
    let payroll = Existing::new("payroll", "CREATE_COMPLETE").body(&body);
    let (fate, reason, command) = look(Script::new().existing(payroll), 0);
    assert_eq!((fate, reason), ("unknown".into(), "it is in the stack payroll".into()));
    assert_eq!(command, Value::Null);
    let denied = Fault::refuse(403, "AccessDenied", "not authorized");
    let (fate, reason, command) = look(Script::new().fault(On::action("DescribeStackResources"), denied), 1);
    assert_eq!((fate, command), ("left_over".into(), Value::Null));
    assert!(
        reason.as_str().is_some_and(|reason| reason.contains("can't be known")),
        "{reason}"
    );
}

/// Roles have no tags that a listing shows: by their names, and by what their policies name.
#[test]
fn a_group_of_schedules_and_the_roles_beside_those_of_workers_are_found() {
    let group =
        |environment: &str| format!("arn:aws:scheduler:{HERE}:schedule-group/{environment}-work-ScheduleGroup-1A");
    let endpoint = serve(
        Script::new()
            .left("AWS::Scheduler::ScheduleGroup", "lab-work-ScheduleGroup-1A")
            .listed("lab", &group("lab"))
            .left("AWS::IAM::Role", "lab-work-ScheduleRole-1A")
            .left("AWS::IAM::Role", "lab-intake-ReplicationRole-1A")
            // Of others: a neighbour, the same environment elsewhere, and one whose policy is another.
            .left("AWS::Scheduler::ScheduleGroup", "lab-2-work-ScheduleGroup-1A")
            .listed("lab-2", &group("lab-2"))
            .left("AWS::IAM::Role", "lab-work-ScheduleRole-Elsewhere")
            .left("AWS::IAM::Role", "lab-intake-ReplicationRole-Elsewhere")
            .left("AWS::IAM::Role", "lab-work-ScheduleRole-WithoutPolicy"),
    );
    let receipt = destroy(&endpoint, 1).json()["receipt"].clone();
    let expected = [
        ("AWS::IAM::Role", "lab-intake-ReplicationRole-1A", "left_over"),
        ("AWS::IAM::Role", "lab-work-ScheduleRole-1A", "left_over"),
        (
            "AWS::Scheduler::ScheduleGroup",
            "lab-work-ScheduleGroup-1A",
            "left_over",
        ),
    ];
    assert_eq!(noteworthy(&receipt), rows(&expected));
    let all = receipt["resources"].as_array().expect("rows").iter();
    let commands: Vec<&str> = all.filter_map(|row| row["remove_with"].as_str()).collect();
    let delete = "aws scheduler delete-schedule-group --name lab-work-ScheduleGroup-1A --region us-east-2";
    assert!(commands.contains(&delete), "{commands:?}");
}

/// Cloud Control API says of every schedule in a group that it isn't there.
#[test]
fn of_a_schedule_cloudformations_word_counts() {
    let of_stage = Existing::new("lab-clock", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "clock")
        .tag("qfleet:on-destroy", "empty")
        .body("Resources:\n  Group: {Type: AWS::Scheduler::ScheduleGroup}\n  Schedule: {Type: AWS::Scheduler::Schedule}\n");
    let endpoint = Endpoint::serve(Script::new().existing(of_stage));
    let receipt = destroy(&endpoint, 0).json()["receipt"].clone();
    let evidence = |of_type: &str| {
        let mut rows = receipt["resources"].as_array().expect("rows").iter();
        let row = rows.find(|row| row["resource_type"] == of_type).expect("a row");
        (row["fate"].clone(), row["evidence"].clone())
    };
    let deleted = |said_by: &str| (Value::from("deleted"), Value::from(said_by));
    assert_eq!(
        evidence("AWS::Scheduler::Schedule"),
        deleted("CloudFormation DELETE_COMPLETE")
    );
    assert_eq!(evidence("AWS::Scheduler::ScheduleGroup"), deleted("GetResource"));
}
