//! Event source mappings of Lambda: those that stacks hold, in a state that the script says.

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::services::Plain;
use super::world::{Step, World};

/// What an event source mapping is like.
#[derive(Debug, Clone, Default)]
pub struct ScriptedMapping {
    /// "Creating, Enabling, Enabled, Disabling, Disabled, Updating, or Deleting"
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>).
    pub state: String,
    /// How long it takes to be disabled, or enabled.
    pub disables: Duration,
    /// How many updates are refused because one is under way.
    pub in_use: u32,
    /// Whether an update is under way that was asked for.
    pub stirs: bool,
    /// What came of the last batch, where Lambda says.
    pub last_result: Option<&'static str>,
    /// What somebody set, beside what the template says.
    pub changed: Value,
}

impl World {
    /// Lambda, as far as it goes.
    pub(super) fn lambda(&mut self, call: &Call) -> Result<Plain, Refusal> {
        if call.path.starts_with("/2017-03-31/tags/") {
            return self.mapping_tags(call);
        }
        if call.path.starts_with("/2015-03-31/functions/") {
            return self.function(call);
        }
        let uuid = call.path.rsplit('/').next().unwrap_or_default();
        let mut resources = self.stacks.iter().flat_map(|stack| &stack.resources);
        let found = resources.find(|resource| {
            resource.kind == "AWS::Lambda::EventSourceMapping" && resource.physical_id.as_deref() == Some(uuid)
        });
        let properties = found.map(|found| found.properties.clone());
        let gone = || {
            Refusal::new(
                404,
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
            )
        };
        let arn = self.arn("lambda", &format!("event-source-mapping:{uuid}"));
        let function_arn = self.arn("lambda", "function:");
        let (Some(mapping), Some(properties)) = (self.script.mapping.as_mut(), properties) else {
            return Err(gone());
        };
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let mut after = None;
        match call.action.as_str() {
            "GetEventSourceMapping" => {}
            // "The operation conflicts with the resource's availability. For example, you tried to update an event source
            // mapping in the CREATING state" (API_UpdateEventSourceMapping).
            "UpdateEventSourceMapping" if mapping.in_use > 0 || mapping.stirs => {
                mapping.in_use = mapping.in_use.saturating_sub(1);
                let message = "Cannot update the event source mapping because it is in use.";
                return Err(Refusal::new(400, "ResourceInUseException", message));
            }
            "UpdateEventSourceMapping" if input["Enabled"] == false && mapping.state != "Disabled" => {
                "Disabling".clone_into(&mut mapping.state);
                after = Some((mapping.disables, "Disabled"));
            }
            "UpdateEventSourceMapping" if input["Enabled"] == true && mapping.state != "Enabled" => {
                "Enabling".clone_into(&mut mapping.state);
                after = Some((mapping.disables, "Enabled"));
            }
            "UpdateEventSourceMapping" => {}
            other => {
                let what = format!("the test's endpoint has no {other}");
                return Err(Refusal::new(501, "NotImplemented", what));
            }
        }
        // localstack/localstack tests/aws/services/lambda_/event_source_mapping/test_lambda_integration_sqs.snapshot.json,
        // test_sqs_event_source_mapping_update.
        let given = |name: &str, default: Value| match (&mapping.changed[name], &properties[name]) {
            (Value::Null, Value::Null) => default,
            (Value::Null, given) => given.clone(),
            (changed, _) => changed.clone(),
        };
        let function = given("FunctionName", Value::Null);
        let function = function.as_str().unwrap_or_default();
        let mut answer = json!({
            "BatchSize": given("BatchSize", json!(10)),
            "EventSourceArn": given("EventSourceArn", Value::Null),
            "EventSourceMappingArn": arn,
            "FunctionArn": match function.starts_with("arn:") {
                true => function.to_owned(),
                false => function_arn.replace("function:", &format!("function:{function}")),
            },
            "FunctionResponseTypes": given("FunctionResponseTypes", json!([])),
            "LastModified": 1_767_312_000.0,
            "MaximumBatchingWindowInSeconds": given("MaximumBatchingWindowInSeconds", json!(0)),
            "State": mapping.state,
            "StateTransitionReason": "USER_INITIATED",
            "UUID": uuid,
        });
        for optional in ["FilterCriteria", "ScalingConfig"] {
            let given = given(optional, Value::Null);
            if !given.is_null() {
                answer[optional] = given;
            }
        }
        if let Some(result) = mapping.last_result {
            answer["LastProcessingResult"] = result.into();
        }
        if let Some((after, state)) = after {
            mapping.stirs = true;
            self.plan(after, Step::MappingBecomes { state });
        }
        Ok(Plain::json(&answer))
    }

    /// Tags of the mapping, by its ARN (<https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_UntagResource.html>): both answer 204 with nothing in it.
    fn mapping_tags(&mut self, call: &Call) -> Result<Plain, Refusal> {
        let tags = &mut self.script.mapping_tags;
        match call.action.as_str() {
            "ListTags" => return Ok(Plain::json(&json!({"Tags": tags}))),
            "TagResource" => {
                let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                tags.extend(input["Tags"].as_object().cloned().unwrap_or_default());
            }
            _ => {
                let query = call.path.split_once('?').map_or("", |(_, query)| query);
                let keys = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "tagKeys");
                keys.for_each(|(_, key)| _ = tags.remove(&*key));
            }
        }
        let nothing = Plain::ok("application/json", "");
        Ok(Plain { status: 204, ..nothing })
    }

    /// The mapping's state.
    pub fn mapping_state(&self) -> String {
        self.script
            .mapping
            .as_ref()
            .map(|mapping| mapping.state.clone())
            .unwrap_or_default()
    }

    pub(super) fn mapping_becomes(&mut self, state: &str) {
        if let Some(mapping) = &mut self.script.mapping {
            state.clone_into(&mut mapping.state);
            mapping.stirs = false;
        }
    }
}
