//! The image that instances start from.

use crate::blueprint::Value;
use crate::environment::problem::Problem;
use crate::environment::{Architecture, Image, Instances, architecture};

/// The path of the newest Amazon Linux 2023, without the architecture
/// (<https://docs.aws.amazon.com/linux/al2023/ug/ec2.html>).
const AL2023: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-";
/// The path of the newest Ubuntu 24.04, up to the architecture
/// (<https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>).
const UBUNTU: &str = "/aws/service/canonical/ubuntu/server/24.04/stable/current/";

/// The image that instances start from on AWS: an id, or the parameter that holds it.
///
/// # Errors
/// A file that wasn't checked: a type of no known architecture.
pub fn image_of(instances: &Instances) -> Result<Value, Problem> {
    image(instances, false, "")
}

pub(super) fn image(instances: &Instances, local: bool, pointer: &str) -> Result<Value, Problem> {
    let path = match (Image::of(&instances.image), local) {
        (Image::Ami(id), _) => return Ok(Value::Literal(id.to_owned())),
        // The local emulator knows this one only, and boots no machine from it.
        (_, true) => format!("{AL2023}x86_64"),
        (Image::Parameter(path), false) => path.to_owned(),
        (Image::AmazonLinux, false) => format!("{AL2023}{}", processors(instances, pointer)?),
        (Image::Ubuntu, false) => {
            let architecture = match processors(instances, pointer)? {
                Architecture::Arm64 => "arm64",
                Architecture::X86_64 => "amd64",
            };
            format!("{UBUNTU}{architecture}/hvm/ebs-gp3/ami-id")
        }
    };
    Ok(Value::Ssm(path))
}

fn processors(instances: &Instances, pointer: &str) -> Result<Architecture, Problem> {
    let pointer = format!("{pointer}/types");
    let Some(first) = instances.types.first() else {
        return Err(Problem::new(pointer, "no instance type is named"));
    };
    architecture(first).map_err(|unusable| Problem::new(pointer, unusable.message).help(unusable.help))
}
