//! Lambda functions: those that stacks hold, in a state that the script says.

use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::services::Plain;
use super::world::World;

/// What functions in stacks are like.
#[derive(Debug, Clone)]
pub struct ScriptedFunction {
    /// `Pending`, `Active`, `Inactive` or `Failed`, with its reason
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>).
    pub state: (&'static str, Option<&'static str>),
    /// `Successful`, `Failed` or `InProgress`, with its reason.
    pub last_update: (&'static str, Option<&'static str>),
    /// What somebody reserved, or limited it to.
    pub reserved_concurrency: Option<u32>,
    /// What somebody set, beside what the template says.
    pub changed: Value,
    /// Who else may invoke it.
    pub policy: Option<Value>,
    /// Whether somebody deleted it.
    pub is_gone: bool,
    /// What it fails with when it is invoked, if it does.
    pub fails: Option<&'static str>,
}

impl Default for ScriptedFunction {
    fn default() -> Self {
        ScriptedFunction {
            state: ("Active", None),
            last_update: ("Successful", None),
            reserved_concurrency: None,
            changed: json!({}),
            policy: None,
            is_gone: false,
            fails: None,
        }
    }
}

impl World {
    /// `/2015-03-31/functions/NAME` and what is below it.
    pub(super) fn function(&mut self, call: &Call) -> Result<Plain, Refusal> {
        let name = call.path.split('/').nth(3).unwrap_or_default();
        let arn = self.arn("lambda", &format!("function:{name}"));
        let script = self.script.function.clone();
        let resources = self.stacks.iter().filter(|stack| stack.is_there());
        let found = resources
            .flat_map(|stack| &stack.resources)
            .find(|resource| resource.kind == "AWS::Lambda::Function" && resource.physical_id.as_deref() == Some(name));
        let left = self.is_left("AWS::Lambda::Function", name).then(|| json!({}));
        let properties = found.map(|found| found.properties.clone()).filter(|_| !script.is_gone);
        let Some(properties) = properties.or(left) else {
            let message = format!("Function not found: {arn}");
            return Err(Refusal::new(404, "ResourceNotFoundException", message));
        };
        match call.action.as_str() {
            "GetFunction" => Ok(Plain::json(&get(name, &arn, &self.script.region, &properties, &script))),
            "Invoke" => Ok(invoked(script.fails)),
            // Its policy is JSON in a text; a function that has none answers 404 (API_GetPolicy).
            "GetPolicy" => match &script.policy {
                Some(policy) => Ok(Plain::json(&json!({
                    "Policy": policy.to_string(),
                    "RevisionId": "00000000-0000-0000-0000-000000000000",
                }))),
                None => Err(Refusal::new(
                    404,
                    "ResourceNotFoundException",
                    "The resource you requested does not exist.",
                )),
            },
            other => {
                let what = format!("the test's endpoint has no {other}");
                Err(Refusal::new(501, "NotImplemented", what))
            }
        }
    }
}

/// localstack/localstack tests/aws/services/cloudwatch/test_cloudwatch_metrics.snapshot.json, test_lambda_invoke_error and
/// test_lambda_invoke_successful; the headers are API_Invoke's.
fn invoked(fails: Option<&str>) -> Plain {
    let (result, answer) = match fails {
        Some(message) => (
            Some(("x-amz-function-error", "Unhandled".to_owned())),
            json!({
                "errorMessage": message,
                "errorType": "Exception",
                "requestId": "00000000-0000-0000-0000-000000000000",
                "stackTrace": ["  File \"/var/task/handler.py\", line 3, in handler\n"],
            }),
        ),
        None => (None, json!({"batchItemFailures": []})),
    };
    let log = "START RequestId: 0\n[ERROR] of the program\nEND RequestId: 0\n";
    let tail = ("x-amz-log-result", aws_smithy_types::base64::encode(log));
    Plain {
        headers: result.into_iter().chain([tail]).collect(),
        ..Plain::json(&answer)
    }
}

/// localstack/localstack tests/aws/services/cloudformation/resources/test_lambda.snapshot.json,
/// test_cfn_lambda_sqs_source; the fields that only a state has are the API page's.
fn get(name: &str, arn: &str, region: &str, properties: &Value, script: &ScriptedFunction) -> Value {
    let given = |property: &str, default: Value| match (&script.changed[property], &properties[property]) {
        (Value::Null, Value::Null) => default,
        (Value::Null, given) => given.clone(),
        (changed, _) => changed.clone(),
    };
    let mut configuration = json!({
        "Architectures": given("Architectures", json!(["x86_64"])),
        "CodeSha256": given("CodeSha256", uploaded(properties).into()),
        "Description": given("Description", json!("")),
        "EphemeralStorage": given("EphemeralStorage", json!({"Size": 512})),
        "FunctionArn": arn,
        "FunctionName": name,
        "Handler": given("Handler", Value::Null),
        "LastModified": "2026-01-02T00:00:00.000+0000",
        "LastUpdateStatus": script.last_update.0,
        "LoggingConfig": {
            "LogFormat": "Text",
            "LogGroup": given("LoggingConfig", json!({"LogGroup": format!("/aws/lambda/{name}")}))["LogGroup"],
        },
        "MemorySize": given("MemorySize", json!(128)),
        "PackageType": "Zip",
        "RevisionId": "00000000-0000-0000-0000-000000000000",
        "Role": given("Role", Value::Null),
        "Runtime": given("Runtime", Value::Null),
        "RuntimeVersionConfig": {"RuntimeVersionArn": format!("arn:aws:lambda:{region}::runtime:0")},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": script.state.0,
        "Timeout": given("Timeout", json!(3)),
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    });
    for (field, said) in [
        ("StateReason", script.state.1.map(Value::from)),
        ("LastUpdateStatusReason", script.last_update.1.map(Value::from)),
        (
            "Environment",
            Some(given("Environment", Value::Null)).filter(|given| !given.is_null()),
        ),
        (
            "Layers",
            Some(given("Layers", Value::Null)).filter(|given| !given.is_null()),
        ),
    ] {
        if let Some(said) = said {
            configuration[field] = said;
        }
    }
    let mut answer = json!({
        "Code": {"RepositoryType": "S3", "Location": "https://awslambda.example.com/code"},
        "Configuration": configuration,
        "Tags": {},
    });
    if let Some(reserved) = script.reserved_concurrency {
        answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
    }
    answer
}

/// The hash of the code that a stack deploys: qfleet's keys have it in hexadecimal.
fn uploaded(properties: &Value) -> String {
    let key = properties["Code"]["S3Key"].as_str().unwrap_or_default();
    let hash = key.rsplit('/').next().and_then(|name| name.strip_suffix(".zip"));
    let byte = |at: usize| u8::from_str_radix(hash?.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..64).step_by(2).map(|at| byte(at).unwrap_or_default()).collect();
    aws_smithy_types::base64::encode(bytes)
}
