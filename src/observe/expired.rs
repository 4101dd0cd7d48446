//! Which environments of a region have expired, and which of these may go.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::expiry::{Expiry, Recorded, unreadable};
use crate::cloud::{AwsCli, Cloud, CloudError};
use crate::deployed::protection;
use crate::deployed::protection::Lifted;
use crate::deployed::{Deployed, PARAMETERS, expiry_parameter};

/// An environment that has expired, or of which that can't be known.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Expired {
    pub environment: String,
    pub region: String,
    /// When it expired; none when that can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// Whether it may go.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Whether an environment may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It has expired, and nothing keeps it.
    MayGo,
    /// It has expired, and is protected.
    Protected { reason: String },
    /// When it expires can't be read.
    Unreadable { reason: String },
}

/// The environments of a region that have expired, by name; or the only one that is meant. Only what stacks with qfleet's tags belong to is one, and only
/// what has an expiry can expire. `now` is the wall clock.
///
/// # Errors
/// When the stacks or the expiries can't be listed: nothing is known then, and nothing may go.
pub async fn expired(cloud: &Cloud, only: Option<&str>, now: Timestamp) -> Result<Vec<Expired>, CloudError> {
    let (mut all, kept) = try_join(Deployed::all(cloud), cloud.parameters_under(PARAMETERS)).await?;
    all.retain(|deployed| only.is_none_or(|only| deployed.address.environment == only));
    let mut expired = Vec::new();
    for (deployed, kept) in due(all, &kept, now) {
        // A listing of all stacks may leave out their termination protection.
        let deployed = deployed.with_protection(cloud).await?;
        let expires = match &kept {
            Recorded::At(at) => Some(Expiry::new(*at, now)),
            Recorded::Unreadable(_) => None,
        };
        expired.push(Expired {
            environment: deployed.address.environment.clone(),
            region: cloud.region.clone(),
            expires,
            verdict: verdict(&deployed, &cloud.cli(), &kept),
        });
    }
    Ok(expired)
}

/// Those that have expired, or of which that can't be known.
fn due(all: Vec<Deployed>, kept: &BTreeMap<String, String>, now: Timestamp) -> Vec<(Deployed, Recorded)> {
    let with_expiry = all.into_iter().filter_map(|deployed| {
        let kept = Recorded::read(kept.get(&expiry_parameter(&deployed.address.environment))?);
        Some((deployed, kept))
    });
    with_expiry
        .filter(|(_, kept)| kept.is_past(now) || matches!(kept, Recorded::Unreadable(_)))
        .collect()
}

fn verdict(deployed: &Deployed, cli: &AwsCli, kept: &Recorded) -> Verdict {
    if let Recorded::Unreadable(value) = kept {
        return Verdict::Unreadable {
            reason: unreadable(&deployed.address.environment, cli, value),
        };
    }
    let mut stacks = deployed.stacks.iter();
    match stacks.find_map(|found| protection::refusal(&found.stack, Lifted::default())) {
        Some(refusal) => Verdict::Protected {
            reason: refusal.to_string(),
        },
        None => Verdict::MayGo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::address::Address;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn environment(name: &str) -> Deployed {
        Deployed {
            address: Address {
                environment: name.to_owned(),
                account: "111122223333".to_owned(),
                region: "us-east-2".to_owned(),
            },
            stacks: Vec::new(),
        }
    }

    #[test]
    fn only_what_is_past_its_time_or_unreadable_is_due() {
        let now = at("2026-01-02T10:00:00Z");
        let kept = [
            ("past", "2026-01-02T09:59:59Z"),
            ("now", "2026-01-02T10:00:00Z"),
            ("soon", "2026-01-02T10:00:01Z"),
            ("odd", "tomorrow"),
            ("photo-lab-2", "2026-01-01T00:00:00Z"),
            ("gone", "2026-01-01T00:00:00Z"),
        ];
        let kept = kept
            .map(|(name, value)| (expiry_parameter(name), value.to_owned()))
            .into();
        let all = ["past", "now", "soon", "odd", "photo-lab", "never"]
            .map(environment)
            .into();
        let due: Vec<String> = due(all, &kept, now)
            .into_iter()
            .map(|(one, _)| one.address.environment)
            .collect();
        assert_eq!(due, ["past", "now", "odd"]);
    }

    #[test]
    fn an_expiry_that_cannot_be_read_lets_nothing_go() {
        let of = |value: &str| verdict(&environment("lab"), &AwsCli::new("us-east-2"), &Recorded::read(value));
        assert_eq!(of("2026-01-02T10:00:00Z"), Verdict::MayGo);
        for value in ["", "tomorrow", "2026-01-02", "1767348000"] {
            assert!(matches!(of(value), Verdict::Unreadable { .. }), "{value}");
            assert!(!Recorded::read(value).is_past(at("2100-01-01T00:00:00Z")), "{value}");
        }
    }
}
