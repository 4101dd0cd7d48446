//! Looks where CloudFormation doesn't: the deployed template, its functions worked out, against what services say.

mod cloudfront;
mod lambda;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare;
use super::look::OwnLook;
use super::resolve::Resolver;
use crate::blueprint::template;
use crate::cloud::cloudformation::stacks::{StackDescription, StackResource};
use crate::cloud::s3::actual::ActualBucket;
use crate::cloud::{Cloud, CloudError};

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
                let mut look = self.properties(declared, &PROPERTIES, &[], cloud.actual_queue(id).await?);
                look.added("RedrivePolicy");
                look.added("RedriveAllowPolicy");
                look
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
                const PROPERTIES: [&str; 7] = [
                    "Endpoint",
                    "FilterPolicy",
                    "FilterPolicyScope",
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
            "AWS::S3::Bucket" => self.bucket(declared, cloud.actual_bucket(id).await),
            "AWS::IAM::Role" => {
                const PROPERTIES: [&str; 6] = [
                    "AssumeRolePolicyDocument",
                    "Description",
                    "ManagedPolicyArns",
                    "MaxSessionDuration",
                    "PermissionsBoundary",
                    "Policies",
                ];
                // What the template leaves out isn't there, and detection only looks at what it sets.
                let defaults = [
                    ("Description", json!("")),
                    ("ManagedPolicyArns", json!([])),
                    ("Policies", json!([])),
                ];
                let mut look = self.properties(declared, &PROPERTIES, &defaults, cloud.actual_role(id).await?);
                look.added("PermissionsBoundary");
                look
            }
            "AWS::CloudWatch::Alarm" => {
                const PROPERTIES: [&str; 13] = [
                    "ActionsEnabled",
                    "AlarmActions",
                    "ComparisonOperator",
                    "DatapointsToAlarm",
                    "Dimensions",
                    "EvaluationPeriods",
                    "MetricName",
                    "Metrics",
                    "Namespace",
                    "Period",
                    "Statistic",
                    "Threshold",
                    "TreatMissingData",
                ];
                let defaults = [("ActionsEnabled", json!(true)), ("AlarmActions", json!([]))];
                self.properties(declared, &PROPERTIES, &defaults, cloud.actual_alarm(id).await?)
            }
            "AWS::EC2::SecurityGroup" if declared.get("SecurityGroupIngress").is_none() => {
                // Asking EC2 for this one answer would take the largest of all SDK crates.
                let why = "CloudFormation compares only what the template sets, and qfleet doesn't ask EC2";
                OwnLook {
                    unchecked: vec![("SecurityGroupIngress".to_owned(), why.to_owned())],
                    ..OwnLook::default()
                }
            }
            "AWS::CloudFront::Distribution" => self.distribution(declared, id).await?,
            "AWS::Lambda::Function" => self.function(declared, id).await?,
            "AWS::Lambda::EventSourceMapping" => self.mapping(declared, id).await?,
            "AWS::AutoScaling::AutoScalingGroup" => {
                let properties = ["DefaultInstanceWarmup", "DesiredCapacity", "MaxSize", "MinSize"];
                let mut look = self.properties(declared, &properties, &[], cloud.actual_group(id).await?);
                let of_group = |action: &&Value| {
                    action.get("Recurrence").is_some() && action["AutoScalingGroupName"]["Ref"] == *resource.logical_id
                };
                look.scheduled(self.resources.values().filter(of_group));
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
                            (found, _) => look.deviations.extend(compare::differences(property, &value, found)),
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

    /// Compares a bucket's sections. Those that S3 would not tell are said to be unchecked.
    fn bucket(&self, declared: &Value, actual: Option<ActualBucket>) -> OwnLook {
        const PROPERTIES: [&str; 6] = [
            "BucketEncryption",
            "CorsConfiguration",
            "NotificationConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "VersioningConfiguration",
        ];
        let (known, untold) = match actual {
            Some(ActualBucket { known, untold }) => (Some(Value::Object(known)), untold),
            None => (None, Vec::new()),
        };
        let told = |name: &&str| !untold.iter().any(|(section, _)| section == name);
        let told: Vec<&str> = PROPERTIES.into_iter().filter(told).collect();
        let mut look = self.properties(declared, &told, &[("NotificationConfiguration", json!({}))], known);
        look.added("CorsConfiguration");
        let untold = untold.into_iter();
        look.unchecked
            .extend(untold.map(|(section, why)| (section, why.to_string())));
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
            let deviations = compare::differences("PolicyDocument", &document, Some(&actual));
            if !deviations.is_empty() || look.actual.is_none() {
                look.actual = Some(json!({"PolicyDocument": actual}));
            }
            look.deviations.extend(deviations);
        }
        look.expected.insert("PolicyDocument".to_owned(), document);
        Ok(look)
    }
}

/// What a service says nothing of when it isn't there.
fn is_read_back(property: &str) -> bool {
    matches!(
        property,
        "BucketEncryption"
            | "CorsConfiguration"
            | "DatapointsToAlarm"
            | "Dimensions"
            | "FilterPolicy"
            | "KmsMasterKeyId"
            | "MetricName"
            | "Metrics"
            | "Namespace"
            | "OwnershipControls"
            | "Period"
            | "PermissionsBoundary"
            | "PublicAccessBlockConfiguration"
            | "RedriveAllowPolicy"
            | "RedrivePolicy"
            | "ScalingConfig"
            | "Statistic"
            | "StepAdjustments"
            | "TargetTrackingConfiguration"
            | "VersioningConfiguration"
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
