//! A resource by the name that CloudFormation has for it, and the same read from an ARN.

/// A resource that was in a stack, or was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its type, as CloudFormation calls it; an ARN's service where that isn't known.
    pub resource_type: String,
    /// What it is asked for by: CloudFormation's physical id.
    pub id: String,
    /// The stack that it was in.
    pub stack: Option<String>,
}

impl Thing {
    /// One that no stack is known of.
    pub fn new(resource_type: &str, id: impl Into<String>) -> Thing {
        Thing {
            resource_type: resource_type.to_owned(),
            id: id.into(),
            stack: None,
        }
    }

    /// The same whatever form the resource's id has: a queue has a URL and a name.
    pub fn key(&self) -> (String, String) {
        (
            self.resource_type.clone(),
            name(&self.resource_type, &self.id).to_owned(),
        )
    }

    /// The resource that an ARN names
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).
    pub fn of_arn(arn: &str) -> Thing {
        let mut parts = arn.splitn(6, ':').skip(2);
        let service = parts.next().unwrap_or_default();
        let resource = parts.nth(2).unwrap_or_default();
        let (kind, rest) = resource.split_once(['/', ':']).unwrap_or(("", resource));
        let (resource_type, id) = match (service, kind) {
            ("cloudformation", "stack") => ("AWS::CloudFormation::Stack", arn),
            ("s3", "") => ("AWS::S3::Bucket", resource),
            ("sqs", "") => ("AWS::SQS::Queue", resource),
            ("sns", "") => ("AWS::SNS::Topic", arn),
            ("sns", _) => ("AWS::SNS::Subscription", arn),
            ("dynamodb", "table") => ("AWS::DynamoDB::Table", rest),
            ("logs", "log-group") => ("AWS::Logs::LogGroup", rest.trim_end_matches(":*")),
            ("cloudfront", "distribution") => ("AWS::CloudFront::Distribution", rest),
            ("cloudwatch", "alarm") => ("AWS::CloudWatch::Alarm", rest),
            ("cloudwatch", "dashboard") => ("AWS::CloudWatch::Dashboard", rest),
            ("iam", "role") => ("AWS::IAM::Role", last(rest)),
            ("iam", "instance-profile") => ("AWS::IAM::InstanceProfile", last(rest)),
            // The name of a parameter begins with the slash that its ARN has in front of it.
            ("lambda", "function") => ("AWS::Lambda::Function", rest),
            ("lambda", "event-source-mapping") => ("AWS::Lambda::EventSourceMapping", rest),
            ("scheduler", "schedule-group") => ("AWS::Scheduler::ScheduleGroup", rest),
            ("elasticloadbalancing", kind) => (load_balancing(kind), arn),
            ("ssm", "parameter") => ("AWS::SSM::Parameter", &resource["parameter".len()..]),
            ("autoscaling", "autoScalingGroup") => ("AWS::AutoScaling::AutoScalingGroup", last(rest)),
            ("ec2", kind) => (ec2(kind), rest),
            _ => (service, arn),
        };
        Thing::new(
            if resource_type.is_empty() {
                service
            } else {
                resource_type
            },
            id,
        )
    }
}

fn load_balancing(kind: &str) -> &'static str {
    match kind {
        "loadbalancer" => "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "targetgroup" => "AWS::ElasticLoadBalancingV2::TargetGroup",
        "listener" => "AWS::ElasticLoadBalancingV2::Listener",
        _ => "",
    }
}

fn ec2(kind: &str) -> &'static str {
    match kind {
        "instance" => "AWS::EC2::Instance",
        "volume" => "AWS::EC2::Volume",
        "network-interface" => "AWS::EC2::NetworkInterface",
        "security-group" => "AWS::EC2::SecurityGroup",
        "launch-template" => "AWS::EC2::LaunchTemplate",
        "vpc" => "AWS::EC2::VPC",
        "subnet" => "AWS::EC2::Subnet",
        "internet-gateway" => "AWS::EC2::InternetGateway",
        "route-table" => "AWS::EC2::RouteTable",
        "vpc-endpoint" => "AWS::EC2::VPCEndpoint",
        _ => "",
    }
}

