//! Where uploads are copied to.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::outputs;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::s3::replication::{Destination, Rules};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::environment::Bucket;

/// The bucket that uploads are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Replication {
    pub bucket: String,
    /// Whether S3 can copy to it. Whether it has copied each file is only known of each file.
    pub destination: Destination,
    /// Whether S3 is told to; none on the emulator, which takes no rule from CloudFormation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
}

/// The rule by which a bucket's files are copied, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    AsDeployed,
    /// The bucket has none, or copies to another one.
    Missing,
    Disabled,
    /// It names another role than the stack's: the bucket was kept when that one's stack went.
    OtherRole,
    /// It may not be read.
    Unknown,
}

/// Three calls, where uploads are copied at all, and one more for the stack's role.
pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Result<Option<Replication>, CloudError> {
    let stack = deployed.part("intake").map(|found| &found.stack);
    let to = stack.and_then(|stack| Some((stack, stack.outputs.get(outputs::REPLICATES_TO)?)));
    let Some((stack, arn)) = to else {
        return Ok(None);
    };
    let bucket = Bucket::name_in(arn).to_owned();
    let (destination, rule) = try_join(cloud.destination(&bucket), rule(cloud, stack, arn)).await?;
    Ok(Some(Replication {
        bucket,
        destination,
        rule,
    }))
}

async fn rule(cloud: &Cloud, stack: &StackDescription, to: &str) -> Result<Option<Rule>, CloudError> {
    let Some(bucket) = stack.outputs.get(outputs::BUCKET).filter(|_| !cloud.local) else {
        return Ok(None);
    };
    let read = try_join(cloud.replication_rules(bucket), cloud.stack_resources(&stack.id));
    let (rules, resources) = match read.await {
        Err(error) if error.is_denied() => return Ok(Some(Rule::Unknown)),
        read => read?,
    };
    let role = resources.iter().find(|resource| resource.logical_id == ROLE);
    Ok(Some(judge(
        rules.as_ref(),
        to,
        role.map(|role| role.physical_id.as_str()),
    )))
}

/// What the template calls it (`templates/intake.yaml.j2`).
const ROLE: &str = "ReplicationRole";

/// `role`: the name of the stack's.
fn judge(rules: Option<&Rules>, to: &str, role: Option<&str>) -> Rule {
    let of_bucket = rules.and_then(|rules| {
        let mut of_bucket = rules.to.iter().filter(|(bucket, _)| bucket == to);
        let first = of_bucket.next()?.1;
        Some((&rules.role, first || of_bucket.any(|(_, enabled)| *enabled)))
    });
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    match of_bucket {
        None => Rule::Missing,
        Some((_, false)) => Rule::Disabled,
        Some((named, true)) if role.is_some_and(|role| name(named) != role) => Rule::OtherRole,
        Some(_) => Rule::AsDeployed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_as_it_was_deployed_or_it_is_said_how_it_is_not() {
        let to = "arn:aws:s3:::there";
        let rules = |bucket: &str, enabled| Rules {
            role: "arn:aws:iam::111122223333:role/lab-intake-Role-1".into(),
            to: vec![("arn:aws:s3:::other".into(), true), (bucket.into(), enabled)],
        };
        let of = |rules: &Rules, role| judge(Some(rules), to, Some(role));
        assert_eq!(of(&rules(to, true), "lab-intake-Role-1"), Rule::AsDeployed);
        assert_eq!(of(&rules(to, true), "lab-intake-Role-2"), Rule::OtherRole);
        assert_eq!(of(&rules(to, false), "lab-intake-Role-1"), Rule::Disabled);
        assert_eq!(
            of(&rules("arn:aws:s3:::else", true), "lab-intake-Role-1"),
            Rule::Missing
        );
        assert_eq!(judge(None, to, None), Rule::Missing);
    }
}
