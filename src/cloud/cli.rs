//! Commands of the AWS CLI that a message tells to run: copied into a shell, they go where qfleet went.

use super::Cloud;

/// The options by which the AWS CLI goes to the same place: those that qfleet was given. What the environment says isn't among
/// them (AWS_PROFILE, AWS_ENDPOINT_URL): that CLI reads it, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsCli {
    /// Always named: qfleet may have it from a file.
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    pub profile: Option<String>,
    /// The account on the emulator. That takes any keys, and a key's id for the account's
    /// (<https://github.com/ministackorg/ministack>).
    pub emulated: Option<String>,
}

impl AwsCli {
    /// On AWS, in this region.
    pub fn new(region: &str) -> AwsCli {
        AwsCli {
            region: Some(region.to_owned()),
            ..AwsCli::default()
        }
    }

    /// The same in another region.
    pub fn in_region(&self, region: &str) -> AwsCli {
        AwsCli {
            region: Some(region.to_owned()),
            ..self.clone()
        }
    }

    /// The same for a service that is in no region, as IAM.
    pub fn in_no_region(&self) -> AwsCli {
        AwsCli {
            region: None,
            ..self.clone()
        }
    }

    /// A whole command, of what comes behind `aws`. Where that names a region itself, it is left at that.
    pub fn command(&self, words: &str) -> String {
        let region = self.region.as_ref().filter(|_| !words.contains(" --region "));
        let options = [
            ("--region", region),
            ("--endpoint-url", self.endpoint_url.as_ref()),
            ("--profile", self.profile.as_ref()),
        ];
        let keys = self.emulated.as_ref().map_or(String::new(), |account| {
            format!("AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=test ")
        });
        let mut command = format!("{keys}aws {words}");
        for (option, value) in options {
            if let Some(value) = value {
                let value = shlex::try_quote(value).unwrap_or(value.into());
                command += &format!(" {option} {value}");
            }
        }
        command
    }

    /// Makes a command that begins with `aws` whole; any other stays as it is.
    pub fn complete(&self, command: &mut String) {
        if let Some(words) = command.strip_prefix("aws ") {
            *command = self.command(words);
        }
    }
}

impl Cloud {
    /// The AWS CLI, sent where this one goes.
    pub fn cli(&self) -> AwsCli {
        self.cli.in_region(&self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_carries_what_qfleet_was_given() {
        let cli = AwsCli::new("us-east-2");
        assert_eq!(cli.command("s3 ls"), "aws s3 ls --region us-east-2");
        let cli = AwsCli {
            endpoint_url: Some("http://127.0.0.1:4566".into()),
            profile: Some("my team".into()),
            ..cli
        };
        let rest = "--endpoint-url http://127.0.0.1:4566 --profile 'my team'";
        assert_eq!(cli.command("s3 ls"), format!("aws s3 ls --region us-east-2 {rest}"));
        assert_eq!(
            cli.in_no_region().command("iam list-roles"),
            format!("aws iam list-roles {rest}")
        );
        let of_its_own = "s3 ls --region eu-west-1";
        assert_eq!(cli.command(of_its_own), format!("aws {of_its_own} {rest}"));
    }

    #[test]
    fn on_the_emulator_it_needs_no_credentials_of_the_readers() {
        let cli = AwsCli {
            emulated: Some("111122223333".into()),
            ..AwsCli::new("us-east-2")
        };
        assert_eq!(
            cli.command("s3 ls"),
            "AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=test aws s3 ls --region us-east-2"
        );
    }

    #[test]
    fn only_commands_of_the_aws_cli_are_completed() {
        let complete = |command: &str| {
            let mut command = command.to_owned();
            AwsCli::new("us-east-2").complete(&mut command);
            command
        };
        assert_eq!(complete("aws s3 ls"), "aws s3 ls --region us-east-2");
        assert_eq!(complete("qfleet deploy lab"), "qfleet deploy lab");
    }
}
