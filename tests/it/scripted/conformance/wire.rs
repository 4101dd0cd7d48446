//! Requests and answers as the API's pages show them, to and from what goes over the wire: by botocore's service models,
//! for every protocol that the endpoint speaks.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Map, Value, json};

use crate::endpoint::{Model, cbor};

/// Services by the names that fixtures have for them, and their folders in botocore's data.
const SERVICES: [(&str, &str); 13] = [
    ("autoscaling", "autoscaling/2011-01-01"),
    ("cloudformation", "cloudformation/2010-05-15"),
    ("cloudwatch", "cloudwatch/2010-08-01"),
    ("dynamodb", "dynamodb/2012-08-10"),
    ("elbv2", "elbv2/2015-12-01"),
    ("iam", "iam/2010-05-08"),
    ("lambda", "lambda/2015-03-31"),
    ("logs", "logs/2014-03-28"),
    ("s3", "s3/2006-03-01"),
    ("sns", "sns/2010-03-31"),
    ("sqs", "sqs/2012-11-05"),
    ("ssm", "ssm/2014-11-06"),
    ("sts", "sts/2011-06-15"),
];

/// Whether one of them has an action of this name.
pub fn is_action(name: &str) -> bool {
    SERVICES.iter().any(|(_, folder)| Model::of(folder).knows(name))
}

/// A service.
pub struct Api {
    name: &'static str,
    model: &'static Model,
    pub account: String,
    pub region: String,
}

impl Api {
    pub fn of(service: &str, account: &str, region: &str) -> Self {
        let found = SERVICES.iter().find(|(name, _)| *name == service);
        let (name, folder) = found.unwrap_or_else(|| panic!("no service {service}"));
        Api {
            name,
            model: Model::of(folder),
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }

    fn metadata(&self, name: &str) -> &'static str {
        self.model.tree["metadata"][name].as_str().unwrap_or_default()
    }

