//! A function and its event source mapping, beyond what detection reads: the code that it runs, who else may invoke it, and
//! what keeps it from running.

use serde_json::{Value, json};

use super::Own;
use crate::cloud::CloudError;
use crate::observe::drift::compare::Deviation;
use crate::observe::drift::look::OwnLook;

impl Own<'_> {
    pub(super) async fn function(&self, declared: &Value, name: &str) -> Result<OwnLook, CloudError> {
        const PROPERTIES: [&str; 11] = [
            "Architectures",
            "Description",
            "Environment",
            "EphemeralStorage",
            "Handler",
            "Layers",
            "LoggingConfig",
            "MemorySize",
            "Role",
            "Runtime",
            "Timeout",
        ];
        // What the template leaves out isn't there, and detection only looks at what it sets.
        let defaults = [
            ("Description", json!("")),
            ("Environment", json!({"Variables": {}})),
            ("Layers", json!([])),
        ];
        let mut look = self.properties(
            declared,
            &PROPERTIES,
            &defaults,
            self.cloud.actual_function(name).await?,
        );
        look.added("ReservedConcurrentExecutions");
        look.policy();
        if let Some(actual) = look.actual.as_ref().map(|actual| actual["CodeSha256"].clone()) {
            match self.code(declared) {
                Ok(expected) if expected != actual => look.deviations.push(Deviation {
                    path: "Code/CodeSha256".to_owned(),
                    expected: Some(expected),
                    actual: Some(actual),
                }),
                Ok(_) => {}
                Err(why) => look.unchecked.push(("Code".to_owned(), why)),
            }
        }
        Ok(look)
    }

    /// The hash of the code that was deployed, which is in the name of the object (`programs/<stage>/<sha256>.zip`).
    fn code(&self, declared: &Value) -> Result<Value, String> {
        let key = self.resolver.resolve(&declared["Code"]["S3Key"])?;
        let hash = key
            .as_str()
            .and_then(|key| key.rsplit('/').next()?.strip_suffix(".zip"));
        let hash = hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let hash = hash.ok_or("the name of the object isn't the hash of what is in it")?;
        Ok(hash.into())
    }

    pub(super) async fn mapping(&self, declared: &Value, uuid: &str) -> Result<OwnLook, CloudError> {
        const PROPERTIES: [&str; 7] = [
            "BatchSize",
            "Enabled",
            "EventSourceArn",
            "FunctionName",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "ScalingConfig",
        ];
        let defaults = [("Enabled", json!(true))];
        let mut look = self.properties(declared, &PROPERTIES, &defaults, self.cloud.actual_mapping(uuid).await?);
        look.added("FilterCriteria");
        look.added("ScalingConfig");
        Ok(look)
    }
}

impl OwnLook {
    /// No template of ours lets anybody else invoke a function: Lambda's mappings do it with the function's own role.
    fn policy(&mut self) {
        let policy = self.actual.as_ref().and_then(|actual| actual.get("Policy"));
        if let Some(policy) = policy.filter(|policy| **policy != json!({})) {
            self.deviations.push(Deviation {
                path: "Policy".to_owned(),
                expected: None,
                actual: Some(policy.clone()),
            });
        }
    }
}
