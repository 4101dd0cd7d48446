//! Groups of instances: how many, of which types, where, and how they scale.

use super::{Checks, capacity, image};
use crate::environment::architecture::{Architecture, architecture};
use crate::environment::given::Given;
use crate::environment::problem::Problem;
use crate::environment::{Active, Instances, Scaling, Workers, Zones};

pub(super) fn check(checks: &mut Checks) {
    for (at, stage) in checks.stages() {
        kinds(checks, &format!("{at}/workers"), &stage.workers);
        if let (Some(scaling), Some(_)) = (&stage.scaling, &stage.workers.instances) {
            target(checks, &format!("{at}/scaling"), scaling);
        }
    }
    for (at, instances) in checks.environment.instances() {
        count(checks, &at, instances);
        capacity::check(checks, &at, instances);
        types(checks, &at, &instances.types);
        placement(checks, &at, instances);
        security_groups(checks, &at, instances);
        image::check(checks, &at, instances);
    }
}

/// What is at work is described, and named where two kinds are.
fn kinds(checks: &mut Checks, at: &str, workers: &Workers) {
    let at_active = format!("{at}/active");
    let problem = match (&workers.instances, &workers.lambda, workers.active) {
        (None, None, _) => Problem::new(at, "`workers` names nothing that drains the queue")
            .help("add `instances`: an Auto Scaling group of EC2 instances; or `lambda`: a Lambda function"),
        (Some(_), Some(_), None) => Problem::new(
            at,
            "`workers` has `instances` and `lambda`, and doesn't say which is at work",
        )
        .help(
            "add `active: instances` or `active: lambda`; a deploy with the other one switches. `active: none` \
                 pauses the stage",
        ),
        (None, Some(_), Some(Active::Instances)) => undescribed(&at_active, "instances", "lambda"),
        (Some(_), None, Some(Active::Lambda)) => undescribed(&at_active, "lambda", "instances"),
        _ => return,
    };
    checks.note(
        problem,
        &[at, &format!("{at}/instances"), &format!("{at}/lambda"), &at_active],
    );
}

fn undescribed(at: &str, named: &str, described: &str) -> Problem {
    Problem::new(at, format!("`active` is {named}, and `workers` has no `{named}`")).help(format!(
        "add `{named}:` beside `{described}:`; or say `active: {described}`, or `none` to pause the stage"
    ))
}

fn count(checks: &mut Checks, at: &str, instances: &Instances) {
    let &Instances {
        min,
        max,
        spot,
        on_demand_base,
        ..
    } = instances;
    let (at_min, at_max) = (format!("{at}/min"), format!("{at}/max"));
    let written = |pointer: &str| checks.environment.source.written(pointer).is_some();
    if min > max {
        // Where only one of the two is in the file, the other is a default: say so at the one.
        let (at, note) = match (written(&at_min), written(&at_max)) {
            (true, false) => (&at_min, " (the default)"),
            _ => (&at_max, ""),
        };
        let low = if written(&at_min) { "" } else { " (the default)" };
        let problem = Problem::new(at, format!("`min` is {min}{low}, but `max` is {max}{note}"));
        checks.note(problem.help("`max` must be at least `min`"), &[&at_min, &at_max]);
    }
    if on_demand_base > 0 && !spot {
        let problem = Problem::new(format!("{at}/on_demand_base"), "`on_demand_base` needs `spot: true`");
        let problem = problem.help("without `spot` every instance is on-demand: remove it, or add `spot: true`");
        checks.note(problem.on_key(), &[&format!("{at}/spot")]);
    }
}

fn types(checks: &mut Checks, at: &str, types: &[String]) {
    let mut first: Option<(&str, Architecture)> = None;
    for (i, name) in types.iter().enumerate() {
        let at_type = format!("{at}/types/{i}");
        if checks.broken.covers(&at_type) {
            continue;
        }
        if types[..i].contains(name) {
            checks.note(Problem::new(&at_type, format!("`{name}` is in the list twice")), &[]);
            continue;
        }
        match (architecture(name), first) {
            (Err(why), _) => checks.note(Problem::new(&at_type, why.message).help(why.help), &[]),
            (Ok(this), None) => first = Some((name, this)),
            (Ok(this), Some((other, that))) if this != that => checks.note(
                Problem::new(&at_type, format!("`{name}` is {this}, but `{other}` is {that}"))
                    .help("one image runs on all types of a stage: keep to one architecture, or make two stages"),
                &[],
            ),
            _ => {}
        }
    }
}

