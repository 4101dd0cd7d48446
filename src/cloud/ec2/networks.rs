//! VPCs, their subnets, and the ways out of them.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Item, list};
use super::filter;
use crate::cloud::{Cloud, CloudError};

/// A subnet, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    pub vpc: String,
    /// Whether instances get a public address there.
    pub gives_public_addresses: bool,
}

/// Where a VPC's packets for the internet go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// By subnet; of those that have a route table of their own. None where there is no way.
    of_subnets: BTreeMap<String, Option<String>>,
    /// The main route table's, which all others have.
    main: Option<String>,
}

impl Routes {
    /// What `0.0.0.0/0` leads to from a subnet, such as `igw-0123` or `nat-0123`.
    pub fn way_out(&self, subnet: &str) -> Option<&str> {
        self.of_subnets.get(subnet).unwrap_or(&self.main).as_deref()
    }
}

impl Cloud {
    /// The zones in which the default VPC has a subnet of its own.
    pub async fn default_zones(&self) -> Result<BTreeSet<String>, CloudError> {
        let subnets = self.default_subnets().await?;
        Ok(subnets.into_iter().map(|subnet| subnet.zone).collect())
    }

    /// The default VPC's own subnets, one a zone
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>).
    pub async fn default_subnets(&self) -> Result<Vec<Subnet>, CloudError> {
        self.described_subnets(filter("default-for-az", ["true"])).await
    }

    /// Those of these ids; one that isn't there is left out.
    pub async fn subnets(&self, ids: &BTreeSet<&str>) -> Result<Vec<Subnet>, CloudError> {
        self.described_subnets(filter("subnet-id", ids.iter().copied())).await
    }

    async fn described_subnets(&self, asked: Vec<(String, String)>) -> Result<Vec<Subnet>, CloudError> {
        let subnets = self.ec2("DescribeSubnets", "subnetSet", asked).await?;
        let subnets = subnets.into_iter().filter_map(|mut item| {
            Some(Subnet {
                id: item.remove("subnetId")?,
                zone: item.remove("availabilityZone")?,
                vpc: item.remove("vpcId")?,
                gives_public_addresses: item.get("mapPublicIpOnLaunch").is_some_and(|text| text == "true"),
            })
        });
        Ok(subnets.collect())
    }

    /// The ways out of a VPC (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>). A
    /// subnet without a route table of its own has the VPC's main one
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>).
    pub async fn routes(&self, vpc: &str) -> Result<Routes, CloudError> {
        let asked = filter("vpc-id", [vpc]);
        let tables = self.ec2_pages("DescribeRouteTables", "routeTableSet", &asked).await?;
        let mut routes = Routes::default();
        for table in &tables {
            let out = way_out(table);
            for association in list(table, "associationSet") {
                if let Some(subnet) = association.get("subnetId") {
                    routes.of_subnets.insert(subnet.clone(), out.clone());
                } else if association.get("main").is_some_and(|main| main == "true") {
                    routes.main.clone_from(&out);
                }
            }
        }
        Ok(routes)
    }

    /// The services that a VPC has endpoints for: `com.amazonaws.us-east-2.sqs`
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html>).
    pub async fn vpc_endpoints(&self, vpc: &str) -> Result<BTreeSet<String>, CloudError> {
        let asked = filter("vpc-id", [vpc]);
        let items = self.ec2_pages("DescribeVpcEndpoints", "vpcEndpointSet", &asked).await?;
        Ok(items
            .into_iter()
            .filter_map(|mut item| item.remove("serviceName"))
            .collect())
    }

    /// How many VPCs the region has (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>).
    pub async fn count_vpcs(&self) -> Result<u64, CloudError> {
        let all = self.ec2_pages("DescribeVpcs", "vpcSet", &[]).await?;
        Ok(all.len() as u64)
    }

    /// How many launch templates the region has
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html>).
    pub async fn count_launch_templates(&self) -> Result<u64, CloudError> {
        let all = self
            .ec2_pages("DescribeLaunchTemplates", "launchTemplates", &[])
            .await?;
        Ok(all.len() as u64)
    }
}

fn way_out(table: &Item) -> Option<String> {
    let routes = list(table, "routeSet");
    let out = routes.into_iter().find(|route| {
        let is = |field: &str, value: &str| route.get(field).is_some_and(|text| text == value);
        is("destinationCidrBlock", "0.0.0.0/0") && is("state", "active")
    })?;
    let target = ["gatewayId", "natGatewayId", "transitGatewayId", "networkInterfaceId"];
    let target = target.into_iter().find_map(|field| out.get(field).cloned());
    Some(target.unwrap_or_else(|| "a route".to_owned()))
}
