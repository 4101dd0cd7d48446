//! The command that removes what is left over.

use super::thing;
use crate::cloud::AwsCli;
use crate::shell::word;

/// What takes away a resource of a type, its name being appended.
const COMMANDS: &[(&str, &str)] = &[
    (
        "AWS::AutoScaling::AutoScalingGroup",
        "autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name",
    ),
    (
        "AWS::AutoScaling::ScalingPolicy",
        "autoscaling delete-policy --policy-name",
    ),
    ("AWS::CloudFormation::Stack", "cloudformation delete-stack --stack-name"),
    ("AWS::CloudWatch::Alarm", "cloudwatch delete-alarms --alarm-names"),
    (
        "AWS::CloudWatch::Dashboard",
        "cloudwatch delete-dashboards --dashboard-names",
    ),
    ("AWS::DynamoDB::Table", "dynamodb delete-table --table-name"),
    ("AWS::EC2::Instance", "ec2 terminate-instances --instance-ids"),
    (
        "AWS::EC2::LaunchTemplate",
        "ec2 delete-launch-template --launch-template-id",
    ),
    ("AWS::EC2::RouteTable", "ec2 delete-route-table --route-table-id"),
    ("AWS::EC2::SecurityGroup", "ec2 delete-security-group --group-id"),
    ("AWS::EC2::Subnet", "ec2 delete-subnet --subnet-id"),
    ("AWS::EC2::VPC", "ec2 delete-vpc --vpc-id"),
    ("AWS::EC2::VPCEndpoint", "ec2 delete-vpc-endpoints --vpc-endpoint-ids"),
    ("AWS::EC2::Volume", "ec2 delete-volume --volume-id"),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "elbv2 delete-load-balancer --load-balancer-arn",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "elbv2 delete-target-group --target-group-arn",
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        "lambda delete-event-source-mapping --uuid",
    ),
    ("AWS::Lambda::Function", "lambda delete-function --function-name"),
    ("AWS::Logs::LogGroup", "logs delete-log-group --log-group-name"),
    (
        "AWS::Scheduler::ScheduleGroup",
        "scheduler delete-schedule-group --name",
    ),
    ("AWS::SNS::Subscription", "sns unsubscribe --subscription-arn"),
    ("AWS::SNS::Topic", "sns delete-topic --topic-arn"),
    ("AWS::SQS::Queue", "sqs delete-queue --queue-url"),
    ("AWS::SSM::Parameter", "ssm delete-parameter --name"),
];

/// A command of the AWS CLI, to be copied into a shell.
pub fn command(resource_type: &str, id: &str, cli: &AwsCli) -> String {
    let known = COMMANDS.iter().find(|(known, _)| *known == resource_type);
    let command = match (known, resource_type) {
        (Some((_, command)), _) => format!("{command} {}", word(id)),
        (None, "AWS::S3::Bucket") => format!("s3 rb --force {}", word(&format!("s3://{id}"))),
        // Cloud Control API takes every other type, and from a role and a profile what is attached to them
        // (https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-operations-delete.html).
        _ => format!(
            "cloudcontrol delete-resource --type-name {} --identifier {}",
            word(resource_type),
            word(thing::name(resource_type, id))
        ),
    };
    match resource_type.starts_with("AWS::IAM::") {
        true => cli.in_no_region().command(&command),
        false => cli.command(&command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_command_and_a_region_where_it_is_in_one() {
        let of = |resource_type: &str, id: &str| command(resource_type, id, &AwsCli::new("us-east-2"));
        assert_eq!(
            of("AWS::S3::Bucket", "lab-1"),
            "aws s3 rb --force s3://lab-1 --region us-east-2"
        );
        assert_eq!(
            of("AWS::IAM::InstanceProfile", "arn:aws:iam::1:instance-profile/p"),
            "aws cloudcontrol delete-resource --type-name AWS::IAM::InstanceProfile --identifier p"
        );
        assert_eq!(
            of("AWS::EC2::InternetGateway", "igw-1"),
            "aws cloudcontrol delete-resource --type-name AWS::EC2::InternetGateway --identifier igw-1 --region us-east-2"
        );
    }

    #[test]
    fn each_goes_to_the_endpoint_that_was_asked() {
        let cli = AwsCli {
            endpoint_url: Some("http://127.0.0.1:4566".into()),
            ..AwsCli::new("us-east-2")
        };
        for (resource_type, _) in COMMANDS
            .iter()
            .chain(&[("AWS::S3::Bucket", ""), ("AWS::IAM::Role", "")])
        {
            let command = command(resource_type, "x", &cli);
            assert!(command.ends_with(" --endpoint-url http://127.0.0.1:4566"), "{command}");
        }
    }
}
