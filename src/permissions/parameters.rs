//! What CloudFormation reads to make a change set: the values of parameters.

use std::collections::BTreeSet;

use super::{Asked, Purpose};
use crate::blueprint::template::{self, section};

/// AWS checks a parameter of such a type against what is there
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>).
const CHECKED: [(&str, &str); 7] = [
    ("AWS::EC2::AvailabilityZone::Name", "ec2:DescribeAvailabilityZones"),
    ("AWS::EC2::Image::Id", "ec2:DescribeImages"),
    ("AWS::EC2::Instance::Id", "ec2:DescribeInstances"),
    ("AWS::EC2::KeyPair::KeyName", "ec2:DescribeKeyPairs"),
    ("AWS::EC2::SecurityGroup::", "ec2:DescribeSecurityGroups"),
    ("AWS::EC2::Subnet::Id", "ec2:DescribeSubnets"),
    ("AWS::EC2::VPC::Id", "ec2:DescribeVpcs"),
];
const OF_SSM: &str = "AWS::SSM::Parameter::";

pub(super) fn of(purpose: Purpose, asked: &Asked) -> BTreeSet<String> {
    if !matches!(purpose, Purpose::Plan | Purpose::Deploy | Purpose::Revert) {
        return BTreeSet::new();
    }
    let mut actions = BTreeSet::new();
    for stack in &asked.blueprint.stacks {
        let template = template::read(&stack.body).unwrap_or_default();
        for (_, parameter) in section(&template, "Parameters") {
            let of_type = parameter["Type"].as_str().unwrap_or_default();
            if of_type.contains(OF_SSM) {
                actions.insert("ssm:GetParameters".to_owned());
            }
            let checked = CHECKED.iter().filter(|(known, _)| of_type.contains(known));
            actions.extend(checked.map(|(_, action)| (*action).to_owned()));
        }
    }
    actions
}
