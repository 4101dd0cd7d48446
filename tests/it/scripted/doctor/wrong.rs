//! What is wrong with networks, instance types, images, accounts and clocks.

use super::{IMAGE, document, of, text};
use crate::endpoint::{Fault, On, Script};
use crate::lab::LAB;

/// What AWS says, what the file says, the topic, what came of it, and a part of the command that mends it.
type Case = (Script, String, &'static str, &'static str, &'static str, &'static str);

fn wrong() -> Vec<Case> {
    let lab = || LAB.to_owned();
    let with = |from: &str, to: &str| LAB.replace(from, to);
    let types = "types: [t3.micro]";
    let in_a_vpc = || {
        with(
            types,
            "types: [t3.micro], vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]",
        )
    };
    let (vpc, one, other) = (
        "vpc-0123456789abcdef0",
        "subnet-0123456789abcdef0",
        "subnet-0123456789abcdef1",
    );
    let here = || {
        Script::new()
            .subnet(one, "us-east-2a", vpc)
            .subnet(other, "us-east-2b", vpc)
    };
    let denied = |action| Script::new().fault(On::action(action), Fault::access_denied(action));
    vec![
        (
            Script::new().default_zones(&[]),
            lab(),
            "network",
            "failed",
            "there is no default VPC",
            "aws ec2 create-default-vpc --region us-east-2",
        ),
        (
            Script::new().closed_vpc("vpc-default"),
            lab(),
            "network",
            "failed",
            "has no route to the internet",
            "describe-route-tables --filters Name=vpc-id,Values=vpc-default",
        ),
        (
            Script::new().closed_vpc("vpc-default").vpc_endpoint("sqs"),
            lab(),
            "network",
            "unknown",
            "has VPC endpoints",
            "describe-vpc-endpoints",
        ),
        (
            Script::new().default_zones(&["us-east-2a"]),
            with(types, "types: [t3.micro], zones: [us-east-2a, us-east-2b]"),
            "network",
            "failed",
            "has no subnet in us-east-2b",
            "create-default-subnet --availability-zone us-east-2b",
        ),
        (
            denied("DescribeSubnets"),
            lab(),
            "network",
            "unknown",
            "not authorized",
            "",
        ),
        (
            here(),
            in_a_vpc(),
            "network",
            "passed",
            "has subnets in us-east-2a, us-east-2b",
            "",
        ),
        (
            here().private_subnet(other),
            in_a_vpc(),
            "network",
            "failed",
            "subnet-0123456789abcdef1 leads to igw-1, and instances get no public address there",
            "describe-route-tables",
        ),
        (
            Script::new().subnet(one, "us-east-2a", vpc),
            in_a_vpc(),
            "network",
            "failed",
            "subnet-0123456789abcdef1 isn't there",
            "describe-subnets --filters Name=vpc-id,Values=vpc-0123456789abcdef0",
        ),
        (
            Script::new()
                .subnet(one, "us-east-2a", vpc)
                .subnet(other, "us-east-2a", vpc),
            in_a_vpc(),
            "network",
            "failed",
            "all subnets are in us-east-2a",
            "describe-subnets",
        ),
        (
            Script::new().offers("t3.micro", &[]),
            lab(),
            "types",
            "failed",
            "t3.micro isn't offered in us-east-2",
            "describe-instance-type-offerings",
        ),
        (
            Script::new().offers("t3.micro", &["us-east-2d"]),
            lab(),
            "types",
            "failed",
            "no zone of the network offers it",
            "Values=t3.micro",
        ),
        (
            here().offers("t3.micro", &["us-east-2a"]),
            in_a_vpc(),
            "types",
            "failed",
            "not offered in us-east-2b, which the file names",
            "Values=t3.micro",
        ),
        (
            denied("DescribeInstanceTypeOfferings"),
            lab(),
            "types",
            "unknown",
            "not authorized",
            "",
        ),
        (
            Script::new().image(IMAGE, "arm64", "/dev/xvda"),
            lab(),
            "image",
            "failed",
            "is for arm64, and t3.micro isn't",
            "describe-images --image-ids ami-0123456789abcdef0",
        ),
        (
            Script::new().image(IMAGE, "x86_64", "/dev/sda1"),
            lab(),
            "image",
            "failed",
            "is /dev/sda1, and the file's is /dev/xvda: that would be a second volume",
            "",
        ),
        (
            Script::new().without_image(IMAGE),
            lab(),
            "image",
            "failed",
            "isn't available to this account",
            "describe-images",
        ),
        (
            Script::new(),
            with(types, "types: [t3.micro], image: /images/worker"),
            "image",
            "failed",
            "there is no parameter /images/worker in us-east-2",
            "get-parameters-by-path --path /images --region us-east-2",
        ),
        (
            denied("DescribeImages"),
            lab(),
            "image",
            "unknown",
            "what it is isn't known",
            "",
        ),
        (
            Script::new(),
            format!("account: \"999999999999\"\n{LAB}"),
            "account",
            "failed",
            "belong to account 111122223333 (user/somebody), and the file allows only 999999999999",
            "",
        ),
        (
            Script::new(),
            format!("account: \"111122223333\"\n{LAB}"),
            "account",
            "passed",
            "111122223333, as the file says",
            "",
        ),
        (
            Script::new().clock_ahead(900),
            lab(),
            "clock",
            "failed",
            "behind AWS's",
            "sudo ",
        ),
        (
            Script::new().clock_ahead(-120),
            lab(),
            "clock",
            "passed",
            "ahead of AWS's",
            "",
        ),
        (
            Script::new(),
            with("region: us-east-2\n", ""),
            "region",
            "failed",
            "no region is named",
            "",
        ),
    ]
}

#[test]
fn what_is_wrong_is_said_with_what_to_do_about_it() {
    for (script, file, topic, outcome, what, command) in wrong() {
        let status = i32::from(outcome == "failed");
        let document = document(script, &file, status);
        let found = of(&document, topic);
        let check = found.first().unwrap_or_else(|| panic!("{topic}: {document:#}"));
        assert_eq!(text(check, "outcome"), outcome, "{what}: {check:#}");
        assert!(text(check, "what").contains(what), "{what}: {check:#}");
        let mend = &check["mend"];
        assert_eq!(mend.is_null(), outcome == "passed", "{check:#}");
        assert!(mend.is_null() || !text(mend, "action").is_empty(), "{check:#}");
        assert!(text(mend, "command").contains(command), "{command}: {check:#}");
    }
}
