//! Event source mappings: what has Lambda receive the messages of a queue.

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// The state of an event source mapping, by its UUID: `Enabled`, `Disabling`, `Disabled`, …; `None` when there is no
    /// such mapping (<https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>).
    pub async fn mapping_state(&self, uuid: &str) -> Result<Option<String>, CloudError> {
        let asked = self.lambda.get_event_source_mapping().uuid(uuid).send().await;
        let state = asked.map(|mapping| mapping.state.unwrap_or_default());
        there(state.map_err(|error| explain("GetEventSourceMapping", error)))
    }

    /// Has Lambda receive nothing more through an event source mapping, and says its state then; `None` when there is no
    /// such mapping. What was received already, functions finish
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html>).
    ///
    /// # Errors
    /// `ResourceInUseException` while it is created, updated or deleted.
    pub async fn disable_mapping(&self, uuid: &str) -> Result<Option<String>, CloudError> {
        let asked = self.lambda.update_event_source_mapping().uuid(uuid).enabled(false);
        let state = asked.send().await.map(|mapping| mapping.state.unwrap_or_default());
        there(state.map_err(|error| explain("UpdateEventSourceMapping", error)))
    }
}

fn there(state: Result<String, CloudError>) -> Result<Option<String>, CloudError> {
    match state {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.is("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(error),
    }
}
