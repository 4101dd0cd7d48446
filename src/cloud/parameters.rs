//! SSM parameters: where an environment's expiry is kept.

use aws_sdk_ssm::types::ParameterType;

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// The value of a parameter, if it is there.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>, CloudError> {
        match self.ssm.get_parameter().name(name).send().await {
            Ok(found) => Ok(found
                .parameter()
                .and_then(|parameter| parameter.value())
                .map(str::to_owned)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_parameter_not_found()) =>
            {
                Ok(None)
            }
            Err(error) => Err(explain("GetParameter", error)),
        }
    }

    /// Puts a parameter, unless it is there already. Says whether it was put.
    pub async fn put_parameter_once(&self, name: &str, value: &str, what: &str) -> Result<bool, CloudError> {
        let put = self
            .ssm
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::String)
            .description(what);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_parameter_already_exists()) =>
            {
                Ok(false)
            }
            Err(error) => Err(explain("PutParameter", error)),
        }
    }

    /// Deletes a parameter. One that isn't there is a success.
    pub async fn delete_parameter(&self, name: &str) -> Result<(), CloudError> {
        match self.ssm.delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_parameter_not_found()) =>
            {
                Ok(())
            }
            Err(error) => Err(explain("DeleteParameter", error)),
        }
    }
}
