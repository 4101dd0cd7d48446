//! The regions of an account (<https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>), and the
//! subscriptions of its topics.

use serde_json::{Value, json};

use super::calls::Call;
use super::query::{Input, Refusal};
use super::services::Plain;
use super::world::World;
use super::xml::Fields;

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

    /// An action of SNS (<https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html>).
    pub fn sns(&mut self, action: &str, input: &Input) -> Result<Fields, Refusal> {
        if action != "ListSubscriptionsByTopic" {
            self.complaints.push(format!("{action}: the endpoint doesn't know it"));
            return Err(Refusal::new(400, "InvalidAction", action));
        }
        let topic = input.required("TopicArn")?.to_owned();
        let of_topic = self.script.subscriptions.iter().filter(|(of, _, _)| *of == topic);
        let (page, next) = self.page(of_topic.collect(), input)?;
        let members = page.into_iter().map(|(topic, endpoint, confirmed)| {
            let arn = match confirmed {
                true => format!("{topic}:6b0e71bd-0000-4000-8000-000000000000"),
                false => "PendingConfirmation".to_owned(),
            };
            Fields::new()
                .text("TopicArn", topic)
                .text("Protocol", "sqs")
                .text("SubscriptionArn", arn)
                .text("Owner", &self.script.account)
                .text("Endpoint", endpoint)
        });
        Ok(Fields::new().members("Subscriptions", members).maybe("NextToken", next))
    }
}
