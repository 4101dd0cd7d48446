//! What outlived its stack, as a script says, and the listings in which it is found; everything else of the kind isn't
//! there. Listings lag: what a script only lists is gone already.

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::{Call, Service};
use super::query::Refusal;
use super::said::Said;
use super::script::Script;
use super::world::World;
use super::xml::Fields;

/// Something that is there without a stack.
#[derive(Debug, Clone)]
pub(super) struct Left {
    resource_type: String,
    id: String,
    /// An instance shuts down for so long.
    going: Option<Duration>,
}

impl Script {
    /// A resource that is there without a stack, by its type and CloudFormation's name for it.
    pub fn left(mut self, resource_type: &str, id: &str) -> Self {
        self.left.push(Left {
            resource_type: resource_type.into(),
            id: id.into(),
            going: None,
        });
        self
    }

    /// None of it is there any more.
    pub fn forgets_what_is_left(mut self) -> Self {
        self.left.clear();
        self
    }

    /// An instance that shuts down until so long after the start, and is terminated then. For an hour it is described so
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>).
    pub fn shuts_down(mut self, instance: &str, time: Duration) -> Self {
        self.left.push(Left {
            resource_type: "AWS::EC2::Instance".into(),
            id: instance.into(),
            going: Some(time),
        });
        self
    }

    /// An ARN that the tagging API lists with the tags of a part of an environment, whether or not it is there still.
    pub fn listed(self, environment: &str, arn: &str) -> Self {
        self.listed_with(environment, arn, &[])
    }

    /// The same, with more tags.
    pub fn listed_with(mut self, environment: &str, arn: &str, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.listed.push((environment.into(), arn.into(), tags.collect()));
        self
    }

    /// A bucket, a queue or a topic without a stack that carries an environment's tag, or a dashboard that is titled so.
    pub fn tagged(mut self, id: &str, environment: &str) -> Self {
        self.tagged.insert(id.into(), environment.into());
        self
    }
}

