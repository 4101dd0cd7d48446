//! Looks where CloudFormation doesn't: the deployed template, its functions worked out, against what services say.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare::{self, Place};
use super::resolve::Resolver;
use crate::blueprint::template;
use crate::cloud::stacks::{StackDescription, StackResource};
use crate::cloud::{Cloud, CloudError};

/// What our own look at a resource came to.
#[derive(Debug, Default)]
pub struct OwnLook {
    /// Whether it is of a type that qfleet compares.
    pub is_known: bool,
    /// Whether it is gone.
    pub is_gone: bool,
    /// What was compared, as deployed.
    pub expected: Map<String, Value>,
    /// What the service says.
    pub actual: Option<Value>,
    /// Where they differ.
    pub places: Vec<Place>,
    /// Properties that could not be compared, and why.
    pub unchecked: Vec<(String, String)>,
    /// Why the service could not be asked.
    pub failed: Option<String>,
}

/// What our own look at a stack needs.
pub struct Own<'a> {
    cloud: &'a Cloud,
    resolver: Resolver,
    resources: BTreeMap<String, Value>,
}

impl<'a> Own<'a> {
    /// For a deployed stack. Without a template that can be read, every look says so.
    pub fn new(cloud: &'a Cloud, stack: &StackDescription, body: &str, resources: &[StackResource]) -> Self {
        let template = template::read(body).unwrap_or_default();
        let parameters = stack.parameters.iter().map(|(name, parameter)| {
            let value = parameter.resolved.as_ref().unwrap_or(&parameter.value);
            let declared = &template.get("Parameters").unwrap_or(&Value::Null)[name]["Type"];
            let is_list = declared
                .as_str()
                .is_some_and(|kind| kind.contains("List<") || kind.contains("CommaDelimitedList"));
            let value = if is_list {
                value.split(',').map(|item| Value::from(item.trim())).collect()
            } else {
                Value::from(value.as_str())
            };
            (name.clone(), value)
        });
        let resolver = Resolver {
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            stack_id: stack.id.clone(),
            stack_name: stack.name.clone(),
            parameters: parameters.collect(),
            resources: resources
                .iter()
                .map(|one| {
                    let known = (one.resource_type.clone(), one.physical_id.clone());
                    (one.logical_id.clone(), known)
                })
                .collect(),
            conditions: match template.get("Conditions") {
                Some(Value::Object(conditions)) => conditions.clone(),
                _ => Map::new(),
            },
        };
        Own {
            cloud,
            resolver,
            resources: template::section(&template, "Resources")
                .map(|(name, resource)| (name.clone(), resource["Properties"].clone()))
                .collect(),
        }
    }

    /// Compares a resource.
    pub async fn look(&self, resource: &StackResource) -> OwnLook {
        match self.compare(resource).await {
            Ok(look) => look,
            Err(error) => OwnLook {
                is_known: true,
                failed: Some(error.to_string()),
                ..OwnLook::default()
            },
        }
    }

