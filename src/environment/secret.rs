//! Where a secret is kept. What it says is in no file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given::Given;
use super::patterns;

/// The path of an SSM parameter (`/app/db`), the whole ARN of a Secrets Manager secret, or such an ARN that an extra gives
/// (`${db.SecretArn}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Secret(#[schemars(regex(pattern = patterns::SECRET), length(max = 700), example = "/app/db")] pub String);

/// The service that keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptIn<'a> {
    /// SSM, under this path.
    ParameterStore(&'a str),
    /// Secrets Manager, under an ARN that an extra gives.
    Given(Given<'a>),
    SecretsManager {
        region: &'a str,
        account: &'a str,
        /// Without the dash and the six characters that end the ARN
        /// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html>).
        name: &'a str,
    },
}

impl Secret {
    pub fn kept_in(&self) -> KeptIn<'_> {
        if let Some(given) = Given::whole(&self.0) {
            return KeptIn::Given(given);
        }
        // arn:partition:secretsmanager:region:account:secret:name-AbC123
        let mut parts = self.0.splitn(7, ':').skip(3);
        match (parts.next(), parts.next(), parts.nth(1)) {
            (Some(region), Some(account), Some(resource)) => KeptIn::SecretsManager {
                region,
                account,
                name: resource.rsplit_once('-').map_or(resource, |(name, _)| name),
            },
            _ => KeptIn::ParameterStore(&self.0),
        }
    }
}

/// The words behind `aws` that put something there, or show what is there: an ARN of Secrets Manager can't be chosen. `place` is
/// a path or an ARN.
pub fn mending_command(place: &str) -> String {
    match place.starts_with('/') {
        true => format!("ssm put-parameter --name {place} --type SecureString --value file://secret.txt"),
        false => "secretsmanager list-secrets --include-planned-deletion".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_where_it_is_and_a_path_is_itself() {
        let arn = Secret("arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:app/my-db-AbC123".into());
        let kept = KeptIn::SecretsManager {
            region: "cn-north-1",
            account: "111122223333",
            name: "app/my-db",
        };
        assert_eq!(arn.kept_in(), kept);
        let path = Secret("/app/db".into());
        assert_eq!(path.kept_in(), KeptIn::ParameterStore("/app/db"));
    }
}
