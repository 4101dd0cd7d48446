//! What an account may have at most, of services that tell it themselves, and how much it has.

use super::{Cloud, CloudError, explain};

/// A limit, and how much of it is in use, where that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    pub most: u64,
    pub used: Option<u64>,
}

impl Cloud {
    /// Auto Scaling groups of the region
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAccountLimits.html>).
    pub async fn group_limit(&self) -> Result<Option<Limit>, CloudError> {
        let answer = self.autoscaling.describe_account_limits().send().await;
        let answer = answer.map_err(|error| explain("DescribeAccountLimits", error))?;
        let most = answer.max_number_of_auto_scaling_groups().and_then(whole);
        Ok(most.map(|most| Limit {
            most,
            used: answer.number_of_auto_scaling_groups().and_then(whole),
        }))
    }

    /// Stacks of the region; how many there are isn't said
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeAccountLimits.html>).
    pub async fn stack_limit(&self) -> Result<Option<Limit>, CloudError> {
        let asked = self.cloudformation.describe_account_limits();
        let mut limits = asked.into_paginator().items().send();
        while let Some(limit) = limits.next().await {
            let limit = limit.map_err(|error| explain("DescribeAccountLimits", error))?;
            if limit.name() == Some("StackLimit") {
                let most = limit.value().and_then(whole);
                return Ok(most.map(|most| Limit { most, used: None }));
            }
        }
        Ok(None)
    }

    /// Application Load Balancers of the region
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html>).
    pub async fn load_balancer_limit(&self) -> Result<Option<Limit>, CloudError> {
        let asked = self.load_balancing.describe_account_limits();
        let mut limits = asked.into_paginator().send();
        let mut most = None;
        while let Some(page) = limits.next().await {
            let page = page.map_err(|error| explain("DescribeAccountLimits", error))?;
            let mut named = page.limits().iter();
            let named = named.find(|limit| limit.name() == Some("application-load-balancers"));
            most = most.or_else(|| named?.max()?.parse().ok());
        }
        let mut balancers = self
            .load_balancing
            .describe_load_balancers()
            .into_paginator()
            .items()
            .send();
        let mut used = 0;
        while let Some(balancer) = balancers.next().await {
            let balancer = balancer.map_err(|error| explain("DescribeLoadBalancers", error))?;
            used += u64::from(balancer.r#type().is_none_or(|kind| kind.as_str() == "application"));
        }
        Ok(most.map(|most| Limit { most, used: Some(used) }))
    }

    /// Concurrent executions of functions in the region that aren't reserved for single ones
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>).
    pub async fn concurrency_limit(&self) -> Result<Option<Limit>, CloudError> {
        let answer = self.lambda.get_account_settings().send().await;
        let answer = answer.map_err(|error| explain("GetAccountSettings", error))?;
        let limit = answer.account_limit();
        let most = limit.and_then(|limit| limit.unreserved_concurrent_executions().and_then(whole));
        Ok(most.map(|most| Limit { most, used: None }))
    }

    /// How many distributions of CloudFront the account has
    /// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html>).
    pub async fn count_distributions(&self) -> Result<u64, CloudError> {
        let mut pages = self.cloudfront.list_distributions().into_paginator().send();
        let mut all = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("ListDistributions", error))?;
            all += page.distribution_list().map_or(0, |list| list.items().len() as u64);
        }
        Ok(all)
    }

    /// How many buckets the account has, in all regions
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>).
    pub async fn count_buckets(&self) -> Result<u64, CloudError> {
        let mut pages = self.s3.list_buckets().max_buckets(10_000).into_paginator().send();
        let mut all = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("ListBuckets", error))?;
            all += page.buckets().len() as u64;
        }
        Ok(all)
    }
}

fn whole(number: i32) -> Option<u64> {
    u64::try_from(number).ok()
}
