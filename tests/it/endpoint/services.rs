//! The least of the other services: what a deployment needs beside CloudFormation, in memory.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::buckets::Bucket;
use super::calls::Call;
use super::parts::Multiparts;
use super::query::Refusal;
use super::queues::{Queues, newer_code, older_code};
use super::s3::Undeletable;
use super::tables::Tables;
use super::xml::escape;

/// Objects by bucket and key, parameters by name, and queues.
#[derive(Debug, Default, Clone)]

pub struct Services {
    pub(super) buckets: BTreeMap<String, Bucket>,
    parameters: BTreeMap<String, String>,
    pub queues: Queues,
    pub multiparts: Multiparts,
    pub tables: Tables,
    /// How many objects, or uploads, a page of a listing holds.
    pub objects_a_page: Option<usize>,
    /// Objects that S3 doesn't delete.
    pub(super) undeletable: Vec<Undeletable>,
    /// Objects, by bucket, that somebody puts at the moment when CloudFormation goes to delete the bucket; one each time.
    pub late_objects: Vec<(String, String)>,
}

/// An answer that isn't of the query protocol.
#[derive(Debug, Clone)]
pub struct Plain {
    pub status: u16,
    pub content_type: &'static str,
    pub error_code: Option<String>,
    /// SQS's, of its older protocol.
    pub older_code: Option<String>,
    /// Lambda's, of an invocation.
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Plain {
    /// A JSON document.
    pub fn json(document: &Value) -> Self {
        Plain::ok("application/json", document.to_string())
    }

    pub(super) fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Plain {
            status: 200,
            content_type,
            error_code: None,
            older_code: None,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(super) fn s3_error(status: u16, code: &str) -> Self {
        Plain {
            status,
            content_type: "application/xml",
            error_code: Some(code.to_owned()),
            older_code: None,
            headers: Vec::new(),
            body: format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", s3_says(code)).into(),
        }
    }

    /// Of a bucket that S3 doesn't know
    /// (localstack/localstack tests/aws/services/cloudformation/resources/test_s3.snapshot.json,
    /// test_cfn_handle_s3_notification_configuration).
    pub(super) fn no_such_bucket(name: &str) -> Self {
        let message = s3_says("NoSuchBucket");
        Plain {
            body: format!(
                "<Error><Code>NoSuchBucket</Code><Message>{message}</Message><BucketName>{name}</BucketName></Error>"
            )
            .into(),
            ..Plain::s3_error(404, "NoSuchBucket")
        }
    }

    /// DynamoDB names the code in the body alone.
    pub(super) fn table_error(refusal: &Refusal) -> Self {
        Plain {
            content_type: "application/x-amz-json-1.0",
            error_code: None,
            body: json!({
                "__type": format!("com.amazonaws.dynamodb.v20120810#{}", refusal.code),
                "message": refusal.message,
            })
            .to_string()
            .into(),
            ..Plain::json_error(refusal)
        }
    }

    fn json_error(refusal: &Refusal) -> Self {
        Plain {
            status: refusal.status,
            content_type: "application/x-amz-json-1.1",
            error_code: Some(refusal.code.clone()),
            older_code: None,
            headers: Vec::new(),
            body: json!({"__type": refusal.code, "message": refusal.message})
                .to_string()
                .into(),
        }
    }

    /// An error in the form of the service that was called.
    pub fn refusal(call: &Call, refusal: &Refusal) -> Self {
        match call.service {
            super::calls::Service::S3 => Plain {
                body: format!(
                    "<Error><Code>{}</Code><Message>{}</Message></Error>",
                    refusal.code,
                    escape(&refusal.message)
                )
                .into(),
                ..Plain::s3_error(refusal.status, &refusal.code)
            },
            super::calls::Service::Sqs => Plain {
                content_type: "application/x-amz-json-1.0",
                error_code: None,
                older_code: Some(older_code(&refusal.code)),
                body: json!({"__type": format!("com.amazonaws.sqs#{}", newer_code(&refusal.code)), "message": refusal.message})
                    .to_string()
                    .into(),
                ..Plain::json_error(refusal)
            },
            _ => Plain::json_error(refusal),
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn s3_says(code: &str) -> &str {
    match code {
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        "NoSuchUpload" => {
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
             completed."
        }
        other => other,
    }
}

impl Services {
    pub fn bucket_names(&self) -> Vec<String> {
        self.buckets.keys().cloned().collect()
    }

    /// A parameter's value. Public ones of AWS are there, too.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let public = name
            .starts_with("/aws/service/")
            .then(|| "ami-0123456789abcdef0".to_owned());
        self.parameters.get(name).cloned().or(public)
    }

    pub fn set_parameter(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.to_owned(), value.to_owned());
    }

    pub fn remove_parameter(&mut self, name: &str) {
        self.parameters.remove(name);
    }

    /// Systems Manager (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Operations.html>).
    pub fn json(&mut self, call: &Call, account: &str) -> Plain {
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let name = input["Name"].as_str().unwrap_or_default().to_owned();
        let not_found = || Refusal::new(400, "ParameterNotFound", "");
        // localstack/localstack tests/aws/services/ssm/test_ssm.snapshot.json, test_parameters_with_path.
        let described = |name: &str, value: &str| {
            let slash = if name.starts_with('/') { "" } else { "/" };
            json!({
                "ARN": format!("arn:aws:ssm:{}:{account}:parameter{slash}{name}", call.region),
                "DataType": "text",
                "LastModifiedDate": 1_767_312_000.0,
                "Name": name,
                "Type": "String",
                "Value": value,
                "Version": 1,
            })
        };
        let answer =
            match call.action.as_str() {
                "GetParameter" => self
                    .parameter(&name)
                    .map(|value| json!({"Parameter": described(&name, &value)}))
                    .ok_or_else(not_found),
                "GetParameters" => {
                    let names: Vec<&str> = input["Names"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect();
                    let (found, missing): (Vec<&str>, Vec<&str>) =
                        names.into_iter().partition(|name| self.parameter(name).is_some());
                    let found: Vec<Value> = found
                        .into_iter()
                        .map(|name| described(name, &self.parameter(name).unwrap_or_default()))
                        .collect();
                    Ok(json!({"Parameters": found, "InvalidParameters": missing}))
                }
                // Metadata without values, of those that a filter of names finds
                // (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html).
                "DescribeParameters" => {
                    let names = input["ParameterFilters"][0]["Values"].as_array();
                    let names = names.into_iter().flatten().filter_map(Value::as_str);
                    let found = names.filter(|name| self.parameters.contains_key(*name)).map(|name| {
                        let mut metadata = described(name, "");
                        metadata.as_object_mut().expect("an object").remove("Value");
                        metadata
                    });
                    Ok(json!({"Parameters": found.collect::<Vec<_>>()}))
                }
                // "The maximum number of items to return for this call … Maximum value of 10".
                "GetParametersByPath" => {
                    let path = input["Path"].as_str().unwrap_or_default();
                    let under: Vec<Value> = self
                        .parameters
                        .iter()
                        .filter(|(name, _)| name.starts_with(path))
                        .map(|(name, value)| described(name, value))
                        .collect();
                    let start: usize = input["NextToken"]
                        .as_str()
                        .and_then(|at| at.parse().ok())
                        .unwrap_or_default();
                    let end = start + input["MaxResults"].as_u64().unwrap_or(10).min(10) as usize;
                    let page: Vec<&Value> = under.iter().take(end).skip(start).collect();
                    let next = (end < under.len()).then(|| end.to_string());
                    Ok(json!({"Parameters": page, "NextToken": next}))
                }
                // "ParameterAlreadyExists" unless Overwrite is set.
                "PutParameter" if self.parameters.contains_key(&name) && input["Overwrite"] != true => Err(
                    Refusal::new(400, "ParameterAlreadyExists", "The parameter already exists."),
                ),
                "PutParameter" => {
                    self.set_parameter(&name, input["Value"].as_str().unwrap_or_default());
                    Ok(json!({"Version": 1, "Tier": "Standard"}))
                }
                "DeleteParameter" => self.parameters.remove(&name).map(|_| json!({})).ok_or_else(not_found),
                other => Err(Refusal::new(
                    400,
                    "UnknownOperationException",
                    format!("the test's endpoint has no {other}"),
                )),
            };
        match answer {
            Ok(answer) => Plain::ok("application/x-amz-json-1.1", answer.to_string()),
            Err(refusal) => Plain::json_error(&refusal),
        }
    }

    /// SQS.
    pub fn sqs(&mut self, call: &Call) -> Plain {
        match self.queues.answer(call) {
            Ok(answer) => Plain::ok("application/x-amz-json-1.0", answer.to_string()),
            Err(refusal) => Plain::refusal(call, &refusal),
        }
    }
}