impl World {
    /// What a service says of what isn't in a stack; nothing, when the call is about something else.
    pub fn left_says(&mut self, call: &Call) -> Option<Said> {
        let input: Value = match call.service {
            Service::CloudWatch => super::cbor::decode(&call.body).unwrap_or_default(),
            _ => serde_json::from_slice(&call.body).unwrap_or_default(),
        };
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let asked = |name: &str| call.input.text(name).unwrap_or_default().to_owned();
        Some(match (call.service, call.action.as_str()) {
            (Service::Json, "GetResources") => self.tagged(&input, &call.region).into(),
            (Service::Json, "GetResource") => self.left_resource(&text("TypeName"), &text("Identifier"), call),
            (Service::Json, "DescribeLogGroups") => {
                let named = self.left_named("AWS::Logs::LogGroup", &text("logGroupNamePrefix"));
                let groups: Vec<Value> = named.iter().map(|name| json!({"logGroupName": name})).collect();
                json!({ "logGroups": groups }).into()
            }
            (Service::Sqs, "ListQueues") => {
                let prefix = format!("/{}", text("QueueNamePrefix"));
                let urls = self.left_named("AWS::SQS::Queue", "");
                let urls: Vec<String> = urls.into_iter().filter(|url| url.contains(&prefix)).collect();
                json!({ "QueueUrls": urls }).into()
            }
            // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html>
            (Service::Sqs, "ListQueueTags") => match self.environment_of(&text("QueueUrl")) {
                Some(environment) => json!({"Tags": {"qfleet:environment": environment}}).into(),
                None => json!({}).into(),
            },
            // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html>
            (Service::S3, "GetBucketTagging") => {
                let bucket = call
                    .path
                    .trim_start_matches('/')
                    .split(['/', '?'])
                    .next()
                    .unwrap_or_default();
                if !self.services.has_bucket(bucket) {
                    return Some(Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist").into());
                }
                match self.environment_of(bucket) {
                    Some(environment) => Said::Body(format!(
                        "<Tagging><TagSet><Tag><Key>qfleet:environment</Key><Value>{environment}</Value></Tag></TagSet></Tagging>"
                    )),
                    None => Refusal::new(404, "NoSuchTagSet", "The TagSet does not exist").into(),
                }
            }
            // <https://docs.aws.amazon.com/sns/latest/api/API_ListTagsForResource.html>
            (Service::Sns, "ListTagsForResource") => {
                let tag = |value: String| Fields::new().text("Key", "qfleet:environment").text("Value", value);
                Fields::new()
                    .members("Tags", self.environment_of(&asked("ResourceArn")).map(tag))
                    .into()
            }
            (Service::Sqs, "GetQueueAttributes") if self.is_gone("AWS::SQS::Queue", &text("QueueUrl")) => {
                Refusal::new(400, "QueueDoesNotExist", "The specified queue does not exist.").into()
            }
            (Service::CloudWatch, "DescribeAlarms") => {
                let named = self.left_named("AWS::CloudWatch::Alarm", "");
                let wanted = |name: &&String| match input["AlarmNames"].as_array() {
                    Some(names) => names.iter().any(|one| one == *name),
                    None => name.starts_with(&text("AlarmNamePrefix")),
                };
                let alarms: Vec<Value> = named.iter().filter(wanted).map(|name| alarm(name)).collect();
                // Those that a script gives a state are told of elsewhere.
                if alarms.is_empty() && input["AlarmNamePrefix"].is_null() {
                    return None;
                }
                json!({"MetricAlarms": alarms, "CompositeAlarms": []}).into()
            }
            (Service::CloudWatch, "GetDashboard") => {
                let name = text("DashboardName");
                match self.is_left("AWS::CloudWatch::Dashboard", &name) {
                    true => {
                        let title = self
                            .environment_of(&name)
                            .map(|of| format!("# {of}, deployed by qfleet"));
                        let body = json!({"widgets": [{"type": "text", "properties": {"markdown": title}}]});
                        json!({"DashboardName": name, "DashboardBody": body.to_string()}).into()
                    }
                    false => Refusal::new(404, "ResourceNotFound", format!("Dashboard {name} does not exist")).into(),
                }
            }
            (Service::AutoScaling, "DescribeAutoScalingGroups")
                if asked("Filters.member.1.Name").starts_with("tag:") =>
            {
                // "…-Untagged" is what a server says that doesn't know the filter.
                let value = asked("Filters.member.1.Values.member.1");
                let named = self.left_named("AWS::AutoScaling::AutoScalingGroup", "");
                let groups = named.iter().map(|name| {
                    let tag = Fields::new().text("Key", "qfleet:environment").text("Value", &value);
                    let tags = (!name.ends_with("-Untagged")).then_some(tag);
                    Fields::new().text("AutoScalingGroupName", name).members("Tags", tags)
                });
                Fields::new().members("AutoScalingGroups", groups).into()
            }
            (Service::AutoScaling, "DescribeAutoScalingGroups")
                if self.is_left(
                    "AWS::AutoScaling::AutoScalingGroup",
                    &asked("AutoScalingGroupNames.member.1"),
                ) =>
            {
                let name = asked("AutoScalingGroupNames.member.1");
                let group = Fields::new().text("AutoScalingGroupName", name);
                Fields::new().members("AutoScalingGroups", [group]).into()
            }
            (Service::Sns, "ListTopics") => {
                let topics = self.left_named("AWS::SNS::Topic", "");
                let topics = topics.iter().map(|arn| Fields::new().text("TopicArn", arn));
                Fields::new().members("Topics", topics).into()
            }
            (Service::Sns, "GetTopicAttributes") if self.is_left("AWS::SNS::Topic", &asked("TopicArn")) => {
                super::said::attributes(&[("TopicArn", &asked("TopicArn"))]).into()
            }
            (Service::Sns, "ListSubscriptions") => {
                let arns = self.left_named("AWS::SNS::Subscription", "");
                let subscriptions = arns.iter().filter_map(|arn| {
                    let (topic, _) = arn.rsplit_once(':')?;
                    Some(Fields::new().text("SubscriptionArn", arn).text("TopicArn", topic))
                });
                Fields::new().members("Subscriptions", subscriptions).into()
            }
            (Service::Sns, "GetSubscriptionAttributes")
                if self.is_left("AWS::SNS::Subscription", &asked("SubscriptionArn")) =>
            {
                super::said::attributes(&[("SubscriptionArn", &asked("SubscriptionArn"))]).into()
            }
            // One that waits for its confirmation can't be deleted, and is there for two days, whatever becomes of its
            // stack (<https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html>,
            // <https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html>).
            (Service::Sns, "GetSubscriptionAttributes") if self.is_mailbox(&asked("SubscriptionArn")) => {
                let arn = asked("SubscriptionArn");
                super::said::attributes(&[("SubscriptionArn", &arn), ("PendingConfirmation", "true")]).into()
            }
            (Service::Iam, "ListRoles") => {
                let roles = self.left_named("AWS::IAM::Role", "");
                let roles = roles.iter().map(|name| role(name));
                Fields::new().members("Roles", roles).text("IsTruncated", false).into()
            }
            (Service::Iam, "GetRole") if self.is_left("AWS::IAM::Role", &asked("RoleName")) => {
                Fields::new().fields("Role", role(&asked("RoleName"))).into()
            }
            // What a worker's role may use says in which region it is.
            (Service::Iam, "GetRolePolicy") if self.is_left("AWS::IAM::Role", &asked("RoleName")) => {
                let region = match asked("RoleName").contains("Elsewhere") {
                    true => "eu-west-1",
                    false => self.script.region.as_str(),
                };
                // https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html, Errors
                let named = match asked("RoleName") {
                    role if role.contains("-ScheduleRole-") => "send",
                    role if role.contains("-ReplicationRole-") => "replicate",
                    _ => "worker",
                };
                if asked("RoleName").contains("WithoutPolicy") || asked("PolicyName") != named {
                    let message = format!("The role policy with name {} cannot be found.", asked("PolicyName"));
                    return Some(Refusal::new(404, "NoSuchEntity", message).into());
                }
                let name = match asked("RoleName").contains("OfPayroll") {
                    true => "payroll-jobs",
                    false => "lab-work",
                };
                let queue = match named {
                    // From the bucket in its own region to the one in another, each as templates/intake.yaml.j2 has it.
                    "replicate" => {
                        let bucket =
                            |region: &str| format!("arn%3Aaws%3As3%3A%3A%3Alab-{}-{region}", self.script.account);
                        let to = match region == self.script.region {
                            true => "eu-west-1",
                            false => self.script.region.as_str(),
                        };
                        let (from, to) = (bucket(region), bucket(to));
                        format!("{from}%22%2C%22{from}%2Fuploads%2F%2A%22%2C%22{to}%2Fuploads%2F%2A")
                    }
                    _ => format!("arn%3Aaws%3Asqs%3A{region}%3A{}%3A{name}", self.script.account),
                };
                Fields::new()
                    .text("RoleName", asked("RoleName"))
                    .text("PolicyName", asked("PolicyName"))
                    .text("PolicyDocument", format!("%7B%22Resource%22%3A%22{queue}%22%7D"))
                    .into()
            }
            _ => return None,
        })
    }

    /// The environment that a resource's tag names: a stack hands its tags on, and they stay when it is gone
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>).
    pub(super) fn environment_of(&self, id: &str) -> Option<String> {
        let holds = |stack: &&super::state::Stack| {
            let mut resources = stack.resources.iter();
            resources.any(|resource| resource.physical_id.as_deref() == Some(id))
        };
        let ended = self.ended.iter().rev().find(|(_, ended)| *ended == id);
        let ended = ended.map(|((stack, _), _)| &self.stacks[*stack]);
        let of_stack = self.stacks.iter().rev().find(holds).or(ended);
        let of_stack = of_stack.and_then(|stack| stack.definition.tags.get("qfleet:environment"));
        self.script.tagged.get(id).or(of_stack).cloned()
    }

