//! What the account may have at most, against what a file needs when all of its groups are as large as they may get.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::check::{Check, Mend, Read, Topic, Unread};
use super::families::Family;
use super::groups::Group;
use super::patience::within;
use super::types::Types;
use crate::blueprint::{self, names};
use crate::cloud::Cloud;
use crate::cloud::limits::Limit;
use crate::cloud::quotas::UsageMetric;
use crate::environment::{Active, Environment, Network};

/// Where quotas of what is in no region are asked for
/// (<https://docs.aws.amazon.com/general/latest/gr/cf_region.html>, <https://docs.aws.amazon.com/general/latest/gr/s3.html>).
const GLOBAL: &str = "us-east-1";

/// A quota, by its codes in Service Quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    service: &'static str,
    code: &'static str,
    /// Whether it is asked for in [`GLOBAL`].
    is_global: bool,
}

const fn code(service: &'static str, code: &'static str) -> Code {
    Code {
        service,
        code,
        is_global: false,
    }
}

/// <https://docs.aws.amazon.com/general/latest/gr/as.html>, `ec2-service.html`, `vpc-service.html`, `cfn.html`,
/// `lambda-service.html`, `elb.html`, `cf_region.html` and `s3.html` link to each by its code.
const GROUPS: Code = code("autoscaling", "L-CDE20ADC");
const LAUNCH_TEMPLATES: Code = code("ec2", "L-FB451C26");
const VPCS: Code = code("vpc", "L-F678F1CE");
const STACKS: Code = code("cloudformation", "L-0485CB21");
const CONCURRENCY: Code = code("lambda", "L-B99A9384");
const LOAD_BALANCERS: Code = code("elasticloadbalancing", "L-53DA6B97");
const DISTRIBUTIONS: Code = Code {
    is_global: true,
    ..code("cloudfront", "L-24B04930")
};
const BUCKETS: Code = Code {
    is_global: true,
    ..code("s3", "L-DC2B2D3D")
};

/// How much of a quota a file needs.
struct Need {
    of: Code,
    /// `vCPUs of spot instances of the families A, C, …`
    what: String,
    amount: u64,
}

/// What is known of a quota.
struct Known {
    limit: Read<Limit>,
    /// Where CloudWatch says how much is in use.
    metric: Option<UsageMetric>,
}