    fn protocol(&self) -> &'static str {
        match self.name {
            // What the SDK speaks to it.
            "cloudwatch" => "cbor",
            _ => self.metadata("protocol"),
        }
    }

    fn operation(&self, action: &str) -> &'static Value {
        let found = self.model.tree["operations"].get(action);
        found.unwrap_or_else(|| panic!("{} has no {action}", self.name))
    }

    fn shape(&self, name: &str) -> &'static Value {
        &self.model.tree["shapes"][name]
    }

    /// The request. A document where the API has a text is sent as JSON text: a template, a policy.
    pub fn request(&self, action: &str, input: &Value) -> Request<Body> {
        let operation = self.operation(action);
        let scope = format!(
            "Credential=AKIAEXAMPLE/20250101/{}/{}/aws4_request",
            self.region, self.name
        );
        let request = Request::builder()
            .method(operation["http"]["method"].as_str().unwrap_or("POST"))
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}"))
            .header("x-amz-expected-bucket-owner", &self.account);
        let shape = operation["input"]["shape"].as_str().unwrap_or_default();
        let (request, body) = match self.protocol() {
            "query" => {
                let mut fields = vec![
                    ("Action".to_owned(), action.to_owned()),
                    ("Version".to_owned(), self.metadata("apiVersion").to_owned()),
                ];
                self.flatten(shape, "", input, &mut fields);
                let body = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish();
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                (request.uri("/"), body.into_bytes())
            }
            "json" => {
                let target = format!("{}.{action}", self.metadata("targetPrefix"));
                let body = self.as_json(shape, input).to_string().into_bytes();
                (request.uri("/").header("x-amz-target", target), body)
            }
            "cbor" => {
                let path = format!("/service/GraniteServiceVersion20100801/operation/{action}");
                let request = request.uri(path).header("smithy-protocol", "rpc-v2-cbor");
                (request, cbor::encode(input))
            }
            _ => {
                let (path, rest) = self.path(operation, shape, input);
                let body = if rest.is_empty() {
                    Vec::new()
                } else {
                    Value::Object(rest).to_string().into_bytes()
                };
                (request.uri(path), body)
            }
        };
        request.body(Body::from(body)).expect("a request")
    }

    /// `Tags.member.1.Key=…`
    fn flatten(&self, shape: &str, at: &str, value: &Value, out: &mut Vec<(String, String)>) {
        let it = self.shape(shape);
        match (it["type"].as_str().unwrap_or_default(), value) {
            ("structure", Value::Object(fields)) => {
                for (name, field) in fields {
                    let member = it["members"]
                        .get(name)
                        .unwrap_or_else(|| panic!("{shape} has no {name}"));
                    let at = if at.is_empty() {
                        name.clone()
                    } else {
                        format!("{at}.{name}")
                    };
                    self.flatten(member["shape"].as_str().unwrap_or_default(), &at, field, out);
                }
            }
            ("list", Value::Array(items)) if items.is_empty() => out.push((at.to_owned(), String::new())),
            ("list", Value::Array(items)) => {
                for (number, item) in (1..).zip(items) {
                    let member = it["member"]["shape"].as_str().unwrap_or_default();
                    self.flatten(member, &format!("{at}.member.{number}"), item, out);
                }
            }
            (_, value) => out.push((at.to_owned(), as_text(value))),
        }
    }

    fn as_json(&self, shape: &str, value: &Value) -> Value {
        let it = self.shape(shape);
        match (it["type"].as_str().unwrap_or_default(), value) {
            ("structure", Value::Object(fields)) => fields
                .iter()
                .map(|(name, field)| {
                    let member = it["members"]
                        .get(name)
                        .unwrap_or_else(|| panic!("{shape} has no {name}"));
                    (
                        name.clone(),
                        self.as_json(member["shape"].as_str().unwrap_or_default(), field),
                    )
                })
                .collect::<Map<_, _>>()
                .into(),
            ("string", Value::Object(_) | Value::Array(_)) => json!(as_text(value)),
            _ => value.clone(),
        }
    }

    /// The path and query of a request whose parameters stand there, and what is left for its body.
    fn path(&self, operation: &Value, shape: &str, input: &Value) -> (String, Map<String, Value>) {
        let mut path = operation["http"]["requestUri"].as_str().unwrap_or("/").to_owned();
        let mut rest = Map::new();
        for (name, field) in input.as_object().into_iter().flatten() {
            let member = &self.shape(shape)["members"][name];
            let place = member["locationName"].as_str().unwrap_or(name);
            match member["location"].as_str() {
                Some("uri") => {
                    for mark in [format!("{{{place}}}"), format!("{{{place}+}}")] {
                        path = path.replace(&mark, &as_text(field));
                    }
                }
                Some("querystring") => {
                    let join = if path.contains('?') { '&' } else { '?' };
                    path = format!("{path}{join}{place}={}", as_text(field));
                }
                Some(_) => {}
                None => {
                    rest.insert(name.clone(), field.clone());
                }
            }
        }
        (path, rest)
    }

    /// The answer as botocore gives it to a program: typed, by the model. What the model doesn't have is shown, too.
    pub fn answer(&self, action: &str, status: u16, headers: &HeaderMap, body: &[u8]) -> Value {
        if status >= 300 {
            return json!({"Error": self.error(headers, body)});
        }
        let Some(shape) = self.operation(action)["output"]["shape"].as_str() else {
            return json!({});
        };
        let xml = |text: &str| {
            let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let wrapper = format!("{action}Result");
            let root = document.root_element();
            let inner = root.children().find(|child| child.has_tag_name_local(&wrapper));
            self.read(shape, inner.unwrap_or(root))
        };
        match self.protocol() {
            "query" | "rest-xml" if body.is_empty() => json!({}),
            "query" | "rest-xml" => xml(&String::from_utf8_lossy(body)),
            "cbor" => cbor::decode(body).unwrap_or_default(),
            _ => serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    fn read(&self, shape: &str, node: roxmltree::Node<'_, '_>) -> Value {
        let it = self.shape(shape);
        let text = || node.text().unwrap_or_default();
        let elements = || node.children().filter(roxmltree::Node::is_element);
        let inner = |name: &str| it[name]["shape"].as_str().unwrap_or_default();
        match it["type"].as_str().unwrap_or_default() {
            "structure" => {
                let mut fields = Map::new();
                let mut unknown: Vec<_> = elements().collect();
                for (name, member) in it["members"].as_object().into_iter().flatten() {
                    let element = member["locationName"].as_str().unwrap_or(name);
                    let shape = member["shape"].as_str().unwrap_or_default();
                    let found: Vec<_> = elements().filter(|child| child.has_tag_name_local(element)).collect();
                    unknown.retain(|child| !child.has_tag_name_local(element));
                    if found.is_empty() {
                        continue;
                    }
                    let value = if self.shape(shape)["flattened"] == true {
                        let item = self.shape(shape)["member"]["shape"].as_str().unwrap_or_default();
                        found.into_iter().map(|child| self.read(item, child)).collect()
                    } else {
                        self.read(shape, found[0])
                    };
                    fields.insert(name.clone(), value);
                }
                for child in unknown {
                    fields.insert(
                        child.tag_name().name().to_owned(),
                        json!(child.text().unwrap_or_default()),
                    );
                }
                fields.into()
            }
            "list" => elements().map(|child| self.read(inner("member"), child)).collect(),
            "map" => elements()
                .map(|entry| {
                    let part = |name: &str| entry.children().find(|child| child.has_tag_name_local(name));
                    let key = part("key").and_then(|key| key.text()).unwrap_or_default().to_owned();
                    (
                        key,
                        part("value").map_or(Value::Null, |value| self.read(inner("value"), value)),
                    )
                })
                .collect::<Map<_, _>>()
                .into(),
            "boolean" => json!(text() == "true"),
            "integer" | "long" => text()
                .parse::<i64>()
                .map_or_else(|_| json!(text()), |number| json!(number)),
            _ => json!(text()),
        }
    }

    /// Code and message, and what else the error says.
    fn error(&self, headers: &HeaderMap, body: &[u8]) -> Value {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let text = String::from_utf8_lossy(body);
        if let Ok(document) = roxmltree::Document::parse(&text) {
            let error = document.descendants().find(|node| node.has_tag_name_local("Error"));
            let fields = error.into_iter().flat_map(|error| error.children());
            let fields = fields.filter(|field| field.is_element() && !field.has_tag_name_local("Type"));
            let field = |field: roxmltree::Node<'_, '_>| {
                (
                    field.tag_name().name().to_owned(),
                    json!(field.text().unwrap_or_default()),
                )
            };
            return fields.map(field).collect::<Map<_, _>>().into();
        }
        let body: Value = match self.protocol() {
            "cbor" => cbor::decode(body).unwrap_or_default(),
            _ => serde_json::from_slice(body).unwrap_or_default(),
        };
        let code = body["__type"]
            .as_str()
            .or(header("x-amzn-errortype"))
            .unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        // A service that spoke the query protocol once sends that one's code, too, and programs see it first.
        match header("x-amzn-query-error").and_then(|older| older.split(';').next()) {
            Some(older) => json!({"Code": older, "Message": body["message"], "QueryErrorCode": code}),
            None => json!({"Code": code, "Message": body["message"]}),
        }
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whatever the namespace.
trait Local {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl Local for roxmltree::Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
