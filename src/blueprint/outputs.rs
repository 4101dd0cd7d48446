//! What stacks put out, by the names that the templates give it.

/// Of `artifacts` and of `intake`.
pub const BUCKET: &str = "BucketName";
/// Of `intake` and of `alerts`.
pub const TOPIC: &str = "TopicArn";
/// Of an `intake` whose bucket is somebody else's: the same name as in `BUCKET`.
pub const EXISTING_BUCKET: &str = "ExistingBucket";
/// Of such an `intake`: what that bucket is to tell the topic of, as JSON.
pub const NOTIFICATIONS: &str = "Notifications";
/// Of an `intake` whose uploads are copied: the ARN of the bucket that they are copied to.
pub const REPLICATES_TO: &str = "ReplicatesTo";
pub const UPLOADS_PREFIX: &str = "UploadsPrefix";
pub const PROCESSED_PREFIX: &str = "ProcessedPrefix";

/// Of `results`.
pub const TABLE: &str = "TableName";
pub const TABLE_ARN: &str = "TableArn";

/// Of `alerts`.
pub const EMAIL: &str = "Email";

/// Of `network`.
pub const VPC: &str = "VpcId";
pub const SUBNETS: &str = "SubnetIds";

pub const QUEUE_URL: &str = "QueueUrl";
pub const QUEUE_ARN: &str = "QueueArn";
pub const QUEUE_NAME: &str = "QueueName";
pub const DEAD_LETTER_QUEUE_URL: &str = "DeadLetterQueueUrl";
pub const DEAD_LETTER_QUEUE_NAME: &str = "DeadLetterQueueName";
/// Of a stage whose workers reply.
pub const REPLY_QUEUE_URL: &str = "ReplyQueueUrl";
pub const REPLY_QUEUE_NAME: &str = "ReplyQueueName";
pub const REPLY_DEAD_LETTER_QUEUE_URL: &str = "ReplyDeadLetterQueueUrl";
pub const REPLY_DEAD_LETTER_QUEUE_NAME: &str = "ReplyDeadLetterQueueName";
/// Of a stage with jobs by the clock: when they come.
pub const SCHEDULES: &str = "Schedules";
pub const GROUP: &str = "GroupName";
/// Of a stage whose workers are a function.
pub const FUNCTION: &str = "FunctionName";
/// The UUID of the function's event source mapping.
pub const MAPPING: &str = "EventSourceMappingId";
/// Of a function whose alarms tell somebody.
pub const FUNCTION_ERRORS_ALARM: &str = "FunctionErrorsAlarmName";
pub const FUNCTION_THROTTLES_ALARM: &str = "FunctionThrottlesAlarmName";
pub const DEAD_LETTERS_ALARM: &str = "DeadLettersAlarmName";
/// Of a stage that doesn't get every file: which, as JSON.
pub const ONLY: &str = "Only";
/// Of a stage that nobody works on, because its file says so, and of `web` where it stands by.
pub const PAUSED: &str = "Paused";
/// What `PAUSED` is where the environment stands by.
pub const STANDBY: &str = "standby";
/// Of a stage that is paused.
pub const RETENTION: &str = "QueueRetentionSeconds";
pub const PROGRAM: &str = "Program";
pub const WORKER_ENVIRONMENT: &str = "WorkerEnvironment";
pub const LOG_GROUP: &str = "LogGroupName";

/// Of a stage whose alarms tell somebody.
pub const NOBODY_WORKS_ALARM: &str = "NobodyWorksAlarmName";

/// Of a stage whose group has other bounds at set times: when, and which.
pub const CAPACITY: &str = "Capacity";

/// Of `delivery`, which has URL, too.
pub const DISTRIBUTION: &str = "DistributionId";
pub const DISTRIBUTION_DOMAIN: &str = "DistributionDomainName";

/// Of `web`, which has GROUP, PROGRAM, WORKER_ENVIRONMENT and LOG_GROUP, too.
pub const URL: &str = "Url";
pub const LOAD_BALANCER: &str = "LoadBalancerName";
pub const TARGET_GROUP: &str = "TargetGroupArn";
/// As CloudWatch knows them.
pub const LOAD_BALANCER_FULL_NAME: &str = "LoadBalancerFullName";
pub const TARGET_GROUP_FULL_NAME: &str = "TargetGroupFullName";
/// Where it has instances.
pub const UNHEALTHY_TARGETS_ALARM: &str = "UnhealthyTargetsAlarmName";
pub const PROGRAM_ERRORS_ALARM: &str = "ProgramErrorsAlarmName";
pub const LOAD_BALANCER_ERRORS_ALARM: &str = "LoadBalancerErrorsAlarmName";

