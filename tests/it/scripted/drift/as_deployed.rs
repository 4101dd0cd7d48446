//! A stack of everything that qfleet looks at itself, with services that say that it is as it was deployed.

use std::collections::BTreeMap;

use serde_json::json;

use crate::endpoint::{Endpoint, Existing, Script};
use crate::scripted::drift::services::*;

pub const STACK: &str = "lab-work";

pub const TEMPLATE: &str = r#"
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: lab-work
      SqsManagedSseEnabled: true
      VisibilityTimeout: 120
      RedrivePolicy:
        deadLetterTargetArn: arn:aws:sqs:us-east-2:111122223333:lab-work-dead
        maxReceiveCount: 5
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Sid: TopicSends, Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage,
             Resource: !GetAtt Queue.Arn, Condition: {ArnEquals: {"aws:SourceArn": !Ref Topic}}}
          - {Sid: TlsOnly, Effect: Deny, Principal: "*", Action: sqs:*, Resource: !GetAtt Queue.Arn,
             Condition: {Bool: {"aws:SecureTransport": "false"}}}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: lab-topic
      KmsMasterKeyId: alias/lab
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Sid: TlsOnly, Effect: Deny, Principal: "*", Action: sns:Publish, Resource: !Ref Topic,
             Condition: {Bool: {"aws:SecureTransport": "false"}}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: arn:aws:sns:us-east-2:111122223333:lab-topic
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      RawMessageDelivery: true
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: lab-files
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
      OwnershipControls:
        Rules:
          - ObjectOwnership: BucketOwnerEnforced
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration:
        TopicConfigurations:
          - Event: s3:ObjectCreated:*
            Topic: !Ref Topic
            Filter: {S3Key: {Rules: [{Name: prefix, Value: uploads/}]}}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Sid: TlsOnly, Effect: Deny, Principal: "*", Action: s3:*, Resource: !Sub "${Bucket.Arn}/*",
             Condition: {Bool: {"aws:SecureTransport": "false"}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: lab-role
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: worker
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: [sqs:ReceiveMessage, sqs:DeleteMessage], Resource: !GetAtt Queue.Arn}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: lab-group
      MinSize: "1"
      MaxSize: "4"
      DefaultInstanceWarmup: 180
      VPCZoneIdentifier: [subnet-1, subnet-2]
      LaunchTemplate:
        LaunchTemplateId: lt-0abc
        Version: "8"
  Scaling:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      AutoScalingGroupName: lab-group
      PolicyType: TargetTrackingScaling
      TargetTrackingConfiguration:
        TargetValue: 30
        CustomizedMetricSpecification:
          Metrics:
            - {Id: backlog, Expression: visible / running, ReturnData: true}
            - Id: visible
              MetricStat:
                Metric:
                  Namespace: AWS/SQS
                  MetricName: ApproximateNumberOfMessagesVisible
                  Dimensions: [{Name: QueueName, Value: lab-work}]
                Stat: Average
                Period: 60
              ReturnData: false
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: lab-alarm
      AlarmActions: [arn:aws:autoscaling:us-east-2:111122223333:scalingPolicy:1:autoScalingGroupName/lab-group:policyName/s]
      ComparisonOperator: GreaterThanThreshold
      Dimensions: [{Name: QueueName, Value: lab-work}]
      EvaluationPeriods: 3
      MetricName: ApproximateAgeOfOldestMessage
      Namespace: AWS/SQS
      Period: 60
      Statistic: Maximum
      Threshold: 300
      TreatMissingData: notBreaching
"#;

/// The stack, and services that say that it is as it was deployed. `change` changes what they say.
pub fn serve(script: Script, change: impl FnOnce(Script, &Ids) -> Script) -> Endpoint {
    serve_template(TEMPLATE, script, change)
}

/// The same of a template with fewer resources.
pub fn serve_template(template: &str, script: Script, change: impl FnOnce(Script, &Ids) -> Script) -> Endpoint {
    let existing = Existing::new(STACK, "UPDATE_COMPLETE")
        .body(template)
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work");
    let endpoint = Endpoint::serve(script.existing(existing));
    let ids = Ids(endpoint.world(|world| {
        let resources = world.stacks.iter().flat_map(|stack| &stack.resources);
        let known = resources.filter_map(|one| Some((one.id.clone(), one.physical_id.clone()?)));
        known.collect()
    }));
    endpoint.rescript(|script| change(as_deployed(script, &ids), &ids));
    endpoint
}

/// Physical ids by logical id.
pub struct Ids(BTreeMap<String, String>);

impl Ids {
    pub fn of(&self, logical_id: &str) -> &str {
        &self.0[logical_id]
    }
}

fn as_deployed(script: Script, ids: &Ids) -> Script {
    script
        .says("GetQueueAttributes", QUEUE, queue(&[]))
        .says(
            "GetTopicAttributes",
            TOPIC,
            topic("alias/lab", "", &topic_policy(json!([]))),
        )
        .says("GetSubscriptionAttributes", ids.of("Subscription"), subscription(&[]))
        .says("GetBucketEncryption", BUCKET, encryption("AES256").as_str())
        .says(
            "GetBucketOwnershipControls",
            BUCKET,
            ownership("BucketOwnerEnforced").as_str(),
        )
        .says("GetPublicAccessBlock", BUCKET, public_access_block(true).as_str())
        .says("GetBucketVersioning", BUCKET, versioning("Enabled").as_str())
        .says(
            "GetBucketNotificationConfiguration",
            BUCKET,
            notification("uploads/").as_str(),
        )
        .says("GetBucketPolicy", BUCKET, bucket_policy().as_str())
        .says("GetRole", ROLE, role(&trust("ec2.amazonaws.com"), None))
        .says("ListRolePolicies", ROLE, inline_names(&["worker"], None))
        .says(
            "GetRolePolicy",
            "lab-role/worker",
            inline("worker", json!(["sqs:ReceiveMessage", "sqs:DeleteMessage"])),
        )
        .says("ListAttachedRolePolicies", ROLE, attached(&[]))
        .says("DescribeAutoScalingGroups", GROUP, group(Group::default()))
        .says(
            "DescribePolicies",
            GROUP,
            scaling(ids, "30.0", "visible / running", true),
        )
        .says("DescribeAlarms", ALARM, alarm(json!({})))
}
