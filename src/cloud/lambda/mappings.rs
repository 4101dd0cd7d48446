//! Event source mappings: what has Lambda receive the messages of a queue.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain, unless};

/// The tag that says that a destroy disabled a mapping. It is there as long as the mapping is, and no longer.
const MARK: &str = "qfleet:disabled-by-destroy";

/// An event source mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mapping {
    pub uuid: String,
    /// `Enabled`, `Disabling`, `Disabled`, …
    pub state: String,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_transition_reason: Option<String>,
    /// What came of the last batch, where Lambda says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_processing_result: Option<String>,
    /// The most messages in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<i32>,
    /// How many batches may be worked on at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_concurrency: Option<i32>,
    #[serde(skip)]
    pub queue_arn: Option<String>,
    #[serde(skip)]
    pub function_arn: Option<String>,
    #[serde(skip)]
    pub arn: String,
}

impl Mapping {
    /// Whether Lambda receives nothing through it, or is about to.
    pub fn is_disabled(&self) -> bool {
        matches!(self.state.as_str(), "Disabled" | "Disabling")
    }
}

impl Cloud {
    /// An event source mapping, by its UUID; `None` when there is no such mapping
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>).
    pub async fn mapping(&self, uuid: &str) -> Result<Option<Mapping>, CloudError> {
        let asked = self.lambda.get_event_source_mapping().uuid(uuid).send().await;
        let mapping = asked.map(|mapping| Mapping {
            uuid: uuid.to_owned(),
            state: mapping.state.unwrap_or_default(),
            state_transition_reason: mapping.state_transition_reason,
            last_processing_result: mapping.last_processing_result,
            batch_size: mapping.batch_size,
            maximum_concurrency: mapping.scaling_config.and_then(|scaling| scaling.maximum_concurrency),
            queue_arn: mapping.event_source_arn,
            function_arn: mapping.function_arn,
            arn: mapping.event_source_mapping_arn.unwrap_or_default(),
        });
        unless(
            &["ResourceNotFoundException"],
            mapping.map_err(|error| explain("GetEventSourceMapping", error)),
        )
    }

    /// Has Lambda receive through an event source mapping or not, and says its state then; `None` when there is no such
    /// mapping. What was received already, functions finish
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html>).
    ///
    /// # Errors
    /// `ResourceInUseException` while it is created, updated or deleted.
    pub async fn enable_mapping(&self, uuid: &str, enabled: bool) -> Result<Option<String>, CloudError> {
        let asked = self.lambda.update_event_source_mapping().uuid(uuid).enabled(enabled);
        let state = asked.send().await.map(|mapping| mapping.state.unwrap_or_default());
        unless(
            &["ResourceNotFoundException"],
            state.map_err(|error| explain("UpdateEventSourceMapping", error)),
        )
    }

    /// Marks one that a destroy is about to disable
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html>).
    pub async fn mark_mapping(&self, mapping: &Mapping) -> Result<(), CloudError> {
        let marked = self.lambda.tag_resource().resource(&mapping.arn).tags(MARK, "true");
        let marked = marked.send().await;
        marked.map(drop).map_err(|error| explain("TagResource", error))
    }

    /// Whether it carries the mark.
    pub async fn is_marked(&self, mapping: &Mapping) -> Result<bool, CloudError> {
        let tags = self.lambda.list_tags().resource(&mapping.arn).send().await;
        let tags = tags
            .map_err(|error| explain("ListTags", error))?
            .tags
            .unwrap_or_default();
        Ok(tags.contains_key(MARK))
    }

    /// Takes the mark off.
    pub async fn unmark_mapping(&self, mapping: &Mapping) -> Result<(), CloudError> {
        let unmarked = self.lambda.untag_resource().resource(&mapping.arn).tag_keys(MARK);
        let unmarked = unmarked.send().await;
        unmarked.map(drop).map_err(|error| explain("UntagResource", error))
    }
}
