//! Whether whoever is to be told of alarms hears of them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::outputs;
use crate::cloud::sns::SubscriptionId;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;

/// A mailbox that alarms are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alerts {
    pub email: String,
    /// The ARN of the topic that alarms act on.
    pub topic: String,
    pub state: AlertsState,
}

/// Whether it gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertsState {
    Confirmed,
    /// Nobody followed the link in the mail that SNS sent.
    Unconfirmed,
    /// There is no subscription: somebody ended it, as by the link in each mail, or it wasn't confirmed in time.
    Unsubscribed,
}

/// Asks the topic of an environment's own, if its stack made one.
pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Result<Option<Alerts>, CloudError> {
    let stack = deployed.part("alerts").map(|found| &found.stack);
    let output = |key: &str| stack.and_then(|stack| stack.outputs.get(key)).cloned();
    let (Some(email), Some(topic)) = (output(outputs::EMAIL), output(outputs::TOPIC)) else {
        return Ok(None);
    };
    let all = cloud.subscriptions(&topic).await?;
    let mut of_mailbox = all
        .iter()
        .filter(|one| one.protocol == "email" && one.endpoint == email);
    // A mailbox is listed again for each mail that asked for it to be confirmed.
    let state = match of_mailbox.clone().any(|one| matches!(one.id, SubscriptionId::Arn(_))) {
        true => AlertsState::Confirmed,
        false if of_mailbox.any(|one| one.id == SubscriptionId::Pending) => AlertsState::Unconfirmed,
        false => AlertsState::Unsubscribed,
    };
    Ok(Some(Alerts { email, topic, state }))
}
