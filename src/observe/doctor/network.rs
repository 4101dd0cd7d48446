//! Where instances would be put, and whether they could call AWS from there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::check::{Check, Mend, Read, Topic, Unread};
use super::groups::{Group, Place, alike};
use super::patience::within;
use crate::cloud::Cloud;
use crate::cloud::ec2::{Routes, Subnet};

/// What workers call at the least (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-internetwork-traffic-privacy.html>).
const QUEUES: &str = ".sqs";

/// What EC2 says of places.
pub(super) struct Places {
    /// The default VPC's subnets, where they matter.
    default: Option<Read<Vec<Subnet>>>,
    /// Those that the file names, by id.
    named: Option<Read<BTreeMap<String, Subnet>>>,
    /// By VPC.
    routes: BTreeMap<String, Read<Routes>>,
    /// Of VPCs that have a subnet without a way out.
    endpoints: BTreeMap<String, Read<BTreeSet<String>>>,
}

impl Places {
    /// Reads what these groups need; without any, the default VPC.
    pub async fn read(cloud: &Cloud, groups: &[Group<'_>], has_file: bool) -> Places {
        let places: BTreeSet<Place> = groups.iter().map(Group::place).collect();
        let wants_default = !has_file || places.iter().any(|place| matches!(place, Place::Default(_)));
        let ids: BTreeSet<&str> = places.iter().flat_map(ids).collect();
        let (default, named) = tokio::join!(
            async {
                match wants_default {
                    true => Some(within(cloud.default_subnets()).await),
                    false => None,
                }
            },
            async {
                match ids.is_empty() {
                    true => None,
                    false => Some(within(cloud.subnets(&ids)).await),
                }
            }
        );
        let named = named.map(|read| read.map(|all| all.into_iter().map(|one| (one.id.clone(), one)).collect()));
        let mut found = Places {
            default,
            named,
            routes: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        };
        let vpcs: BTreeSet<String> = found.subnets().map(|subnet| subnet.vpc.clone()).collect();
        let routes = join_all(vpcs.iter().map(|vpc| within(cloud.routes(vpc)))).await;
        found.routes = vpcs.into_iter().zip(routes).collect();
        let closed = found
            .subnets()
            .filter(|subnet| matches!(found.way_out(subnet), Some(Err(_))));
        let closed: BTreeSet<String> = closed.map(|subnet| subnet.vpc.clone()).collect();
        let endpoints = join_all(closed.iter().map(|vpc| within(cloud.vpc_endpoints(vpc)))).await;
        found.endpoints = closed.into_iter().zip(endpoints).collect();
        found
    }

    fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        let default = self.default.iter().flatten().flatten();
        let named = self.named.iter().flatten().flat_map(BTreeMap::values);
        default.chain(named)
    }

    /// Why instances in a subnet can't reach AWS; none where that isn't known.
    fn way_out(&self, subnet: &Subnet) -> Option<Result<(), String>> {
        let Some(Ok(routes)) = self.routes.get(&subnet.vpc) else {
            return None;
        };
        let id = &subnet.id;
        Some(match routes.way_out(id) {
            None => Err(format!("{id} has no route to the internet (0.0.0.0/0)")),
            Some(target) if target.starts_with("igw-") && !subnet.gives_public_addresses => Err(format!(
                "{id} leads to {target}, and instances get no public address there to use it"
            )),
            Some(_) => Ok(()),
        })
    }

    /// The zones in which a group's instances would be; an error where they can't be known, with the check that says why.
    pub fn zones(&self, place: &Place) -> Option<BTreeSet<String>> {
        match place {
            Place::Created => None,
            Place::Default(named) => {
                let default = self.default.as_ref()?.as_ref().ok()?;
                let all = default.iter().map(|subnet| subnet.zone.clone());
                Some(
                    all.filter(|zone| named.as_ref().is_none_or(|named| named.contains(zone)))
                        .collect(),
                )
            }
            Place::Subnets { subnets, .. } => {
                let known = self.named.as_ref()?.as_ref().ok()?;
                Some(
                    subnets
                        .iter()
                        .filter_map(|id| Some(known.get(id)?.zone.clone()))
                        .collect(),
                )
            }
        }
    }

