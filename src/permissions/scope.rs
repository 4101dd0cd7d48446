//! What each action may be done to: the environment's own, by name where its names are known beforehand, else by tag; `*`
//! where IAM knows no resource for an action
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).

mod by_tag;

use std::collections::BTreeSet;

use by_tag::of_any_environment;

use super::conditions::{Conditions, and, equals, of};
use super::{Asked, Purpose, handlers, resources};
use crate::blueprint::template_folder::TemplateFolder;
use crate::blueprint::{Placement, Value, names};
use crate::environment::{Bucket, Environment};

/// Resources and conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pub resources: Vec<String>,
    pub conditions: Conditions,
}

impl Scope {
    fn everything() -> Scope {
        Scope::on(["*".to_owned()])
    }

    fn on(resources: impl IntoIterator<Item = String>) -> Scope {
        let resources: BTreeSet<String> = resources.into_iter().collect();
        Scope {
            resources: resources.into_iter().collect(),
            conditions: Conditions::new(),
        }
    }

    fn under(mut self, conditions: Conditions) -> Scope {
        self.conditions = and(self.conditions, conditions);
        self
    }
}

/// What everything is called, with `*` for what isn't known.
pub struct Names<'a> {
    asked: &'a Asked<'a>,
    environment: &'a str,
    partition: &'static str,
    region: &'a str,
    account: &'a str,
    /// Paths of public or own parameters that hold an image's id, or what an own template takes.
    parameters: BTreeSet<String>,
}

/// What calls that CloudFormation makes in somebody's name carry as `aws:CalledVia`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/fas-requests-and-permission-evaluation.html>).
const CALLED_BY: &str = "cloudformation.amazonaws.com";

