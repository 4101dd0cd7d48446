//! The template of a stack that so far only takes in what is there.

use serde_json::{Map, Value, json};

use super::references::{self, Reference};
use super::template;

/// A template with these resources of `body` and nothing else. What refers to a parameter, or to a resource that isn't
/// taken in with them, is left out: CloudFormation doesn't compare what it imports with the template
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>), and the update with the whole
/// template sets it. It has no outputs, which an import refuses; `description` says whose it is, as an import refuses tags,
/// too. JSON, so that no value changes by being written again.
///
/// # Errors
/// Why `body` is no template.
pub fn template(body: &str, logical_ids: &[&str], description: &str) -> Result<String, String> {
    let whole = template::read(body)?;
    let resources = template::section(&whole, "Resources").filter(|(id, _)| logical_ids.contains(&id.as_str()));
    let resources: Map<String, Value> = resources
        .map(|(id, resource)| (id.clone(), without_the_rest(resource, logical_ids)))
        .collect();
    let alone = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Resources": resources,
    });
    Ok(alone.to_string())
}

fn without_the_rest(resource: &Value, logical_ids: &[&str]) -> Value {
    let is_known = |reference: &Reference| match reference {
        Reference::Name(name) => name.starts_with("AWS::") || logical_ids.contains(&name.as_str()),
        Reference::Attribute(name, _) => logical_ids.contains(&name.as_str()),
    };
    let properties = resource["Properties"].as_object().into_iter().flatten();
    let properties = properties.filter(|(_, value)| references::of(value).iter().all(is_known));
    let properties: Map<String, Value> = properties.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut alone = json!({"Type": resource["Type"], "Properties": properties});
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if !resource[policy].is_null() {
            alone[policy] = resource[policy].clone();
        }
    }
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "\
Parameters:
  Key: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      QueueName: '0123'
      VisibilityTimeout: 120
      KmsMasterKeyId: !Ref Key
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
      Tags: [{Key: region, Value: !Ref AWS::Region}]
  Dead:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Queue]}
Outputs:
  Url: {Value: !Ref Queue}
";

    #[test]
    fn it_holds_what_is_taken_in_and_what_that_refers_to() {
        let read = |ids: &[&str]| -> Value {
            let text = template(BODY, ids, "qfleet: work of lab").expect("a template");
            serde_json::from_str(&text).expect("JSON")
        };
        let both = read(&["Queue", "Dead"]);
        let queue = json!({
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "QueueName": "0123",
                "VisibilityTimeout": 120,
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5},
                "Tags": [{"Key": "region", "Value": {"Ref": "AWS::Region"}}],
            },
        });
        let dead = json!({"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {}});
        assert_eq!(both["Resources"], json!({"Queue": queue, "Dead": dead}));
        assert_eq!(both["Description"], "qfleet: work of lab");
        assert!(both["Outputs"].is_null() && both["Parameters"].is_null());
        let alone = read(&["Queue"]);
        assert!(
            alone["Resources"]["Queue"]["Properties"]["RedrivePolicy"].is_null(),
            "{alone}"
        );
    }
}
