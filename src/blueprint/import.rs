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
    let alone = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Resources": taken_in(body, logical_ids, |_| false)?,
    });
    Ok(alone.to_string())
}

/// The template of a stack that is there, with these resources of `body` in it and nothing else: an import refuses every
/// other change. Its text stays as it is; what is added to YAML is JSON, which YAML takes.
///
/// # Errors
/// Why one of them is no template, or nothing can be added to it.
pub fn beside(deployed: &str, body: &str, logical_ids: &[&str]) -> Result<String, String> {
    let mut there = template::read(deployed)?;
    let is_there = |name: &str| {
        let mut sections = ["Parameters", "Resources"].into_iter();
        sections.any(|section| template::section(&there, section).any(|(id, _)| id == name))
    };
    let mut added = taken_in(body, logical_ids, is_there)?;
    // The update afterwards sets a queue's attributes: CloudFormation sets what differs from the template before, whatever
    // the queue has by now. On a stack that is new its tags differ, and everything is set with them.
    for queue in added
        .values_mut()
        .filter(|resource| resource["Type"] == "AWS::SQS::Queue")
    {
        if let Some(properties) = queue.get_mut("Properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| ["QueueName", "FifoQueue"].contains(&name.as_str()));
        }
    }
    if deployed.trim_start().starts_with('{') {
        if let Some(resources) = there.get_mut("Resources").and_then(Value::as_object_mut) {
            resources.extend(added);
        }
        return Ok(Value::Object(there).to_string());
    }
    let is_head = |line: &str| {
        line.strip_prefix("Resources:")
            .is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'))
    };
    let mut lines = deployed.split_inclusive('\n');
    let head: String = {
        let mut head = String::new();
        loop {
            let line = lines.next().ok_or("it has no line `Resources:` to add to")?;
            head += line;
            if is_head(line) {
                break head;
            }
        }
    };
    let rest: String = lines.collect();
    let is_entry = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let first = rest.lines().find(is_entry).unwrap_or("  ");
    let indent = &first[..first.len() - first.trim_start().len()];
    let added = added.into_iter().map(|(id, resource)| {
        let resource = serde_json::to_string_pretty(&resource).unwrap_or_default();
        format!("{indent}{id}: {}\n", resource.replace('\n', &format!("\n{indent}  ")))
    });
    Ok(format!("{head}{}{rest}", added.collect::<String>()))
}

/// These resources, with what they refer to among themselves and to what is there.
fn taken_in(body: &str, logical_ids: &[&str], is_there: impl Fn(&str) -> bool) -> Result<Map<String, Value>, String> {
    let whole = template::read(body)?;
    let is_known = |name: &str| logical_ids.contains(&name) || is_there(name);
    let resources = template::section(&whole, "Resources").filter(|(id, _)| logical_ids.contains(&id.as_str()));
    let resources = resources.map(|(id, resource)| (id.clone(), without_the_rest(resource, &is_known)));
    Ok(resources.collect())
}

fn without_the_rest(resource: &Value, is_known: &impl Fn(&str) -> bool) -> Value {
    let is_known = |reference: &Reference| match reference {
        Reference::Name(name) => name.starts_with("AWS::") || is_known(name),
        Reference::Attribute(name, _) => is_known(name),
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

    const DEPLOYED: &str = "\
Parameters:
  Key: {Type: String}

Resources:

    # The first.
    Dead:
      Type: AWS::SQS::Queue
      DeletionPolicy: Retain
    Policy:
      Type: AWS::IAM::Policy
      Properties: {PolicyDocument: {Version: 2012-10-17}}

Outputs:
  Url: {Value: !Ref Dead}
";

    #[test]
    fn beside_what_is_there_nothing_changes() {
        let text = beside(DEPLOYED, BODY, &["Queue"]).expect("a template");
        let (before, after) = (template::read(DEPLOYED), template::read(&text));
        let (before, mut after) = (before.expect("YAML"), after.expect("YAML"));
        let added = after["Resources"].as_object_mut().and_then(|all| all.remove("Queue"));
        assert_eq!(before, after);
        // The update afterwards sets the rest, because it is new to the template.
        assert_eq!(added.expect("it is added")["Properties"], json!({"QueueName": "0123"}));
        // Every line of it is still there, as it was.
        let mut lines = text.lines();
        assert!(DEPLOYED.lines().all(|line| lines.any(|known| known == line)), "{text}");

        let as_json = serde_json::to_string(&before).expect("JSON");
        let text = beside(&as_json, BODY, &["Queue"]).expect("a template");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(whole["Resources"]["Queue"]["Properties"]["QueueName"], "0123");
        assert_eq!(whole["Outputs"], before["Outputs"]);
        assert!(beside("Resources: {}", BODY, &["Queue"]).is_err());
    }
}
