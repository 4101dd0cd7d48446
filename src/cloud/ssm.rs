//! SSM parameters: where an environment's expiry is kept.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType};

use super::{Cloud, CloudError, explain, unless, unusable};

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

    /// What a parameter says that may be encrypted, if it is there.
    pub async fn secure_parameter(&self, name: &str) -> Result<Option<String>, CloudError> {
        let asked = self.ssm.get_parameter().name(name).with_decryption(true).send().await;
        let found = asked.map_err(|error| explain("GetParameter", error));
        let found = unless(&["ParameterNotFound"], found)?;
        Ok(found.and_then(|found| found.parameter?.value))
    }

    /// The values of parameters; those that aren't there are left out.
    pub async fn parameters(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, CloudError> {
        let mut values = BTreeMap::new();
        let names: Vec<String> = names.iter().cloned().collect();
        // The service takes ten names a call.
        for ten in names.chunks(10) {
            let asked = self.ssm.get_parameters().set_names(Some(ten.to_vec()));
            let found = asked.send().await.map_err(|error| explain("GetParameters", error))?;
            values.extend(
                found
                    .parameters()
                    .iter()
                    .filter_map(|one| Some((one.name()?.to_owned(), one.value()?.to_owned()))),
            );
        }
        Ok(values)
    }

    /// Which of these parameters are there. It takes no right to read what they say
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html>).
    pub async fn parameters_there(&self, names: &[String]) -> Result<BTreeSet<String>, CloudError> {
        let mut there = BTreeSet::new();
        // A filter takes fifty values, and a page holds fifty parameters at most.
        for fifty in names.chunks(50) {
            let by_name = ParameterStringFilter::builder()
                .key("Name")
                .option("Equals")
                .set_values(Some(fifty.to_vec()))
                .build()
                .map_err(|error| unusable("DescribeParameters", &error))?;
            let asked = self.ssm.describe_parameters().parameter_filters(by_name);
            let mut pages = asked.max_results(50).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| explain("DescribeParameters", error))?;
                let found = page.parameters.into_iter().flatten();
                there.extend(found.filter_map(|parameter| parameter.name));
            }
        }
        Ok(there)
    }

    /// The values of all parameters under a path, by name
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>).
    pub async fn parameters_under(&self, path: &str) -> Result<BTreeMap<String, String>, CloudError> {
        let asked = self.ssm.get_parameters_by_path().path(path).recursive(true);
        let mut pages = asked.max_results(10).into_paginator().send();
        let mut values = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("GetParametersByPath", error))?;
            let found = page.parameters.into_iter().flatten();
            values.extend(found.filter_map(|parameter| parameter.name.zip(parameter.value)));
        }
        Ok(values)
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

    /// Gives a parameter that is there another value; its type and its tags stay
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>).
    pub async fn put_parameter(&self, name: &str, value: &str) -> Result<(), CloudError> {
        let put = self.ssm.put_parameter().name(name).value(value).overwrite(true);
        // Left out, the type would be refused for a parameter that somebody deleted meanwhile: it isn't made anew.
        put.send()
            .await
            .map(drop)
            .map_err(|error| explain("PutParameter", error))
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
