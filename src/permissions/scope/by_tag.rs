//! What has no name of its own, as most of EC2's and Elastic Load Balancing's: by its kind, and by the environment's tag.

use super::super::conditions::{Conditions, equals, of};
use super::super::{handlers, resources};
use super::{Names, Scope};
use crate::blueprint::tags::ENVIRONMENT;

impl Names<'_> {
    /// Tags on what is made, and on the volumes of an instance that a launch template starts: who makes a group from it is
    /// asked for the latter, too
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html>).
    pub(super) fn tagged(&self, action: &str) -> Vec<(String, Scope)> {
        let mut scopes = self.of_kinds(action, &[], &self.tagged_kinds());
        if handlers::has(self.asked, "AWS::AutoScaling::AutoScalingGroup") {
            let volumes = self.here("ec2", &["volume/*"]);
            let launched = equals("ec2:CreateAction", &["RunInstances"]);
            scopes.push((action.to_owned(), volumes.under(launched)));
        }
        scopes
    }

    pub(super) fn tagged_kinds(&self) -> Vec<&'static str> {
        resources::tagged(|resource_type| handlers::has(self.asked, resource_type))
    }

    /// What has no name of its own: by its kind; what is there already, only where it is no other environment's.
    pub(super) fn of_kinds(&self, action: &str, any: &[&str], own: &[&str]) -> Vec<(String, Scope)> {
        let (of_others, own): (Vec<&str>, Vec<&str>) = own.iter().partition(|kind| self.may_be_others(action, kind));
        let service = action.split(':').next().unwrap_or_default();
        let on = |kinds: &[&str]| {
            Scope::on(kinds.iter().map(|kind| match *kind {
                "image" | "snapshot" => format!("arn:{}:ec2:{}::{kind}/*", self.partition, self.region),
                kind => self.arn(service, &format!("{kind}/*")),
            }))
        };
        let scopes = [on(&[any, &of_others].concat()), on(&own).under(self.not_anothers())];
        let scopes = scopes.into_iter().filter(|scope| !scope.resources.is_empty());
        scopes.map(|scope| (action.to_owned(), scope)).collect()
    }

    /// Whether the tag of what is there already isn't asked for.
    fn may_be_others(&self, action: &str, kind: &str) -> bool {
        match kind {
            // They get none of their stack's tags, and templates of older deploys give them none
            // (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2227>).
            "launch-template" => self.environment == "*",
            "security-group" => {
                let tags_or_deletes = ["ec2:CreateTags", "ec2:DeleteTags", "ec2:DeleteSecurityGroup"];
                self.uses_groups_of_others() && !tags_or_deletes.contains(&action)
            }
            _ => false,
        }
    }

    /// Whether instances are in security groups that aren't their stage's, or a template of the user's own may have rules in one.
    fn uses_groups_of_others(&self) -> bool {
        let mut instances = self.asked.environment.instances();
        let given = instances.any(|(_, instances)| !instances.security_groups.is_empty());
        given || self.asked.blueprint.stacks.iter().any(|stack| stack.file.is_some())
    }

    /// Carries no other environment's tag. CloudFormation hands a stack's tags to its resources, but to a security group only
    /// after it was made and had its rules
    /// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/714>,
    /// <https://github.com/aws/aws-cdk/issues/13204>). Of other types AWS doesn't write when. So what carries no tag can't be
    /// told from what was made a moment ago.
    fn not_anothers(&self) -> Conditions {
        match self.environment {
            "*" if self.is_of_any() => of_any_environment(),
            "*" => Conditions::new(),
            names if names.contains('*') => of("StringLikeIfExists", &tag(), &[names]),
            environment => of("StringEqualsIfExists", &tag(), &[environment]),
        }
    }

    /// Whether it is about what environments of any name left, all of which carries some environment's tag: nothing is made.
    pub(super) fn is_of_any(&self) -> bool {
        let mut purposes = self.asked.purposes.iter();
        self.environment == "*" && !purposes.any(|purpose| purpose.handlers().contains(&"create"))
    }
}

/// Carries some environment's tag.
pub(super) fn of_any_environment() -> Conditions {
    of("Null", &tag(), &["false"])
}

/// The environment's tag, on a resource that is there.
fn tag() -> String {
    format!("aws:ResourceTag/{ENVIRONMENT}")
}
