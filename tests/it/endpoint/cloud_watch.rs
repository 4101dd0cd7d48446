//! CloudWatch's GetMetricData, answered with the series that a script holds
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>).

use serde_json::{Value, json};

use super::calls::Call;
use super::cbor::{self, TIME};
use super::query::Refusal;
use super::world::World;

impl World {
    /// An action of CloudWatch: its answer's body.
    pub fn cloud_watch(&mut self, call: &Call) -> Result<Vec<u8>, Refusal> {
        let input = cbor::decode(&call.body).unwrap_or_default();
        let answer = match call.action.as_str() {
            "GetMetricData" => self.get_metric_data(&input)?,
            "DescribeAlarms" => self.describe_alarms(&input),
            "PutMetricData" if self.script.takes_metrics_of_aws => json!({}),
            other => {
                self.complaints.push(format!("{other}: the endpoint doesn't know it"));
                return Err(Refusal::new(400, "UnknownOperationException", other));
            }
        };
        Ok(cbor::encode(&answer))
    }

    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>: "the names of the alarms
    /// to retrieve information about", 100 at most, and without any it is every alarm; a page of 50 without MaxRecords, of 100 at most.
    fn describe_alarms(&mut self, input: &Value) -> Value {
        let names: Vec<&str> = input["AlarmNames"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if names.is_empty() || names.len() > 100 {
            self.complaints.push(format!("DescribeAlarms of {} names", names.len()));
        }
        let start: usize = input["NextToken"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .unwrap_or_default();
        let most = input["MaxRecords"].as_u64().unwrap_or(50).min(100) as usize;
        let end = start + most.min(self.script.page);
        let wanted = self
            .script
            .alarms
            .iter()
            .filter(|[name, ..]| names.contains(&name.as_str()));
        let wanted: Vec<Value> = wanted
            .map(|[name, state, reason]| {
                json!({
                    "AlarmName": name,
                    "StateValue": state,
                    "StateReason": reason,
                    "StateTransitionedTimestamp": {TIME: 1_767_312_000},
                })
            })
            .collect();
        let page: Vec<&Value> = wanted.iter().take(end).skip(start).collect();
        match end < wanted.len() {
            true => json!({"MetricAlarms": page, "NextToken": end.to_string()}),
            false => json!({"MetricAlarms": page}),
        }
    }

    fn get_metric_data(&mut self, input: &Value) -> Result<Value, Refusal> {
        let queries = input["MetricDataQueries"].as_array().cloned().unwrap_or_default();
        let wrong = complaints(&queries);
        if !wrong.is_empty() {
            self.complaints.push(format!("GetMetricData: {}", wrong.join("; ")));
            return Err(Refusal::new(400, "InvalidParameterCombination", wrong.join("; ")));
        }
        let seconds = |name: &str| input[name].as_f64().unwrap_or_default() as i64;
        let (from, to) = (seconds("StartTime"), seconds("EndTime"));
        let wanted = queries.iter().filter(|query| query["ReturnData"] != false);
        let results: Vec<Value> = wanted
            .map(|query| {
                let id = query["Id"].as_str().unwrap_or_default();
                let series = self.script.series.get(id).cloned().unwrap_or_default();
                // The newest minute that has passed is one minute ago.
                let points: Vec<(i64, f64)> = series
                    .into_iter()
                    .map(|(minutes_ago, value)| (to - 60 - minutes_ago * 60, value))
                    .filter(|(at, _)| (from..to).contains(at))
                    .collect();
                json!({
                    "Id": id,
                    "Label": id,
                    "StatusCode": "Complete",
                    "Timestamps": points.iter().map(|(at, _)| json!({TIME: at})).collect::<Vec<_>>(),
                    "Values": points.iter().map(|(_, value)| json!(value)).collect::<Vec<_>>(),
                })
            })
            .collect();
        Ok(json!({"MetricDataResults": results, "Messages": []}))
    }
}

/// What CloudWatch would refuse: "as many as 500 MetricDataQuery structures", ids that are unique in a call and that
/// expressions can find there
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>).
fn complaints(queries: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    if queries.is_empty() || queries.len() > 500 {
        wrong.push(format!("{} queries", queries.len()));
    }
    let ids: Vec<&str> = queries.iter().filter_map(|query| query["Id"].as_str()).collect();
    for (place, id) in ids.iter().enumerate() {
        if ids[..place].contains(id) || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            wrong.push(format!("the id {id:?}"));
        }
    }
    for query in queries {
        match query["Expression"].as_str() {
            // A search finds metrics by their names, not by ids
            // (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-search-expressions.html>).
            Some(expression) if expression.contains("SEARCH(") => {}
            Some(expression) => {
                let words = expression.split(|c: char| !c.is_ascii_alphanumeric());
                let names = words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
                wrong.extend(
                    names
                        .filter(|name| !ids.contains(name))
                        .map(|name| format!("{name} in {expression}")),
                );
            }
            None => {
                let of_metric = &query["MetricStat"];
                // "Periods can be … any multiple of 60" (API_MetricStat).
                let is_odd = of_metric["Period"]
                    .as_u64()
                    .is_none_or(|period| period == 0 || period % 60 != 0);
                if is_odd || !of_metric["Stat"].is_string() || !of_metric["Metric"].is_object() {
                    wrong.push(format!("the metric {query}"));
                }
            }
        }
    }
    wrong
}
