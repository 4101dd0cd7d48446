//! What delivery may leave: a distribution, and what signs its requests. CloudFront is in no region, so an environment of the
//! same name in another region has its own beside them.

use futures_util::join;

use super::Thing;
use crate::blueprint::names;
use crate::blueprint::tags::{ENVIRONMENT, PART, REGION};
use crate::cloud::cloudfront::HOME_REGION;
use crate::cloud::{Cloud, CloudError};
use crate::environment::Delivery;
use crate::environment::delivery::delivers_from;

pub const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
pub const ORIGIN_ACCESS: &str = "AWS::CloudFront::OriginAccessControl";

type Ids = Result<Vec<String>, CloudError>;

/// The ids of this environment's distributions, and of its origin access controls.
pub async fn find(cloud: &Cloud, environment: &str) -> (Ids, Ids) {
    if !delivers_from(&cloud.region) {
        return (Ok(Vec::new()), Ok(Vec::new()));
    }
    join!(distributions(cloud, environment), origin_accesses(cloud, environment))
}

/// By their tags, which are seen from one region only.
async fn distributions(cloud: &Cloud, environment: &str) -> Ids {
    let tagged = match cloud.region == HOME_REGION || cloud.local {
        true => cloud.tagged(ENVIRONMENT, environment).await?,
        false => cloud.in_region(HOME_REGION).tagged(ENVIRONMENT, environment).await?,
    };
    let ours = tagged.iter().filter(|found| {
        let says = |key: &str| found.tags.get(key).map(String::as_str);
        says(PART) == Some(Delivery::PART) && says(REGION) == Some(&cloud.region)
    });
    let things = ours.map(|found| Thing::of_arn(&found.arn));
    Ok(things
        .filter(|thing| thing.resource_type == DISTRIBUTION)
        .map(|thing| thing.id)
        .collect())
}

/// They have no tags. By their name, when they say themselves whose they are: anybody can have given that name.
async fn origin_accesses(cloud: &Cloud, environment: &str) -> Ids {
    let region = &cloud.region;
    let named = cloud
        .origin_accesses(&names::origin_access(environment, region))
        .await?;
    let ours = named
        .into_iter()
        .filter(|found| found.description == names::of_delivery(environment, region));
    Ok(ours.map(|found| found.id).collect())
}

/// What something costs that is left over, where that is good to know
/// (<https://aws.amazon.com/cloudfront/pricing/>: requests and what is transferred).
pub fn cost(resource_type: &str) -> Option<&'static str> {
    match resource_type {
        DISTRIBUTION => Some("it costs nothing as long as nobody asks it for a file"),
        ORIGIN_ACCESS => Some("it costs nothing"),
        _ => None,
    }
}
