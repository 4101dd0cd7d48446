#!/usr/bin/env python3
"""Writes src/blueprint/resource_schemas.json: what AWS's resource schemas say of the types that qfleet's templates use,
among it which rights each of their handlers needs.

Without arguments it writes the file, with --check it says whether the file is what it would write. The schemas are those
that cfn-lint brings, for us-east-1, where every type is.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import cfnlint

FILE = Path(__file__).parent.parent / "src/blueprint/resource_schemas.json"

TYPES = """
AWS::ApplicationAutoScaling::ScalableTarget
AWS::ApplicationAutoScaling::ScalingPolicy
AWS::AutoScaling::AutoScalingGroup
AWS::AutoScaling::LifecycleHook
AWS::AutoScaling::ScalingPolicy
AWS::AutoScaling::ScheduledAction
AWS::AutoScaling::WarmPool
AWS::CertificateManager::Certificate
AWS::CloudFront::CachePolicy
AWS::CloudFront::Distribution
AWS::CloudFront::Function
AWS::CloudFront::OriginAccessControl
AWS::CloudFront::ResponseHeadersPolicy
AWS::CloudWatch::Alarm
AWS::CloudWatch::CompositeAlarm
AWS::CloudWatch::Dashboard
AWS::DynamoDB::Table
AWS::EC2::EIP
AWS::EC2::FlowLog
AWS::EC2::Instance
AWS::EC2::InternetGateway
AWS::EC2::LaunchTemplate
AWS::EC2::NatGateway
AWS::EC2::Route
AWS::EC2::RouteTable
AWS::EC2::SecurityGroup
AWS::EC2::SecurityGroupEgress
AWS::EC2::SecurityGroupIngress
AWS::EC2::Subnet
AWS::EC2::SubnetRouteTableAssociation
AWS::EC2::VPC
AWS::EC2::VPCEndpoint
AWS::EC2::VPCGatewayAttachment
AWS::EC2::Volume
AWS::ElasticLoadBalancingV2::Listener
AWS::ElasticLoadBalancingV2::ListenerRule
AWS::ElasticLoadBalancingV2::LoadBalancer
AWS::ElasticLoadBalancingV2::TargetGroup
AWS::Events::Rule
AWS::IAM::InstanceProfile
AWS::IAM::ManagedPolicy
AWS::IAM::Policy
AWS::IAM::Role
AWS::IAM::RolePolicy
AWS::KMS::Alias
AWS::KMS::Key
AWS::Lambda::Alias
AWS::Lambda::EventSourceMapping
AWS::Lambda::Function
AWS::Lambda::LayerVersion
AWS::Lambda::Permission
AWS::Lambda::Url
AWS::Lambda::Version
AWS::Logs::LogGroup
AWS::Logs::MetricFilter
AWS::Logs::SubscriptionFilter
AWS::RDS::DBInstance
AWS::Route53::RecordSet
AWS::S3::Bucket
AWS::S3::BucketPolicy
AWS::SNS::Subscription
AWS::SNS::Topic
AWS::SNS::TopicInlinePolicy
AWS::SNS::TopicPolicy
AWS::SQS::Queue
AWS::SQS::QueueInlinePolicy
AWS::SQS::QueuePolicy
AWS::SSM::Parameter
AWS::Scheduler::Schedule
AWS::Scheduler::ScheduleGroup
AWS::WAFv2::WebACL
""".split()

PROPERTIES = ["primaryIdentifier", "readOnlyProperties", "createOnlyProperties", "conditionalCreateOnlyProperties"]


# Of these, what they may be is asked.
CHOICES = {"AWS::Lambda::Function": ["Runtime"]}


def schemas():
    folder = Path(cfnlint.__file__).parent / "data/schemas"
    files = json.loads((folder / "providers/us-east-1.json").read_text())
    for name in TYPES:
        schema = json.loads((folder / f"resources/{files[name]}.json").read_text())
        entry = {kind: [path.removeprefix("/properties/") for path in schema.get(kind, [])] for kind in PROPERTIES}
        values = {key: schema["properties"][key]["enum"] for key in CHOICES.get(name, [])}
        entry = {kind: paths for kind, paths in entry.items() if paths}
        handlers = schema.get("handlers", {})
        # What CloudFormation does in its caller's name. A listing is no part of working on a stack.
        rights = {handler: [] if handler == "list" else sorted(handlers[handler]["permissions"]) for handler in sorted(handlers)}
        yield name, entry | ({"values": values} if values else {}) | {"handlers": rights}


def text():
    source = (
        f"AWS's CloudFormation resource schemas, as cfn-lint {version('cfn-lint')} brings them "
        "(https://github.com/aws-cloudformation/cfn-lint, MIT-0, Copyright Amazon.com, Inc. or its affiliates). "
        "Written by `make resource-schemas`: not by hand."
    )
    # A type a line, so that a difference can be read.
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(schema)}" for name, schema in schemas())
    return f'{{\n  "source": {json.dumps(source)},\n  "types": {{\n{lines}\n  }}\n}}\n'


def main():
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text() != text():
            sys.exit(f"{FILE} isn't what the pinned cfn-lint says: run `make resource-schemas`, and read the difference")
    else:
        FILE.write_text(text())


if __name__ == "__main__":
    main()
