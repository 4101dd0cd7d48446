//! Arrows of what is wired: subscriptions, notifications, mappings, targets, origins, actions.

use serde_json::Value as Json;

use super::super::outputs;
use super::resolve::{Resource, each};
use super::{Drawing, Found, Kind};

impl Drawing<'_> {
    pub(super) fn wiring(&mut self) {
        let stacks = self.stacks;
        for (resource, kind, description) in stacks.all_resources() {
            let properties = &description["Properties"];
            match kind {
                "AWS::S3::Bucket" => self.bucket(&resource, properties),
                "AWS::SNS::Subscription" => self.subscription(&resource, properties),
                "AWS::SQS::Queue" => self.redrive(&resource, properties),
                "AWS::Lambda::EventSourceMapping" => {
                    let ends = (&properties["EventSourceArn"], &properties["FunctionName"]);
                    self.between(&resource, ends, "EventSourceArn", None);
                }
                "AWS::Scheduler::Schedule" => {
                    let target = self.nodes.places(stacks, resource.stack, &properties["Target"]["Arn"]);
                    self.arrows_of(&resource, &target, "Target", None);
                }
                "AWS::ElasticLoadBalancingV2::LoadBalancer" => self.callers(&resource, properties),
                "AWS::AutoScaling::AutoScalingGroup" => self.behind_a_load_balancer(&resource, properties),
                "AWS::CloudWatch::Alarm" => {
                    for action in each(&properties["AlarmActions"]) {
                        let target = self.nodes.places(stacks, resource.stack, action);
                        self.arrows_of(&resource, &target, "AlarmActions", None);
                    }
                }
                "AWS::CloudFront::Distribution" => self.distribution(&resource, &properties["DistributionConfig"]),
                _ => {}
            }
            self.whole_stacks(&resource, description);
        }
    }

    /// An arrow between what two properties lead to.
    fn between(&mut self, at: &Resource, ends: (&Json, &Json), property: &str, label: Option<String>) {
        let from = self.nodes.places(self.stacks, at.stack, ends.0);
        let to = self.nodes.places(self.stacks, at.stack, ends.1);
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
            let evidence = self.evidence(at, property);
            let found = Found {
                from,
                to,
                label: label.clone(),
                by_permission: false,
            };
            self.arrow(found, evidence);
        }
    }

    /// Arrows from the node that a resource is in.
    fn arrows_of(&mut self, at: &Resource, to: &[usize], property: &str, label: Option<String>) {
        let Some(from) = self.nodes.holding(at) else {
            return;
        };
        for to in to {
            let evidence = self.evidence(at, property);
            let found = Found {
                from,
                to: *to,
                label: label.clone(),
                by_permission: false,
            };
            self.arrow(found, evidence);
        }
    }

    fn bucket(&mut self, bucket: &Resource, properties: &Json) {
        let Some(node) = self.nodes.holding(bucket) else {
            return;
        };
        let notifications = &properties["NotificationConfiguration"];
        for (list, target) in [
            ("TopicConfigurations", "Topic"),
            ("QueueConfigurations", "Queue"),
            ("LambdaConfigurations", "Function"),
        ] {
            for notification in each(&notifications[list]) {
                let to = self.nodes.places(self.stacks, bucket.stack, &notification[target]);
                self.arrows_of(bucket, &to, "NotificationConfiguration", None);
            }
        }
        for rule in each(&properties["ReplicationConfiguration"]["Rules"]) {
            let to = self
                .nodes
                .places(self.stacks, bucket.stack, &rule["Destination"]["Bucket"]);
            self.arrows_of(bucket, &to, "ReplicationConfiguration", Some("copies".to_owned()));
        }
        let rules = each(&properties["CorsConfiguration"]["CorsRules"]);
        let origins: Vec<&str> = rules
            .iter()
            .flat_map(|rule| each(&rule["AllowedOrigins"]))
            .filter_map(Json::as_str)
            .collect();
        // Links to upload are made to the environment's own bucket. Whom others are for isn't known.
        if !origins.is_empty() && self.nodes.kind(node) != Kind::Stack {
            let browsers = self.nodes.at(self.stacks, bucket.stack, "browsers", Kind::Clients);
            self.nodes.node(browsers).stack = None;
            self.nodes.node(browsers).title = "browsers".to_owned();
            self.nodes.node(browsers).details = origins.iter().map(|origin| format!("on {origin}")).collect();
            let found = Found {
                from: browsers,
                to: node,
                label: Some("with an upload link".to_owned()),
                by_permission: true,
            };
            let evidence = self.evidence(bucket, "CorsConfiguration");
            self.arrow(found, evidence);
        }
    }

    fn subscription(&mut self, at: &Resource, properties: &Json) {
        let endpoint = &properties["Endpoint"];
        if properties["Protocol"] != "email" {
            let which = self
                .stacks
                .output_text(at.stack, outputs::ONLY)
                .and_then(|only| some_files(&only));
            let ends = (&properties["TopicArn"], endpoint);
            return self.between(at, ends, "Endpoint", which);
        }
        if self.nodes.holding(at).is_some() {
            // It is of a stack that is one box, and in it already.
            return;
        }
        let topics = self.nodes.places(self.stacks, at.stack, &properties["TopicArn"]);
        let mailbox = self.nodes.at(self.stacks, at.stack, "mailbox", Kind::Mailbox);
        self.nodes.add(mailbox, at.clone());
        self.nodes.node(mailbox).title = self.stacks.literal(at.stack, endpoint).unwrap_or_default();
        for from in topics {
            let evidence = self.evidence(at, "Endpoint");
            let found = Found {
                from,
                to: mailbox,
                label: None,
                by_permission: false,
            };
            self.arrow(found, evidence);
        }
    }

    fn redrive(&mut self, queue: &Resource, properties: &Json) {
        let policy = &properties["RedrivePolicy"];
        let to = self
            .nodes
            .places(self.stacks, queue.stack, &policy["deadLetterTargetArn"]);
        let tries = match self.stacks.literal(queue.stack, &policy["maxReceiveCount"]).as_deref() {
            None | Some("") => None,
            Some("1") => Some("after one try".to_owned()),
            Some(tries) => Some(format!("after {tries} tries")),
        };
        self.arrows_of(queue, &to, "RedrivePolicy", tries);
    }

    /// Who may call a load balancer, as its security groups say.
    fn callers(&mut self, balancer: &Resource, properties: &Json) {
        let groups = self.stacks.mentioned(balancer.stack, &properties["SecurityGroups"]);
        let Some(to) = self.nodes.holding(balancer) else {
            return;
        };
        for (group, _, description) in self.stacks.resources(balancer.stack) {
            let rules = each(&description["Properties"]["SecurityGroupIngress"]);
            let mut networks: Vec<&str> = rules.iter().filter_map(|rule| rule["CidrIp"].as_str()).collect();
            networks.dedup();
            let mut ports = rules.iter().filter_map(|rule| rule["FromPort"].as_u64());
            if !groups.contains(&group) || networks.is_empty() {
                continue;
            }
            let label = if ports.any(|port| port == 443) { "HTTPS" } else { "HTTP" };
            let clients = self.nodes.at(self.stacks, balancer.stack, "clients", Kind::Clients);
            let node = self.nodes.node(clients);
            node.stack = None;
            if networks != ["0.0.0.0/0"] {
                "browsers".clone_into(&mut node.title);
                node.details = networks.iter().map(|network| format!("in {network}")).collect();
            }
            let found = Found {
                from: clients,
                to,
                label: Some(label.to_owned()),
                by_permission: false,
            };
            let evidence = self.evidence(&group, "SecurityGroupIngress");
            self.arrow(found, evidence);
        }
    }

    /// From the load balancer to a group, where a listener sends to the group's targets.
    fn behind_a_load_balancer(&mut self, group: &Resource, properties: &Json) {
        let Some(to) = self.nodes.holding(group) else {
            return;
        };
        let targets = self.stacks.mentioned(group.stack, &properties["TargetGroupARNs"]);
        for (listener, kind, description) in self.stacks.resources(group.stack) {
            let actions = &description["Properties"]["DefaultActions"];
            let sends_to = self.stacks.mentioned(group.stack, actions);
            let sends =
                kind == "AWS::ElasticLoadBalancingV2::Listener" && sends_to.iter().any(|to| targets.contains(to));
            let Some(from) = self.nodes.holding(&listener).filter(|_| sends) else {
                continue;
            };
            let reasons = [
                self.evidence(&listener, "DefaultActions"),
                self.evidence(group, "TargetGroupARNs"),
            ];
            for evidence in reasons {
                let found = Found {
                    from,
                    to,
                    label: None,
                    by_permission: false,
                };
                self.arrow(found, evidence);
            }
        }
    }

    /// From the bucket to CloudFront, and from there to whoever looks.
    fn distribution(&mut self, distribution: &Resource, config: &Json) {
        let Some(delivery) = self.nodes.holding(distribution) else {
            return;
        };
        for origin in each(&config["Origins"]) {
            let bucket = self
                .nodes
                .bucket_of_domain(self.stacks, distribution.stack, &origin["DomainName"]);
            let path = origin["OriginPath"].as_str().unwrap_or_default();
            let Some(from) = bucket.map(|bucket| bucket.at(&format!("{path}/"))) else {
                continue;
            };
            let evidence = self.evidence(distribution, "DistributionConfig");
            let found = Found {
                from,
                to: delivery,
                label: None,
                by_permission: true,
            };
            self.arrow(found, evidence);
        }
        if config["Enabled"] != true {
            return;
        }
        let behaviours = each(&config["CacheBehaviors"])
            .iter()
            .chain([&config["DefaultCacheBehavior"]]);
        let all_signed = behaviours
            .clone()
            .all(|behaviour| !each(&behaviour["TrustedKeyGroups"]).is_empty());
        let viewers = self.nodes.at(self.stacks, distribution.stack, "viewers", Kind::Clients);
        let node = self.nodes.node(viewers);
        node.stack = None;
        if all_signed {
            "whoever has a signed link".clone_into(&mut node.title);
        }
        let found = Found {
            from: delivery,
            to: viewers,
            label: Some("HTTPS".to_owned()),
            by_permission: false,
        };
        let evidence = self.evidence(distribution, "DistributionConfig");
        self.arrow(found, evidence);
    }

    /// What uses an output of a stack of which only the types are known, such as a security group or an address.
    fn whole_stacks(&mut self, at: &Resource, description: &Json) {
        let Some(user) = self.nodes.holding(at) else {
            return;
        };
        let Some(properties) = description["Properties"].as_object() else {
            return;
        };
        for (property, value) in properties {
            for resource in self.stacks.mentioned(at.stack, value) {
                let used = self.nodes.holding(&resource).filter(|_| resource.stack != at.stack);
                let Some(used) = used else { continue };
                let kinds = [self.nodes.kind(user), self.nodes.kind(used)];
                // What boots an instance, and the network that it is in, stay out of the picture.
                if !kinds.contains(&Kind::Stack) || self.is_of_every_fleet(user) || self.is_of_every_fleet(used) {
                    continue;
                }
                let found = Found {
                    from: user,
                    to: used,
                    label: Some("uses".to_owned()),
                    by_permission: true,
                };
                let evidence = self.evidence(at, property);
                self.arrow(found, evidence);
            }
        }
    }
}

/// Which files a stage is told of, in a few words.
fn some_files(only: &str) -> Option<String> {
    let only: Json = serde_json::from_str(only).ok()?;
    let prefix = only["prefix"].as_str();
    let suffixes = each(&only["suffix"]).iter().filter_map(Json::as_str);
    let mut each_one = suffixes.map(|suffix| format!("{}*{suffix}", prefix.unwrap_or_default()));
    let Some(first) = each_one.next() else {
        return prefix.map(|prefix| format!("{prefix}*"));
    };
    Some(match (each_one.next(), each_one.count()) {
        (None, _) => first,
        (Some(second), 0) if prefix.is_none() => format!("{first}, {second}"),
        (Some(_), more) => format!("{first} and {} more", more + 1),
    })
}