fn placement(checks: &mut Checks, at: &str, instances: &Instances) {
    let Instances {
        zones,
        vpc,
        subnets,
        network,
        ..
    } = instances;
    let given: Vec<&str> = [
        ("zones", zones.is_some()),
        ("vpc", vpc.is_some()),
        ("subnets", subnets.is_some() && vpc.is_none()),
        ("network", network.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, is)| is.then_some(key))
    .collect();
    if let [others @ .., last] = given.as_slice()
        && !others.is_empty()
    {
        let others = others
            .iter()
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>()
            .join(", ");
        checks.note(
            Problem::new(
                format!("{at}/{last}"),
                format!("{others} and `{last}` exclude each other"),
            )
            .help("name `zones` of the default VPC, or `vpc` with `subnets`, or `network: create`")
            .on_key(),
            &given
                .iter()
                .map(|key| format!("{at}/{key}"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        return;
    }
    match (vpc, subnets) {
        (Some(_), None) => checks.note(
            Problem::new(format!("{at}/vpc"), "`vpc` needs `subnets`")
                .help("name subnets of the VPC, in at least two zones: `subnets: [subnet-…, subnet-…]`"),
            &[&format!("{at}/subnets")],
        ),
        (None, Some(_)) => checks.note(
            Problem::new(format!("{at}/subnets"), "`subnets` needs `vpc`")
                .help("name the subnets' VPC, which the security group goes into: `vpc: vpc-…`")
                .on_key(),
            &[&format!("{at}/vpc")],
        ),
        _ => {}
    }
    for (i, subnet) in subnets.iter().flatten().enumerate() {
        if subnets.iter().flatten().take(i).any(|other| other == subnet) {
            checks.note(
                Problem::new(format!("{at}/subnets/{i}"), format!("`{subnet}` is in the list twice")),
                &[],
            );
        }
    }
    if let (Some(Zones::Named(names)), Some(region)) = (zones, &checks.environment.region) {
        for (i, zone) in names.iter().enumerate() {
            if !zone.starts_with(region.as_str()) {
                checks.note(
                    Problem::new(
                        format!("{at}/zones/{i}"),
                        format!("the zone `{zone}` is not in the region `{region}`"),
                    )
                    .help(format!("the names of its zones begin with `{region}`")),
                    &["/region"],
                );
            }
        }
    }
}

/// Instances take the groups of their own VPC only
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>).
fn security_groups(checks: &mut Checks, at: &str, instances: &Instances) {
    let at_groups = format!("{at}/security_groups");
    let groups = &instances.security_groups;
    let is_given = |group: &String| Given::read(group).is_some();
    if instances.network.is_some() && !groups.iter().all(is_given) {
        let problem = Problem::new(
            &at_groups,
            "`security_groups` can't go with `network: create`: the VPC is new, and no group of another one fits into it",
        )
        .help("remove them, or name the VPC that they are in: `vpc: vpc-…` with `subnets`");
        checks.note(problem.on_key(), &[&format!("{at}/network")]);
    }
    for (i, group) in groups.iter().enumerate() {
        if groups[..i].contains(group) {
            checks.note(
                Problem::new(format!("{at_groups}/{i}"), format!("`{group}` is in the list twice")),
                &[],
            );
        }
    }
}

fn target(checks: &mut Checks, at: &str, scaling: &Scaling) {
    let at_seconds = format!("{at}/seconds_per_message");
    let at_messages = format!("{at}/messages_per_instance");
    let latency = scaling.acceptable_latency;
    match (scaling.seconds_per_message, scaling.messages_per_instance) {
        (None, None) => checks.note(
            Problem::new(at, "`scaling` has no target").help(
                "add `seconds_per_message`, and the target follows from `acceptable_latency`; or say it outright with \
                 `messages_per_instance`",
            ),
            &[&at_seconds, &at_messages],
        ),
        (Some(_), Some(_)) => checks.note(
            Problem::new(
                &at_messages,
                "`seconds_per_message` and `messages_per_instance` exclude each other",
            )
            .help(
                "both say the target: keep one. `acceptable_latency` and `messages_at_once` may stand beside either: \
                 the latency alarm and the worker go by them",
            )
            .on_key(),
            &[&at_seconds],
        ),
        // Below one message an instance, the group would have more instances than there are messages, and still be late.
        (Some(seconds), None) if latency.as_secs() > 0 && scaling.target().is_some_and(|target| target < 1.0) => checks
            .note(
                Problem::new(
                    format!("{at}/acceptable_latency"),
                    format!("a message that takes {seconds} s can't be done within {latency}"),
                )
                .help("no number of instances makes one message faster: accept a longer latency, or split the work"),
                &[at],
            ),
        _ => {}
    }
}
