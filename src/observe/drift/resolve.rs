//! Intrinsic functions of a deployed template, worked out from what the deployed stack says: its parameters, pseudo
//! parameters, and the physical ids of its resources. What can't be known is an error, never a guess. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::blueprint::template;

/// What a template is resolved with.
#[derive(Debug, Clone, Default)]
pub struct Resolver {
    /// The account's twelve digits.
    pub account: String,
    pub region: String,
    pub stack_id: String,
    pub stack_name: String,
    /// Values of parameters; those of list types are lists.
    pub parameters: BTreeMap<String, Value>,
    /// Type and physical id of each resource.
    pub resources: BTreeMap<String, (String, String)>,
    /// The template's conditions, unresolved.
    pub conditions: Map<String, Value>,
}

/// How deep functions and conditions may be nested: a condition that needs itself must end.
const DEEPEST: usize = 64;

impl Resolver {
    /// A value without its functions.
    ///
    /// # Errors
    /// What can't be known.
    pub fn resolve(&self, value: &Value) -> Result<Value, String> {
        self.value(value, 0)
    }

    fn value(&self, value: &Value, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("functions that are nested too deeply".to_owned());
        }
        match value {
            Value::Array(items) => {
                let items: Result<Vec<Value>, String> = items.iter().map(|item| self.value(item, depth + 1)).collect();
                Ok(Value::Array(
                    items?.into_iter().filter(|item| !item.is_null()).collect(),
                ))
            }
            Value::Object(entries) => {
                if let Some((function, argument)) = one_function(entries) {
                    return self.function(function, argument, depth + 1);
                }
                let mut object = Map::new();
                for (key, value) in entries {
                    let value = self.value(value, depth + 1)?;
                    if !value.is_null() {
                        object.insert(key.clone(), value);
                    }
                }
                Ok(Value::Object(object))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn function(&self, function: &str, argument: &Value, depth: usize) -> Result<Value, String> {
        match (function, argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => self.attribute(resource, attribute),
                _ => Err(format!("Fn::GetAtt of {argument}")),
            },
            ("Fn::Join", Value::Array(arguments)) => match arguments.as_slice() {
                [Value::String(between), items] => match self.value(items, depth)? {
                    Value::Array(items) => {
                        let items: Result<Vec<String>, String> = items.iter().map(text).collect();
                        Ok(Value::from(items?.join(between)))
                    }
                    other => Err(format!("Fn::Join of {other}")),
                },
                _ => Err(format!("Fn::Join of {argument}")),
            },
            ("Fn::Sub", Value::String(template)) => self.substitute(template, None, depth),
            ("Fn::Sub", Value::Array(arguments)) => match arguments.as_slice() {
                [Value::String(template), Value::Object(variables)] => {
                    self.substitute(template, Some(variables), depth)
                }
                _ => Err(format!("Fn::Sub of {argument}")),
            },
            ("Fn::If", Value::Array(arguments)) => match arguments.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    let chosen = if self.named_condition(condition, depth)? {
                        then
                    } else {
                        otherwise
                    };
                    self.value(chosen, depth)
                }
                _ => Err(format!("Fn::If of {argument}")),
            },
            _ => Err(format!("{function} isn't worked out")),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, String> {
        Ok(Value::from(match name {
            "AWS::AccountId" => self.account.as_str(),
            "AWS::Region" => &self.region,
            "AWS::StackId" => &self.stack_id,
            "AWS::StackName" => &self.stack_name,
            "AWS::Partition" => self.partition()?,
            "AWS::URLSuffix" if self.region.starts_with("cn-") => "amazonaws.com.cn",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::NoValue" => return Ok(Value::Null),
            _ => match (self.parameters.get(name), self.resources.get(name)) {
                (Some(value), _) => return Ok(value.clone()),
                (None, Some((_, physical_id))) if !physical_id.is_empty() => physical_id,
                _ => return Err(format!("{name} isn't known")),
            },
        }))
    }

    fn partition(&self) -> Result<&str, String> {
        let partition = self.stack_id.split(':').nth(1);
        partition.ok_or_else(|| "AWS::Partition isn't known".to_owned())
    }

    /// Attributes that follow from a resource's physical id. The form of each is on its type's page of
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, String> {
        let unknown = || format!("{resource}.{attribute} isn't known");
        let (kind, physical_id) = self.resources.get(resource).ok_or_else(unknown)?;
        if physical_id.is_empty() {
            return Err(unknown());
        }
        let partition = self.partition()?;
        let Resolver { account, region, .. } = self;
        Ok(Value::from(match (kind.as_str(), attribute) {
            ("AWS::SQS::Queue", "QueueUrl") | ("AWS::SNS::Topic", "TopicArn") => physical_id.clone(),
            ("AWS::SQS::Queue", "QueueName") => last(physical_id, '/').to_owned(),
            ("AWS::SNS::Topic", "TopicName") => last(physical_id, ':').to_owned(),
            ("AWS::SQS::Queue", "Arn") => {
                format!("arn:{partition}:sqs:{region}:{account}:{}", last(physical_id, '/'))
            }
            // No role of ours has a path.
            ("AWS::IAM::Role", "Arn") => format!("arn:{partition}:iam::{account}:role/{physical_id}"),
            ("AWS::S3::Bucket", "Arn") => format!("arn:{partition}:s3:::{physical_id}"),
            ("AWS::Logs::LogGroup", "Arn") => {
                format!("arn:{partition}:logs:{region}:{account}:log-group:{physical_id}:*")
            }
            _ => return Err(unknown()),
        }))
    }

    fn substitute(
        &self,
        template: &str,
        variables: Option<&Map<String, Value>>,
        depth: usize,
    ) -> Result<Value, String> {
        let text = template::substitute(template, |name| {
            let variable = variables.and_then(|variables| variables.get(name));
            text(&match (variable, name.split_once('.')) {
                (Some(value), _) => self.value(value, depth)?,
                (None, Some((resource, attribute))) => self.attribute(resource, attribute)?,
                (None, None) => self.reference(name)?,
            })
        });
        text.map(Value::from)
    }

    fn named_condition(&self, name: &str, depth: usize) -> Result<bool, String> {
        let condition = self.conditions.get(name);
        self.condition(
            condition.ok_or_else(|| format!("the condition {name} isn't known"))?,
            depth + 1,
        )
    }

    fn condition(&self, condition: &Value, depth: usize) -> Result<bool, String> {
        if depth > DEEPEST {
            return Err("conditions that need each other".to_owned());
        }
        let of = |value: &Value| self.condition(value, depth + 1);
        match condition.as_object().and_then(one_function) {
            Some(("Condition", Value::String(name))) => self.named_condition(name, depth),
            Some(("Fn::Equals", Value::Array(two))) => match two.as_slice() {
                [one, other] => Ok(text(&self.value(one, depth)?)? == text(&self.value(other, depth)?)?),
                _ => Err(format!("the condition {condition}")),
            },
            Some(("Fn::Not", Value::Array(one))) if one.len() == 1 => Ok(!of(&one[0])?),
            Some(("Fn::And", Value::Array(all))) => all.iter().try_fold(true, |so_far, one| Ok(so_far & of(one)?)),
            Some(("Fn::Or", Value::Array(all))) => all.iter().try_fold(false, |so_far, one| Ok(so_far | of(one)?)),
            _ => Err(format!("the condition {condition}")),
        }
    }
}

fn one_function(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = entries.iter();
    match (all.next(), all.next()) {
        (Some((name, argument)), None)
            if name == "Ref" || (name == "Condition" && argument.is_string()) || name.starts_with("Fn::") =>
        {
            Some((name, argument))
        }
        _ => None,
    }
}

fn last(text: &str, before: char) -> &str {
    text.rsplit(before).next().unwrap_or(text)
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        // Fn::Join takes a list apart; anywhere else a list is no text.
        other => Err(format!("{other} isn't text")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn resolver() -> Resolver {
        let resource = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
        Resolver {
            account: "111122223333".into(),
            region: "us-east-2".into(),
            stack_id: "arn:aws:cloudformation:us-east-2:111122223333:stack/lab-work/1".into(),
            stack_name: "lab-work".into(),
            parameters: BTreeMap::from([("Topic".into(), json!("arn:t")), ("Subnets".into(), json!(["a", "b"]))]),
            resources: BTreeMap::from([
                (
                    "Queue".into(),
                    resource(
                        "AWS::SQS::Queue",
                        "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work",
                    ),
                ),
                ("Bucket".into(), resource("AWS::S3::Bucket", "lab-1")),
                ("Template".into(), resource("AWS::EC2::LaunchTemplate", "lt-1")),
                ("Unmade".into(), resource("AWS::SQS::Queue", "")),
            ]),
            conditions: Map::from_iter([
                (
                    "Is".into(),
                    json!({"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-2"]}),
                ),
                ("Isnt".into(), json!({"Fn::Not": [{"Condition": "Is"}]})),
                (
                    "Round".into(),
                    json!({"Fn::Or": [{"Condition": "Round"}, {"Condition": "Is"}]}),
                ),
            ]),
        }
    }

    #[test]
    fn each_function_is_worked_out() {
        for (value, expected) in [
            (json!({"Ref": "Topic"}), json!("arn:t")),
            (json!({"Ref": "Subnets"}), json!(["a", "b"])),
            (
                json!({"Fn::GetAtt": ["Queue", "Arn"]}),
                json!("arn:aws:sqs:us-east-2:111122223333:lab-work"),
            ),
            (json!({"Fn::GetAtt": ["Queue", "QueueName"]}), json!("lab-work")),
            (
                json!({"Fn::Sub": "${Bucket.Arn}/*${!Literal}-${AWS::AccountId}"}),
                json!("arn:aws:s3:::lab-1/*${Literal}-111122223333"),
            ),
            (
                json!({"Fn::Sub": ["${a}${b", {"a": {"Ref": "Bucket"}}]}),
                json!("lab-1${b"),
            ),
            (
                json!({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::", 1]]}),
                json!("arn:aws:s3:::1"),
            ),
            (json!({"Fn::If": ["Is", {"a": 1}, {"a": 2}]}), json!({"a": 1})),
            (json!({"Fn::If": ["Isnt", 1, 2]}), json!(2)),
            (
                json!({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}]}),
                json!({"b": []}),
            ),
        ] {
            assert_eq!(resolver().resolve(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_never_guessed() {
        for (value, why) in [
            (json!({"Ref": "Nothing"}), "Nothing isn't known"),
            (json!({"Ref": "Unmade"}), "Unmade isn't known"),
            (
                json!([{"Fn::GetAtt": ["Template", "LatestVersionNumber"]}]),
                "Template.LatestVersionNumber",
            ),
            (json!({"Fn::Sub": "${Nothing.Arn}"}), "Nothing.Arn"),
            (json!({"Fn::GetAZs": ""}), "Fn::GetAZs"),
            (json!({"Fn::If": ["Round", 1, 2]}), "need each other"),
            (json!({"Fn::If": ["None", 1, 2]}), "None"),
            (json!({"Fn::Sub": "${Subnets}"}), "isn't text"),
        ] {
            let error = resolver().resolve(&value).expect_err("not known");
            assert!(error.contains(why), "{value}: {error}");
        }
    }

    proptest! {
        #[test]
        fn text_without_a_function_stays_as_it_is(text in "[^$]{0,20}") {
            prop_assert_eq!(resolver().resolve(&json!({"Fn::Sub": text.clone()})), Ok(json!(text)));
        }
    }
}
