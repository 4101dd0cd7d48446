//! Groups of instances, and what scales them.

use super::*;

const ALARM: &str = "AWS::CloudWatch::Alarm";

#[test]
fn each_difference_of_a_group_or_its_scaling_has_its_class() {
    let rows = [
        (
            Class::Unexpected,
            GROUP,
            "MaxSize",
            json!({"MaxSize": "4"}),
            json!({"MaxSize": "9"}),
        ),
        (
            Class::Expected,
            GROUP,
            "DesiredCapacity",
            json!({"MinSize": "1", "MaxSize": "4", "DesiredCapacity": "1"}),
            json!({"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 4}),
        ),
        (
            Class::Unexpected,
            GROUP,
            "DesiredCapacity",
            json!({"MinSize": "1", "MaxSize": "4", "DesiredCapacity": "1"}),
            json!({"DesiredCapacity": 5}),
        ),
        (
            Class::Expected,
            GROUP,
            "AvailabilityZones",
            json!({"VPCZoneIdentifier": ["subnet-1"]}),
            json!({"AvailabilityZones": ["us-east-2a"]}),
        ),
        (
            Class::Unexpected,
            GROUP,
            "AvailabilityZones",
            json!({"AvailabilityZones": ["us-east-2a", "us-east-2b"]}),
            json!({"AvailabilityZones": ["us-east-2a"]}),
        ),
        (
            Class::Dangerous,
            GROUP,
            "SuspendedProcesses",
            json!({"SuspendedProcesses": []}),
            json!({"SuspendedProcesses": ["Launch"]}),
        ),
        (
            Class::Dangerous,
            ALARM,
            "ActionsEnabled",
            json!({"ActionsEnabled": true}),
            json!({"ActionsEnabled": false}),
        ),
        (
            Class::Dangerous,
            ALARM,
            "AlarmActions",
            json!({"AlarmActions": ["arn:a", "arn:b"]}),
            json!({"AlarmActions": ["arn:b"]}),
        ),
        (
            Class::Unexpected,
            ALARM,
            "AlarmActions",
            json!({"AlarmActions": ["arn:a"]}),
            json!({"AlarmActions": ["arn:b", "arn:a"]}),
        ),
        (
            Class::Unexpected,
            ALARM,
            "Threshold",
            json!({"Threshold": 1}),
            json!({"Threshold": 9}),
        ),
        (
            Class::Unexpected,
            GROUP,
            "Instances",
            json!({}),
            json!({"Instances": {"i-1": "7"}}),
        ),
        (
            Class::Dangerous,
            "AWS::AutoScaling::ScalingPolicy",
            "Enabled",
            json!({"Enabled": true}),
            json!({"Enabled": false}),
        ),
    ];
    each_has_its_class(&rows);
}
