//! The image that instances start from.

use crate::blueprint::Value;
use crate::environment::problem::Problem;
use crate::environment::{Instances, architecture};

/// The path of the newest Amazon Linux 2023, without the architecture.
const AL2023: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-";

pub(super) fn image(instances: &Instances, local: bool, pointer: &str) -> Result<Value, Problem> {
    if instances.image != "al2023" {
        return Ok(match instances.image.starts_with("ami-") {
            true => Value::Literal(instances.image.clone()),
            false => Value::Ssm(instances.image.clone()),
        });
    }
    if local {
        // The local emulator knows this one only, and boots no machine from it.
        return Ok(Value::Ssm(format!("{AL2023}x86_64")));
    }
    let pointer = format!("{pointer}/types");
    let Some(first) = instances.types.first() else {
        return Err(Problem::new(pointer, "no instance type is named"));
    };
    match architecture(first) {
        Ok(architecture) => Ok(Value::Ssm(format!("{AL2023}{architecture}"))),
        Err(unusable) => Err(Problem::new(pointer, unusable.message).help(unusable.help)),
    }
}
