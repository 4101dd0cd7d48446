//! Types of resources, and how one is asked whether it is there (`cloud::presence` has the calls).

pub const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
pub const SCALING: &str = "AWS::AutoScaling::ScalingPolicy";
pub const ALARM: &str = "AWS::CloudWatch::Alarm";
pub const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
pub const ORIGIN_ACCESS: &str = "AWS::CloudFront::OriginAccessControl";
pub const TABLE: &str = "AWS::DynamoDB::Table";
pub const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
pub const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
pub const TARGETS: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
pub const PROFILE: &str = "AWS::IAM::InstanceProfile";
pub const ROLE: &str = "AWS::IAM::Role";
pub const FUNCTION: &str = "AWS::Lambda::Function";
pub const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
pub const BUCKET: &str = "AWS::S3::Bucket";
pub const SUBSCRIPTION: &str = "AWS::SNS::Subscription";
pub const TOPIC: &str = "AWS::SNS::Topic";
pub const QUEUE: &str = "AWS::SQS::Queue";
pub const DASHBOARD: &str = "AWS::CloudWatch::Dashboard";

/// Types that are read in their service's own words; all others are read through Cloud Control API.
pub const ASKED: [&str; 17] = [
    GROUP,
    SCALING,
    ALARM,
    DISTRIBUTION,
    ORIGIN_ACCESS,
    TABLE,
    BALANCER,
    LISTENER,
    TARGETS,
    PROFILE,
    ROLE,
    FUNCTION,
    MAPPING,
    BUCKET,
    DASHBOARD,
    QUEUE,
    TOPIC,
];
/// The same, and those that can't be read at all.
pub const NOT_ASKED: [&str; 4] = [
    SUBSCRIPTION,
    "AWS::Logs::LogGroup",
    "AWS::SSM::Parameter",
    "AWS::Scheduler::Schedule",
];
