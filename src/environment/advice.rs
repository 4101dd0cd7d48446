//! What an environment file may say but probably shouldn't.

mod extras;
mod function;
mod many_names;
mod only;
mod secret_names;

use super::problem::Problem;
use super::units::Duration;
use super::{
    Active, Environment, Instances, OnDestroy, Queue, Scaling, Stage, Zones, capacity, delivery, image, run_script, web,
};

/// The least time from a rising backlog to a new worker: three minutes until the alarm, one until the metric shows it,
/// one to boot.
pub const REACTION_FLOOR: Duration = Duration::minutes(5);
/// The same for a group that sleeps at zero: SQS stops publishing metrics of a queue that rests for six hours, and
/// takes up to a quarter of an hour to start again.
pub const COLD_REACTION_FLOOR: Duration = Duration::minutes(20);
/// SQS's quota of messages in flight in a standard queue.
const MOST_IN_FLIGHT: u64 = 120_000;

/// Advice about an environment that is otherwise in order.
pub fn advise(environment: &Environment) -> Vec<Problem> {
    let mut advice = Vec::new();
    keeping(environment, &mut advice);
    files(environment, &mut advice);
    for (i, stage) in environment.stages.iter().enumerate() {
        let at = format!("/stages/{i}");
        queue(&at, stage, &mut advice);
        schedules(&at, stage, &mut advice);
        secret_names::advise(&format!("{at}/workers"), &stage.workers, &mut advice);
        if let Some(group) = &stage.workers.instances {
            instances(&format!("{at}/workers/instances"), stage, group, &mut advice);
            if let Some(scaling) = &stage.scaling {
                scales(&at, group, scaling, &mut advice);
            }
        }
        if let Some(lambda) = &stage.workers.lambda {
            function::advise(&at, stage, lambda, &mut advice);
        }
        if let Some(scaling) = &stage.scaling {
            too_late(&at, stage, scaling, &mut advice);
        }
    }
    for (at, instances) in environment.instances() {
        placement(&at, instances, &mut advice);
        image::advise(&at, instances, &mut advice);
    }
    extras::advise(environment, &mut advice);
    web::advise(environment, &mut advice);
    delivery::advise(environment, &mut advice);
    run_script::advise(environment, &mut advice);
    advice.extend(standby(environment));
    many_names::advise(environment, &mut advice);
    advice
}

/// Whether data and stacks outlive their use, or end before it.
fn keeping(environment: &Environment, advice: &mut Vec<Problem>) {
    let of_queues = match environment.results {
        Some(_) => ("its queues", "every message and every result"),
        None => ("its queues", "every message"),
    };
    let (at, (stays, lost)) = match &environment.bucket {
        Some(bucket) if bucket.existing.is_none() => ("/bucket/on_destroy", ("its bucket", "every file in the bucket")),
        // Of a bucket that was there, nothing is ever deleted.
        Some(_) => ("/bucket/on_destroy", of_queues),
        None => ("/on_destroy", of_queues),
    };
    match (environment.lifetime, environment.protect, environment.on_destroy()) {
        (Some(_), true, _) => advice.push(
            Problem::new(
                "/protect",
                "an environment with a `lifetime` is protected from being destroyed when it ends",
            )
            .help("remove `protect` or `lifetime`"),
        ),
        (Some(_), false, OnDestroy::Keep) => advice.push(
            Problem::new(at, format!("an environment with a `lifetime` leaves {stays} behind"))
                .help("set `on_destroy: empty`, unless what is in there must outlive it"),
        ),
        (None, false, OnDestroy::Empty) => advice.push(
            Problem::new(at, format!("`destroy` deletes {lost}, and nothing prevents it"))
                .help("for data that matters set `on_destroy: keep` or `protect: true`; for a lab, a `lifetime`"),
        ),
        _ => {}
    }
}

/// Files that are only where they were uploaded.
fn standby(environment: &Environment) -> Option<Problem> {
    let from_bucket = |stage: &Stage| stage.from.as_deref() == Some("bucket");
    let is_fed = environment.stages.iter().any(from_bucket);
    let regions = environment.standby.join(" and ");
    let copies = environment
        .bucket
        .as_ref()
        .is_some_and(|bucket| bucket.replicate_to.is_some());
    (is_fed && !copies && !regions.is_empty()).then(|| {
        let meaning = format!("{regions} gets no copies of the files that are uploaded elsewhere");
        let help =
            "fine if whoever uploads them sends them to both; else have S3 copy them: `replicate_to` of `bucket`";
        Problem::new("/standby", meaning).help(help).on_key()
    })
}