    async fn compare(&self, resource: &StackResource) -> Result<OwnLook, CloudError> {
        let (cloud, id) = (self.cloud, resource.physical_id.as_str());
        let nothing = Value::Null;
        let declared = self.resources.get(&resource.logical_id).unwrap_or(&nothing);
        Ok(match resource.resource_type.as_str() {
            "AWS::SQS::Queue" => {
                const PROPERTIES: [&str; 8] = [
                    "DelaySeconds",
                    "KmsMasterKeyId",
                    "MessageRetentionPeriod",
                    "ReceiveMessageWaitTimeSeconds",
                    "RedriveAllowPolicy",
                    "RedrivePolicy",
                    "SqsManagedSseEnabled",
                    "VisibilityTimeout",
                ];
                self.properties(declared, &PROPERTIES, &[], cloud.actual_queue(id).await?)
            }
            "AWS::SNS::Topic" => {
                // What the template leaves out is empty, and detection only looks at what it sets.
                let defaults = [("DisplayName", json!("")), ("KmsMasterKeyId", json!(""))];
                let actual = cloud.actual_topic(id).await?.map(|actual| {
                    let text = |name: &str| actual.get(name).and_then(Value::as_str).unwrap_or_default();
                    // The emulator hands out the topic's name where nobody set another one.
                    let own_name = id.rsplit(':').next();
                    let display_name = Some(text("DisplayName")).filter(|name| Some(*name) != own_name);
                    json!({
                        "DisplayName": display_name.unwrap_or_default(),
                        "KmsMasterKeyId": text("KmsMasterKeyId"),
                    })
                });
                self.properties(declared, &["DisplayName", "KmsMasterKeyId"], &defaults, actual)
            }
            "AWS::SNS::Subscription" => {
                const PROPERTIES: [&str; 6] = [
                    "Endpoint",
                    "FilterPolicy",
                    "Protocol",
                    "RawMessageDelivery",
                    "RedrivePolicy",
                    "TopicArn",
                ];
                let mut look = self.properties(declared, &PROPERTIES, &[], cloud.actual_subscription(id).await?);
                look.added("FilterPolicy");
                look
            }
            "AWS::SQS::QueuePolicy" => {
                let ask = async |url: &str| Ok(cloud.actual_queue(url).await?.map(|queue| document(&queue)));
                self.policy(declared, "Queues", ask).await?
            }
            "AWS::SNS::TopicPolicy" => {
                let ask = async |arn: &str| Ok(cloud.actual_topic(arn).await?.map(|topic| document(&topic)));
                self.policy(declared, "Topics", ask).await?
            }
            "AWS::S3::BucketPolicy" => {
                let ask = async |bucket: &str| cloud.actual_bucket_policy(bucket).await;
                self.policy(declared, "Bucket", ask).await?
            }
            "AWS::S3::Bucket" => {
                let actual = cloud.actual_notifications(id).await?;
                let actual = actual.map(|actual| json!({"NotificationConfiguration": actual}));
                let defaults = [("NotificationConfiguration", json!({}))];
                self.properties(declared, &["NotificationConfiguration"], &defaults, actual)
            }
            "AWS::AutoScaling::AutoScalingGroup" => {
                let properties = ["DefaultInstanceWarmup", "DesiredCapacity", "MaxSize", "MinSize"];
                let mut look = self.properties(declared, &properties, &[], cloud.actual_group(id).await?);
                look.processes();
                look.old_instances();
                look
            }
            "AWS::AutoScaling::ScalingPolicy" => {
                let properties = [
                    "AdjustmentType",
                    "PolicyType",
                    "StepAdjustments",
                    "TargetTrackingConfiguration",
                ];
                let mut look = self.properties(declared, &properties, &[], cloud.actual_scaling_policy(id).await?);
                look.enabled();
                look
            }
            _ => OwnLook::default(),
        })
    }

    /// Compares those of the `properties` that the template sets, and those that have a default.
    fn properties(
        &self,
        declared: &Value,
        properties: &[&str],
        defaults: &[(&str, Value)],
        actual: Option<Value>,
    ) -> OwnLook {
        let mut look = OwnLook {
            is_known: true,
            is_gone: actual.is_none(),
            ..OwnLook::default()
        };
        for property in properties {
            let default = defaults
                .iter()
                .find(|(name, _)| name == property)
                .map(|(_, value)| value);
            let Some(value) = declared.get(property).or(default) else {
                continue;
            };
            match self.resolver.resolve(value) {
                Ok(value) => {
                    if let Some(actual) = &actual {
                        match (actual.get(property), is_read_back(property)) {
                            // An older endpoint leaves out what it doesn't know.
                            (None, false) => {
                                let why = "the service doesn't say what it is".to_owned();
                                look.unchecked.push(((*property).to_owned(), why));
                            }
                            (found, _) => look.places.extend(compare::differences(property, &value, found)),
                        }
                    }
                    look.expected.insert((*property).to_owned(), value);
                }
                Err(why) => look.unchecked.push(((*property).to_owned(), why)),
            }
        }
        look.actual = actual;
        look
    }

