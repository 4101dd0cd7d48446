//! The regions of an account (<https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>), and the
//! subscriptions of its topics.

use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::services::Plain;
use super::world::World;

impl World {
    /// An action of Account Management.
    pub fn account(&mut self, call: &Call) -> Plain {
        if call.action != "ListRegions" {
            self.complaints
                .push(format!("{}: the endpoint doesn't know it", call.action));
            return Plain::refusal(call, &Refusal::new(501, "NotImplemented", &call.action));
        }
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let wanted = input["RegionOptStatusContains"].as_array();
        let regions =
            self.script.regions.iter().filter(|(_, status)| {
                wanted.is_none_or(|wanted| wanted.iter().any(|word| word.as_str() == Some(status)))
            });
        let regions: Vec<Value> = regions
            .map(|(name, status)| json!({"RegionName": name, "RegionOptStatus": status}))
            .collect();
        Plain::json(&json!({"Regions": regions}))
    }
}
