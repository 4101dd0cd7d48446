//! Arrows of policies: what roles let their bearers do, and what queues, topics and buckets let others do.

use serde_json::Value as Json;

use super::resolve::{Resource, each};
use super::{Drawing, Evidence, Found, Kind};

/// Which way something goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To whoever has the permission.
    Comes,
    /// From them.
    Goes,
}

impl Drawing<'_> {
    pub(super) fn permissions(&mut self) {
        let stacks = self.stacks;
        // Who may put something, before who may look at it: both are one arrow.
        for way in [Way::Goes, Way::Comes] {
            for (resource, kind, description) in stacks.all_resources() {
                let properties = &description["Properties"];
                match kind {
                    "AWS::IAM::Role" => {
                        let bearers = self.bearers(&resource);
                        if way == Way::Goes {
                            self.tell_of_role(&resource, &bearers, properties);
                        }
                        for policy in each(&properties["Policies"]) {
                            self.of_role(&resource, &bearers, &policy["PolicyDocument"], "Policies", way);
                        }
                    }
                    "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy" => {
                        let mut bearers = Vec::new();
                        for roles in [&properties["Roles"], &properties["RoleName"]] {
                            for role in stacks.mentioned(resource.stack, roles) {
                                bearers.extend(self.bearers(&role));
                            }
                        }
                        self.of_role(
                            &resource,
                            &bearers,
                            &properties["PolicyDocument"],
                            "PolicyDocument",
                            way,
                        );
                    }
                    "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy" | "AWS::S3::BucketPolicy" => {
                        self.of_resource(&resource, &properties["PolicyDocument"], way);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Who acts with a role: what in its stack refers to it.
    fn bearers(&self, role: &Resource) -> Vec<usize> {
        let mut found = Vec::new();
        for (resource, kind, description) in self.stacks.resources(role.stack) {
            // A policy names the role that it is for.
            if resource == *role || kind.starts_with("AWS::IAM::") && kind != "AWS::IAM::InstanceProfile" {
                continue;
            }
            if self
                .stacks
                .mentioned(role.stack, &description["Properties"])
                .contains(role)
            {
                match kind {
                    "AWS::IAM::InstanceProfile" => found.extend(self.bearers(&resource)),
                    _ => found.extend(self.nodes.holding(&resource)),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Says at a role's bearers what it may do and no arrow shows: by managed policies, and with secrets.
    fn tell_of_role(&mut self, role: &Resource, bearers: &[usize], properties: &Json) {
        let name = |arn: &Json| match self.stacks.literal(role.stack, arn) {
            Some(arn) => arn.rsplit('/').next().unwrap_or(&arn).to_owned(),
            None => "a managed policy".to_owned(),
        };
        let managed: Vec<String> = each(&properties["ManagedPolicyArns"]).iter().map(name).collect();
        let documents = each(&properties["Policies"]).iter();
        let statements = documents.flat_map(|policy| allowing(&policy["PolicyDocument"]));
        let secrets: usize = statements.map(secrets_of).sum();
        let mut lines = Vec::new();
        if !managed.is_empty() {
            lines.push(format!("and {}", managed.join(", ")));
        }
        match secrets {
            0 => {}
            1 => lines.push("reads 1 secret".to_owned()),
            more => lines.push(format!("reads {more} secrets")),
        }
        for bearer in bearers {
            let details = &mut self.nodes.node(*bearer).details;
            // After what it is, and before what there may be no room for.
            let at = details.len().min(1);
            for line in lines
                .iter()
                .rev()
                .filter(|line| !details.contains(line))
                .cloned()
                .collect::<Vec<_>>()
            {
                details.insert(at, line);
            }
        }
    }

    fn of_role(&mut self, policy: &Resource, bearers: &[usize], document: &Json, property: &str, way: Way) {
        for statement in allowing(document) {
            let goes = match sends_back(document, statement) {
                true => Way::Comes,
                false => way_of(statement),
            };
            if goes != way {
                continue;
            }
            let is_of_balancers = |action: &Json| {
                let action = action.as_str();
                action.is_some_and(|action| action.starts_with("elasticloadbalancing:"))
            };
            if each(&statement["Action"]).iter().all(is_of_balancers) {
                // Who may leave a load balancer's targets sends it nothing.
                continue;
            }
            let evidence = self.statement(policy, property, statement);
            for thing in self.things(policy.stack, statement) {
                for bearer in bearers {
                    let (from, to) = match way {
                        Way::Goes => (*bearer, thing),
                        Way::Comes => (thing, *bearer),
                    };
                    // Who may put something somewhere and look at it as well has one arrow.
                    let (from, to) = match self.is_drawn(to, from) {
                        true => (to, from),
                        false => (from, to),
                    };
                    let found = Found {
                        from,
                        to,
                        label: self.label(from, to, statement),
                        by_permission: self.is_data(from) || self.is_data(to),
                    };
                    self.arrow(found, evidence.clone());
                }
            }
        }
    }

    /// A policy of a queue, a topic or a bucket: who may, is in its conditions.
    fn of_resource(&mut self, policy: &Resource, document: &Json, way: Way) {
        for statement in allowing(document) {
            if way_of(statement) != way {
                continue;
            }
            let evidence = self.statement(policy, "PolicyDocument", statement);
            let things = self.things(policy.stack, statement);
            for condition in statement["Condition"]
                .as_object()
                .into_iter()
                .flat_map(|all| all.values())
            {
                let arns = condition.as_object().into_iter().flatten();
                let arns = arns.filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"));
                for arn in arns.flat_map(|(_, arns)| each(arns)) {
                    for source in self.nodes.places(self.stacks, policy.stack, arn) {
                        for thing in &things {
                            let (from, to) = match way {
                                Way::Goes => (source, *thing),
                                Way::Comes => (*thing, source),
                            };
                            let found = Found {
                                from,
                                to,
                                label: None,
                                by_permission: way == Way::Comes,
                            };
                            self.arrow(found, evidence.clone());
                        }
                    }
                }
            }
        }
    }

    /// What a statement is about, in the picture.
    fn things(&mut self, stack: usize, statement: &Json) -> Vec<usize> {
        let mut found = Vec::new();
        for resource in each(&statement["Resource"]) {
            let places = self.nodes.places(self.stacks, stack, resource);
            let Some(prefixes) = listed(statement) else {
                found.extend(places);
                continue;
            };
            // Of a bucket, only what is listed.
            for place in places {
                let bucket = self.nodes.buckets.iter().find(|bucket| bucket.node == place);
                match bucket {
                    Some(bucket) => found.extend(prefixes.iter().map(|prefix| bucket.at(prefix))),
                    None => found.push(place),
                }
            }
        }
        // Programs and boot reports: the same in every fleet.
        found.retain(|thing| !self.is_of_every_fleet(*thing));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn statement(&self, policy: &Resource, property: &str, statement: &Json) -> Evidence {
        Evidence {
            statement: statement["Sid"].as_str().map(str::to_owned),
            ..self.evidence(policy, property)
        }
    }

    fn is_data(&self, node: usize) -> bool {
        matches!(self.nodes.kind(node), Kind::Bucket | Kind::Processed | Kind::Table)
    }

    fn label(&self, from: usize, to: usize, statement: &Json) -> Option<String> {
        let label = match (self.nodes.kind(from), self.nodes.kind(to)) {
            (Kind::Web, Kind::Bucket) => "upload links",
            (Kind::Bucket | Kind::Processed, _) if listed(statement).is_some() => "lists",
            (Kind::Bucket, _) => "files",
            (Kind::Web | Kind::Instances | Kind::Function, Kind::Queue) => "jobs",
            _ => return None,
        };
        Some(label.to_owned())
    }
}

/// Whether a statement only lets somebody send to where another one lets them receive from: a worker that sends the rest of
/// a job on takes jobs all the same.
fn sends_back(document: &Json, statement: &Json) -> bool {
    let does = |statement: &Json, action: &str| each(&statement["Action"]).iter().any(|one| one == action);
    let receives = |other: &Json| does(other, "sqs:ReceiveMessage") && other["Resource"] == statement["Resource"];
    each(&statement["Action"]).iter().all(|one| one == "sqs:SendMessage") && allowing(document).any(receives)
}

/// How many secrets a statement opens.
fn secrets_of(statement: &Json) -> usize {
    let opens = |action: &Json| {
        matches!(
            action.as_str(),
            Some("secretsmanager:GetSecretValue" | "ssm:GetParameter")
        )
    };
    match each(&statement["Action"]).iter().any(opens) {
        true => each(&statement["Resource"]).len(),
        false => 0,
    }
}

fn allowing(document: &Json) -> impl Iterator<Item = &Json> {
    each(&document["Statement"])
        .iter()
        .filter(|statement| statement["Effect"] == "Allow")
}

/// The prefixes that may be listed, of a statement that says which.
fn listed(statement: &Json) -> Option<Vec<String>> {
    let conditions = statement["Condition"].as_object()?.values();
    let prefixes = conditions.filter_map(|condition| condition.get("s3:prefix"));
    let prefixes: Vec<String> = prefixes
        .flat_map(each)
        .filter_map(|prefix| prefix.as_str().map(str::to_owned))
        .collect();
    (!prefixes.is_empty()).then_some(prefixes)
}

/// Which way something goes with a statement's actions. Who may also fetch what they put, puts it.
fn way_of(statement: &Json) -> Way {
    let actions = each(&statement["Action"]).iter().filter_map(Json::as_str);
    let names: Vec<&str> = actions
        .map(|action| action.rsplit(':').next().unwrap_or(action))
        .collect();
    let any = |verbs: &[&str]| names.iter().any(|name| verbs.iter().any(|verb| name.starts_with(verb)));
    let puts = any(&[
        "Send",
        "Publish",
        "Put",
        "Update",
        "BatchWrite",
        "Write",
        "Replicate",
        "Invoke",
        "*",
    ]);
    let fetches = any(&[
        "Receive", "Get", "BatchGet", "List", "Query", "Scan", "Describe", "Select",
    ]);
    match puts || !fetches {
        true => Way::Goes,
        false => Way::Comes,
    }
}