fn files(environment: &Environment, advice: &mut Vec<Problem>) {
    if environment.bucket.is_none() {
        return;
    }
    if environment.stages.iter().any(|stage| stage.only.is_some()) {
        only::advise(environment, advice);
        return;
    }
    // Jobs may name the files.
    let on_request = environment
        .stages
        .iter()
        .any(|stage| stage.replies || !stage.schedules.is_empty());
    let from_bucket = |stage: &Stage| stage.from.as_deref() == Some("bucket");
    match environment.stages.iter().filter(|stage| from_bucket(stage)).count() {
        0 if on_request => {}
        0 => advice.push(
            Problem::new(
                "/bucket",
                "no stage is `from: bucket`: nothing happens to uploaded files",
            )
            .help("add `from: bucket` to the stage that takes them"),
        ),
        1 => {}
        n => {
            let last = environment.stages.iter().rposition(from_bucket).unwrap_or_default();
            advice.push(
                Problem::new(
                    format!("/stages/{last}/from"),
                    format!("{n} stages are `from: bucket`: each gets every file"),
                )
                .help("fine for different work on the same file; but only one of them may move or delete it"),
            );
        }
    }
}

fn queue(at: &str, stage: &Stage, advice: &mut Vec<Problem>) {
    let Queue {
        visibility_timeout,
        max_receives,
        retention,
    } = stage.queue;
    if retention >= Duration::days(14) {
        advice.push(
            Problem::new(
                format!("{at}/queue/retention"),
                "the dead-letter queue can't keep messages longer than this queue",
            )
            .help(
                "a message's age counts from its first queue, and 14d is SQS's limit: leave time to look, such as 4d",
            ),
        );
    }
    if retention.as_secs() < visibility_timeout.as_secs().saturating_mul(u64::from(max_receives)) {
        advice.push(
            Problem::new(
                format!("{at}/queue/retention"),
                format!("a message that fails is gone before it was tried {max_receives} times"),
            )
            .help(
                "retention should exceed visibility_timeout times max_receives, or it never reaches the dead-letter queue",
            ),
        );
    }
    if stage.workers.instances.is_none() {
        // Of what follows, Lambda has its own.
        return;
    }
    if max_receives == 1 {
        advice.push(
            Problem::new(
                format!("{at}/queue/max_receives"),
                "an instance that ends in the middle of a message makes it a dead letter",
            )
            .help("set at least 3, so that another worker may try"),
        );
    }
    let Some((scaling, seconds)) = stage.scaling.as_ref().and_then(timed) else {
        return;
    };
    let visible = visibility_timeout.as_secs();
    if (visible as f64) < seconds {
        advice.push(
            Problem::new(
                format!("{at}/queue/visibility_timeout"),
                format!("a message that takes {seconds} s is handed to a second worker after {visibility_timeout}"),
            )
            .help("set it to a few times `seconds_per_message`, unless the worker extends the timeout while it works"),
        );
    } else if visibility_timeout > scaling.acceptable_latency && visible as f64 > 2.0 * seconds {
        advice.push(
            Problem::new(
                format!("{at}/queue/visibility_timeout"),
                format!(
                    "the messages of a worker that dies come back after {visibility_timeout}, later than acceptable ({})",
                    scaling.acceptable_latency
                ),
            )
            .help("set it shorter, and let the worker extend it while it works"),
        );
    }
}

fn schedules(at: &str, stage: &Stage, advice: &mut Vec<Problem>) {
    if stage.workers.active() == Active::None && !stage.schedules.is_empty() {
        let meaning = format!(
            "the stage is paused, and its schedules go on: their jobs wait, and the queue deletes them after {}",
            stage.queue.retention
        );
        let help = "remove `schedules` for as long as it is paused, unless the jobs are to be done later";
        advice.push(Problem::new(format!("{at}/schedules"), meaning).help(help).on_key());
    }
}

/// With how long a message takes, where the file says so.
fn timed(scaling: &Scaling) -> Option<(&Scaling, f64)> {
    Some((scaling, scaling.seconds_per_message?))
}

fn instances(at: &str, stage: &Stage, group: &Instances, advice: &mut Vec<Problem>) {
    capacity::advise(at, stage, group, advice);
    let Instances { min, max, .. } = group;
    if stage.scaling.is_none() && group.capacity.is_empty() && (min < max || *min == 0) {
        let starts = match min {
            0 => "the group stays without instances".to_owned(),
            _ => format!("the group stays at {min} instances, of {max} that it may have"),
        };
        advice.push(
            Problem::new(
                format!("{at}/{}", if *min == 0 { "min" } else { "max" }),
                format!("nothing scales the stage: {starts}, until somebody changes that"),
            )
            .help("add `scaling:` to the stage, unless its capacity is set by hand or by something else"),
        );
    }
    if let Some((_, seconds)) = stage.scaling.as_ref().and_then(timed)
        && let Some(drain_timeout) = group.drains_for()
        && seconds > drain_timeout.as_secs() as f64
    {
        advice.push(
            Problem::new(
                format!("{at}/drain_timeout"),
                format!(
                    "an instance is ended after {drain_timeout}, in the middle of a message that takes {seconds} s"
                ),
            )
            .help("set it longer than seconds_per_message, or work is done twice at every scale-in"),
        );
    }
}

