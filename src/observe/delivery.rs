//! How the distribution is that hands out what is done.

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::Placement;
use crate::cloud::cloudfront::Distribution;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{self, Deployed};
use crate::shell::word;

/// A distribution, and how a file is fetched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct DeliveryState {
    /// What a `/` and a file's name follow.
    pub url: String,
    /// The distribution's id.
    pub distribution: String,
    /// The name that CloudFront gave it: where the DNS record of a name of one's own leads.
    pub domain_name: String,
    /// How it is; none when it isn't there.
    pub state: Option<Distribution>,
    /// How a file is fetched from the local emulator, to which no name leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_with: Option<String>,
}

/// Reads it.
pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Result<Option<DeliveryState>, CloudError> {
    let Some(delivery) = deployed::delivery::Delivery::of(deployed) else {
        return Ok(None);
    };
    Ok(Some(DeliveryState {
        state: cloud.distribution(&delivery.distribution).await?,
        fetch_with: cloud.local_endpoint().map(|endpoint| {
            let header = |name: &str, value: &str| format!(" -H {}", word(&format!("{name}: {value}")));
            let mut command = format!("curl{}", header("Host", &delivery.domain_name));
            command += &header("X-Forwarded-Proto", "https");
            if cloud.account != Placement::NO_ACCOUNT {
                // Of whom this is, the emulator knows by a signature's beginning.
                command += &header(
                    "Authorization",
                    &format!("AWS4-HMAC-SHA256 Credential={}/", cloud.account),
                );
            }
            format!("{command} {endpoint}/NAME")
        }),
        url: delivery.url,
        distribution: delivery.distribution,
        domain_name: delivery.domain_name,
    }))
}