    /// Compares a policy with that of each thing it is attached to. Those that are gone themselves are found as such.
    async fn policy(
        &self,
        declared: &Value,
        targets: &str,
        ask: impl AsyncFn(&str) -> Result<Option<Value>, CloudError>,
    ) -> Result<OwnLook, CloudError> {
        let mut look = OwnLook {
            is_known: true,
            ..OwnLook::default()
        };
        let document = self.resolver.resolve(&declared["PolicyDocument"]);
        let names = self.resolver.resolve(&declared[targets]);
        let (document, names) = match (document, names) {
            (Ok(document), Ok(names)) => (document, names),
            (Err(why), _) | (_, Err(why)) => {
                look.unchecked.push(("PolicyDocument".to_owned(), why));
                return Ok(look);
            }
        };
        let one = [names.clone()];
        for name in names
            .as_array()
            .map_or(one.as_slice(), Vec::as_slice)
            .iter()
            .filter_map(Value::as_str)
        {
            let Some(actual) = ask(name).await? else { continue };
            let places = compare::differences("PolicyDocument", &document, Some(&actual));
            if !places.is_empty() || look.actual.is_none() {
                look.actual = Some(json!({"PolicyDocument": actual}));
            }
            look.places.extend(places);
        }
        look.expected.insert("PolicyDocument".to_owned(), document);
        Ok(look)
    }
}

/// What a service says nothing of when it isn't there.
fn is_read_back(property: &str) -> bool {
    matches!(
        property,
        "RedrivePolicy"
            | "RedriveAllowPolicy"
            | "FilterPolicy"
            | "KmsMasterKeyId"
            | "TargetTrackingConfiguration"
            | "StepAdjustments"
    )
}

/// The policy among the attributes of a queue or a topic.
fn document(attributes: &Value) -> Value {
    match attributes.get("Policy") {
        Some(Value::String(text)) if text.is_empty() => json!({}),
        Some(policy) => policy.clone(),
        None => json!({}),
    }
}

impl OwnLook {
    /// A property that the template doesn't set and that is there now.
    fn added(&mut self, property: &str) {
        let found = self.actual.as_ref().and_then(|actual| actual.get(property));
        // The emulator hands out an empty one where there is none.
        let found = found.filter(|found| *found != "" && !self.expected.contains_key(property));
        if let Some(found) = found {
            self.places.push(Place {
                path: property.to_owned(),
                expected: None,
                actual: Some(found.clone()),
            });
        }
    }

    /// No template suspends processes of a running group.
    fn processes(&mut self) {
        let suspended = self.actual.as_ref().and_then(|actual| actual.get("SuspendedProcesses"));
        let some = suspended.filter(|suspended| suspended.as_array().is_some_and(|all| !all.is_empty()));
        if let Some(suspended) = some {
            self.places.push(Place {
                path: "SuspendedProcesses".to_owned(),
                expected: Some(json!([])),
                actual: Some(suspended.clone()),
            });
        }
    }

    /// Instances that were launched from another version than the group launches now.
    fn old_instances(&mut self) {
        let of = |name: &str| self.actual.as_ref().and_then(|actual| actual.get(name));
        let Some(Value::String(version)) = of("LaunchTemplateVersion") else {
            return;
        };
        // What $Latest and $Default mean now isn't said.
        if version.starts_with('$') {
            return;
        }
        let instances = of("Instances").and_then(Value::as_object);
        let others = instances
            .into_iter()
            .flatten()
            .filter(|(_, launched)| *launched != version);
        let others: Map<String, Value> = others.map(|(id, launched)| (id.clone(), launched.clone())).collect();
        if !others.is_empty() {
            self.places.push(Place {
                path: "Instances".to_owned(),
                expected: Some(json!({"launch template version": version})),
                actual: Some(Value::Object(others)),
            });
        }
    }

    /// A policy that was turned off; a template can't.
    fn enabled(&mut self) {
        if self.actual.as_ref().is_some_and(|actual| actual["Enabled"] == false) {
            self.places.push(Place {
                path: "Enabled".to_owned(),
                expected: Some(json!(true)),
                actual: Some(json!(false)),
            });
        }
    }
}
