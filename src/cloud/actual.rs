//! What services say of resources, in the words of templates: for comparing one with the other. What isn't there at all
//! is `None`.

use aws_sdk_s3::types::NotificationConfigurationFilter;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Map, Value, json};

use super::{Cloud, CloudError, explain, queues};

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

    /// A bucket's policy: `{}` when it has none, `None` when there is no such bucket.
    pub async fn actual_bucket_policy(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_policy().bucket(bucket);
        match asked.expected_bucket_owner(&self.account).send().await {
            Ok(answer) => Ok(Some(answer.policy().map_or(json!({}), Value::from))),
            Err(error) => match explain("GetBucketPolicy", error) {
                error if error.is("NoSuchBucketPolicy") => Ok(Some(json!({}))),
                error if error.is("NoSuchBucket") => Ok(None),
                error => Err(error),
            },
        }
    }

    /// A bucket's notifications, as `NotificationConfiguration` of `AWS::S3::Bucket` has them: one entry for each event
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-notificationconfiguration.html>).
    pub async fn actual_notifications(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_notification_configuration().bucket(bucket);
        let found = match asked.expected_bucket_owner(&self.account).send().await {
            Ok(found) => found,
            Err(error) => match explain("GetBucketNotificationConfiguration", error) {
                error if error.is("NoSuchBucket") => return Ok(None),
                error => return Err(error),
            },
        };
        let mut all = Map::new();
        macro_rules! targets {
            ($section:literal, $target:literal, $list:expr, $arn:ident) => {
                let entries: Vec<Value> = $list
                    .iter()
                    .flat_map(|one| {
                        one.events()
                            .iter()
                            .map(|event| entry(event.as_str(), $target, one.$arn(), one.filter()))
                    })
                    .collect();
                if !entries.is_empty() {
                    all.insert($section.to_owned(), Value::Array(entries));
                }
            };
        }
        targets!("TopicConfigurations", "Topic", found.topic_configurations(), topic_arn);
        targets!("QueueConfigurations", "Queue", found.queue_configurations(), queue_arn);
        targets!(
            "LambdaConfigurations",
            "Function",
            found.lambda_function_configurations(),
            lambda_function_arn
        );
        if found.event_bridge_configuration().is_some() {
            all.insert(
                "EventBridgeConfiguration".to_owned(),
                json!({"EventBridgeEnabled": true}),
            );
        }
        Ok(Some(Value::Object(all)))
    }
}

fn texts<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Value {
    Value::Object(
        pairs
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
    )
}

fn entry(event: &str, target: &str, arn: &str, filter: Option<&NotificationConfigurationFilter>) -> Value {
    let mut entry = Map::from_iter([
        ("Event".to_owned(), Value::from(event)),
        (target.to_owned(), Value::from(arn)),
    ]);
    let rules = filter.and_then(|filter| filter.key()).map(|key| key.filter_rules());
    let rules: Vec<Value> = rules
        .into_iter()
        .flatten()
        .map(|rule| {
            json!({
                "Name": rule.name().map_or("", |name| name.as_str()).to_lowercase(),
                "Value": rule.value().unwrap_or_default(),
            })
        })
        .collect();
    if !rules.is_empty() {
        entry.insert("Filter".to_owned(), json!({"S3Key": {"Rules": rules}}));
    }
    Value::Object(entry)
}
