//! The rules of metric math in scaling policies and alarms. cfn-lint doesn't know most of them: it accepts a scaling policy
//! with a period of five minutes, or one in which nothing returns data, and AWS refuses both at deploy time.

use serde_json::{Map, Value};

use qfleet::autoscaling::math::parse::parse;

/// Where a list of metrics stands, which decides about periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `CustomizedMetricSpecification` of a target-tracking policy
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingMetricStat.html>).
    ScalingPolicy,
    /// `Metrics` of an alarm
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>).
    Alarm,
}

/// What is wrong with the metrics of a resource; nothing for a resource without metric math.
pub fn faults_of_resource(resource: &Value) -> Vec<String> {
    match resource["Type"].as_str() {
        Some("AWS::AutoScaling::ScalingPolicy") => {
            let configuration = &resource["Properties"]["TargetTrackingConfiguration"];
            if configuration.is_null() {
                return Vec::new();
            }
            let mut faults = match &configuration["CustomizedMetricSpecification"]["Metrics"] {
                Value::Array(metrics) => faults(metrics, Place::ScalingPolicy),
                _ => Vec::new(),
            };
            if configuration["TargetValue"].as_f64().is_none_or(|target| target <= 0.0) {
                faults.push("TargetValue is not a number above zero".to_owned());
            }
            faults
        }
        Some("AWS::CloudWatch::Alarm") => match &resource["Properties"]["Metrics"] {
            Value::Array(metrics) => faults(metrics, Place::Alarm),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What is wrong with a list of metrics.
fn faults(metrics: &[Value], place: Place) -> Vec<String> {
    let mut faults = Vec::new();
    let empty = Map::new();
    let metrics: Vec<&Map<String, Value>> = metrics
        .iter()
        .map(|metric| metric.as_object().unwrap_or(&empty))
        .collect();
    let ids: Vec<&str> = metrics.iter().filter_map(|metric| metric.get("Id")?.as_str()).collect();
    if ids.len() < metrics.len() {
        faults.push("a metric has no Id".to_owned());
    }
    for (position, id) in ids.iter().enumerate() {
        if ids[..position].contains(id) {
            faults.push(format!("two metrics have the Id `{id}`"));
        }
        if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(is_word) {
            faults.push(format!(
                "`{id}` is no Id: a lower-case letter, then letters, digits and `_`"
            ));
        }
    }
    // What doesn't say returns data.
    let returning = metrics
        .iter()
        .filter(|metric| metric.get("ReturnData") != Some(&Value::Bool(false)))
        .count();
    if returning != 1 {
        faults.push(format!("{returning} metrics return data, and it must be exactly one"));
    }
    for metric in &metrics {
        let id = metric.get("Id").and_then(Value::as_str).unwrap_or("?");
        match (
            metric.get("Expression").and_then(Value::as_str),
            metric.get("MetricStat"),
        ) {
            (Some(expression), None) => match parse(expression) {
                Ok(term) => {
                    for (_, name) in term.names().iter().filter(|(_, name)| !ids.contains(name)) {
                        faults.push(format!(
                            "the expression of `{id}` names `{name}`, which is no metric here"
                        ));
                    }
                }
                Err(fault) => faults.push(format!("the expression of `{id}` can't be read: {fault}")),
            },
            (None, Some(stat)) => {
                // A scaling policy's metrics have a period of a minute where they don't say.
                let period = match (stat.get("Period"), place) {
                    (None, Place::ScalingPolicy) => Some(60),
                    (period, _) => period.and_then(Value::as_u64),
                };
                let right = period.is_some_and(|period| match place {
                    Place::ScalingPolicy => matches!(period, 10 | 30 | 60),
                    Place::Alarm => matches!(period, 10 | 20 | 30) || (period > 0 && period % 60 == 0),
                });
                if !right {
                    let allowed = match place {
                        Place::ScalingPolicy => "10, 30 or 60",
                        Place::Alarm => "10, 20, 30 or a multiple of 60",
                    };
                    faults.push(format!("the Period of `{id}` is not {allowed} seconds"));
                }
            }
            _ => faults.push(format!("`{id}` needs either an Expression or a MetricStat")),
        }
    }
    faults
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stat(id: &str, period: u64) -> Value {
        json!({"Id": id, "MetricStat": {"Period": period}, "ReturnData": false})
    }

    fn expression(text: &str) -> Value {
        json!({"Id": "e", "Expression": text, "ReturnData": true})
    }

    #[test]
    fn accepts_what_aws_accepts() {
        let metrics = [expression("IF(b > 0, a / b, a)"), stat("a", 60), stat("b", 10)];
        assert_eq!(faults(&metrics, Place::ScalingPolicy), [""; 0]);
        assert_eq!(faults(&[expression("CEIL(a)"), stat("a", 300)], Place::Alarm), [""; 0]);
    }

    #[test]
    fn refuses_what_aws_refuses() {
        let cases = [
            (
                vec![expression("a"), stat("a", 300)],
                "the Period of `a` is not 10, 30 or 60 seconds",
            ),
            (vec![stat("a", 60)], "0 metrics return data, and it must be exactly one"),
            (
                vec![expression("a"), json!({"Id": "a", "MetricStat": {"Period": 60}})],
                "2 metrics return data, and it must be exactly one",
            ),
            (
                vec![expression("a + b"), stat("a", 60)],
                "the expression of `e` names `b`, which is no metric here",
            ),
            (
                vec![expression("a + * b"), stat("a", 60), stat("b", 60)],
                "the expression of `e` can't be read: `*` stands where a value is missing, at character 5",
            ),
            (
                vec![expression("a"), stat("a", 60), stat("a", 60)],
                "two metrics have the Id `a`",
            ),
            (
                vec![expression("1"), stat("A", 60)],
                "`A` is no Id: a lower-case letter, then letters, digits and `_`",
            ),
            (
                vec![json!({"Id": "e"})],
                "`e` needs either an Expression or a MetricStat",
            ),
        ];
        for (metrics, fault) in cases {
            assert_eq!(faults(&metrics, Place::ScalingPolicy), [fault]);
        }
    }

    #[test]
    fn a_target_is_above_zero() {
        let policy = |target: Value| {
            json!({"Type": "AWS::AutoScaling::ScalingPolicy",
                   "Properties": {"TargetTrackingConfiguration": {"TargetValue": target}}})
        };
        assert!(faults_of_resource(&policy(json!(0.5))).is_empty());
        assert_eq!(faults_of_resource(&policy(json!(0))).len(), 1);
        assert_eq!(faults_of_resource(&policy(json!({"Ref": "Target"}))).len(), 1);
    }
}
