//! The command that removes what is left over.

/// A command of the AWS CLI, to be copied into a shell.
pub fn command(resource_type: &str, id: &str, region: &str) -> String {
    let quoted = word(id);
    let (command, is_regional) = match resource_type {
        "AWS::CloudFormation::Stack" => (format!("cloudformation delete-stack --stack-name {quoted}"), true),
        "AWS::S3::Bucket" => (format!("s3 rb {} --force", word(&format!("s3://{id}"))), true),
        "AWS::SQS::Queue" => (format!("sqs delete-queue --queue-url {quoted}"), true),
        "AWS::SNS::Topic" => (format!("sns delete-topic --topic-arn {quoted}"), true),
        "AWS::SNS::Subscription" => (format!("sns unsubscribe --subscription-arn {quoted}"), true),
        "AWS::AutoScaling::AutoScalingGroup" => (
            format!("autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name {quoted}"),
            true,
        ),
        "AWS::AutoScaling::ScalingPolicy" => (format!("autoscaling delete-policy --policy-name {quoted}"), true),
        "AWS::CloudWatch::Alarm" => (format!("cloudwatch delete-alarms --alarm-names {quoted}"), true),
        "AWS::CloudWatch::Dashboard" => (format!("cloudwatch delete-dashboards --dashboard-names {quoted}"), true),
        "AWS::Logs::LogGroup" => (format!("logs delete-log-group --log-group-name {quoted}"), true),
        "AWS::SSM::Parameter" => (format!("ssm delete-parameter --name {quoted}"), true),
        "AWS::EC2::Instance" => (format!("ec2 terminate-instances --instance-ids {quoted}"), true),
        "AWS::EC2::Volume" => (format!("ec2 delete-volume --volume-id {quoted}"), true),
        "AWS::EC2::SecurityGroup" => (format!("ec2 delete-security-group --group-id {quoted}"), true),
        "AWS::EC2::LaunchTemplate" => (
            format!("ec2 delete-launch-template --launch-template-id {quoted}"),
            true,
        ),
        "AWS::EC2::VPC" => (format!("ec2 delete-vpc --vpc-id {quoted}"), true),
        "AWS::EC2::Subnet" => (format!("ec2 delete-subnet --subnet-id {quoted}"), true),
        "AWS::EC2::RouteTable" => (format!("ec2 delete-route-table --route-table-id {quoted}"), true),
        "AWS::EC2::VPCEndpoint" => (format!("ec2 delete-vpc-endpoints --vpc-endpoint-ids {quoted}"), true),
        // Cloud Control API takes every other type, and from a role and a profile what is attached to them
        // (https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-operations-delete.html).
        _ => (
            format!(
                "cloudcontrol delete-resource --type-name {} --identifier {}",
                word(resource_type),
                word(super::thing::name(resource_type, id))
            ),
            !resource_type.starts_with("AWS::IAM::"),
        ),
    };
    match is_regional {
        true => format!("aws {command} --region {}", word(region)),
        false => format!("aws {command}"),
    }
}

/// As one word of a shell's command line: somebody's alarm may have any name.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_command_and_a_region_where_it_is_in_one() {
        let of = |resource_type: &str, id: &str| command(resource_type, id, "us-east-2");
        assert_eq!(
            of("AWS::S3::Bucket", "lab-1"),
            "aws s3 rb s3://lab-1 --force --region us-east-2"
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
    fn a_hostile_name_stays_one_word() {
        for (name, quoted) in [
            ("plain-1", "plain-1"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(name), quoted);
        }
    }
}
