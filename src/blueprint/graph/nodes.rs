//! What is in the picture: which resources are which node, and what is said of it.

use serde_json::Value as Json;

use super::super::outputs;
use super::buckets::Bucket;
use super::resolve::{Piece, Resource, Stacks, each, text};
use super::{Kind, Node};
use crate::blueprint::names::PARTS;

/// Nodes, by numbers that stay as they are.
pub struct Nodes {
    list: Vec<(Node, Vec<Resource>)>,
    pub buckets: Vec<Bucket>,
}

impl Nodes {
    /// What the stacks hold. What they only mention comes when an arrow needs it.
    pub fn of(stacks: &Stacks<'_>) -> Self {
        let mut nodes = Self {
            list: Vec::new(),
            buckets: Vec::new(),
        };
        for (index, stack) in stacks.stacks() {
            let is_ours = PARTS.contains(&stack.part.as_str()) || stack.active.is_some();
            let before = nodes.list.len();
            if is_ours {
                nodes.held_by(stacks, index);
            }
            if nodes.list.len() == before && !(is_ours && stacks.resources(index).next().is_none()) {
                nodes.whole_stack(stacks, index);
            }
        }
        nodes
    }

    fn held_by(&mut self, stacks: &Stacks<'_>, stack: usize) {
        let part = &stacks.stack(stack).part;
        if part == "intake" {
            self.intake(stacks, stack);
        }
        for (resource, kind, description) in stacks.resources(stack) {
            let properties = &description["Properties"];
            let Some((kind, name)) = kind_of(stacks, &resource, kind, properties) else {
                continue;
            };
            let node = self.at(stacks, stack, name, kind);
            self.list[node].1.push(resource);
            let (node, _) = &mut self.list[node];
            tell(node, description);
        }
        let name = Some(&stacks.stack(stack).name);
        let has = |wanted: &str| stacks.resources(stack).any(|(_, kind, _)| kind == wanted);
        for (node, resources) in self.list.iter_mut().filter(|(node, _)| node.stack.as_ref() == name) {
            match node.kind {
                Kind::Alarms if resources.len() > 1 => node.title = format!("{} alarms", resources.len()),
                Kind::Alarms => node.title = "alarm".to_owned(),
                Kind::Instances | Kind::Web => node.idle = !has("AWS::AutoScaling::AutoScalingGroup"),
                Kind::Function => node.idle = !has("AWS::Lambda::EventSourceMapping"),
                Kind::Queue if stacks.output(stack, outputs::PAUSED).is_some() => {
                    node.details.push("paused: nobody takes messages".to_owned());
                }
                _ => {}
            }
            if node.idle {
                let how = match node.kind {
                    Kind::Schedules => "disabled",
                    _ => "not at work",
                };
                node.details.push(how.to_owned());
            }
        }
    }

    /// The bucket of files, whether its stack holds it or only names it.
    fn intake(&mut self, stacks: &Stacks<'_>, stack: usize) {
        let Some(pieces) = stacks.output(stack, outputs::BUCKET) else {
            return;
        };
        let resource = pieces.iter().find_map(|piece| match piece {
            Piece::Resource(resource) => Some(resource.clone()),
            Piece::Text(_) | Piece::Unknown => None,
        });
        let named = stacks
            .resources(stack)
            .find(|(bucket, _, _)| Some(bucket) == resource.as_ref())
            .and_then(|(_, _, bucket)| stacks.literal(stack, &bucket["Properties"]["BucketName"]));
        let name = named.or_else(|| text(&pieces));
        let held = resource.as_ref().map(|_| stacks.stack(stack).name.clone());
        let part = &stacks.stack(stack).part;
        let node = self.with(format!("{part}.bucket"), held.clone(), Kind::Bucket);
        if let Some(uploads) = stacks.output_text(stack, outputs::UPLOADS_PREFIX) {
            self.node(node).title = uploads;
        }
        let processed = stacks.output_text(stack, outputs::PROCESSED_PREFIX).map(|prefix| {
            let node = self.with(format!("{part}.processed"), held, Kind::Processed);
            self.node(node).title.clone_from(&prefix);
            (prefix, node)
        });
        match &resource {
            Some(resource) => self.add(node, resource.clone()),
            None => {
                let whose = name.clone().unwrap_or_default();
                for node in [Some(node), processed.as_ref().map(|(_, node)| *node)]
                    .into_iter()
                    .flatten()
                {
                    self.node(node).details.push(whose.clone());
                }
            }
        }
        self.buckets.push(Bucket {
            resource,
            name,
            node,
            processed,
        });
    }

