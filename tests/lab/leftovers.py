"""What the lab must not leave behind: things in the emulator's services, past qfleet, and processes on this machine."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


class Services:
    """The emulator's services, past qfleet."""

    def __init__(self, endpoint: str, account: str, region: str) -> None:
        self.settings = {
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": account,
            "aws_secret_access_key": "local",
        }

    def __call__(self, service: str) -> Any:
        return boto3.client(service, config=Config(s3={"addressing_style": "path"}), **self.settings)

    def everything(self) -> dict[str, set[str]]:
        """The names of everything that an environment could leave behind."""
        ec2, iam, cloudwatch, elb = self("ec2"), self("iam"), self("cloudwatch"), self("elbv2")
        stacks = paged(self("cloudformation"), "list_stacks", "StackSummaries")
        return {
            "CloudFormation stacks": {s["StackName"] for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"},
            "S3 buckets": {b["Name"] for b in self("s3").list_buckets()["Buckets"]},
            "SQS queues": set(paged(self("sqs"), "list_queues", "QueueUrls")),
            "DynamoDB tables": set(paged(self("dynamodb"), "list_tables", "TableNames")),
            "SNS topics": names(paged(self("sns"), "list_topics", "Topics"), "TopicArn"),
            "SNS subscriptions": names(paged(self("sns"), "list_subscriptions", "Subscriptions"), "SubscriptionArn"),
            "Auto Scaling groups": names(
                paged(self("autoscaling"), "describe_auto_scaling_groups", "AutoScalingGroups"), "AutoScalingGroupName"
            ),
            "scaling policies": names(paged(self("autoscaling"), "describe_policies", "ScalingPolicies"), "PolicyName"),
            "launch templates": names(paged(ec2, "describe_launch_templates", "LaunchTemplates"), "LaunchTemplateName"),
            "security groups": names(paged(ec2, "describe_security_groups", "SecurityGroups"), "GroupName"),
            "instances": {
                i["InstanceId"]
                for reservation in paged(ec2, "describe_instances", "Reservations")
                for i in reservation["Instances"]
                if i["State"]["Name"] != "terminated"
            },
            "load balancers": names(paged(elb, "describe_load_balancers", "LoadBalancers"), "LoadBalancerName"),
            "target groups": names(paged(elb, "describe_target_groups", "TargetGroups"), "TargetGroupName"),
            "distributions": {d["Id"] for d in paged_items(self("cloudfront"), "DistributionList", "list_distributions")},
            "origin access controls": {
                c["Name"]
                for c in paged_items(self("cloudfront"), "OriginAccessControlList", "list_origin_access_controls")
            },
            "IAM roles": names(paged(iam, "list_roles", "Roles"), "RoleName"),
            "instance profiles": names(paged(iam, "list_instance_profiles", "InstanceProfiles"), "InstanceProfileName"),
            "log groups": names(paged(self("logs"), "describe_log_groups", "logGroups"), "logGroupName"),
            "alarms": names(paged(cloudwatch, "describe_alarms", "MetricAlarms"), "AlarmName"),
            "dashboards": names(paged(cloudwatch, "list_dashboards", "DashboardEntries"), "DashboardName"),
            "SSM parameters": names(paged(self("ssm"), "describe_parameters", "Parameters"), "Name"),
        }


def paged(client: Any, operation: str, key: str, **arguments: str) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page.get(key, [])]


def paged_items(client: Any, of: str, operation: str) -> list[Any]:
    """CloudFront's lists, whose pages are inside of an answer's one element."""
    items, page = [], getattr(client, operation)()[of]
    while True:
        items += page.get("Items", [])
        if not page["IsTruncated"]:
            return items
        page = getattr(client, operation)(Marker=page["NextMarker"])[of]


def names(items: Iterable[dict[str, Any]], key: str) -> set[str]:
    return {item[key] for item in items}


def processes(folder: Path) -> set[int]:
    """Processes that have this folder in their environment, as everything has that the lab starts."""
    proc = Path("/proc")
    if not (proc / "self" / "environ").exists():
        # macOS. Its ps shows the environment behind the command.
        shown = subprocess.run(["ps", "-axEww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
        return {int(line.split()[0]) for line in shown.stdout.splitlines() if str(folder) in line}
    found = set()
    for environ in proc.glob("[0-9]*/environ"):
        try:
            if os.fsencode(folder) in environ.read_bytes():
                found.add(int(environ.parent.name))
        except OSError:
            continue  # somebody else's, or it has just ended
    return found
