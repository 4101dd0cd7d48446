//! Ranges of times and sizes.

use super::Checks;
use crate::environment::problem::Problem;
use crate::environment::units::{Duration, KeptFor, Size};
use crate::environment::{Instances, Lambda};

/// What CloudWatch Logs takes, in days.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
const LOG_RETENTION_DAYS: [u64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

pub(super) fn check(checks: &mut Checks) {
    if let Some(bucket) = &checks.environment.bucket {
        old_versions(checks, bucket.old_versions);
    }
    if let Some(lifetime) = checks.environment.lifetime {
        time(checks, "/lifetime", lifetime, Duration::minutes(1), Duration::days(365));
    }
    if let Some(results) = &checks.environment.results
        && let KeptFor::Time(length) = results.ttl
    {
        time(
            checks,
            "/results/ttl",
            length,
            Duration::hours(1),
            Duration::days(36500),
        );
    }
    for (at, stage) in checks.stages() {
        // SQS's own limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
        let queue = &stage.queue;
        let at_queue = format!("{at}/queue");
        let key = format!("{at_queue}/visibility_timeout");
        time(
            checks,
            &key,
            queue.visibility_timeout,
            // SQS takes 0, but hands a message out again at once then, to every worker there is.
            Duration::seconds(1),
            Duration::hours(12),
        );
        let key = format!("{at_queue}/retention");
        time(checks, &key, queue.retention, Duration::minutes(1), Duration::days(14));

        if let Some(lambda) = &stage.workers.lambda {
            function(checks, &format!("{at}/workers/lambda"), lambda);
        }
        if let Some(scaling) = &stage.scaling {
            let key = format!("{at}/scaling/acceptable_latency");
            time(
                checks,
                &key,
                scaling.acceptable_latency,
                Duration::seconds(1),
                Duration::days(14),
            );
        }
    }
    for (at, instances) in checks.environment.instances() {
        self::instances(checks, &at, instances);
    }
}

fn instances(checks: &mut Checks, at: &str, instances: &Instances) {
    let key = format!("{at}/warmup");
    time(checks, &key, instances.warmup, Duration::seconds(0), Duration::hours(2));
    // A rolling update waits an hour for a signal at most (`PauseTime`).
    let key = format!("{at}/start_timeout");
    time(
        checks,
        &key,
        instances.start_timeout,
        Duration::minutes(1),
        Duration::hours(1),
    );
    // A lifecycle hook's `HeartbeatTimeout`.
    if let Some(drain_timeout) = instances.drain_timeout {
        let key = format!("{at}/drain_timeout");
        time(checks, &key, drain_timeout, Duration::seconds(30), Duration::hours(2));
    }
    log_retention(checks, &format!("{at}/log_retention"), instances.log_retention);
    // From Amazon Linux's snapshot up to what a gp3 volume can hold.
    let key = format!("{at}/volume");
    size(checks, &key, instances.volume, Size::gib(8), Size::gib(16 * 1024));
}

/// Lambda's own limits: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, and for the mapping
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>.
fn function(checks: &mut Checks, at: &str, lambda: &Lambda) {
    let key = format!("{at}/memory");
    size(checks, &key, lambda.memory, Size::mib(128), Size::gib(10));
    let key = format!("{at}/timeout");
    time(
        checks,
        &key,
        lambda.timeout,
        Duration::seconds(1),
        Duration::minutes(15),
    );
    let key = format!("{at}/batch_window");
    time(
        checks,
        &key,
        lambda.batch_window,
        Duration::seconds(0),
        Duration::minutes(5),
    );
    log_retention(checks, &format!("{at}/log_retention"), lambda.log_retention);
}

/// S3 counts in whole days
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_NoncurrentVersionExpiration.html>).
fn old_versions(checks: &mut Checks, kept: Option<KeptFor>) {
    const AT: &str = "/bucket/old_versions";
    let Some(KeptFor::Time(length)) = kept else { return };
    time(checks, AT, length, Duration::days(1), Duration::days(36500));
    if length >= Duration::days(1) && !length.as_secs().is_multiple_of(86400) {
        checks.note(
            Problem::new(AT, format!("S3 keeps old versions for whole days, not for {length}"))
                .help(format!("write `{}`", Duration::days(length.as_secs().div_ceil(86400)))),
            &[],
        );
    }
}

fn time(checks: &mut Checks, at: &str, value: Duration, least: Duration, most: Duration) {
    if value < least || value > most {
        let key = at.rsplit('/').next().unwrap_or_default();
        checks.note(
            Problem::new(at, format!("`{key}` must be from {least} to {most}, not {value}")),
            &[],
        );
    }
}

fn size(checks: &mut Checks, at: &str, value: Size, least: Size, most: Size) {
    if value < least || value > most {
        let key = at.rsplit('/').next().unwrap_or_default();
        checks.note(
            Problem::new(at, format!("`{key}` must be from {least} to {most}, not {value}")),
            &[],
        );
    }
}

fn log_retention(checks: &mut Checks, at: &str, value: Duration) {
    let known = LOG_RETENTION_DAYS.map(Duration::days);
    if known.contains(&value) {
        return;
    }
    let nearest = known
        .into_iter()
        .min_by_key(|days| days.as_secs().abs_diff(value.as_secs()));
    let help = nearest.map(|days| format!("the nearest is {days}")).unwrap_or_default();
    let days = LOG_RETENTION_DAYS.map(|days| days.to_string()).join(", ");
    checks.note(
        Problem::new(at, format!("CloudWatch Logs can't keep logs for {value}"))
            .help(format!("{help}; it knows these numbers of days: {days}")),
        &[],
    );
}