    fn left_named(&self, resource_type: &str, prefix: &str) -> Vec<String> {
        let of_type = self
            .script
            .left
            .iter()
            .filter(|left| left.resource_type == resource_type);
        of_type
            .filter(|left| left.id.starts_with(prefix))
            .map(|left| left.id.clone())
            .collect()
    }

    pub(super) fn is_left(&self, resource_type: &str, id: &str) -> bool {
        let mut all = self.script.left.iter();
        all.any(|left| left.resource_type == resource_type && left.id == id)
    }

    /// A mailbox's subscription that a stack made, whether or not the stack still has it.
    fn is_mailbox(&self, arn: &str) -> bool {
        let stacks = self.stacks.iter().enumerate();
        let mut made = stacks.flat_map(|(at, stack)| stack.resources.iter().map(move |made| (at, made)));
        made.any(|(at, made)| {
            let ended = self.ended.get(&(at, made.id.clone()));
            made.kind == "AWS::SNS::Subscription"
                && made.properties["Protocol"] == "email"
                && made.physical_id.as_ref().or(ended).is_some_and(|id| id == arn)
        })
    }

    /// It was in a stack, and is in none any more; nor was it kept.
    fn is_gone(&self, kind: &str, physical_id: &str) -> bool {
        let stacks = self.stacks.iter().filter(|stack| stack.is_there());
        let mut there = stacks.flat_map(|stack| &stack.resources);
        self.ended.values().any(|ended| ended == physical_id)
            && !there.any(|resource| resource.physical_id.as_deref() == Some(physical_id))
            && !self.kept.contains_key(physical_id)
            && !self.is_left(kind, physical_id)
    }

