//! What S3 says of a bucket, in the words of `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`.

use aws_sdk_s3::types::{CorsRule, NotificationConfigurationFilter, ServerSideEncryptionRule};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::cloud::actual::defined;
use crate::cloud::{Cloud, CloudError, explain, unless};

/// A bucket, as far as S3 told.
#[derive(Debug, Default)]
pub struct ActualBucket {
    /// Its properties. One that isn't set is left out.
    pub known: Map<String, Value>,
    /// Properties that S3 would not tell, and why.
    pub untold: Vec<(String, CloudError)>,
}

impl Cloud {
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

    /// What a bucket is protected by, and whom it tells of new objects. `None` when there is no such bucket. A read that
    /// fails is among what S3 would not tell, and hides nothing else.
    pub async fn actual_bucket(&self, bucket: &str) -> Option<ActualBucket> {
        const SECTIONS: [&str; 6] = [
            "BucketEncryption",
            "CorsConfiguration",
            "NotificationConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "VersioningConfiguration",
        ];
        let answers = join_all(SECTIONS.map(async |section| match section {
            "BucketEncryption" => self.encryption(bucket).await,
            "CorsConfiguration" => self.cross_origin(bucket).await,
            "NotificationConfiguration" => self.notifications(bucket).await.map(Some),
            "OwnershipControls" => self.ownership(bucket).await,
            "PublicAccessBlockConfiguration" => self.public_access_block(bucket).await,
            _ => self.versioning(bucket).await,
        }));
        let mut found = ActualBucket::default();
        for (section, answer) in SECTIONS.into_iter().zip(answers.await) {
            match answer {
                Ok(Some(value)) => _ = found.known.insert(section.to_owned(), value),
                Ok(None) => {}
                Err(error) if error.is("NoSuchBucket") => return None,
                Err(error) => found.untold.push((section.to_owned(), error)),
            }
        }
        Some(found)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>
    async fn encryption(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_encryption().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketEncryption", error));
        let answer = unless(&["ServerSideEncryptionConfigurationNotFoundError"], answer)?;
        let set = answer.and_then(|answer| answer.server_side_encryption_configuration);
        Ok(set.map(|set| {
            let rules: Value = set.rules().iter().map(encryption_rule).collect();
            json!({"ServerSideEncryptionConfiguration": rules})
        }))
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html>
    async fn cross_origin(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_cors().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketCors", error));
        let answer = unless(&["NoSuchCORSConfiguration"], answer)?;
        Ok(answer.map(|answer| {
            let rules: Value = answer.cors_rules().iter().map(cross_origin_rule).collect();
            json!({"CorsRules": rules})
        }))
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html>
    async fn ownership(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_ownership_controls().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketOwnershipControls", error));
        let answer = unless(&["OwnershipControlsNotFoundError"], answer)?;
        let set = answer.and_then(|answer| answer.ownership_controls);
        Ok(set.map(|set| {
            let rules = set.rules().iter();
            let rules: Value = rules
                .map(|rule| json!({"ObjectOwnership": rule.object_ownership().as_str()}))
                .collect();
            json!({"Rules": rules})
        }))
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html>
    async fn public_access_block(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_public_access_block().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetPublicAccessBlock", error));
        let answer = unless(&["NoSuchPublicAccessBlockConfiguration"], answer)?;
        let set = answer.and_then(|answer| answer.public_access_block_configuration);
        Ok(set.map(|set| {
            json!({
                "BlockPublicAcls": set.block_public_acls().unwrap_or_default(),
                "BlockPublicPolicy": set.block_public_policy().unwrap_or_default(),
                "IgnorePublicAcls": set.ignore_public_acls().unwrap_or_default(),
                "RestrictPublicBuckets": set.restrict_public_buckets().unwrap_or_default(),
            })
        }))
    }

    /// A bucket that never had versions has no status
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>).
    async fn versioning(&self, bucket: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.s3.get_bucket_versioning().bucket(bucket);
        let answer = asked.expected_bucket_owner(&self.account).send().await;
        let answer = answer.map_err(|error| explain("GetBucketVersioning", error))?;
        Ok(answer.status().map(|status| json!({"Status": status.as_str()})))
    }

    /// One entry for each event
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-notificationconfiguration.html>).
    async fn notifications(&self, bucket: &str) -> Result<Value, CloudError> {
        let asked = self.s3.get_bucket_notification_configuration().bucket(bucket);
        let found = asked.expected_bucket_owner(&self.account).send().await;
        let found = found.map_err(|error| explain("GetBucketNotificationConfiguration", error))?;
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
        Ok(Value::Object(all))
    }
}

/// What isn't in a template is left out where it is off.
fn encryption_rule(rule: &ServerSideEncryptionRule) -> Value {
    let by_default = rule.apply_server_side_encryption_by_default().map(|set| {
        defined([
            ("SSEAlgorithm", Some(set.sse_algorithm().as_str().into())),
            ("KMSMasterKeyID", set.kms_master_key_id().map(Value::from)),
        ])
    });
    let key = rule.bucket_key_enabled().filter(|enabled| *enabled);
    defined([
        ("ServerSideEncryptionByDefault", by_default),
        ("BucketKeyEnabled", key.map(Value::from)),
    ])
}

fn cross_origin_rule(rule: &CorsRule) -> Value {
    let list = |texts: &[String]| (!texts.is_empty()).then(|| Value::from(texts));
    defined([
        ("Id", rule.id().map(Value::from)),
        ("AllowedHeaders", list(rule.allowed_headers())),
        ("AllowedMethods", list(rule.allowed_methods())),
        ("AllowedOrigins", list(rule.allowed_origins())),
        ("ExposedHeaders", list(rule.expose_headers())),
        ("MaxAge", rule.max_age_seconds().map(Value::from)),
    ])
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
