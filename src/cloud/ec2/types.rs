//! Instance types: where they are offered, and what they are.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::list;
use super::filter;
use crate::cloud::{Cloud, CloudError};

/// What an instance of a type has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceType {
    /// How many of them quotas count for an instance.
    pub vcpus: u64,
    /// `arm64`, `x86_64`, …
    pub architectures: Vec<String>,
}

impl Cloud {
    /// Which zones of the region offer each of these instance types; a type that none offers is left out
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html>).
    pub async fn zones_that_offer(
        &self,
        types: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, CloudError> {
        let mut asked = vec![("LocationType".to_owned(), "availability-zone".to_owned())];
        asked.extend(filter("instance-type", types.iter().map(String::as_str)));
        let mut offered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mut item in self
            .ec2("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet", asked)
            .await?
        {
            if let (Some(of_type), Some(zone)) = (item.remove("instanceType"), item.remove("location")) {
                offered.entry(of_type).or_default().insert(zone);
            }
        }
        Ok(offered)
    }

    /// What these types have; one that the region doesn't know is left out
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html>).
    pub async fn instance_types(&self, types: &BTreeSet<String>) -> Result<BTreeMap<String, InstanceType>, CloudError> {
        let asked = filter("instance-type", types.iter().map(String::as_str));
        let items = self
            .ec2_pages("DescribeInstanceTypes", "instanceTypeSet", &asked)
            .await?;
        let known = items.into_iter().filter_map(|item| {
            let architectures = list(&item, "processorInfo.supportedArchitectures");
            let architectures = architectures.into_iter().filter_map(|mut one| one.remove(""));
            Some((
                item.get("instanceType")?.clone(),
                InstanceType {
                    vcpus: item.get("vCpuInfo.defaultVCpus")?.parse().ok()?,
                    architectures: architectures.collect(),
                },
            ))
        });
        Ok(known.collect())
    }
}
