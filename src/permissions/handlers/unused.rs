//! What a handler may do only for some properties, by the pages of the types
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>), and what
//! isn't there to be allowed. AWS's schemas name the rights of all properties together.

/// A rule for actions of a type's handlers.
pub struct Unused {
    pub of_type: &'static str,
    /// A `*` at the end stands for the rest of a name.
    pub actions: &'static [&'static str],
    /// They are needed where one of these is set; never, where none is named.
    pub properties: &'static [&'static str],
    /// Whether to read and to delete a resource needs them no more than to make it. Else only making and changing it is
    /// meant: a read asks for everything.
    pub by_all: bool,
}

impl Unused {
    pub fn is_of(&self, handler: &str) -> bool {
        self.by_all || matches!(handler, "create" | "update")
    }

    pub fn covers(&self, action: &str) -> bool {
        self.actions.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => action == *known,
        })
    }
}

const fn made(of_type: &'static str, actions: &'static [&'static str], properties: &'static [&'static str]) -> Unused {
    Unused {
        of_type,
        actions,
        properties,
        by_all: false,
    }
}

const fn all(of_type: &'static str, actions: &'static [&'static str], properties: &'static [&'static str]) -> Unused {
    Unused {
        of_type,
        actions,
        properties,
        by_all: true,
    }
}

const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
const TABLE: &str = "AWS::DynamoDB::Table";
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const TARGETS: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const ROLE: &str = "AWS::IAM::Role";
const FUNCTION: &str = "AWS::Lambda::Function";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const BUCKET: &str = "AWS::S3::Bucket";
const TOPIC: &str = "AWS::SNS::Topic";

pub const UNUSED: &[Unused] = &[
    // Names that the service authorization reference doesn't know: IAM has no such action to allow.
    all("*", &["managed-fleets:*", "s3files:*"], &[]),
    all(
        "*",
        &[
            "cloudfront:CreateDistributionWithTags",
            "lambda:AssociateRuntimeAlias",
            "s3:DeleteBucketAnalyticsConfiguration",
            "s3:DeleteBucketCors",
            "s3:DeleteBucketEncryption",
            "s3:DeleteBucketLifecycle",
            "s3:DeleteBucketMetricsConfiguration",
            "s3:DeleteBucketReplication",
            "s3:GetObjectMetadata",
            "s3:PutBucketReplication",
            "s3:PutObjectLockConfiguration",
            "s3:REST.PUT.OBJECT",
            "s3:UpdateBucketMetadataAnnotationTableConfiguration",
            "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",
        ],
        &[],
    ),
    all(GROUP, &["vpc-lattice:*"], &["TrafficSources"]),
    made(
        GROUP,
        &["autoscaling:AttachTrafficSources", "autoscaling:DetachTrafficSources"],
        &["TrafficSources"],
    ),
    // An image that is named by a parameter of Systems Manager is looked up when the stack is made.
    made(GROUP, &["ssm:Get*", "ec2:Get*"], &[]),
    made(
        GROUP,
        &[
            "autoscaling:DeleteNotificationConfiguration",
            "autoscaling:PutNotificationConfiguration",
        ],
        &["NotificationConfiguration", "NotificationConfigurations"],
    ),
    made(
        GROUP,
        &["autoscaling:AttachLoadBalancers", "autoscaling:DetachLoadBalancers"],
        &["LoadBalancerNames"],
    ),
    made(
        GROUP,
        &[
            "autoscaling:AttachLoadBalancerTargetGroups",
            "autoscaling:DetachLoadBalancerTargetGroups",
            "elasticloadbalancing:Describe*",
        ],
        &["LoadBalancerNames", "TargetGroupARNs"],
    ),
    made(
        GROUP,
        &["autoscaling:DeleteLifecycleHook", "autoscaling:PutLifecycleHook"],
        &["LifecycleHookSpecificationList"],
    ),
    // The update policy `AutoScalingInstanceRefresh`, which no template of qfleet's has.
    made(
        GROUP,
        &["autoscaling:CancelInstanceRefresh", "autoscaling:StartInstanceRefresh"],
        &[],
    ),
    made(
        DISTRIBUTION,
        &["cloudfront:CreateConnectionGroup", "cloudfront:GetConnectionGroup"],
        &["DistributionConfig/ConnectionMode"],
    ),
    made(
        DISTRIBUTION,
        &[
            "cloudfront:GetVpcOrigin",
            "cloudfront:UpdateDistributionWithStagingConfig",
        ],
        &[
            "DistributionConfig/ContinuousDeploymentPolicyId",
            "DistributionConfig/Staging",
        ],
    ),
    // Tables in several regions.
    all(
        TABLE,
        &[
            "dynamodb:AssociateTableReplica",
            "dynamodb:BatchWriteItem",
            "dynamodb:CreateTableReplica",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
            "iam:CreateServiceLinkedRole",
        ],
        &[],
    ),
    all(
        TABLE,
        &["dynamodb:DescribeImport", "dynamodb:ImportTable", "logs:*", "s3:*"],
        &["ImportSourceSpecification"],
    ),
    made(
        TABLE,
        &[
            "dynamodb:DisableKinesisStreamingDestination",
            "dynamodb:EnableKinesisStreamingDestination",
            "dynamodb:UpdateKinesisStreamingDestination",
            "kinesis:*",
        ],
        &["KinesisStreamSpecification"],
    ),
    made(
        TABLE,
        &["dynamodb:UpdateContributorInsights"],
        &["ContributorInsightsSpecification"],
    ),
    made(
        TABLE,
        &["dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"],
        &["ResourcePolicy"],
    ),
    all(TABLE, &["kms:*"], &["SSESpecification"]),
    made(
        "AWS::EC2::Subnet",
        &["ec2:AssociateSubnetCidrBlock", "ec2:DisassociateSubnetCidrBlock"],
        &["Ipv6CidrBlock", "Ipv6NetmaskLength"],
    ),
    all(
        "AWS::EC2::VPC",
        &["ec2:CreateVpcEncryptionControl"],
        &["VpcEncryptionControl"],
    ),
    made("AWS::EC2::VPC", &["ec2:ModifyVpcTenancy"], &["InstanceTenancy"]),
    all(
        "AWS::EC2::VPCEndpoint",
        &["vpc-lattice:*"],
        &["ResourceConfigurationArn", "ServiceNetworkArn"],
    ),
    all("AWS::EC2::VPCEndpoint", &["vpce:AllowMultiRegion"], &["ServiceRegion"]),
    all(
        "AWS::EC2::VPCGatewayAttachment",
        &["ec2:AttachVpnGateway", "ec2:DetachVpnGateway"],
        &["VpnGatewayId"],
    ),
    // Who logs in at the load balancer.
    made(LISTENER, &["cognito-idp:DescribeUserPoolClient"], &[]),
    made(
        LISTENER,
        &[
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:ModifyListenerAttributes",
        ],
        &["ListenerAttributes"],
    ),
    made(
        BALANCER,
        &["elasticloadbalancing:ModifyCapacityReservation"],
        &["MinimumLoadBalancerCapacity"],
    ),
    made(
        BALANCER,
        &["ec2:DescribeIpamPools", "elasticloadbalancing:ModifyIpPools"],
        &["Ipv4IpamPoolId"],
    ),
    made(BALANCER, &["elasticloadbalancing:SetIpAddressType"], &["IpAddressType"]),
    made(
        TARGETS,
        &[
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:RegisterTargets",
        ],
        &["Targets"],
    ),
    all(
        ROLE,
        &["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        &["ManagedPolicyArns"],
    ),
    made(
        ROLE,
        &["iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"],
        &["PermissionsBoundary"],
    ),
    made(
        ROLE,
        &["iam:UpdateRole", "iam:UpdateRoleDescription"],
        &["Description", "MaxSessionDuration"],
    ),
    all(FUNCTION, &["kms:*"], &["KmsKeyArn"]),
    all(FUNCTION, &["ec2:*"], &["VpcConfig"]),
    made(FUNCTION, &["elasticfilesystem:*"], &["FileSystemConfigs"]),
    made(
        FUNCTION,
        &["lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency"],
        &["ReservedConcurrentExecutions"],
    ),
    made(
        FUNCTION,
        &[
            "lambda:DeleteFunctionCodeSigningConfig",
            "lambda:GetCodeSigningConfig",
            "lambda:PutFunctionCodeSigningConfig",
        ],
        &["CodeSigningConfigArn"],
    ),
    made(FUNCTION, &["lambda:GetLayerVersion"], &["Layers"]),
    made(
        FUNCTION,
        &["lambda:PutRuntimeManagementConfig"],
        &["RuntimeManagementConfig"],
    ),
    made(FUNCTION, &["lambda:PassCapacityProvider"], &["CapacityProviderConfig"]),
    made(
        FUNCTION,
        &["lambda:PublishVersion", "lambda:PutFunctionScalingConfig"],
        &["FunctionScalingConfig", "PublishToLatestPublished"],
    ),
    made(FUNCTION, &["lambda:PutFunctionRecursionConfig"], &["RecursiveLoop"]),
    made(FUNCTION, &["s3:GetObjectVersion"], &["Code/S3ObjectVersion"]),
    all(MAPPING, &["kms:*"], &["KmsKeyArn"]),
    made(
        LOG_GROUP,
        &["firehose:*", "logs:CreateLogDelivery", "logs:PutDataProtectionPolicy"],
        &["DataProtectionPolicy"],
    ),
    made(
        LOG_GROUP,
        &["logs:DeleteResourcePolicy", "logs:PutResourcePolicy"],
        &["ResourcePolicyDocument"],
    ),
    made(
        LOG_GROUP,
        &["logs:DeleteIndexPolicy", "logs:PutIndexPolicy"],
        &["FieldIndexPolicies"],
    ),
    made(
        LOG_GROUP,
        &["logs:PutBearerTokenAuthentication"],
        &["BearerTokenAuthenticationEnabled"],
    ),
    made(
        LOG_GROUP,
        &["logs:AssociateKmsKey", "logs:DisassociateKmsKey"],
        &["KmsKeyId"],
    ),
    made(
        LOG_GROUP,
        &["logs:PutLogGroupDeletionProtection"],
        &["DeletionProtectionEnabled"],
    ),
    made(BUCKET, &["s3:PutAccelerateConfiguration"], &["AccelerateConfiguration"]),
    made(
        BUCKET,
        &["s3:GetBucketAcl", "s3:PutBucketAcl", "s3:PutObjectAcl"],
        &["AccessControl"],
    ),
    made(BUCKET, &["s3:PutAnalyticsConfiguration"], &["AnalyticsConfigurations"]),
    made(BUCKET, &["s3:PutBucketAbac"], &["AbacStatus"]),
    made(BUCKET, &["s3:PutBucketCORS"], &["CorsConfiguration"]),
    made(
        BUCKET,
        &["s3:PutIntelligentTieringConfiguration"],
        &["IntelligentTieringConfigurations"],
    ),
    made(BUCKET, &["s3:PutInventoryConfiguration"], &["InventoryConfigurations"]),
    made(BUCKET, &["s3:PutBucketLogging"], &["LoggingConfiguration"]),
    made(
        BUCKET,
        &[
            "s3:CreateBucketMetadataTableConfiguration",
            "s3:DeleteBucketMetadataTableConfiguration",
            "s3:GetBucketMetadataTableConfiguration",
            "s3:UpdateBucketMetadata*",
            "s3tables:*",
        ],
        &["MetadataConfiguration", "MetadataTableConfiguration"],
    ),
    made(BUCKET, &["s3:PutMetricsConfiguration"], &["MetricsConfigurations"]),
    made(BUCKET, &["s3:PutBucketNotification"], &["NotificationConfiguration"]),
    made(
        BUCKET,
        &["s3:PutBucketObjectLockConfiguration"],
        &["ObjectLockConfiguration", "ObjectLockEnabled"],
    ),
    made(
        BUCKET,
        &["iam:PassRole", "s3:PutReplicationConfiguration"],
        &["ReplicationConfiguration"],
    ),
    made(BUCKET, &["s3:PutBucketVersioning"], &["VersioningConfiguration"]),
    made(
        BUCKET,
        &["s3:DeleteBucketWebsite", "s3:PutBucketWebsite"],
        &["WebsiteConfiguration"],
    ),
    // No object is there when a bucket is made.
    made(BUCKET, &["s3:DeleteObject"], &[]),
    all(
        "AWS::RDS::DBInstance",
        &["secretsmanager:*"],
        &["ManageMasterUserPassword"],
    ),
    made(TOPIC, &["iam:*"], &["DeliveryStatusLogging"]),
    made(TOPIC, &["sns:PutDataProtectionPolicy"], &["DataProtectionPolicy"]),
    made(TOPIC, &["sns:Subscribe", "sns:Unsubscribe"], &["Subscription"]),
    made("AWS::SNS::Subscription", &["iam:*"], &["SubscriptionRoleArn"]),
];
