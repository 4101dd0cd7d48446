//! What services say of resources, in the words of templates: for comparing one with the other. What isn't there at all
//! is `None`.

use serde_json::Value;

/// Attributes that are all texts.
pub(super) fn texts<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), value.into())).collect())
}

/// Those of the fields that the service said something of.
pub(super) fn defined<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter();
    Value::Object(
        there
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    )
}

/// An entry of metric math. Auto Scaling and CloudWatch have types of their own for it, of the same shape.
macro_rules! metric_query {
    ($query:expr) => {{
        let query = $query;
        let text = |text: Option<&str>| text.map(serde_json::Value::from);
        let stat = query.metric_stat().map(|stat| {
            let metric = stat.metric().map(|metric| {
                let dimensions = metric.dimensions().iter();
                let dimensions =
                    dimensions.map(|one| defined([("Name", text(one.name())), ("Value", text(one.value()))]));
                defined([
                    ("Namespace", text(metric.namespace())),
                    ("MetricName", text(metric.metric_name())),
                    ("Dimensions", Some(dimensions.collect())),
                ])
            });
            defined([
                ("Metric", metric),
                ("Stat", text(stat.stat())),
                ("Period", stat.period().map(serde_json::Value::from)),
            ])
        });
        defined([
            ("Id", text(query.id())),
            ("Expression", text(query.expression())),
            ("MetricStat", stat),
            ("Label", text(query.label())),
            // What isn't said returns data (API_TargetTrackingMetricDataQuery).
            ("ReturnData", Some(query.return_data().unwrap_or(true).into())),
        ])
    }};
}
pub(super) use metric_query;
