//! Requests and answers of the AWS query protocol
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonParameters.html>).

use std::collections::BTreeMap;

use super::xml::{Fields, escape};

/// The parameters of a request, flat as they are sent: `Tags.member.1.Key`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input(pub BTreeMap<String, String>);

/// A request that the service refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Refusal {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// CloudFormation's code for nearly everything
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>).
    pub fn validation(message: impl Into<String>) -> Self {
        Refusal::new(400, "ValidationError", message)
    }

    /// The XML of an error answer.
    pub fn render(&self, namespace: &str, request_id: &str) -> String {
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>",
            escape(&self.code),
            escape(&self.message)
        )
    }
}

/// The XML of an answer.
pub fn answer(namespace: &str, action: &str, fields: &Fields, request_id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>",
        fields.render()
    )
}

impl Input {
    pub fn parse(body: &[u8]) -> Self {
        Input(form_urlencoded::parse(body).into_owned().collect())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that the service model says is there.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            let mut lower = name.to_owned();
            lower[..1].make_ascii_lowercase();
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{lower}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "true")
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Vec<String> {
        (1..)
            .map_while(|n| self.0.get(&format!("{name}.member.{n}")).cloned())
            .collect()
    }

    /// A list of structures.
    pub fn members(&self, name: &str) -> Vec<Input> {
        (1..)
            .map(|n| self.structure(&format!("{name}.member.{n}")))
            .take_while(|member| !member.0.is_empty())
            .collect()
    }

    /// A structure.
    pub fn structure(&self, name: &str) -> Input {
        let prefix = format!("{name}.");
        let fields = self.0.iter();
        Input(
            fields
                .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())))
                .collect(),
        )
    }

    /// A list of structures with a key and a value.
    pub fn pairs(&self, name: &str, key: &str, value: &str) -> BTreeMap<String, String> {
        let pair = |member: &Input| {
            Some((
                member.text(key)?.to_owned(),
                member.text(value).unwrap_or_default().to_owned(),
            ))
        };
        self.members(name).iter().filter_map(pair).collect()
    }
}