    /// What is in a region, and in us-east-1 what is in none
    /// (<https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>, `overview.html`).
    fn tagged(&self, input: &Value, region: &str) -> Value {
        let environment = input["TagFilters"][0]["Values"][0].as_str().unwrap_or_default();
        let is_here = |arn: &str| match arn.contains(":cloudfront::") {
            true => region == "us-east-1",
            false => region == self.script.region,
        };
        let listed = self.script.listed.iter();
        let listed = listed.filter(|(of, arn, _)| of == environment && is_here(arn));
        let listed = listed.map(|(of, arn, more)| {
            let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
            // "…-by-hand" is no stack's: somebody tagged it.
            let part = (!arn.ends_with("-by-hand")).then(|| tag("qfleet:part", "work"));
            let more = more.iter().map(|(key, value)| tag(key, value));
            let tags: Vec<Value> = [tag("qfleet:environment", of)]
                .into_iter()
                .chain(part)
                .chain(more)
                .collect();
            json!({"ResourceARN": arn, "Tags": tags})
        });
        json!({"PaginationToken": "", "ResourceTagMappingList": listed.collect::<Vec<Value>>()})
    }

    /// <https://docs.aws.amazon.com/cloudcontrolapi/latest/APIReference/API_GetResource.html>
    fn left_resource(&self, type_name: &str, id: &str, call: &Call) -> Said {
        // Types without a read handler.
        if type_name.ends_with("Policy") || type_name == "AWS::EC2::Route" {
            let message = format!("Resource type {type_name} does not support READ action");
            return Refusal::new(400, "UnsupportedActionException", message).into();
        }
        let mut all = self.script.left.iter();
        let Some(left) = all.find(|left| left.resource_type == type_name && left.id == id) else {
            let message = format!("Resource of type '{type_name}' with identifier '{id}' was not found.");
            return Refusal::new(400, "ResourceNotFoundException", message).into();
        };
        let mut properties = json!({});
        if let Some(time) = left.going {
            let shuts_down = self.clock.since_start(call.at) < time;
            let state = if shuts_down { "shutting-down" } else { "terminated" };
            properties = json!({"InstanceId": id, "State": {"Name": state}});
        }
        json!({"TypeName": type_name, "ResourceDescription": {"Identifier": id, "Properties": properties.to_string()}})
            .into()
    }
}

/// One that Auto Scaling made for a policy with an expression, in the fields of
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>. That it looks at the metrics in
/// the expression is our assumption: no recording has one.
fn alarm(name: &str) -> Value {
    let queue = match name.contains("OfPayroll") {
        true => "payroll-jobs",
        false => "lab-work",
    };
    let metric = json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
    });
    json!({"AlarmName": name, "Metrics": [
        {"Id": "backlog", "Expression": "visible", "ReturnData": true},
        {"Id": "visible", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": false},
    ]})
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
fn role(name: &str) -> Fields {
    Fields::new()
        .text("Path", "/")
        .text("RoleName", name)
        .text("RoleId", "AROAEXAMPLE")
        .text("Arn", format!("arn:aws:iam::111122223333:role/{name}"))
        .text("CreateDate", "2026-01-02T03:04:05Z")
}
