//! Whether the subnets that a file names for a web tier fit together: AWS alone knows in which zones they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Stack, Value, outputs};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::ec2::Subnet;
use crate::deployed::web::WEB;
use crate::error::Result;

/// The parameters of `templates/web.yaml.j2`.
const OF_LOAD_BALANCER: &str = "LoadBalancerSubnetIds";

/// The subnets of a web tier, as its file names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named<'a> {
    vpc: &'a str,
    load_balancer: Vec<&'a str>,
    /// Where the load balancer has its own. None where it stands by.
    instances: Vec<&'a str>,
}

/// What comes of asking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    Wrong(String),
    /// And why.
    Unknown(String),
}

impl Named<'_> {
    /// None of a stack that isn't a web tier's, or whose subnets aren't the file's.
    pub fn of(stack: &Stack) -> Option<Named<'_>> {
        let literal = |name: &str| match stack.parameters.get(name) {
            Some(Value::Literal(text)) => Some(text.as_str()),
            _ => None,
        };
        let list = |name: &str| literal(name).map(|text| text.split(',').collect::<Vec<_>>());
        if stack.part != WEB {
            return None;
        }
        let instances = list(outputs::SUBNETS);
        Some(Named {
            vpc: literal(outputs::VPC)?,
            load_balancer: list(OF_LOAD_BALANCER).or_else(|| instances.clone())?,
            instances: instances.unwrap_or_default(),
        })
    }

    /// Whether a deployed stack has other ones.
    pub fn are_new(&self, stack: &Stack, found: Option<&StackDescription>) -> bool {
        let same = |name: &str| match stack.parameters.get(name) {
            Some(Value::Literal(text)) => found
                .and_then(|found| found.parameters.get(name))
                .is_some_and(|deployed| deployed.value == *text),
            _ => true,
        };
        ![outputs::SUBNETS, OF_LOAD_BALANCER].iter().all(|name| same(name))
    }

    /// Asks EC2 where they are.
    ///
    /// # Errors
    /// When AWS can't be asked. That it may not be asked, or doesn't know the question, is a verdict.
    pub async fn check(&self, cloud: &Cloud) -> Result<Verdict> {
        if cloud.local {
            // The emulator's instances are processes of this machine.
            return Ok(Verdict::Fits);
        }
        let all: BTreeSet<&str> = self.load_balancer.iter().chain(&self.instances).copied().collect();
        match cloud.subnets(&all).await {
            Ok(there) => Ok(self.verdict(&there)),
            Err(error) if error.is_unknown_operation() || error.is_denied() => Ok(Verdict::Unknown(format!(
                "in which zones its subnets are isn't known, so they weren't compared with those of its load balancer: {error}"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    fn verdict(&self, there: &[Subnet]) -> Verdict {
        let known: BTreeMap<&str, &Subnet> = there.iter().map(|subnet| (subnet.id.as_str(), subnet)).collect();
        let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
        for id in self.load_balancer.iter().chain(&self.instances) {
            match known.get(id) {
                None => return Verdict::Wrong(format!("{id} isn't there in this region")),
                Some(subnet) if subnet.vpc != self.vpc => {
                    return Verdict::Wrong(format!("{id} is in {}, and `vpc` is {}", subnet.vpc, self.vpc));
                }
                Some(_) => {}
            }
        }
        // "You can specify only one subnet per Availability Zone"
        // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>).
        for id in &self.load_balancer {
            let zone = known[id].zone.as_str();
            if let Some(other) = zones.insert(zone, id) {
                return Verdict::Wrong(format!(
                    "{other} and {id} are both in {zone}, and a load balancer takes one subnet a zone: name one in another \
                     zone instead, or the load balancer's own with `subnets` of `web`"
                ));
            }
        }
        // Targets elsewhere are never used
        // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>, `Target.NotInUse`).
        let outside = self
            .instances
            .iter()
            .find(|id| !zones.contains_key(known[*id].zone.as_str()));
        match outside {
            None => Verdict::Fits,
            Some(id) => {
                let zone = &known[id].zone;
                let enabled: Vec<&str> = zones.into_keys().collect();
                Verdict::Wrong(format!(
                    "instances in {id} would get no requests: it is in {zone}, and the load balancer is in {}. Name a public \
                     subnet in {zone} in `subnets` of `web`, too, or take {id} out of those of its instances",
                    enabled.join(", ")
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(load_balancer: &[&'static str], instances: &[&'static str]) -> String {
        let subnet = |(id, zone, vpc): (&str, &str, &str)| Subnet {
            id: id.into(),
            zone: zone.into(),
            vpc: vpc.into(),
            gives_public_addresses: true,
        };
        let there = [
            ("public-a", "us-east-2a", "vpc-1"),
            ("public-b", "us-east-2b", "vpc-1"),
            ("private-a", "us-east-2a", "vpc-1"),
            ("private-b", "us-east-2b", "vpc-1"),
            ("private-c", "us-east-2c", "vpc-1"),
            ("elsewhere", "us-east-2a", "vpc-2"),
        ];
        let named = Named {
            vpc: "vpc-1",
            load_balancer: load_balancer.to_vec(),
            instances: instances.to_vec(),
        };
        match named.verdict(&there.map(subnet)) {
            Verdict::Wrong(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn instances_are_where_the_load_balancer_is() {
        let public = ["public-a", "public-b"];
        assert_eq!(verdict(&public, &public), "Fits");
        assert_eq!(verdict(&public, &["private-a"]), "Fits");
        assert_eq!(
            verdict(&public, &["private-a", "public-a"]),
            "Fits",
            "as many as one likes"
        );
        assert_eq!(verdict(&public, &[]), "Fits", "it stands by");
        let said = verdict(&public, &["private-a", "private-c"]);
        let wanted = "instances in private-c would get no requests: it is in us-east-2c, and the load balancer is in us-east-2a, us-east-2b. ";
        assert!(said.starts_with(wanted), "{said}");
    }

    #[test]
    fn what_a_load_balancer_does_not_take_is_named() {
        let said = verdict(&["public-a", "private-a"], &[]);
        assert!(
            said.starts_with("public-a and private-a are both in us-east-2a, "),
            "{said}"
        );
        assert_eq!(
            verdict(&["public-a", "subnet-9"], &[]),
            "subnet-9 isn't there in this region"
        );
        let said = verdict(&["public-a", "public-b"], &["elsewhere"]);
        assert_eq!(said, "elsewhere is in vpc-2, and `vpc` is vpc-1");
    }
}