/// A check for each quota that the file needs something of.
pub(super) async fn checks(
    cloud: &Cloud,
    environment: &Environment,
    groups: &[Group<'_>],
    types: impl Future<Output = Option<Types>>,
    now: Timestamp,
) -> (Vec<Check>, Option<Types>) {
    let fixed = fixed(environment, groups);
    let of_fixed = join_all(fixed.iter().map(|need| known(cloud, need.of)));
    let of_instances = async {
        let types = types.await;
        let needs = vcpus(groups, types.as_ref());
        let needs = match needs {
            Ok(needs) => needs,
            Err(unread) => return (types, Err(unread)),
        };
        let known = join_all(needs.iter().map(|need| known(cloud, need.of))).await;
        (types, Ok((needs, known)))
    };
    let (of_fixed, stacks, (types, of_instances)) = tokio::join!(of_fixed, within(cloud.stacks()), of_instances);
    let mut checks = Vec::new();
    let (mut needs, mut all) = (fixed, of_fixed);
    match of_instances {
        Ok((more, known)) => {
            needs.splice(0..0, more);
            all.splice(0..0, known);
        }
        Err(unread) => checks.push(Check::unread(Topic::Quota, &unread).about("vCPUs")),
    }
    let metrics: Vec<&UsageMetric> = all.iter().filter_map(|known| known.metric.as_ref()).collect();
    let mut used = match metrics.is_empty() {
        true => Vec::new(),
        false => within(cloud.usage(&metrics, now))
            .await
            .unwrap_or_else(|_| vec![None; metrics.len()]),
    }
    .into_iter();
    let own = stacks.as_ref().map(|stacks| {
        let names: Vec<String> = blueprint::parts_of(environment)
            .iter()
            .map(|part| names::stack(&environment.name, part))
            .collect();
        stacks.iter().filter(|stack| names.contains(&stack.name)).count() as u64
    });
    let is_deployed = own.as_ref().ok().map(|own| *own > 0);
    for (need, known) in needs.iter().zip(all) {
        let in_use = known.metric.as_ref().and_then(|_| used.next().flatten());
        let check = match known.limit {
            Err(unread) => {
                let why = format!(
                    "{}: {} needed; how many there may be isn't known: {}",
                    need.what, need.amount, unread.why
                );
                Check::unknown(Topic::Quota, why, unread.mend)
            }
            Ok(limit) => {
                let mut used = limit.used.or(in_use.map(|used| used.max(0.0).round() as u64));
                let mut is_deployed = is_deployed;
                if need.of == STACKS
                    && let (Ok(stacks), Ok(own)) = (&stacks, &own)
                {
                    used = Some(stacks.len() as u64 - own);
                    is_deployed = Some(false);
                }
                verdict(need, limit.most, used, is_deployed, &cloud.region)
            }
        };
        checks.push(check.about(need.of.code));
    }
    (checks, types)
}

fn verdict(need: &Need, most: u64, used: Option<u64>, is_deployed: Option<bool>, region: &str) -> Check {
    let Need { of, what, amount } = need;
    let used_text = match used {
        Some(used) => format!(", {used} in use"),
        None => ", how many are in use isn't known".to_owned(),
    };
    let text = format!("{what}: {amount} needed, {most} allowed{used_text}");
    let wanted = amount + used.unwrap_or_default();
    let region = if of.is_global { GLOBAL } else { region };
    let mend = |action: &str| {
        Mend::new(action)
            .command(format!(
                "aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value \
                 {wanted} --region {region}",
                of.service, of.code
            ))
            .page(format!(
                "https://console.aws.amazon.com/servicequotas/home/services/{}/quotas/{}",
                of.service, of.code
            ))
    };
    if *amount > most {
        return Check::failed(
            Topic::Quota,
            text,
            mend("ask for more, which AWS may take days to grant, or let the file need less"),
        );
    }
    if wanted <= most {
        return Check::passed(Topic::Quota, text);
    }
    match is_deployed {
        Some(false) => Check::failed(
            Topic::Quota,
            text,
            mend("ask for more, or free what isn't needed any more"),
        ),
        _ => Check::unknown(
            Topic::Quota,
            format!("{text}, this environment's own among them"),
            mend("if others use the most of it, ask for more"),
        ),
    }
}

/// What doesn't depend on what instance types are.
fn fixed(environment: &Environment, groups: &[Group<'_>]) -> Vec<Need> {
    let active = groups.iter().filter(|group| group.is_active).count() as u64;
    let own_network = groups
        .iter()
        .any(|group| group.instances.network == Some(Network::Create));
    let functions = environment
        .stages
        .iter()
        .filter(|stage| stage.workers.active() == Active::Lambda);
    let runs = functions.filter_map(|stage| stage.workers.lambda.as_ref());
    let own_bucket = environment
        .bucket
        .as_ref()
        .is_some_and(|bucket| bucket.existing.is_none());
    let needs = [
        (GROUPS, "Auto Scaling groups", active),
        (LAUNCH_TEMPLATES, "launch templates", active),
        (VPCS, "VPCs", u64::from(own_network)),
        (STACKS, "stacks", blueprint::parts_of(environment).len() as u64),
        (
            CONCURRENCY,
            "concurrent executions of functions",
            runs.map(|lambda| u64::from(lambda.max_concurrency)).sum(),
        ),
        (LOAD_BALANCERS, "load balancers", u64::from(environment.web.is_some())),
        (
            DISTRIBUTIONS,
            "CloudFront distributions",
            u64::from(environment.delivery.is_some()),
        ),
        (
            BUCKETS,
            "S3 buckets",
            u64::from(own_bucket) + u64::from(environment.has_programs()),
        ),
    ];
    let needs = needs.into_iter().filter(|(_, _, amount)| *amount > 0);
    needs
        .map(|(of, what, amount)| Need {
            of,
            what: what.to_owned(),
            amount,
        })
        .collect()
}

/// vCPUs of all groups at their maximum, by quota. Of several types the largest counts.
fn vcpus(groups: &[Group<'_>], types: Option<&Types>) -> Read<Vec<Need>> {
    let Some(types) = types else {
        return Ok(Vec::new());
    };
    let known = types.known.as_ref().map_err(Unread::clone)?;
    let mut needs: BTreeMap<(Family, bool), u64> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.is_active) {
        let instances = group.instances;
        let (max, base) = (u64::from(instances.max), u64::from(instances.on_demand_base));
        let on_demand = if instances.spot { base.min(max) } else { max };
        let mut largest: BTreeMap<Family, u64> = BTreeMap::new();
        for one in &instances.types {
            // One that the region doesn't know is told of as such.
            let (Some(family), Some(known)) = (Family::of(one), known.get(one)) else {
                continue;
            };
            let most = largest.entry(family).or_default();
            *most = known.vcpus.max(*most);
        }
        for (family, vcpus) in largest {
            for (is_spot, count) in [(false, on_demand), (true, max - on_demand)] {
                if count > 0 {
                    *needs.entry((family, is_spot)).or_default() += count * vcpus;
                }
            }
        }
    }
    let needs = needs.into_iter().filter_map(|((family, is_spot), amount)| {
        let kind = if is_spot { "spot" } else { "on-demand" };
        Some(Need {
            of: code("ec2", family.code(is_spot)?),
            what: format!("vCPUs of {kind} instances ({})", family.name()),
            amount,
        })
    });
    Ok(needs.collect())
}

async fn known(cloud: &Cloud, of: Code) -> Known {
    let by_itself = |read: Read<Option<Limit>>| Known {
        limit: read.and_then(|limit| {
            limit.ok_or_else(|| Unread {
                why: "the service doesn't say".to_owned(),
                mend: Mend::new("Service Quotas has it").page(format!(
                    "https://console.aws.amazon.com/servicequotas/home/services/{}/quotas/{}",
                    of.service, of.code
                )),
            })
        }),
        metric: None,
    };
    match of {
        GROUPS => by_itself(within(cloud.group_limit()).await),
        STACKS => by_itself(within(cloud.stack_limit()).await),
        LOAD_BALANCERS => by_itself(within(cloud.load_balancer_limit()).await),
        CONCURRENCY => by_itself(within(cloud.concurrency_limit()).await),
        LAUNCH_TEMPLATES => counted(cloud, of, cloud.count_launch_templates()).await,
        VPCS => counted(cloud, of, cloud.count_vpcs()).await,
        DISTRIBUTIONS => counted(cloud, of, cloud.count_distributions()).await,
        BUCKETS => counted(cloud, of, cloud.count_buckets()).await,
        _ => {
            let quota = within(cloud.quota(of.service, of.code)).await;
            match quota {
                Ok(quota) => Known {
                    limit: Ok(Limit {
                        most: quota.value.max(0.0) as u64,
                        used: None,
                    }),
                    metric: quota.usage_metric.filter(|metric| !metric.name.is_empty()),
                },
                Err(unread) => Known {
                    limit: Err(unread),
                    metric: None,
                },
            }
        }
    }
}

/// A quota of Service Quotas, of which we count ourselves how much is in use.
async fn counted(cloud: &Cloud, of: Code, used: impl Future<Output = Result<u64, crate::cloud::CloudError>>) -> Known {
    let elsewhere;
    let asked = match of.is_global && cloud.region != GLOBAL {
        true => {
            elsewhere = cloud.in_region(GLOBAL);
            &elsewhere
        }
        false => cloud,
    };
    let (quota, used) = tokio::join!(within(asked.quota(of.service, of.code)), within(used));
    Known {
        limit: quota.map(|quota| Limit {
            most: quota.value.max(0.0) as u64,
            used: used.ok(),
        }),
        metric: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::doctor::check::Outcome;

    #[test]
    fn what_others_use_counts_and_what_is_its_own_may() {
        let need = Need {
            of: LAUNCH_TEMPLATES,
            what: "launch templates".to_owned(),
            amount: 4,
        };
        let of = |most, used, is_deployed| verdict(&need, most, used, is_deployed, "us-east-2").outcome;
        assert_eq!(of(3, None, None), Outcome::Failed);
        assert_eq!(of(4, None, None), Outcome::Passed);
        assert_eq!(of(4, Some(0), Some(false)), Outcome::Passed);
        assert_eq!(of(4, Some(1), Some(false)), Outcome::Failed);
        assert_eq!(of(4, Some(1), Some(true)), Outcome::Unknown);
        assert_eq!(of(4, Some(1), None), Outcome::Unknown);
        let asked = verdict(&need, 3, Some(2), Some(false), "us-east-2");
        let command = asked.mend.and_then(|mend| mend.command).unwrap_or_default();
        assert!(command.contains("--desired-value 6 --region us-east-2"), "{command}");
    }
}
