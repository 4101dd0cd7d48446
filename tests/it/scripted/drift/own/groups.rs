//! Of a group, its scaling and its alarms.

use super::*;

#[test]
fn changes_of_a_group_its_scaling_and_its_alarms_are_found() {
    finds(&[
        ("its bounds", &["Group MaxSize unexpected qfleet"], |script, _| {
            with_group(
                script,
                Group {
                    max: 9,
                    ..Group::default()
                },
            )
        }),
        (
            "its processes",
            &["Group SuspendedProcesses dangerous qfleet"],
            |script, _| {
                with_group(
                    script,
                    Group {
                        suspended: &["Launch", "AlarmNotification"],
                        ..Group::default()
                    },
                )
            },
        ),
        (
            "an older worker",
            &["Group Instances unexpected qfleet"],
            |script, _| {
                with_group(
                    script,
                    Group {
                        of_instances: &["8", "7"],
                        ..Group::default()
                    },
                )
            },
        ),
        ("no instance yet", &[], |script, _| {
            with_group(
                script,
                Group {
                    of_instances: &[],
                    ..Group::default()
                },
            )
        }),
        (
            "its target",
            &["Scaling TargetTrackingConfiguration/TargetValue unexpected qfleet"],
            |script, ids| {
                script.says(
                    "DescribePolicies",
                    GROUP,
                    scaling(ids, "99.0", "visible / running", true),
                )
            },
        ),
        (
            "its metric math",
            &["Scaling TargetTrackingConfiguration/CustomizedMetricSpecification/Metrics unexpected qfleet"],
            |script, ids| script.says("DescribePolicies", GROUP, scaling(ids, "30.0", "visible", true)),
        ),
        ("it is off", &["Scaling Enabled dangerous qfleet"], |script, ids| {
            script.says(
                "DescribePolicies",
                GROUP,
                scaling(ids, "30.0", "visible / running", false),
            )
        }),
        ("it is gone", &["Scaling  dangerous qfleet"], |script, _| {
            script.says(
                "DescribePolicies",
                GROUP,
                crate::endpoint::Fields::new().members("ScalingPolicies", []),
            )
        }),
        ("a threshold", &["Alarm Threshold unexpected qfleet"], |script, _| {
            script.says("DescribeAlarms", ALARM, alarm(json!({"Threshold": 9000.0})))
        }),
        (
            "an alarm without effect",
            &["Alarm ActionsEnabled dangerous qfleet"],
            |script, _| script.says("DescribeAlarms", ALARM, alarm(json!({"ActionsEnabled": false}))),
        ),
        (
            "an alarm for nobody",
            &["Alarm AlarmActions dangerous qfleet"],
            |script, _| script.says("DescribeAlarms", ALARM, alarm(json!({"AlarmActions": []}))),
        ),
        (
            "of another queue",
            &["Alarm Dimensions unexpected qfleet"],
            |script, _| {
                let other = json!([{"Name": "QueueName", "Value": "other"}]);
                script.says("DescribeAlarms", ALARM, alarm(json!({ "Dimensions": other })))
            },
        ),
        ("the alarm is gone", &["Alarm  unexpected qfleet"], |script, _| {
            script.says(
                "DescribeAlarms",
                ALARM,
                json!({"MetricAlarms": [], "CompositeAlarms": []}),
            )
        }),
    ]);
}