    /// A stack as one box, with the types of what is in it.
    fn whole_stack(&mut self, stacks: &Stacks<'_>, stack: usize) {
        let mut types: Vec<(&str, usize)> = Vec::new();
        for (_, kind, _) in stacks.resources(stack) {
            let kind = kind.strip_prefix("AWS::").unwrap_or(kind);
            match types.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => types.push((kind, 1)),
            }
        }
        let node = self.at(stacks, stack, "stack", Kind::Stack);
        let (node, resources) = &mut self.list[node];
        node.title.clone_from(&stacks.stack(stack).name);
        node.details = types
            .iter()
            .map(|(kind, count)| {
                let words = kind.replace("::", " ");
                match count {
                    1 => words,
                    count => format!("{count} × {words}"),
                }
            })
            .collect();
        resources.extend(stacks.resources(stack).map(|(resource, _, _)| resource));
    }

    /// The node of a stack by this name, made where there is none.
    pub fn at(&mut self, stacks: &Stacks<'_>, stack: usize, name: &str, kind: Kind) -> usize {
        let held = stacks.stack(stack);
        self.with(format!("{}.{name}", held.part), Some(held.name.clone()), kind)
    }

    /// The node with this id, made where there is none.
    pub fn with(&mut self, id: String, stack: Option<String>, kind: Kind) -> usize {
        if let Some(known) = self.list.iter().position(|(node, _)| node.id == id) {
            return known;
        }
        self.list.push((
            Node {
                id,
                kind,
                stack,
                title: title(kind).to_owned(),
                details: Vec::new(),
                idle: false,
                resources: Vec::new(),
            },
            Vec::new(),
        ));
        self.list.len() - 1
    }

    /// The node that a resource is in.
    pub fn holding(&self, resource: &Resource) -> Option<usize> {
        self.list.iter().position(|(_, resources)| resources.contains(resource))
    }

    pub fn add(&mut self, node: usize, resource: Resource) {
        self.list[node].1.push(resource);
    }

    pub fn id(&self, node: usize) -> String {
        self.list[node].0.id.clone()
    }

    pub fn node(&mut self, node: usize) -> &mut Node {
        &mut self.list[node].0
    }

    pub fn kind(&self, node: usize) -> Kind {
        self.list[node].0.kind
    }

    /// Every node of a kind.
    pub fn all(&self, kind: Kind) -> Vec<usize> {
        (0..self.list.len())
            .filter(|node| self.list[*node].0.kind == kind)
            .collect()
    }

    /// In the order in which a file or a job comes by: by where it comes from, then stack by stack.
    pub fn finished(self) -> Vec<Node> {
        let mut list: Vec<Node> = self
            .list
            .into_iter()
            .map(|(node, resources)| Node {
                resources: resources.into_iter().map(|resource| resource.id).collect(),
                ..node
            })
            .collect();
        list.sort_by_key(|node| match node.kind {
            Kind::Clients if node.id.starts_with("delivery.") => 7,
            Kind::Clients => 0,
            Kind::LoadBalancer | Kind::Web => 1,
            Kind::Bucket if node.stack.is_some() => 2,
            Kind::Topic => 3,
            Kind::Processed | Kind::Bucket => 5,
            Kind::Table | Kind::Delivery => 6,
            Kind::Alerts | Kind::Mailbox => 8,
            Kind::Outside => 9,
            Kind::Stack => 10,
            _ => 4,
        });
        list
    }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Clients => "anybody",
        Kind::LoadBalancer => "load balancer",
        Kind::Web => "web program",
        Kind::Bucket => "bucket",
        Kind::Processed => "processed",
        Kind::Topic => "new files",
        Kind::Schedules => "schedules",
        Kind::Queue => "queue",
        Kind::DeadLetters => "dead letters",
        Kind::Instances | Kind::Function => "workers",
        Kind::Replies => "replies",
        Kind::ReplyDeadLetters => "dead replies",
        Kind::Table => "results",
        Kind::Delivery => "delivery",
        Kind::Alarms => "alarms",
        Kind::Alerts => "alerts",
        Kind::Mailbox | Kind::Outside | Kind::Stack => "",
    }
}

