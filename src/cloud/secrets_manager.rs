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
}
