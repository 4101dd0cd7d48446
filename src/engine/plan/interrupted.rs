//! What a change means to those who ask meanwhile. Pure.

use crate::cloud::cloudformation::change_set::{Action, Change};

/// What a changed target group means to those who ask the web tier meanwhile. A group on another port is a new one, in which
/// no instance is healthy before the new program runs; a new path is asked at once, also of the old program
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html>).
pub(super) fn interrupts_requests(change: &Change) -> Option<&'static str> {
    if change.action == Action::Modify && change.resource_type == "AWS::CloudFront::Distribution" {
        return asks_elsewhere(change);
    }
    if change.action != Action::Modify || change.resource_type != "AWS::ElasticLoadBalancingV2::TargetGroup" {
        return None;
    }
    let changes = |key: &str| {
        let mut paths = change.properties.iter().map(|property| property.path.as_str());
        paths.any(|path| path.strip_prefix("/Properties/") == Some(key))
    };
    match () {
        () if changes("Port") => Some(
            "with another `port` the web tier is away until its new instances are healthy, some minutes: the load balancer \
             answers 503 meanwhile",
        ),
        () if changes("HealthCheckPath") => Some(
            "the new `health` is asked of the old instances, too: have the program that runs now answer it first, or they \
             count as unhealthy until they are replaced",
        ),
        () => None,
    }
}

/// What another origin of a distribution means to those who fetch files. The bucket's policy is changed before, and allows one
/// prefix only.
fn asks_elsewhere(change: &Change) -> Option<&'static str> {
    let mut paths = change.properties.iter().map(|property| property.path.as_str());
    let of_origins = |path: &str| path.starts_with("/Properties/DistributionConfig/Origins");
    paths.any(of_origins).then_some(
        "with another `processed` CloudFront gets no file for some minutes: the bucket's policy allows the new prefix before \
         CloudFront asks there, and what isn't in its cache is answered with 403 meanwhile",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::{PropertyChange, Replacement};

    #[test]
    fn who_asks_meanwhile_is_told_of() {
        let of = |resource_type: &str, path: &str| {
            interrupts_requests(&Change {
                action: Action::Modify,
                logical_id: "Resource".into(),
                resource_type: resource_type.into(),
                physical_id: None,
                replacement: Replacement::Maybe,
                disposal: None,
                properties: vec![PropertyChange {
                    path: path.into(),
                    before: None,
                    after: None,
                    replacement: Replacement::Maybe,
                    follows: false,
                }],
            })
        };
        let warned = |path: &str| of("AWS::ElasticLoadBalancingV2::TargetGroup", path);
        let delivery = |path: &str| of("AWS::CloudFront::Distribution", path);
        assert!(
            delivery("/Properties/DistributionConfig/Origins/0/OriginPath").is_some_and(|said| said.contains("403"))
        );
        assert_eq!(delivery("/Properties/DistributionConfig/Aliases"), None);
        assert!(warned("/Properties/Port").is_some_and(|warning| warning.contains("503")));
        assert!(warned("/Properties/HealthCheckPath").is_some_and(|warning| warning.contains("old instances")));
        assert_eq!(warned("/Properties/Matcher/HttpCode"), None);
    }
}
