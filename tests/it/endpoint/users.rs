//! Who uses what stacks put out: imports of exports, and subscriptions to topics.

use serde_json::Value;

use super::query::{Input, Refusal};
use super::state::Stack;
use super::template::as_text;
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

/// A subscription that no stack made.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// The end of the topic's ARN.
    pub topic: String,
    /// Its ARN, `PendingConfirmation` or `Deleted`.
    pub arn: String,
    pub protocol: String,
    pub endpoint: String,
}

impl World {
    /// The name under which a stack exports an output.
    pub fn export_of(&self, stack: &Stack, output: &str) -> Option<String> {
        let template = stack.definition.template.as_ref()?;
        let name = &template.tree["Outputs"][output]["Export"]["Name"];
        (!name.is_null()).then(|| as_text(name))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListImports.html>
    pub fn list_imports(&self, input: &Input) -> Answer {
        let export = input.required("ExportName")?;
        let there = self.stacks.iter().filter(|stack| stack.is_there());
        let importers = there.filter(|stack| {
            let template = stack.definition.template.as_ref();
            template.is_some_and(|template| imports(&template.tree, export))
        });
        let names: Vec<String> = importers.map(|stack| stack.name.clone()).collect();
        if names.is_empty() {
            return Err(Refusal::validation(format!(
                "Export '{export}' is not imported by any stack."
            )));
        }
        let (page, next) = self.page(names, input)?;
        Ok(Fields::new().texts("Imports", page).maybe("NextToken", next))
    }

    /// SNS (<https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html>).
    pub fn sns(&self, action: &str, input: &Input) -> Answer {
        if action != "ListSubscriptionsByTopic" {
            return Err(Refusal::new(
                400,
                "InvalidAction",
                format!("Could not find operation {action}"),
            ));
        }
        let topic = input.required("TopicArn")?;
        let there = self.stacks.iter().filter(|stack| stack.is_there());
        let resources = || there.clone().flat_map(|stack| &stack.resources);
        let is_scripted = self.script.subscriptions.iter().any(|(of, _, _)| of == topic);
        if !is_scripted && !resources().any(|resource| resource.physical_id.as_deref() == Some(topic)) {
            return Err(Refusal::new(404, "NotFound", "Topic does not exist"));
        }
        let text = |properties: &Value, name: &str| as_text(&properties[name]);
        let made = resources()
            .filter(|resource| {
                resource.kind == "AWS::SNS::Subscription" && text(&resource.properties, "TopicArn") == topic
            })
            .filter_map(|resource| {
                Some(Subscribed {
                    topic: topic.to_owned(),
                    // <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>: the owner of a mailbox must
                    // confirm it first.
                    arn: match text(&resource.properties, "Protocol").as_str() {
                        "email" => "PendingConfirmation".to_owned(),
                        _ => resource.physical_id.clone()?,
                    },
                    protocol: text(&resource.properties, "Protocol"),
                    endpoint: text(&resource.properties, "Endpoint"),
                })
            });
        let scripted = self.script.subscribed.iter().cloned();
        let queues = self
            .script
            .subscriptions
            .iter()
            .map(|(topic, endpoint, confirmed)| Subscribed {
                topic: topic.clone(),
                arn: match confirmed {
                    true => format!("{topic}:6b0e71bd-0000-4000-8000-000000000000"),
                    false => "PendingConfirmation".to_owned(),
                },
                protocol: "sqs".to_owned(),
                endpoint: endpoint.clone(),
            });
        let scripted = scripted.chain(queues);
        let all: Vec<Subscribed> = made.chain(scripted.filter(|one| topic.ends_with(&one.topic))).collect();
        let (page, next) = self.page(all, input)?;
        let members = page.into_iter().map(|one| {
            Fields::new()
                .text("SubscriptionArn", one.arn)
                .text("Owner", &self.script.account)
                .text("Protocol", one.protocol)
                .text("Endpoint", one.endpoint)
                .text("TopicArn", topic)
        });
        Ok(Fields::new().members("Subscriptions", members).maybe("NextToken", next))
    }
}

/// Whether `Fn::ImportValue` of this name stands anywhere in it.
fn imports(tree: &Value, export: &str) -> bool {
    match tree {
        Value::Object(fields) => {
            fields.get("Fn::ImportValue").and_then(Value::as_str) == Some(export)
                || fields.values().any(|value| imports(value, export))
        }
        Value::Array(items) => items.iter().any(|item| imports(item, export)),
        _ => false,
    }
}
