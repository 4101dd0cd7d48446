//! Values of templates as they will be once deployed: references, attributes and parameters replaced by names and ARNs.

use qfleet::blueprint::template::{self, section};
use qfleet::blueprint::{Stack, Value};
use serde_json::{Map, Value as Json};

/// Stacks of an environment, their templates read, and where they are.
pub struct Deployment<'a> {
    pub account: &'a str,
    pub region: &'a str,
    stacks: Vec<(&'a Stack, Map<String, Json>)>,
}

impl<'a> Deployment<'a> {
    pub fn of(stacks: impl IntoIterator<Item = &'a Stack>, account: &'a str, region: &'a str) -> Self {
        let read = |stack: &'a Stack| (stack, template::read(&stack.body).expect("a template"));
        Deployment {
            account,
            region,
            stacks: stacks.into_iter().map(read).collect(),
        }
    }

    /// Every resource of qfleet's own templates: its part, its logical id, its type and its description.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &String, &str, &Json)> {
        let own = self.stacks.iter().filter(|(stack, _)| stack.file.is_none());
        own.flat_map(|(stack, template)| {
            section(template, "Resources").map(|(id, resource)| {
                let kind = resource["Type"].as_str().expect("a type");
                (stack.part.as_str(), id, kind, resource)
            })
        })
    }

    /// A value of a part's template without references.
    pub fn value(&self, part: &str, value: &Json) -> Json {
        match value {
            Json::Array(items) => items.iter().map(|item| self.value(part, item)).collect(),
            Json::Object(entries) => {
                if let Some(text) = self.call(part, entries) {
                    return Json::String(text);
                }
                let entries = entries.iter();
                entries
                    .map(|(key, value)| (key.clone(), self.value(part, value)))
                    .collect()
            }
            plain => plain.clone(),
        }
    }

    pub fn text(&self, part: &str, value: &Json) -> String {
        match self.value(part, value) {
            Json::String(text) => text,
            Json::Number(number) => number.to_string(),
            other => panic!("{part}: no text: {other}"),
        }
    }

    /// What a part puts out.
    pub fn output(&self, part: &str, key: &str) -> String {
        let (_, template) = self.part(part);
        self.text(part, &template["Outputs"][key]["Value"])
    }

    /// What CloudFormation may make of a logical id.
    pub fn made_up(&self, part: &str, id: &str) -> String {
        format!("{}-{id}-A1B2C3", self.part(part).0.name)
    }

    pub fn stack_id(&self, part: &str) -> String {
        let name = &self.part(part).0.name;
        self.arn("cloudformation", &format!("stack/{name}/6f2a"))
    }

    /// An ARN in this account and region.
    pub fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }

    fn part(&self, part: &str) -> &(&'a Stack, Map<String, Json>) {
        let found = self.stacks.iter().find(|(stack, _)| stack.part == part);
        found.unwrap_or_else(|| panic!("no part {part}"))
    }

    fn call(&self, part: &str, entries: &Map<String, Json>) -> Option<String> {
        let (function, argument) = entries.iter().next().filter(|_| entries.len() == 1)?;
        Some(match (function.as_str(), argument) {
            ("Ref", Json::String(name)) => self.name(part, name),
            ("Fn::GetAtt", Json::Array(path)) => match path.as_slice() {
                [Json::String(id), Json::String(attribute)] => self.attribute(part, id, attribute),
                _ => panic!("{part}: {argument}"),
            },
            ("Fn::Sub", Json::String(text)) => self.sub(part, text),
            ("Fn::Join", Json::Array(arguments)) => match arguments.as_slice() {
                [Json::String(between), Json::Array(items)] => {
                    let items: Vec<String> = items.iter().map(|item| self.text(part, item)).collect();
                    items.join(between)
                }
                _ => panic!("{part}: {argument}"),
            },
            (function, _) if function.starts_with("Fn::") => panic!("{part}: {function} isn't known here"),
            _ => return None,
        })
    }

    fn sub(&self, part: &str, text: &str) -> String {
        let mut done = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').expect("an end of the name");
            done += before;
            done += &match name.split_once('.') {
                Some((id, attribute)) => self.attribute(part, id, attribute),
                None => self.name(part, name),
            };
            rest = after;
        }
        done + rest
    }

    fn name(&self, part: &str, name: &str) -> String {
        let (stack, template) = self.part(part);
        if section(template, "Resources").any(|(id, _)| id == name) {
            return self.reference(part, name);
        }
        match (name, stack.parameters.get(name)) {
            ("AWS::AccountId", _) => self.account.to_owned(),
            ("AWS::Partition", _) => "aws".to_owned(),
            ("AWS::Region", _) => self.region.to_owned(),
            ("AWS::StackId", _) => self.stack_id(part),
            ("AWS::StackName", _) => stack.name.clone(),
            (_, Some(Value::Literal(text) | Value::Default(text))) => text.clone(),
            (_, Some(Value::Output { part, key })) => self.output(part, key),
            (name, _) => panic!("{part}: what {name} is isn't known here"),
        }
    }

    fn resource(&self, part: &str, id: &str) -> (&str, String) {
        let resource = &self.part(part).1["Resources"][id];
        let kind = resource["Type"].as_str().expect("a type");
        let property = match kind {
            "AWS::S3::Bucket" => "BucketName",
            "AWS::SQS::Queue" => "QueueName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::DynamoDB::Table" => "TableName",
            _ => "",
        };
        match &resource["Properties"][property] {
            Json::Null => (kind, self.made_up(part, id)),
            named => (kind, self.text(part, named)),
        }
    }

    /// What `Ref` says: each type's page in the resource reference.
    fn reference(&self, part: &str, id: &str) -> String {
        let (kind, name) = self.resource(part, id);
        match kind {
            "AWS::SQS::Queue" => format!("https://sqs.{}.amazonaws.com/{}/{name}", self.region, self.account),
            "AWS::SNS::Topic" => self.arn("sns", &name),
            "AWS::ElasticLoadBalancingV2::TargetGroup" => {
                self.arn("elasticloadbalancing", &format!("targetgroup/{name}/6f2a"))
            }
            _ => name,
        }
    }

    fn attribute(&self, part: &str, id: &str, attribute: &str) -> String {
        let (kind, name) = self.resource(part, id);
        match (kind, attribute) {
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{name}"),
            ("AWS::SQS::Queue", "Arn") => self.arn("sqs", &name),
            ("AWS::SQS::Queue", "QueueName") => name,
            ("AWS::DynamoDB::Table", "Arn") => self.arn("dynamodb", &format!("table/{name}")),
            ("AWS::Logs::LogGroup", "Arn") => self.arn("logs", &format!("log-group:{name}:*")),
            ("AWS::Scheduler::ScheduleGroup", "Arn") => self.arn("scheduler", &format!("schedule-group/{name}")),
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{}:role/{name}", self.account),
            _ => format!("<{part}.{id}.{attribute}>"),
        }
    }
}
