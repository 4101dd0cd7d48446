//! The arrows of a picture against the templates, read anew: both ways.

use std::collections::BTreeSet;

use qfleet::blueprint::Blueprint;
use qfleet::blueprint::graph::{self, Graph, Kind, Node};
use serde_json::Value;

use super::deployed::{Deployed, token};

mod permissions;

use permissions::allowed;

/// What is wrong with the picture of an environment.
pub fn faults(blueprint: &Blueprint) -> Vec<String> {
    faults_of(blueprint, &graph::of(blueprint))
}

pub fn faults_of(blueprint: &Blueprint, graph: &Graph) -> Vec<String> {
    let check = Check {
        deployed: Deployed::of(blueprint),
        graph,
    };
    let mut faults = check.sound();
    faults.extend(check.arrows_without_a_reason());
    faults.extend(check.reasons_without_an_arrow());
    faults
}

struct Check<'a> {
    deployed: Deployed,
    graph: &'a Graph,
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn says(value: &Value, text: &str) -> bool {
    serde_json::to_string(value).expect("JSON").contains(text)
}

/// Stacks that say nothing about what a fleet does.
fn is_left_out(node: &Node) -> bool {
    ["artifacts.stack", "network.stack", "dashboard.stack"].contains(&node.id.as_str())
}

