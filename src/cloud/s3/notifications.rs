//! A bucket's notifications as S3 has them. The SDK leaves out what it doesn't know, and whoever writes them writes all of
//! them: so they are read and written as the text that they are.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::NotificationConfiguration;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

use super::notification_document::Document;
use crate::cloud::{Cloud, CloudError, explain, unless};

const GET: &str = "GetBucketNotificationConfiguration";

/// Keeps the text of an answer.
#[derive(Debug, Clone, Default)]
struct Text(Arc<Mutex<Option<String>>>);

#[dyn_dispatch_hint]
impl Intercept for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default();
        if let Ok(mut text) = self.0.lock() {
            *text = Some(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(())
    }
}

impl Cloud {
    /// All of a bucket's notifications; `None` when there is no such bucket
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html>).
    pub async fn bucket_notifications(&self, bucket: &str) -> Result<Option<Document>, CloudError> {
        let text = Text::default();
        let asked = self.s3.get_bucket_notification_configuration().bucket(bucket);
        let asked = asked.expected_bucket_owner(&self.account).customize();
        let answer = asked.interceptor(text.clone()).send().await;
        if unless(&["NoSuchBucket"], answer.map_err(|error| explain(GET, error)))?.is_none() {
            return Ok(None);
        }
        let text = text.0.lock().ok().and_then(|mut text| text.take()).unwrap_or_default();
        let read = Document::parse(text).map_err(|error| CloudError {
            operation: GET,
            code: None,
            message: format!("its answer can't be read: {error}"),
        });
        read.map(Some)
    }

    /// Puts this in the place of all of a bucket's notifications. Where they lead isn't looked at: S3 would send a test
    /// message to everybody's queues and topics, and refuse this because somebody else's is gone
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>).
    ///
    /// It is sent once: by the time of another attempt, somebody else may have written what this doesn't have.
    pub async fn put_bucket_notifications(&self, bucket: &str, text: String) -> Result<(), CloudError> {
        let length = text.len().to_string();
        let put = self.s3.put_bucket_notification_configuration().bucket(bucket);
        let put = put
            .expected_bucket_owner(&self.account)
            .skip_destination_validation(true)
            .notification_configuration(NotificationConfiguration::builder().build())
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            // Before it is signed.
            .mutate_request(move |request| {
                *request.body_mut() = SdkBody::from(text.as_str());
                request.headers_mut().insert("content-length", length.clone());
            });
        let answer = put.send().await;
        answer.map_err(|error| explain("PutBucketNotificationConfiguration", error))?;
        Ok(())
    }
}
