//! When the alarms of a template go off, in the model of CloudWatch that local fleets use.

use qfleet::autoscaling::alarm::look;
use qfleet::autoscaling::policy::{Alarm, AlarmState, MetricStat, Query, QueryValue, Source};
use qfleet::autoscaling::series::{Metric, Metrics, Minute};
use qfleet::blueprint::{self, Placement};
use qfleet::environment;
use serde_json::Value;

/// Points beyond the evaluation periods that CloudWatch looks at; how many isn't documented.
const EXTRA_POINTS: u32 = 2;

fn template(file: &str, stage: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/office-hours.yaml");
    let environment = environment::parse(&path, file.to_owned()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local: false,
    };
    let blueprint = blueprint::render(&environment, &placement).unwrap_or_else(|problems| panic!("{problems:?}"));
    let stack = blueprint.stacks.iter().find(|stack| stack.part == stage);
    Value::Object(blueprint::template::read(&stack.expect("the stage").body).expect("a template"))
}

fn shipped(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("stacks")
        .join(name);
    std::fs::read_to_string(path.with_extension("yaml")).expect("a file")
}

fn number(value: &Value) -> u32 {
    let number = value.as_u64().expect("a number");
    u32::try_from(number).expect("a small one")
}

/// A metric by its name: dimensions are references.
fn metric(name: &str) -> Metric {
    Metric::new("AWS", name, &[], "Maximum")
}

/// An alarm by metric math.
fn alarm(template: &Value, id: &str) -> Alarm {
    let alarm = &template["Resources"][id]["Properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metrics = alarm["Metrics"].as_array().expect("metric math");
    let query = |query: &Value| Query {
        id: text(&query["Id"]),
        return_data: query["ReturnData"] != false,
        value: match query["Expression"].as_str() {
            Some(expression) => QueryValue::Expression(expression.to_owned()),
            None => QueryValue::Stat(MetricStat {
                metric: metric(&text(&query["MetricStat"]["Metric"]["MetricName"])),
                period_seconds: number(&query["MetricStat"]["Period"]),
            }),
        },
    };
    Alarm {
        name: id.to_owned(),
        metric: Source::Math(metrics.iter().map(query).collect()),
        comparison: text(&alarm["ComparisonOperator"]).into(),
        threshold: alarm["Threshold"].as_f64().expect("a threshold"),
        evaluation_periods: number(&alarm["EvaluationPeriods"]),
        datapoints_to_alarm: alarm.get("DatapointsToAlarm").map(number),
        missing: text(&alarm["TreatMissingData"]).into(),
    }
}

const NIGHT: Minute = 14 * 60;

/// The first minute after waking in which the alarm is on; none when it isn't for two hours. The oldest message came at the
/// beginning of the night, and is done so many minutes after its end. `late`: by how many minutes SQS is later than the rest.
fn goes_off_after(alarm: &Alarm, done: Minute, late: Minute) -> Option<Minute> {
    let mut metrics = Metrics::default();
    let mut state = AlarmState::Ok;
    for minute in 0..NIGHT + 120 {
        let most = if minute < NIGHT { 0.0 } else { 6.0 };
        metrics.put(&metric("GroupMaxSize"), minute, most);
        let known = minute - late;
        let age = if known < NIGHT + done { known * 60 } else { 0 };
        metrics.put(&metric("ApproximateAgeOfOldestMessage"), known, age.max(0) as f64);
        let looked = look(alarm, &metrics, minute, &state, EXTRA_POINTS).expect("it can be evaluated");
        state = looked.state;
        if state == AlarmState::Alarm {
            return Some(minute - NIGHT);
        }
    }
    None
}

#[test]
fn what_waited_all_night_gets_the_acceptable_latency_from_waking_on() {
    for (latency, minutes) in [("5m", 13), ("90s", 10), ("1h", 68)] {
        let file = shipped("office-hours");
        let scaling = "scaling: {messages_per_instance: 20}";
        assert!(file.contains(scaling));
        let file = file.replace(
            scaling,
            &format!("scaling: {{acceptable_latency: {latency}, seconds_per_message: 10}}"),
        );
        let alarm = alarm(&template(&file, "convert"), "LatencyAlarm");
        assert_eq!(goes_off_after(&alarm, minutes - 1, 0), None, "{latency}: done in time");
        for late in [0, 1, 2] {
            let off = goes_off_after(&alarm, 120, late).expect("it goes off");
            assert_eq!(off, minutes - 1 + late, "{latency}, {late} late: nobody works");
        }
    }
}

/// "For alarms with a period of less than one hour (3,600 seconds), the total evaluation period can't be longer than one day
/// (86,400 seconds)" (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>).
#[test]
fn no_alarm_looks_back_for_longer_than_a_day() {
    let file = shipped("office-hours").replace(
        "scaling: {messages_per_instance: 20}",
        "scaling: {messages_per_instance: 20, acceptable_latency: 14d}",
    );
    let template = template(&file, "convert");
    let alarm = &template["Resources"]["LatencyAlarm"]["Properties"];
    assert_eq!(alarm["EvaluationPeriods"], 1440);
    assert_eq!(alarm["DatapointsToAlarm"], 1438);
}

/// Lambda tells of an error when the run has ended, under the time at which it began.
#[test]
fn an_error_of_a_long_run_is_in_a_period_that_the_alarm_still_looks_at() {
    for (timeout, periods) in [("30s", 2), ("5m", 2), ("301s", 3), ("15m", 4)] {
        let file = shipped("lambda");
        let at = file.find("        timeout:").expect("a timeout");
        let end = at + file[at..].find('\n').expect("a line");
        let file = format!(
            "{}        timeout: {timeout}{}\nalerts: {{email: a@example.com}}\n",
            &file[..at],
            &file[end..]
        );
        let file = file.replace("visibility_timeout: ", "visibility_timeout: 2h # ");
        let template = template(&file, "move");
        let alarm = &template["Resources"]["FunctionErrorsAlarm"]["Properties"];
        assert_eq!(alarm["EvaluationPeriods"], periods, "{timeout}");
        assert_eq!(alarm["DatapointsToAlarm"], 1, "{timeout}");
    }
}

/// As Scheduler publishes them: by group (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html>).
#[test]
fn jobs_by_the_clock_that_fail_are_told_of() {
    let file = format!("{}alerts: {{email: me@example.com}}\n", shipped("replies"));
    let template = template(&file, "move");
    for (alarm, metric) in [
        ("ScheduleErrorsAlarm", "TargetErrorCount"),
        ("DroppedSchedulesAlarm", "InvocationDroppedCount"),
    ] {
        let alarm = &template["Resources"][alarm]["Properties"];
        assert_eq!(
            (&alarm["Namespace"], &alarm["MetricName"]),
            (&"AWS/Scheduler".into(), &metric.into())
        );
        let dimensions = serde_json::json!([{"Name": "ScheduleGroup", "Value": {"Ref": "ScheduleGroup"}}]);
        assert_eq!(alarm["Dimensions"], dimensions);
        assert_eq!(alarm["AlarmActions"], serde_json::json!([{"Ref": "AlertsTopicArn"}]));
    }
}