/// Which node of its stack a resource is in; none for what only serves it: roles, policies, security groups.
fn kind_of(stacks: &Stacks<'_>, resource: &Resource, kind: &str, properties: &Json) -> Option<(Kind, &'static str)> {
    let stack = resource.stack;
    let has = |wanted: &str| stacks.resources(stack).any(|(_, kind, _)| kind == wanted);
    Some(match kind {
        "AWS::SNS::Topic" if stacks.stack(stack).part == "alerts" => (Kind::Alerts, "alerts"),
        // In the local emulator there may be one a stage.
        "AWS::SNS::Topic" => (Kind::Topic, "topic"),
        "AWS::SQS::Queue" => queue(stacks, resource),
        "AWS::AutoScaling::AutoScalingGroup" | "AWS::EC2::LaunchTemplate" => {
            match has("AWS::ElasticLoadBalancingV2::TargetGroup") {
                true => (Kind::Web, "instances"),
                false => (Kind::Instances, "instances"),
            }
        }
        "AWS::Lambda::Function" => (Kind::Function, "function"),
        "AWS::DynamoDB::Table" => (Kind::Table, "table"),
        "AWS::Scheduler::Schedule" => (Kind::Schedules, "schedules"),
        "AWS::ElasticLoadBalancingV2::LoadBalancer"
        | "AWS::ElasticLoadBalancingV2::Listener"
        | "AWS::ElasticLoadBalancingV2::TargetGroup" => (Kind::LoadBalancer, "load-balancer"),
        "AWS::CloudFront::Distribution" => (Kind::Delivery, "distribution"),
        // An alarm that wakes a group is part of how that scales.
        "AWS::CloudWatch::Alarm" => {
            let acts = stacks.mentioned(stack, &properties["AlarmActions"]);
            let scales = |resource: &Resource| resource.stack == stack;
            (!each(&properties["AlarmActions"]).is_empty() && !acts.iter().any(scales))
                .then_some((Kind::Alarms, "alarms"))?
        }
        _ => return None,
    })
}

/// What a queue is for: by who sends to it what can't be processed, and by the outputs of its stage.
fn queue(stacks: &Stacks<'_>, queue: &Resource) -> (Kind, &'static str) {
    let is = |output: &str| {
        stacks
            .output(queue.stack, output)
            .is_some_and(|pieces| pieces == [Piece::Resource(queue.clone())])
    };
    let is_dead_letter_queue = stacks.resources(queue.stack).any(|(_, _, description)| {
        let target = &description["Properties"]["RedrivePolicy"]["deadLetterTargetArn"];
        stacks.mentioned(queue.stack, target).contains(queue)
    });
    match (is(outputs::REPLY_QUEUE_URL), is(outputs::REPLY_DEAD_LETTER_QUEUE_URL)) {
        (true, _) => (Kind::Replies, "replies"),
        (_, true) => (Kind::ReplyDeadLetters, "dead-replies"),
        _ if is_dead_letter_queue => (Kind::DeadLetters, "dead-letters"),
        _ => (Kind::Queue, "queue"),
    }
}

/// Adds what a resource says of its node.
fn tell(node: &mut Node, resource: &Json) {
    let properties = &resource["Properties"];
    let said = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match resource["Type"].as_str().unwrap_or_default() {
        "AWS::AutoScaling::AutoScalingGroup" => {
            let sizes = (said(&properties["MinSize"]), said(&properties["MaxSize"]));
            let size = match sizes {
                (Some(least), Some(most)) if least == most => least,
                (Some(least), Some(most)) => format!("{least}–{most}"),
                _ => return,
            };
            match node.details.first_mut() {
                Some(type_) => *type_ = format!("{size} × {type_}"),
                None => node.details.push(size),
            }
            let distribution = &properties["MixedInstancesPolicy"]["InstancesDistribution"];
            let types = each(&properties["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]).len();
            let mut how = Vec::new();
            if types > 1 {
                let more = types - 1;
                how.push(format!("{more} more type{}", if more == 1 { "" } else { "s" }));
            }
            if distribution["OnDemandPercentageAboveBaseCapacity"] == 0 {
                how.push("Spot".to_owned());
            }
            if !how.is_empty() {
                node.details.push(how.join(", "));
            }
        }
        "AWS::EC2::LaunchTemplate" => {
            node.details
                .extend(said(&properties["LaunchTemplateData"]["InstanceType"]));
        }
        "AWS::Lambda::Function" => node.details.extend(said(&properties["Runtime"])),
        "AWS::Scheduler::Schedule" => {
            let expression = said(&properties["ScheduleExpression"]).unwrap_or_default();
            let zone = said(&properties["ScheduleExpressionTimezone"]).unwrap_or_default();
            node.details.push(format!("{expression} {zone}").trim_end().to_owned());
            node.idle = properties["State"] == "DISABLED";
        }
        "AWS::CloudFront::Distribution" => {
            node.details.extend(
                each(&properties["DistributionConfig"]["Aliases"])
                    .iter()
                    .filter_map(|alias| alias.as_str().map(str::to_owned)),
            );
        }
        _ => {}
    }
}