/// Of a stage that scales.
pub const LATENCY_ALARM: &str = "LatencyAlarmName";
pub const TARGET: &str = "TargetBacklogPerInstance";
pub const COUNTS_IN_FLIGHT: &str = "BacklogCountsInFlight";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_put_out_what_is_read() {
        let artifacts = include_str!("../../templates/artifacts.yaml.j2");
        let alerts = include_str!("../../templates/alerts.yaml.j2");
        let network = include_str!("../../templates/network.yaml.j2");
        let intake = include_str!("../../templates/intake.yaml.j2");
        let results = include_str!("../../templates/results.yaml.j2");
        let delivery = include_str!("../../templates/delivery.yaml.j2");
        let web = include_str!("../../templates/web.yaml.j2");
        let stage = include_str!("../../templates/stage.yaml.j2");
        let instances = include_str!("../../templates/stage/instances.yaml.j2");
        let function = include_str!("../../templates/stage/function.yaml.j2");
        let after = |template: &'static str, mark: &str| template.split_once(mark).expect("outputs").1;
        assert!(intake.contains(&format!("\n  {TOPIC}{{{{ own }}}}:\n")));
        for (outputs, names) in [
            (after(artifacts, "\nOutputs:\n"), [BUCKET].as_slice()),
            (after(alerts, "\nOutputs:\n"), &[TOPIC, EMAIL]),
            (after(network, "\nOutputs:\n"), &[VPC, SUBNETS]),
            (
                after(intake, "\nOutputs:\n"),
                &[
                    BUCKET,
                    EXISTING_BUCKET,
                    NOTIFICATIONS,
                    UPLOADS_PREFIX,
                    PROCESSED_PREFIX,
                    REPLICATES_TO,
                ],
            ),
            (after(results, "\nOutputs:\n"), &[TABLE, TABLE_ARN]),
            (
                after(delivery, "\nOutputs:\n"),
                &[URL, DISTRIBUTION, DISTRIBUTION_DOMAIN],
            ),
            (
                after(web, "\nOutputs:\n"),
                &[
                    URL,
                    LOAD_BALANCER,
                    TARGET_GROUP,
                    LOAD_BALANCER_FULL_NAME,
                    TARGET_GROUP_FULL_NAME,
                    UNHEALTHY_TARGETS_ALARM,
                    PROGRAM_ERRORS_ALARM,
                    LOAD_BALANCER_ERRORS_ALARM,
                    GROUP,
                    PROGRAM,
                    WORKER_ENVIRONMENT,
                    LOG_GROUP,
                    CAPACITY,
                    PAUSED,
                ],
            ),
            (
                after(stage, "\nOutputs:\n"),
                &[
                    QUEUE_URL,
                    QUEUE_ARN,
                    QUEUE_NAME,
                    DEAD_LETTER_QUEUE_URL,
                    DEAD_LETTER_QUEUE_NAME,
                    REPLY_QUEUE_URL,
                    REPLY_QUEUE_NAME,
                    REPLY_DEAD_LETTER_QUEUE_URL,
                    REPLY_DEAD_LETTER_QUEUE_NAME,
                    SCHEDULES,
                    DEAD_LETTERS_ALARM,
                    LOG_GROUP,
                    ONLY,
                    PAUSED,
                    RETENTION,
                ],
            ),
            (
                after(function, "\n{% block group %}\n"),
                &[
                    FUNCTION,
                    MAPPING,
                    FUNCTION_ERRORS_ALARM,
                    FUNCTION_THROTTLES_ALARM,
                    PROGRAM,
                    WORKER_ENVIRONMENT,
                    LATENCY_ALARM,
                ],
            ),
            (
                after(instances, "\n{% block group %}\n"),
                &[
                    GROUP,
                    NOBODY_WORKS_ALARM,
                    CAPACITY,
                    PROGRAM,
                    WORKER_ENVIRONMENT,
                    LATENCY_ALARM,
                    TARGET,
                    COUNTS_IN_FLIGHT,
                ],
            ),
        ] {
            for name in names {
                assert!(outputs.contains(&format!("  {name}:\n")), "{name} in {outputs}");
            }
        }
    }
}