impl Check<'_> {
    fn node(&self, id: &str) -> Option<&Node> {
        self.graph.nodes.iter().find(|node| node.id == id)
    }

    /// Every node has a name of its own, each resource is in one, and arrows have two ends and a reason that exists.
    fn sound(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for node in &self.graph.nodes {
            if !seen.insert(node.id.clone()) {
                faults.push(format!("two of {}", node.id));
            }
            for id in &node.resources {
                let stack = node.stack.as_deref().unwrap_or_default();
                if self.deployed.resource(stack, id).is_null() {
                    faults.push(format!("{}: no {stack}/{id}", node.id));
                }
                if !seen.insert(token(stack, id)) {
                    faults.push(format!("{id} is in two nodes"));
                }
            }
        }
        for arrow in &self.graph.arrows {
            let said = format!("{} to {}", arrow.from, arrow.to);
            if self.node(&arrow.from).is_none() || self.node(&arrow.to).is_none() || !seen.insert(said.clone()) {
                faults.push(format!("{said}: an end is missing, or it is there twice"));
            }
            if arrow.evidence.is_empty() {
                faults.push(format!("{said}: no reason"));
            }
            for why in &arrow.evidence {
                let property = &self.deployed.resource(&why.stack, &why.resource)["Properties"][&why.property];
                let sid = why.statement.as_ref().map(|sid| format!("\"Sid\":\"{sid}\""));
                if property.is_null() || sid.is_some_and(|sid| !says(property, &sid)) {
                    faults.push(format!("{said}: nothing at {why:?}"));
                }
            }
        }
        faults
    }

    /// How templates name a node: its resources, or a bucket that isn't theirs. Of a bucket with its place in it.
    fn tokens(&self, node: &Node) -> Vec<String> {
        let stack = node.stack.as_deref().unwrap_or_default();
        match node.kind {
            Kind::Bucket | Kind::Processed => self.bucket_names(node),
            Kind::Outside => vec![node.title.clone()],
            _ => node.resources.iter().map(|id| token(stack, id)).collect(),
        }
    }

    /// The names of the bucket that a node is of.
    fn bucket_names(&self, node: &Node) -> Vec<String> {
        if !node.id.starts_with("intake.") {
            return vec![node.title.clone()];
        }
        let key = ("intake".to_owned(), "BucketName".to_owned());
        let mut names: Vec<String> = self
            .deployed
            .outputs
            .get(&key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .into_iter()
            .collect();
        let named = self.deployed.all("AWS::S3::Bucket");
        let named = named.filter(|(stack, id, _)| names.contains(&token(stack, id)));
        let named: Vec<String> = named
            .filter_map(|(_, _, bucket)| bucket["BucketName"].as_str().map(str::to_owned))
            .collect();
        names.extend(named);
        names
    }

    fn prefix(&self, output: &str) -> String {
        let value = self.deployed.outputs.get(&("intake".to_owned(), output.to_owned()));
        value.and_then(Value::as_str).unwrap_or("no such prefix").to_owned()
    }

    /// Whether an ARN is of a node. Of a bucket's two nodes, the prefix tells.
    fn is(&self, node: &Node, arn: &str) -> bool {
        let plain = arn.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$");
        self.tokens(node).iter().any(|token| {
            let Some((before, after)) = plain.split_once(token.as_str()) else {
                return false;
            };
            let ends = before.is_empty() || before.ends_with(':');
            match node.kind {
                Kind::Processed => ends && after.starts_with(&format!("/{}", self.prefix("ProcessedPrefix"))),
                Kind::Bucket => {
                    let done = format!("/{}", self.prefix("ProcessedPrefix"));
                    ends && (after.is_empty() || after.starts_with('/')) && !after.starts_with(&done)
                }
                _ => ends && after.is_empty(),
            }
        })
    }

    fn arrows_without_a_reason(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for arrow in &self.graph.arrows {
            let (Some(from), Some(to)) = (self.node(&arrow.from), self.node(&arrow.to)) else {
                continue;
            };
            if !self.is_allowed(from, to) {
                faults.push(format!("{} to {}: no template has it", arrow.from, arrow.to));
            }
        }
        faults
    }

    fn is_allowed(&self, from: &Node, to: &Node) -> bool {
        use Kind::*;
        if is_left_out(from) || is_left_out(to) {
            return false;
        }
        match (from.kind, to.kind) {
            (Bucket, Topic) => {
                let is_ours = |arn: &str| self.is(from, arn);
                let notifies = from.resources.is_empty() || self.own(from, "NotificationConfiguration", to);
                notifies && self.lets(to, "s3.amazonaws.com", "sns:Publish", is_ours)
            }
            (Topic, Queue) => {
                let is_topic = |arn: &str| self.is(from, arn);
                self.ties("AWS::SNS::Subscription", ("TopicArn", from), ("Endpoint", to))
                    && self.lets(to, "sns.amazonaws.com", "sqs:SendMessage", is_topic)
            }
            (Queue, DeadLetters) | (Replies, ReplyDeadLetters) => self.own(from, "RedrivePolicy", to),
            (Queue, Instances) => self.may(to, "sqs:ReceiveMessage", from),
            (Queue, Function) => {
                let maps = self.ties(
                    "AWS::Lambda::EventSourceMapping",
                    ("EventSourceArn", from),
                    ("FunctionName", to),
                );
                maps != to.idle && self.may(to, "sqs:ReceiveMessage", from)
            }
            (Bucket, Instances | Function) => self.may(to, "s3:GetObject", from),
            (Instances | Function, Processed) => self.may(from, "s3:PutObject", to),
            // Who takes jobs from a queue may send the rest of one back.
            (Instances | Function | Web, Queue | Replies) => {
                self.may(from, "sqs:SendMessage", to) && !self.may(from, "sqs:ReceiveMessage", to)
            }
            (Instances | Function, Table) => self.may(from, "dynamodb:PutItem", to),
            (Table, Web) => self.may(to, "dynamodb:BatchGetItem", from),
            (Web, Bucket) => self.may(from, "s3:PutObject", to),
            (Processed, Web) => self.may(to, "s3:ListBucket", from),
            (Schedules, Queue) => self.own(from, "Target", to) && self.may(from, "sqs:SendMessage", to),
            (Alarms, Alerts) => {
                let is_alarm = |arn: &str| arn.contains(":alarm:");
                self.own(from, "AlarmActions", to) && self.lets(to, "cloudwatch.amazonaws.com", "sns:Publish", is_alarm)
            }
            (Alarms, Outside) => self.own(from, "AlarmActions", to),
            (Alerts, Mailbox) => {
                let mut all = self.deployed.all("AWS::SNS::Subscription");
                all.any(|(_, _, subscription)| {
                    let is_topic = subscription["TopicArn"].as_str().is_some_and(|arn| self.is(from, arn));
                    is_topic && subscription["Protocol"] == "email" && subscription["Endpoint"] == to.title.as_str()
                })
            }
            (Clients, LoadBalancer) => self.may_be_called(to),
            (LoadBalancer, Web) => {
                let mut groups = self.deployed.all("AWS::AutoScaling::AutoScalingGroup");
                groups.any(|(of, id, group)| {
                    let mut listeners = self.deployed.all("AWS::ElasticLoadBalancingV2::Listener");
                    to.stack.as_deref() == Some(of)
                        && to.resources.iter().any(|one| one == id)
                        && listeners.any(|(_, _, listener)| {
                            let targets = list(&group["TargetGroupARNs"]);
                            targets
                                .into_iter()
                                .filter_map(Value::as_str)
                                .any(|target| says(&listener["DefaultActions"], target))
                        })
                })
            }
            (Processed, Delivery) => {
                let is_delivered = |arn: &str| arn.contains(":cloudfront::") && arn.ends_with(":distribution/*");
                let path = format!("/{}", self.prefix("ProcessedPrefix").trim_end_matches('/'));
                self.deployed
                    .all("AWS::CloudFront::Distribution")
                    .any(|(_, _, distribution)| {
                        let origins = list(&distribution["DistributionConfig"]["Origins"]);
                        origins.into_iter().any(|origin| {
                            let domain = origin["DomainName"].as_str().unwrap_or_default();
                            let tokens = self.tokens(from);
                            origin["OriginPath"] == path.as_str()
                                && tokens.iter().any(|token| domain.starts_with(token.as_str()))
                        })
                    })
                    && self.lets(from, "cloudfront.amazonaws.com", "s3:GetObject", is_delivered)
            }
            (Delivery, Clients) => {
                to.id == "delivery.viewers"
                    && from.resources.iter().any(|id| {
                        let stack = from.stack.as_deref().unwrap_or_default();
                        self.deployed.resource(stack, id)["Properties"]["DistributionConfig"]["Enabled"] == true
                    })
            }
            (Clients, Bucket) => {
                let mut buckets = self.deployed.all("AWS::S3::Bucket");
                buckets.any(|(stack, id, bucket)| {
                    self.is(to, &token(stack, id)) && !list(&bucket["CorsConfiguration"]["CorsRules"]).is_empty()
                })
            }
            (Bucket | Processed, Bucket) => self.own(from, "ReplicationConfiguration", to),
            (_, Stack) => self.mentions(from, to),
            (Stack, _) => self.mentions(from, to) || self.mentions(to, from),
            _ => false,
        }
    }

    fn mentions(&self, user: &Node, used: &Node) -> bool {
        let stack = user.stack.as_deref().unwrap_or_default();
        user.resources.iter().any(|id| {
            let resource = self.deployed.resource(stack, id);
            self.tokens(used).iter().any(|token| says(resource, token))
        })
    }

    fn may_be_called(&self, balancer: &Node) -> bool {
        let stack = balancer.stack.as_deref().unwrap_or_default();
        let mut balancers = self.deployed.all("AWS::ElasticLoadBalancingV2::LoadBalancer");
        balancers.any(|(of, _, properties)| {
            let mut groups = self.deployed.all("AWS::EC2::SecurityGroup");
            of == stack
                && groups.any(|(of, id, group)| {
                    says(&properties["SecurityGroups"], &token(of, id))
                        && says(&group["SecurityGroupIngress"], "CidrIp")
                })
        })
    }

    fn is_drawn(&self, one: &Node, other: &Node) -> bool {
        let ends = |from: &Node, to: &Node| {
            self.graph
                .arrows
                .iter()
                .any(|arrow| arrow.from == from.id && arrow.to == to.id)
        };
        ends(one, other) || ends(other, one)
    }

    /// What a template allows or ties together, of which both ends are in the picture. Not with the stacks that say nothing
    /// about what a fleet does: each role may fetch its program from the bucket of `artifacts`, and put there why it
    /// didn't start.
    fn reasons_without_an_arrow(&self) -> Vec<String> {
        let mut faults = BTreeSet::new();
        let nodes = &self.graph.nodes;
        for bearer in nodes {
            for statement in self.statements(bearer) {
                for arn in list(&statement["Resource"]).into_iter().filter_map(Value::as_str) {
                    let things = nodes.iter().filter(|thing| self.is(thing, arn) && !is_left_out(thing));
                    for thing in things.filter(|thing| thing.id != bearer.id) {
                        // Who may leave a load balancer's targets sends it nothing.
                        let is_of_balancers = says(&statement["Action"], "elasticloadbalancing:");
                        if !is_of_balancers && !self.is_drawn(bearer, thing) {
                            faults.insert(format!(
                                "{} may {} {}: no arrow",
                                bearer.id, statement["Action"], thing.id
                            ));
                        }
                    }
                }
            }
        }
        let holding = |arn: &str| nodes.iter().filter(|node| self.is(node, arn)).collect::<Vec<_>>();
        let mut tied: Vec<(Vec<&Node>, Vec<&Node>, String)> = Vec::new();
        for ((stack, id), resource) in &self.deployed.resources {
            let properties = &resource["Properties"];
            let itself = || holding(&token(stack, id));
            let each = |value: &Value| {
                list(value)
                    .into_iter()
                    .filter_map(Value::as_str)
                    .flat_map(holding)
                    .collect::<Vec<_>>()
            };
            let mut tie = |one: Vec<&'_ Node>, other: Vec<&'_ Node>| {
                let keep = |found: Vec<&Node>| {
                    nodes
                        .iter()
                        .filter(|node| found.iter().any(|one| one.id == node.id))
                        .collect()
                };
                tied.push((keep(one), keep(other), format!("{stack}/{id}")));
            };
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::SNS::Subscription" if properties["Protocol"] == "email" => {
                    tie(each(&properties["TopicArn"]), itself());
                }
                "AWS::SNS::Subscription" => tie(each(&properties["TopicArn"]), each(&properties["Endpoint"])),
                "AWS::Lambda::EventSourceMapping" => {
                    tie(each(&properties["EventSourceArn"]), each(&properties["FunctionName"]));
                }
                "AWS::SQS::Queue" => tie(itself(), each(&properties["RedrivePolicy"]["deadLetterTargetArn"])),
                "AWS::Scheduler::Schedule" => tie(itself(), each(&properties["Target"]["Arn"])),
                "AWS::CloudWatch::Alarm" => tie(itself(), each(&properties["AlarmActions"])),
                "AWS::S3::Bucket" => {
                    for notification in list(&properties["NotificationConfiguration"]["TopicConfigurations"]) {
                        tie(itself(), each(&notification["Topic"]));
                    }
                }
                "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy" | "AWS::S3::BucketPolicy" => {
                    for statement in allowed(&properties["PolicyDocument"]) {
                        let conditions = statement["Condition"].as_object();
                        let sources = conditions.into_iter().flat_map(|all| all.values());
                        for source in sources.flat_map(|one| list(&one["aws:SourceArn"])) {
                            tie(each(source), each(&statement["Resource"]));
                        }
                    }
                }
                _ => {}
            }
        }
        for (ones, others, what) in tied {
            for (one, other) in ones
                .iter()
                .flat_map(|one| others.iter().map(move |other| (*one, *other)))
            {
                if one.id != other.id && !self.is_drawn(one, other) {
                    faults.insert(format!("{what} ties {} to {}: no arrow", one.id, other.id));
                }
            }
        }
        faults.into_iter().collect()
    }
}
