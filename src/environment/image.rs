//! The image that instances start from.

use super::problem::Problem;
use super::{Instances, Settings};

/// What `image` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image<'a> {
    /// The newest Amazon Linux 2023.
    AmazonLinux,
    /// The newest Ubuntu 24.04.
    Ubuntu,
    /// An AMI by its id.
    Ami(&'a str),
    /// A parameter of Systems Manager's that holds such an id, by its path.
    Parameter(&'a str),
}

/// Amazon Linux's and Debian's.
const XVDA: &str = "/dev/xvda";
/// Ubuntu's and Red Hat's.
const SDA1: &str = "/dev/sda1";

impl<'a> Image<'a> {
    pub fn of(image: &'a str) -> Self {
        match image {
            "al2023" => Image::AmazonLinux,
            "ubuntu-24.04" => Image::Ubuntu,
            ami if ami.starts_with("ami-") => Image::Ami(ami),
            path => Image::Parameter(path),
        }
    }

    /// Whether it is a system with no worker on it.
    pub fn is_bare(self) -> bool {
        self.known_root_device().is_some()
    }

    /// The name of its root device, where that is known.
    pub fn known_root_device(self) -> Option<&'static str> {
        match self {
            Image::AmazonLinux => Some(XVDA),
            Image::Ubuntu => Some(SDA1),
            Image::Ami(_) => None,
            // The public parameters
            // (<https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html>,
            // <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>).
            Image::Parameter(path) if path.starts_with("/aws/service/ami-amazon-linux-latest/") => Some(XVDA),
            Image::Parameter(path) if path.starts_with("/aws/service/canonical/ubuntu/") => Some(SDA1),
            Image::Parameter(_) => None,
        }
    }
}

impl Instances {
    /// The device that the image starts from: another name would be a second volume, beside the image's own.
    pub fn root_device(&self) -> &str {
        let known = Image::of(&self.image).known_root_device();
        known.or(self.root_device.as_deref()).unwrap_or(XVDA)
    }
}

/// qfleet can't look into an image, so whoever names one is told what is expected of it, until they name its root device.
pub(super) fn advise(at: &str, instances: &Instances, advice: &mut Vec<Problem>) {
    if instances.root_device.is_some() || Image::of(&instances.image).known_root_device().is_some() {
        return;
    }
    let must = match (&instances.program, instances.settings) {
        (Some(_), _) => {
            "To run a program, the image must bring cloud-init, systemd, bash, tar, and curl 7.87 or later; the log agent \
             is installed with dnf or apt, unless it is there"
        }
        (None, None) => {
            "The image must start its worker itself, with the settings that cloud-init writes to /etc/qfleet/worker.env, \
             and ship its logs"
        }
        (None, Some(Settings::Nowhere)) => "The image must start its worker itself, know its queue, and ship its logs",
    };
    advice.push(
        Problem::new(
            format!("{at}/image"),
            format!("the root device of the image `{}` is taken to be {XVDA}", instances.image),
        )
        .help(format!(
            "name it with `root_device`: Ubuntu's and Red Hat's is {SDA1}. A wrong one is a second volume, and leaves the \
             image's own as it is. {must} (docs/images.md)"
        )),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_devices_that_are_known() {
        for (image, known) in [
            ("al2023", Some("/dev/xvda")),
            ("ubuntu-24.04", Some("/dev/sda1")),
            (
                "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64",
                Some("/dev/xvda"),
            ),
            (
                "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
                Some("/dev/sda1"),
            ),
            ("ami-0123456789abcdef0", None),
            ("/images/worker", None),
        ] {
            assert_eq!(Image::of(image).known_root_device(), known, "{image}");
        }
    }
}