impl<'a> Names<'a> {
    pub fn of(asked: &'a Asked<'a>) -> Names<'a> {
        let Placement { account, region, .. } = asked.placement;
        let of_all = asked.purposes.iter().any(|purpose| purpose.is_of_all());
        let stacks = asked.blueprint.stacks.iter();
        let values = stacks.flat_map(|stack| stack.parameters.values());
        Names {
            asked,
            environment: match (asked.names, of_all) {
                (Some(names), _) => names,
                (None, true) => "*",
                (None, false) => &asked.environment.name,
            },
            partition: names::partition(region),
            region: if of_all { "*" } else { region },
            account: match account.as_str() {
                Placement::NO_ACCOUNT => "*",
                account => account,
            },
            parameters: values
                .filter_map(|value| match value {
                    Value::Ssm(path) => Some(path.clone()),
                    _ => None,
                })
                .collect(),
        }
    }

    /// An action that qfleet calls.
    pub fn own(&self, action: &str) -> Vec<(String, Scope)> {
        self.scopes(action)
    }

    /// An action that CloudFormation calls, in its caller's name and no other way. A role that only CloudFormation takes on
    /// needs no such word.
    pub fn called(&self, action: &str) -> Vec<(String, Scope)> {
        let is_its_own = self.asked.purposes.contains(&Purpose::CloudFormation);
        // These are asked for by the service that was called in turn: whether the way to it is told isn't written anywhere.
        let asked_in_turn = ["iam:PassRole", "iam:CreateServiceLinkedRole", "ec2:RunInstances"];
        let mut scopes = self.scopes(action);
        for (_, scope) in &mut scopes {
            let tags_what_is_launched = scope.resources.iter().any(|arn| arn.contains(":volume/"));
            if !is_its_own && !asked_in_turn.contains(&action) && !tags_what_is_launched {
                let called = of("ForAnyValue:StringEquals", "aws:CalledVia", &[CALLED_BY]);
                scope.conditions = and(scope.conditions.clone(), called);
            }
        }
        scopes
    }

    fn scopes(&self, action: &str) -> Vec<(String, Scope)> {
        let scope = match action {
            "iam:PassRole" => self.passed(),
            "iam:CreateServiceLinkedRole" => return self.linked(),
            "iam:AttachRolePolicy" | "iam:DetachRolePolicy" => self.attached(),
            "ec2:CreateTags" => return self.tagged(action),
            "ec2:DeleteTags" => return self.of_kinds(action, &[], &self.tagged_kinds()),
            _ => match resources::kinds(action) {
                Some(kinds) => return self.of_kinds(action, kinds.any, kinds.own),
                None => self.scope(action),
            },
        };
        let action = action.split('@').next().unwrap_or(action);
        vec![(action.to_owned(), scope)]
    }

    fn scope(&self, action: &str) -> Scope {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        match service {
            "lambda" if name == "CreateEventSourceMapping" => Scope::everything().under(self.of_own_functions()),
            _ if resources::is_of_everything(action) => Scope::everything(),
            "account" => Scope::on([format!("arn:{}:account::{}:account", self.partition, self.account)]),
            "autoscaling" => {
                let groups = self.here(service, &["autoScalingGroup:*:autoScalingGroupName/{}-*"]);
                match self.is_of_any() {
                    true => groups.under(of_any_environment()),
                    false => groups,
                }
            }
            "cloudformation" => self.stacks(name),
            "cloudfront" if name.contains("OriginAccessControl") => self.global(service, &["origin-access-control/*"]),
            "cloudfront" => self.global(service, &["distribution/*"]),
            "cloudwatch" => self.watched(name),
            "dynamodb" => self.here(service, &["table/{}-results"]),
            "iam" if name.contains("InstanceProfile") => self.global(service, &["instance-profile/{}-*"]),
            "iam" => self.global(service, &["role/{}-*"]),
            "lambda" => self.of_lambda(name),
            // A group's ARN ends in `:*` for some actions and not for others; a `*` at the end is both.
            "logs" => self.here(service, &["log-group:{}-*"]),
            "s3" => self.of_buckets(name),
            "scheduler" if name.contains("ScheduleGroup") || of_tags(name) => {
                self.here(service, &["schedule-group/{}-*"])
            }
            "scheduler" => self.here(service, &["schedule/{}-*/*"]),
            "sns" | "sqs" => self.here(service, &["{}-*"]),
            "secretsmanager" if name == "DescribeSecret" && !self.has_own("AWS::SecretsManager::Secret") => {
                let stacks = self.asked.blueprint.stacks.iter();
                let places = stacks.flat_map(|stack| stack.secrets.iter());
                Scope::on(places.filter(|place| place.starts_with("arn:")).cloned())
            }
            "ssm" => self.of_parameters(name),
            // Of a template of the user's own: what its resources are called, nobody knows beforehand.
            _ => Scope::everything(),
        }
    }

    /// Resources of this account and region, with the environment's name for `{}`.
    fn here(&self, service: &str, patterns: &[&str]) -> Scope {
        Scope::on(patterns.iter().map(|pattern| self.arn(service, pattern)))
    }

    fn arn(&self, service: &str, pattern: &str) -> String {
        let (partition, region, account) = (self.partition, self.region, self.account);
        let name = self.called_after(pattern);
        format!("arn:{partition}:{service}:{region}:{account}:{name}")
    }

    /// Resources that are in no region.
    fn global(&self, service: &str, patterns: &[&str]) -> Scope {
        Scope::on(patterns.iter().map(|pattern| {
            let name = self.called_after(pattern);
            format!("arn:{}:{service}::{}:{name}", self.partition, self.account)
        }))
    }

    fn called_after(&self, pattern: &str) -> String {
        pattern.replace("{}", self.environment)
    }

    /// Of all environments, only stacks that carry the tag are changed. One that is made carries none yet.
    fn stacks(&self, name: &str) -> Scope {
        let stacks = self.here("cloudformation", &["stack/{}-*/*"]);
        let reads = ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb));
        let makes = !self.is_of_any() && ["CreateChangeSet", "ExecuteChangeSet"].contains(&name);
        match self.environment == "*" && !reads && !makes {
            true => stacks.under(of_any_environment()),
            false => stacks,
        }
    }

    fn watched(&self, name: &str) -> Scope {
        let dashboards = self.global("cloudwatch", &["dashboard/{}-*"]);
        match name {
            // Asked without a name, it is about all.
            "DescribeAlarms" => self.here("cloudwatch", &["alarm:*"]),
            name if name.contains("Dashboard") => dashboards,
            // Alarms and dashboards alike.
            name if of_tags(name) => {
                let alarms = self.here("cloudwatch", &["alarm:{}-*"]);
                let has = |part: &str| self.asked.blueprint.parts.iter().any(|known| known == part);
                let dashboards = dashboards.resources.into_iter().filter(|_| has("dashboard"));
                Scope::on(alarms.resources.into_iter().chain(dashboards))
            }
            _ => self.here("cloudwatch", &["alarm:{}-*"]),
        }
    }

    fn of_lambda(&self, name: &str) -> Scope {
        let mappings = || self.here("lambda", &["event-source-mapping:*"]);
        match name {
            name if name.contains("EventSourceMapping") => mappings().under(self.of_own_functions()),
            "ListTags" | "TagResource" | "UntagResource" => {
                self.here("lambda", &["event-source-mapping:*", "function:{}-*"])
            }
            _ => self.here("lambda", &["function:{}-*"]),
        }
    }

    fn of_own_functions(&self) -> Conditions {
        let functions = self.arn("lambda", "function:{}-*");
        of("ArnLike", "lambda:FunctionArn", &[&functions])
    }

    /// Buckets that are made, one that was there before, and one that files are copied to.
    fn of_buckets(&self, name: &str) -> Scope {
        let (name, place) = name.split_once('@').unwrap_or((name, ""));
        let partition = self.partition;
        let environment = self.asked.environment;
        let of_environment = self.called_after("{}");
        let here = Placement {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            local: false,
        };
        let programs = environment
            .has_programs()
            .then(|| names::artifacts_bucket(&of_environment, &here));
        let bucket = environment.bucket.as_ref();
        let existing = bucket.and_then(|bucket| bucket.existing.clone());
        let made = bucket.filter(|bucket| bucket.existing.is_none());
        let made = made.map(|_| names::bucket(&of_environment, &here));
        let of_objects = resources::of_objects(name);
        let buckets: Vec<String> = match place {
            "files" => [made, existing].into_iter().flatten().collect(),
            "copies" => copies_to(environment).into_iter().collect(),
            "programs" | "plans" => programs.into_iter().collect(),
            "named" => vec![
                names::bucket(&of_environment, &here),
                names::artifacts_bucket(&of_environment, &here),
            ],
            // CloudFormation reads programs, and nobody's files.
            "" if of_objects => programs.into_iter().collect(),
            _ => {
                let named_by_cloudformation = self.has_own("AWS::S3::Bucket").then(|| self.called_after("{}-*"));
                [made, programs, named_by_cloudformation]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        };
        let rest = match (of_objects, place) {
            (false, _) => String::new(),
            (true, "plans") => format!("/{}*", TemplateFolder::OfPlans.prefix()),
            (true, _) => "/*".to_owned(),
        };
        Scope::on(
            buckets
                .into_iter()
                .map(|bucket| format!("arn:{partition}:s3:::{bucket}{rest}")),
        )
    }

    /// Whether a template of the user's own makes something of this type.
    fn has_own(&self, of_type: &str) -> bool {
        let own = self.asked.blueprint.stacks.iter().filter(|stack| stack.file.is_some());
        own.flat_map(|stack| crate::blueprint::resources(&stack.body))
            .any(|(_, kind)| kind == of_type)
    }

    /// The environment's expiry; and what parameters of templates take their values from.
    fn of_parameters(&self, name: &str) -> Scope {
        let own = self.arn("ssm", "parameter/qfleet/{}/*");
        if name == "GetParametersByPath" {
            return Scope::on([
                self.arn("ssm", "parameter/qfleet/"),
                self.arn("ssm", "parameter/qfleet"),
            ]);
        }
        let read = self.parameters.iter().filter(|_| name == "GetParameters").map(|path| {
            let slash = if path.starts_with('/') { "" } else { "/" };
            // Public parameters are nobody's.
            let account = if path.starts_with("/aws/service/") {
                ""
            } else {
                self.account
            };
            format!(
                "arn:{}:ssm:{}:{account}:parameter{slash}{path}",
                self.partition, self.region
            )
        });
        Scope::on([own].into_iter().chain(read))
    }

    /// Roles of the stacks, to the services that take them on.
    fn passed(&self) -> Scope {
        let services: Vec<String> = resources::BEARERS
            .iter()
            .filter(|(resource_type, _)| handlers::gives_role(self.asked, resource_type))
            .map(|(_, service)| match (*service, self.partition) {
                // (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html>)
                ("ec2.amazonaws.com", "aws-cn") => "ec2.amazonaws.com.cn".to_owned(),
                (service, _) => service.to_owned(),
            })
            .collect();
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        let roles = self.global("iam", &["role/{}-*"]);
        match services.is_empty() {
            true => roles,
            false => roles.under(equals("iam:PassedToService", &services)),
        }
    }

    /// The roles of services that make something for the account, which are made with the first of it
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>).
    fn linked(&self) -> Vec<(String, Scope)> {
        let services = handlers::linked_services(self.asked);
        let of_service = |service: &&str| {
            let path = format!("role/aws-service-role/{service}/*");
            self.global("iam", &[&path]).resources
        };
        let resources = services.iter().flat_map(of_service);
        let scope = Scope::on(resources).under(equals("iam:AWSServiceName", &services));
        match services.is_empty() {
            true => Vec::new(),
            false => vec![("iam:CreateServiceLinkedRole".to_owned(), scope)],
        }
    }

    /// Managed policies that the file names, and no other.
    fn attached(&self) -> Scope {
        let environment = self.asked.environment;
        let of_instances = environment.instances().flat_map(|(_, instances)| &instances.policies);
        let functions = environment
            .stages
            .iter()
            .filter_map(|stage| stage.workers.lambda.as_ref());
        let policies: BTreeSet<&str> = of_instances
            .chain(functions.flat_map(|function| &function.policies))
            .map(String::as_str)
            .collect();
        let policies: Vec<&str> = policies.into_iter().collect();
        let roles = self.global("iam", &["role/{}-*"]);
        match policies.is_empty() {
            true => roles,
            false => roles.under(of("ArnEquals", "iam:PolicyARN", &policies)),
        }
    }
}

fn of_tags(name: &str) -> bool {
    ["ListTagsForResource", "TagResource", "UntagResource"].contains(&name)
}

/// The bucket that files are copied to.
fn copies_to(environment: &Environment) -> Option<String> {
    let to = environment.bucket.as_ref()?.replicate_to.as_ref()?;
    Some(Bucket::name_in(to).to_owned())
}