/// What a resource is called where its id says more than that.
pub fn name<'a>(resource_type: &str, id: &'a str) -> &'a str {
    match resource_type {
        // https://sqs.us-east-2.amazonaws.com/111122223333/lab-work
        "AWS::SQS::Queue" => last(id),
        // The emulator gives an instance profile's ARN for its name.
        "AWS::IAM::InstanceProfile" | "AWS::IAM::Role" => last(id),
        _ => id,
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_what_cloudformation_has_another_name_for() {
        let here = "us-east-2:111122223333";
        let stack = format!("arn:aws:cloudformation:{here}:stack/lab-work/6f2a");
        let topic = format!("arn:aws:sns:{here}:lab-intake-Topic-AB12");
        let subscription = format!("{topic}:6f2a-11");
        let other = format!("arn:aws:states:{here}:stateMachine:lab-work");
        let balancer = format!("arn:aws:elasticloadbalancing:{here}:loadbalancer/app/lab-w-LoadB-1/6f2a");
        let targets = format!("arn:aws:elasticloadbalancing:{here}:targetgroup/lab-w-Targe-1/6f2a");
        let gateway = format!("arn:aws:ec2:{here}:natgateway/nat-1");
        let arn = |rest: &str| format!("arn:aws:{}", rest.replace("HERE", here));
        for (arn, resource_type, id) in [
            (stack.clone(), "AWS::CloudFormation::Stack", stack.as_str()),
            (
                arn("s3:::lab-111122223333-us-east-2"),
                "AWS::S3::Bucket",
                "lab-111122223333-us-east-2",
            ),
            (arn("sqs:HERE:lab-work"), "AWS::SQS::Queue", "lab-work"),
            (
                arn("dynamodb:HERE:table/lab-results"),
                "AWS::DynamoDB::Table",
                "lab-results",
            ),
            (topic.clone(), "AWS::SNS::Topic", &topic),
            (subscription.clone(), "AWS::SNS::Subscription", &subscription),
            (
                arn("logs:HERE:log-group:/aws/lambda/lab-x:*"),
                "AWS::Logs::LogGroup",
                "/aws/lambda/lab-x",
            ),
            (
                arn("logs:HERE:log-group:lab-work-LogGroup-A"),
                "AWS::Logs::LogGroup",
                "lab-work-LogGroup-A",
            ),
            (
                arn("cloudfront::111122223333:distribution/E1"),
                "AWS::CloudFront::Distribution",
                "E1",
            ),
            (arn("cloudwatch:HERE:alarm:a b/c"), "AWS::CloudWatch::Alarm", "a b/c"),
            (
                arn("cloudwatch::111122223333:dashboard/lab"),
                "AWS::CloudWatch::Dashboard",
                "lab",
            ),
            (
                arn("iam::111122223333:role/path/lab-work-Role-A"),
                "AWS::IAM::Role",
                "lab-work-Role-A",
            ),
            (
                arn("ssm:HERE:parameter/qfleet/lab/expires"),
                "AWS::SSM::Parameter",
                "/qfleet/lab/expires",
            ),
            (
                arn("autoscaling:HERE:autoScalingGroup:6f:autoScalingGroupName/lab-work-Group-A"),
                "AWS::AutoScaling::AutoScalingGroup",
                "lab-work-Group-A",
            ),
            (
                arn("lambda:HERE:function:lab-work-Function-A"),
                "AWS::Lambda::Function",
                "lab-work-Function-A",
            ),
            (
                arn("lambda:HERE:event-source-mapping:6f2a-11"),
                "AWS::Lambda::EventSourceMapping",
                "6f2a-11",
            ),
            (arn("ec2:HERE:volume/vol-1"), "AWS::EC2::Volume", "vol-1"),
            (balancer.clone(), "AWS::ElasticLoadBalancingV2::LoadBalancer", &balancer),
            (targets.clone(), "AWS::ElasticLoadBalancingV2::TargetGroup", &targets),
            // What isn't known stays as it is.
            (other.clone(), "states", &other),
            (gateway.clone(), "ec2", "nat-1"),
            ("nonsense".to_owned(), "", "nonsense"),
        ] {
            assert_eq!(Thing::of_arn(&arn), Thing::new(resource_type, id), "{arn}");
        }
    }

    #[test]
    fn a_queue_is_the_same_by_its_url_and_by_its_name() {
        let of = |id: &str| Thing::new("AWS::SQS::Queue", id).key();
        assert_eq!(
            of("https://sqs.us-east-2.amazonaws.com/111122223333/lab-work"),
            of("lab-work")
        );
        assert_ne!(of("lab-work"), of("lab-work-dlq"));
    }
}
