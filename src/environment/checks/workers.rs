//! Groups of instances: how many, of which types, where, and how they scale.

use super::Checks;
use crate::environment::architecture::{Architecture, architecture};
use crate::environment::problem::Problem;
use crate::environment::{Instances, Scaling, Stage, WorkersKind, Zones};

pub(super) fn check(checks: &mut Checks) {
    for (at, stage) in checks.stages() {
        let WorkersKind::Instances(instances) = stage.workers.kind();
        let at_instances = format!("{at}/workers/instances");
        count(checks, &at, &at_instances, stage);
        types(checks, &at_instances, &instances.types);
        placement(checks, &at_instances, instances);
        program(checks, &at_instances, &instances.program);
        if let Some(scaling) = &stage.scaling {
            target(checks, &format!("{at}/scaling"), scaling);
        }
    }
}

fn count(checks: &mut Checks, at_stage: &str, at: &str, stage: &Stage) {
    let WorkersKind::Instances(&Instances { min, max, .. }) = stage.workers.kind();
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
    } else if stage.scaling.is_none() && (min < max || min == 0) {
        let at = if written(&at_max) { &at_max } else { &at_min };
        let problem = Problem::new(
            at,
            format!("nothing scales the group between {min} and {max} instances"),
        )
        .help("add `scaling:` to the stage, or set `min` and `max` to the same number");
        checks.note(problem, &[&at_min, &at_max, &format!("{at_stage}/scaling")]);
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

fn program(checks: &mut Checks, at: &str, program: &str) {
    if program.starts_with('~') {
        checks.note(
            Problem::new(format!("{at}/program"), "`~` is not expanded here")
                .help("write a path relative to this file, or a full one"),
            &[],
        );
    }
}

fn target(checks: &mut Checks, at: &str, scaling: &Scaling) {
    let target = scaling.target();
    let (latency, seconds) = (scaling.acceptable_latency, scaling.seconds_per_message);
    // Below one message an instance, the group would have more instances than there are messages, and still be late.
    if latency.as_secs() > 0 && target < 1.0 {
        checks.note(
            Problem::new(
                format!("{at}/acceptable_latency"),
                format!("a message that takes {seconds} s can't be done within {latency}"),
            )
            .help("no number of instances makes one message faster: accept a longer latency, or split the work"),
            &[at],
        );
    }
}
