//! The region: whether one is named, whether AWS has it, and whether the account may use it.

use super::check::{Check, Mend, Topic};
use crate::cloud::identity::Caller;
use crate::cloud::{Cloud, CloudError, RegionFrom};
use crate::environment::known_regions::{is_known, meant};

const NAME_ONE: &str = "name one in the environment file (`region: us-east-2`), with --region, or in AWS_REGION";
const PAGE: &str = "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html";

/// As it is named. Whether the account has enabled it is seen from the first call.
pub(super) fn named(found: Option<&(String, RegionFrom)>) -> Check {
    match found {
        None => Check::failed(Topic::Region, "no region is named", Mend::new(NAME_ONE)),
        Some((region, from)) if is_known(region) => Check::passed(Topic::Region, format!("{region}, from {from}")),
        Some((region, from)) => {
            let what = format!("{region}, from {from}: qfleet knows no such region");
            let meant = meant(region).map_or(String::new(), |meant| format!("did you mean {meant}? Else "));
            let mend = Mend::new(format!(
                "{meant}{NAME_ONE}. If it is newer than this version of qfleet, use a newer version"
            ));
            Check::failed(Topic::Region, what, mend.page(PAGE))
        }
    }
}

/// In a region that the account has not enabled, AWS doesn't know the account's credentials (`PAGE`). Where every account is
/// known, it does: whose they are.
pub(super) async fn known_elsewhere(cloud: &Cloud, refused: &CloudError) -> Option<Caller> {
    let is_unknown = refused.is("InvalidClientTokenId") || refused.is("RegionDisabledException");
    // Only this partition has regions that must be enabled.
    let is_optional = is_known(&cloud.region) && !cloud.region.contains("gov-") && !cloud.region.starts_with("cn-");
    if !is_unknown || !is_optional || cloud.region == HOME {
        return None;
    }
    cloud.in_region(HOME).caller().await.0.ok()
}

/// The region in which every account of the commercial partition is known.
const HOME: &str = "us-east-1";

pub(super) fn disabled(found: Option<&(String, RegionFrom)>) -> Check {
    let Some((region, from)) = found else {
        return named(found);
    };
    let what = format!("{region}, from {from}: the account has not enabled it");
    let mend = Mend::new("enable it, which takes some minutes, or choose another one")
        .command(format!("aws account enable-region --region-name {region}"))
        .page(PAGE);
    Check::failed(Topic::Region, what, mend)
}