    /// A check for each place, or of the default VPC alone where no file says which.
    pub fn checks(&self, groups: &[Group<'_>], region: &str, has_file: bool) -> Vec<Check> {
        if !has_file {
            return vec![self.check(&Place::Default(None), region)];
        }
        let all = alike(groups, |group| group.place()).into_iter();
        all.map(|(names, group)| self.check(&group.place(), region).about(&names))
            .collect()
    }

    fn check(&self, place: &Place, region: &str) -> Check {
        match place {
            Place::Created => Check::passed(Topic::Network, "a VPC of the environment's own is created"),
            Place::Default(zones) => match self.default.as_ref() {
                Some(Ok(subnets)) => self.default_vpc(subnets, zones.as_deref(), region),
                Some(Err(unread)) => Check::unread(Topic::Network, unread),
                None => unasked(),
            },
            Place::Subnets { vpc, subnets } => match self.named.as_ref() {
                Some(Ok(known)) => self.given(vpc, subnets, known, region),
                Some(Err(unread)) => Check::unread(Topic::Network, unread),
                None => unasked(),
            },
        }
    }

    fn default_vpc(&self, subnets: &[Subnet], zones: Option<&[String]>, region: &str) -> Check {
        let Some(first) = subnets.first() else {
            return Check::failed(
                Topic::Network,
                format!("there is no default VPC with subnets in {region}"),
                Mend::new("make one; or name `vpc` and `subnets` in `instances`, or say `network: create`")
                    .command(format!("aws ec2 create-default-vpc --region {region}")),
            );
        };
        let has = |zone: &String| subnets.iter().any(|subnet| subnet.zone == *zone);
        let lacks: Vec<&str> = zones
            .unwrap_or_default()
            .iter()
            .filter(|zone| !has(zone))
            .map(String::as_str)
            .collect();
        if let Some(zone) = lacks.first() {
            return Check::failed(
                Topic::Network,
                format!("the default VPC {} has no subnet in {}", first.vpc, lacks.join(", ")),
                Mend::new("name other `zones`, or make the subnet").command(format!(
                    "aws ec2 create-default-subnet --availability-zone {zone} --region {region}"
                )),
            );
        }
        let used: Vec<&Subnet> = subnets
            .iter()
            .filter(|subnet| zones.is_none_or(|zones| zones.contains(&subnet.zone)))
            .collect();
        let zones: BTreeSet<&str> = used.iter().map(|subnet| subnet.zone.as_str()).collect();
        let what = format!(
            "the default VPC {} has subnets in {}",
            first.vpc,
            zones.into_iter().collect::<Vec<_>>().join(", ")
        );
        self.with_ways_out(&what, &first.vpc, &used, region)
    }

    fn given(&self, vpc: &str, ids: &[String], known: &BTreeMap<String, Subnet>, region: &str) -> Check {
        let look = || {
            Mend::new("correct `vpc` and `subnets` in the file: these are the subnets of the VPC").command(format!(
                "aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc} --region {region}"
            ))
        };
        let mut used = Vec::new();
        for id in ids {
            match known.get(id) {
                None => return Check::failed(Topic::Network, format!("{id} isn't there in {region}"), look()),
                Some(subnet) if subnet.vpc != vpc => {
                    let what = format!("{id} is in {}, and `vpc` is {vpc}", subnet.vpc);
                    return Check::failed(Topic::Network, what, look());
                }
                Some(subnet) => used.push(subnet),
            }
        }
        let zones: BTreeSet<&str> = used.iter().map(|subnet| subnet.zone.as_str()).collect();
        if zones.len() < 2 {
            let zones = zones.into_iter().collect::<String>();
            let what = format!("all subnets are in {zones}: a group needs two zones, to outlive the loss of one");
            return Check::failed(Topic::Network, what, look());
        }
        let zones = zones.into_iter().collect::<Vec<_>>().join(", ");
        self.with_ways_out(&format!("{vpc} has subnets in {zones}"), vpc, &used, region)
    }

    fn with_ways_out(&self, what: &str, vpc: &str, used: &[&Subnet], region: &str) -> Check {
        if let Some(Err(unread)) = self.routes.get(vpc) {
            let why = format!(
                "{what}; whether instances reach AWS from there isn't known: {}",
                unread.why
            );
            return Check::unknown(Topic::Network, why, unread.mend.clone());
        }
        let closed = used.iter().find_map(|subnet| self.way_out(subnet)?.err());
        let Some(closed) = closed else {
            return Check::passed(Topic::Network, format!("{what}, with a way out"));
        };
        let look = format!("aws ec2 describe-route-tables --filters Name=vpc-id,Values={vpc} --region {region}");
        match self.endpoints.get(vpc) {
            Some(Ok(services)) if services.iter().any(|service| service.ends_with(QUEUES)) => Check::unknown(
                Topic::Network,
                format!("{closed}; {vpc} has VPC endpoints, by which workers may reach AWS, but not what `install` downloads"),
                Mend::new(
                    "see that there are endpoints for SQS, S3, CloudWatch Logs, CloudFormation and Auto Scaling, and that \
                     programs need nothing else",
                )
                .command(format!(
                    "aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={vpc} --region {region}"
                )),
            ),
            Some(Err(unread)) => {
                let why = format!("{closed}; whether {vpc} has VPC endpoints instead isn't known: {}", unread.why);
                Check::unknown(Topic::Network, why, unread.mend.clone())
            }
            _ => Check::failed(
                Topic::Network,
                format!("{closed}, so workers there can't reach AWS"),
                Mend::new("give it a route to an internet or NAT gateway, or name other `subnets`").command(look),
            ),
        }
    }
}

fn ids(place: &Place) -> impl Iterator<Item = &str> {
    let subnets = match place {
        Place::Subnets { subnets, .. } => subnets.as_slice(),
        Place::Default(_) | Place::Created => &[],
    };
    subnets.iter().map(String::as_str)
}

/// Can't be: what a place needs was asked.
fn unasked() -> Check {
    let unread = Unread {
        why: "it was not asked".to_owned(),
        mend: Mend::new("ask again"),
    };
    Check::unread(Topic::Network, &unread)
}
