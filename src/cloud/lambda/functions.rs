//! Functions: whether they can be invoked, and with how much.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain, unless};

/// How a function is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Configuration {
    /// `Pending`, `Active`, `Inactive`, `Failed`, …
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// How its last update ended: `Successful`, `Failed`, or `InProgress` while it runs.
    pub last_update_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_reason: Option<String>,
    pub runtime: String,
    pub memory_mib: i32,
    /// How long one invocation may take, in seconds.
    pub timeout_seconds: i32,
    /// How many of the account's concurrent executions are kept for it, and are the most that it gets; none when nobody set
    /// that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_concurrency: Option<i32>,
}

impl Cloud {
    /// How a function is; `None` when there is no such function
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html>).
    pub async fn function(&self, name: &str) -> Result<Option<Configuration>, CloudError> {
        Ok(self.get_function(name).await?.map(configuration))
    }

    pub(super) async fn get_function(&self, name: &str) -> Result<Option<GetFunctionOutput>, CloudError> {
        let asked = self.lambda.get_function().function_name(name).send().await;
        unless(
            &["ResourceNotFoundException"],
            asked.map_err(|error| explain("GetFunction", error)),
        )
    }
}

fn configuration(found: GetFunctionOutput) -> Configuration {
    let reserved_concurrency = found.concurrency.and_then(|kept| kept.reserved_concurrent_executions);
    let Some(known) = found.configuration else {
        return Configuration::default();
    };
    // What there is none of is left out, or an empty text.
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    Configuration {
        state: known.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        state_reason: text(known.state_reason),
        last_update_status: known
            .last_update_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        last_update_reason: text(known.last_update_status_reason),
        runtime: known
            .runtime
            .map(|runtime| runtime.as_str().to_owned())
            .unwrap_or_default(),
        memory_mib: known.memory_size.unwrap_or_default(),
        timeout_seconds: known.timeout.unwrap_or_default(),
        reserved_concurrency,
    }
}
