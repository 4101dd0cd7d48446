//! What services say of resources, in the words of templates: for comparing one with the other. What isn't there at all
//! is `None`.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::cloud::sqs::queues;
use crate::cloud::{Cloud, CloudError, explain};

impl Cloud {
    /// A queue as `AWS::SQS::Queue` has it, with its policy as `Policy`.
    pub async fn actual_queue(&self, url: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.sqs.get_queue_attributes().queue_url(url);
        let answer = match asked.attribute_names(QueueAttributeName::All).send().await {
            Ok(answer) => answer,
            Err(error) => match queues::explain("GetQueueAttributes", error) {
                error if error.is("NonExistentQueue") || error.is("QueueDoesNotExist") => return Ok(None),
                error => return Err(error),
            },
        };
        let attributes = answer.attributes().into_iter().flatten();
        Ok(Some(Value::Object(
            attributes
                .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
                .collect(),
        )))
    }

    /// A topic as `AWS::SNS::Topic` has it, with its policy as `Policy`.
    pub async fn actual_topic(&self, arn: &str) -> Result<Option<Value>, CloudError> {
        let answer = match self.sns.get_topic_attributes().topic_arn(arn).send().await {
            Ok(answer) => answer,
            Err(error) => match explain("GetTopicAttributes", error) {
                error if error.is("NotFound") || error.is("NotFoundException") => return Ok(None),
                error => return Err(error),
            },
        };
        Ok(Some(texts(answer.attributes().into_iter().flatten())))
    }

    /// A subscription as `AWS::SNS::Subscription` has it.
    pub async fn actual_subscription(&self, arn: &str) -> Result<Option<Value>, CloudError> {
        let answer = match self
            .sns
            .get_subscription_attributes()
            .subscription_arn(arn)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(error) => match explain("GetSubscriptionAttributes", error) {
                error if error.is("NotFound") || error.is("NotFoundException") => return Ok(None),
                error => return Err(error),
            },
        };
        Ok(Some(texts(answer.attributes().into_iter().flatten())))
    }
}

fn texts<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Value {
    Value::Object(
        pairs
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
    )
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
