//! What Lambda says of functions and mappings, in the words of templates.

use aws_sdk_lambda::operation::get_event_source_mapping::GetEventSourceMappingOutput;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use serde_json::{Value, json};

use crate::cloud::actual::defined;
use crate::cloud::{Cloud, CloudError, explain, unless};

impl Cloud {
    /// A function as `AWS::Lambda::Function` has it, with what no template of ours says: the hash of its code
    /// (`CodeSha256`, in hexadecimal as the keys of programs have it) and who else may invoke it (`Policy`; empty when nobody).
    pub async fn actual_function(&self, name: &str) -> Result<Option<Value>, CloudError> {
        let Some(found) = self.get_function(name).await? else {
            return Ok(None);
        };
        let policy = self.function_policy(name).await?;
        Ok(Some(function(&found, policy)))
    }

    /// The policy on a function, which says who but its own account may invoke it; empty when it has none
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html>).
    async fn function_policy(&self, name: &str) -> Result<Value, CloudError> {
        let asked = self.lambda.get_policy().function_name(name).send().await;
        let found = unless(
            &["ResourceNotFoundException"],
            asked.map_err(|error| explain("GetPolicy", error)),
        )?;
        let policy: Option<Value> = found.and_then(|found| serde_json::from_str(&found.policy?).ok());
        // The emulator hands out one without statements.
        let says_something = |policy: &Value| policy["Statement"].as_array().is_none_or(|all| !all.is_empty());
        Ok(policy.filter(says_something).unwrap_or_else(|| json!({})))
    }

    /// An event source mapping as `AWS::Lambda::EventSourceMapping` has it.
    pub async fn actual_mapping(&self, uuid: &str) -> Result<Option<Value>, CloudError> {
        let asked = self.lambda.get_event_source_mapping().uuid(uuid).send().await;
        let found = unless(
            &["ResourceNotFoundException"],
            asked.map_err(|error| explain("GetEventSourceMapping", error)),
        )?;
        Ok(found.as_ref().map(mapping))
    }
}

fn function(found: &GetFunctionOutput, policy: Value) -> Value {
    let text = |text: Option<&str>| text.map(Value::from);
    let reserved = found
        .concurrency()
        .and_then(|kept| kept.reserved_concurrent_executions());
    let Some(known) = found.configuration() else {
        return json!({});
    };
    let variables = known.environment().and_then(|environment| environment.variables());
    let variables = variables.into_iter().flatten();
    let variables: Value = variables.map(|(name, value)| (name.clone(), value.as_str())).collect();
    let logging = known.logging_config().map(|logging| {
        // What the template leaves out is text.
        let format = logging.log_format().map(|format| format.as_str());
        defined([
            ("LogFormat", text(format.filter(|format| *format != "Text"))),
            ("LogGroup", text(logging.log_group())),
        ])
    });
    let architectures = known.architectures().iter().map(|one| Value::from(one.as_str()));
    defined([
        ("Architectures", Some(architectures.collect())),
        ("CodeSha256", known.code_sha256().map(hexadecimal)),
        ("Description", Some(known.description().unwrap_or_default().into())),
        ("Environment", Some(json!({"Variables": variables}))),
        (
            "EphemeralStorage",
            known.ephemeral_storage().map(|storage| json!({"Size": storage.size()})),
        ),
        ("Handler", text(known.handler())),
        (
            "Layers",
            Some(known.layers().iter().filter_map(|layer| text(layer.arn())).collect()),
        ),
        ("LoggingConfig", logging),
        ("MemorySize", known.memory_size().map(Value::from)),
        ("Policy", Some(policy)),
        ("ReservedConcurrentExecutions", reserved.map(Value::from)),
        ("Role", text(known.role())),
        ("Runtime", text(known.runtime().map(|runtime| runtime.as_str()))),
        ("Timeout", known.timeout().map(Value::from)),
    ])
}

/// A hash that Lambda says in base64; as it is when it is none.
fn hexadecimal(hash: &str) -> Value {
    match aws_smithy_types::base64::decode(hash) {
        Ok(bytes) => bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into(),
        Err(_) => hash.into(),
    }
}

fn mapping(found: &GetEventSourceMappingOutput) -> Value {
    let text = |text: Option<&str>| text.map(Value::from);
    let receives = !matches!(found.state(), Some("Disabled" | "Disabling"));
    let reported = found.function_response_types().iter();
    let most = found.scaling_config().and_then(|scaling| scaling.maximum_concurrency());
    let filters = found.filter_criteria().map(|criteria| {
        let patterns = criteria.filters().iter();
        let patterns: Value = patterns
            .map(|filter| defined([("Pattern", text(filter.pattern()))]))
            .collect();
        json!({"Filters": patterns})
    });
    defined([
        ("BatchSize", found.batch_size().map(Value::from)),
        ("Enabled", Some(receives.into())),
        ("EventSourceArn", text(found.event_source_arn())),
        ("FilterCriteria", filters),
        // Templates name it; Lambda says its ARN.
        (
            "FunctionName",
            text(
                found
                    .function_arn()
                    .map(|arn| arn.split_once(":function:").map_or(arn, |(_, name)| name)),
            ),
        ),
        (
            "FunctionResponseTypes",
            Some(reported.map(|one| Value::from(one.as_str())).collect()),
        ),
        (
            "MaximumBatchingWindowInSeconds",
            found.maximum_batching_window_in_seconds().map(Value::from),
        ),
        ("ScalingConfig", most.map(|most| json!({"MaximumConcurrency": most}))),
    ])
}
