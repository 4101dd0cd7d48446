//! Secrets Manager: what a secret says.

use super::{Cloud, CloudError, explain, unless};

impl Cloud {
    /// What a secret says, if it is there and is text.
    pub async fn secret(&self, arn: &str) -> Result<Option<String>, CloudError> {
        let asked = self.secrets_manager.get_secret_value().secret_id(arn).send().await;
        let found = asked.map_err(|error| explain("GetSecretValue", error));
        let found = unless(&["ResourceNotFoundException"], found)?;
        Ok(found.and_then(|found| found.secret_string))
    }

    /// Whether a secret is there, and isn't to be deleted: then nobody can read it
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html>). It takes no right to read
    /// what it says.
    pub async fn has_secret(&self, arn: &str) -> Result<bool, CloudError> {
        let asked = self.secrets_manager.describe_secret().secret_id(arn).send().await;
        let found = asked.map_err(|error| explain("DescribeSecret", error));
        let found = unless(&["ResourceNotFoundException"], found)?;
        Ok(found.is_some_and(|found| found.deleted_date.is_none()))
    }
}