/// Where instances are, and as what capacity.
fn placement(at: &str, group: &Instances, advice: &mut Vec<Problem>) {
    let Instances {
        types,
        zones,
        subnets,
        max,
        spot,
        on_demand_base,
        ..
    } = group;
    let one_place = match (zones, subnets) {
        (Some(Zones::Named(names)), _) if names.len() == 1 => Some("zones"),
        (_, Some(subnets)) if subnets.len() == 1 => Some("subnets"),
        _ => None,
    };
    if let Some(key) = one_place {
        advice.push(
            Problem::new(
                format!("{at}/{key}"),
                "all instances are in one zone: its outage is the stage's",
            )
            .help(format!("name at least two {key}, in different zones")),
        );
    }
    if *spot && types.len() == 1 {
        advice.push(
            Problem::new(format!("{at}/types"), "spot capacity of one type often runs out")
                .help("name several types of about the same size, such as [m7g.large, m6g.large, c7g.xlarge]"),
        );
    }
    if *spot && on_demand_base >= max {
        advice.push(
            Problem::new(
                format!("{at}/on_demand_base"),
                format!("no instance is ever spot capacity: `max` is {max}"),
            )
            .help("set it below `max`, or remove `spot`"),
        );
    }
}

fn too_late(at: &str, stage: &Stage, scaling: &Scaling, advice: &mut Vec<Problem>) {
    let retention = stage.queue.retention;
    if scaling.acceptable_latency >= retention {
        advice.push(
            Problem::new(
                format!("{at}/scaling/acceptable_latency"),
                format!("messages are deleted after {retention}, before they are late"),
            )
            .help("set the queue's `retention` well above the acceptable latency"),
        );
    }
}

fn scales(at: &str, group: &Instances, scaling: &Scaling, advice: &mut Vec<Problem>) {
    let &Instances { min, max, .. } = group;
    let latency = scaling.acceptable_latency;
    let at_scaling = format!("{at}/scaling");
    let at_latency = format!("{at_scaling}/acceptable_latency");
    if min == max && group.schedule().0.iter().all(|entry| entry.min == entry.max) {
        advice.push(
            Problem::new(
                &at_scaling,
                format!("`min` and `max` are both {min}: the group never scales"),
            )
            .help("raise `max`, or remove `scaling`"),
        );
    } else if min == 0 && latency < COLD_REACTION_FLOOR {
        advice.push(
            Problem::new(
                &at_latency,
                format!("a group that starts from zero can take {COLD_REACTION_FLOOR}, longer than {latency}"),
            )
            .help("SQS needs up to 15m to report on a queue that has rested for hours: set `min: 1`, or accept 20m"),
        );
    } else if latency < REACTION_FLOOR {
        advice.push(
            Problem::new(
                &at_latency,
                format!("a new instance takes about {REACTION_FLOOR} to help, longer than {latency}"),
            )
            .help(format!(
                "fine if {min} can carry the load alone; else raise `min`, or accept at least {REACTION_FLOOR}"
            )),
        );
    }
    if !scaling.count_in_flight {
        advice.push(
            Problem::new(
                format!("{at_scaling}/count_in_flight"),
                "messages being worked on don't count: a busy group looks idle",
            )
            .help("set it to true, unless messages take well under a second"),
        );
    }
    if let Some(messages) = scaling.messages_per_instance
        && messages < scaling.messages_at_once
    {
        advice.push(
            Problem::new(
                format!("{at_scaling}/messages_per_instance"),
                format!(
                    "{messages} messages for an instance that works on {} at once leave it partly idle",
                    scaling.messages_at_once
                ),
            )
            .help("set it to at least `messages_at_once`"),
        );
    }
    if u64::from(max) * u64::from(scaling.messages_at_once) > MOST_IN_FLIGHT {
        advice.push(
            Problem::new(
                format!("{at_scaling}/messages_at_once"),
                format!(
                    "{max} instances with {} messages each exceed what SQS hands out",
                    scaling.messages_at_once
                ),
            )
            .help("a queue has at most 120,000 messages in flight"),
        );
    }
}
