//! Which actions are about which kinds of resources.

/// Whether IAM knows no resource for an action, or qfleet asks it of everything: of stacks before it knows which are the
/// environment's, and of a resource before it knows whose it is.
pub fn is_of_everything(action: &str) -> bool {
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    let describes = ["autoscaling", "ec2", "elasticloadbalancing"].contains(&service) && name.starts_with("Describe");
    describes && action != "ec2:DescribeVpcAttribute" || name.ends_with('*') || WITHOUT.contains(&action)
}

const WITHOUT: [&str; 32] = [
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetResource",
    "cloudformation:ListImports",
    "cloudformation:ListStacks",
    "cloudfront:CreateConnectionGroup",
    "cloudfront:CreateDistribution",
    "cloudfront:CreateOriginAccessControl",
    "cloudfront:ListOriginAccessControls",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "iam:ListRoles",
    "kms:ListAliases",
    "lambda:CreateEventSourceMapping",
    "logs:CreateLogDelivery",
    "logs:DeleteIndexPolicy",
    "logs:DeleteResourcePolicy",
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutIndexPolicy",
    "logs:PutResourcePolicy",
    "sns:GetSubscriptionAttributes",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
    "sqs:ListQueues",
    "ssm:DescribeParameters",
    "tag:GetResources",
    "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation",
];

/// Whether an action of S3 is about objects.
pub fn of_objects(name: &str) -> bool {
    let about = [
        "AbortMultipartUpload",
        "DeleteObject",
        "DeleteObjectVersion",
        "GetObject",
        "GetObjectVersion",
        "ListMultipartUploadParts",
        "PutObject",
        "PutObjectAcl",
    ];
    about.contains(&name)
}

/// Services that take on a role, by the type of resource that gives them one.
pub const BEARERS: [(&str, &str); 4] = [
    ("AWS::IAM::InstanceProfile", "ec2.amazonaws.com"),
    ("AWS::Lambda::Function", "lambda.amazonaws.com"),
    ("AWS::S3::Bucket", "s3.amazonaws.com"),
    ("AWS::Scheduler::Schedule", "scheduler.amazonaws.com"),
];

/// Kinds of EC2's resources that are given tags when they are made, by their type.
const TAGGED: [(&str, &str); 7] = [
    ("AWS::EC2::InternetGateway", "internet-gateway"),
    ("AWS::EC2::LaunchTemplate", "launch-template"),
    ("AWS::EC2::RouteTable", "route-table"),
    ("AWS::EC2::SecurityGroup", "security-group"),
    ("AWS::EC2::Subnet", "subnet"),
    ("AWS::EC2::VPC", "vpc"),
    ("AWS::EC2::VPCEndpoint", "vpc-endpoint"),
];

/// Those of these types.
pub fn tagged(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let known = TAGGED.iter().filter(|(resource_type, _)| has(resource_type));
    known.map(|(_, kind)| *kind).collect()
}

/// What an action of EC2 or Elastic Load Balancing needs to be allowed on.
pub fn kinds(action: &str) -> Option<&'static Kinds> {
    KINDS.iter().find(|known| known.actions.contains(&action))
}

/// Actions, and the kinds of resources that they are about.
pub struct Kinds {
    actions: &'static [&'static str],
    /// What the action makes, or uses whosoever it is.
    pub any: &'static [&'static str],
    /// What is there before, and is the environment's.
    pub own: &'static [&'static str],
}

const fn made(actions: &'static [&'static str], any: &'static [&'static str]) -> Kinds {
    Kinds { actions, any, own: &[] }
}

const fn changed(actions: &'static [&'static str], own: &'static [&'static str]) -> Kinds {
    Kinds { actions, any: &[], own }
}

const KINDS: [Kinds; 25] = [
    made(&["ec2:CreateInternetGateway"], &["internet-gateway"]),
    changed(&["ec2:DeleteInternetGateway"], &["internet-gateway"]),
    changed(
        &["ec2:AttachInternetGateway", "ec2:DetachInternetGateway"],
        &["internet-gateway", "vpc"],
    ),
    made(&["ec2:CreateLaunchTemplate"], &["launch-template"]),
    changed(
        &["ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplate"],
        &["launch-template"],
    ),
    made(&["ec2:CreateRouteTable"], &["route-table", "vpc"]),
    changed(
        &[
            "ec2:CreateRoute",
            "ec2:DeleteRoute",
            "ec2:ReplaceRoute",
            "ec2:DeleteRouteTable",
        ],
        &["route-table"],
    ),
    changed(
        &[
            "ec2:AssociateRouteTable",
            "ec2:DisassociateRouteTable",
            "ec2:ReplaceRouteTableAssociation",
        ],
        &["route-table", "subnet"],
    ),
    // In whatever VPC.
    made(&["ec2:CreateSecurityGroup"], &["security-group", "vpc"]),
    // A rule carries no tag when it is made.
    Kinds {
        actions: &["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"],
        any: &["security-group-rule"],
        own: &["security-group"],
    },
    changed(
        &[
            "ec2:DeleteSecurityGroup",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ],
        &["security-group"],
    ),
    made(&["ec2:CreateSubnet"], &["subnet", "vpc"]),
    changed(
        &[
            "ec2:AssociateSubnetCidrBlock",
            "ec2:DeleteSubnet",
            "ec2:DisassociateSubnetCidrBlock",
            "ec2:ModifySubnetAttribute",
        ],
        &["subnet"],
    ),
    made(&["ec2:CreateVpc"], &["vpc"]),
    changed(
        &[
            "ec2:DeleteVpc",
            "ec2:DescribeVpcAttribute",
            "ec2:ModifyVpcAttribute",
            "ec2:ModifyVpcTenancy",
        ],
        &["vpc"],
    ),
    made(
        &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"],
        &["route-table", "vpc", "vpc-endpoint"],
    ),
    changed(&["ec2:DeleteVpcEndpoints"], &["vpc-endpoint"]),
    // A template's instances are tried out when a group is made of it.
    Kinds {
        actions: &["ec2:RunInstances"],
        any: &["image", "instance", "network-interface", "snapshot", "subnet", "volume"],
        own: &["launch-template", "security-group"],
    },
    made(&["elasticloadbalancing:CreateLoadBalancer"], &["loadbalancer/app"]),
    changed(
        &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
        &["loadbalancer/app"],
    ),
    made(&["elasticloadbalancing:CreateTargetGroup"], &["targetgroup"]),
    changed(
        &[
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RegisterTargets",
        ],
        &["targetgroup"],
    ),
    changed(
        &[
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyListenerAttributes",
        ],
        &["listener/app"],
    ),
    changed(
        &["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
        &["listener/app", "loadbalancer/app", "targetgroup"],
    ),
    changed(&["elasticloadbalancing:SetRulePriorities"], &["listener-rule/app"]),
];
