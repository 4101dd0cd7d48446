//! Template bodies: which resources, in which order, with which values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::query::Refusal;

/// A template that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// As it was sent.
    pub body: String,
    /// Short forms (`!Ref`) written out (`{"Ref": …}`).
    pub tree: Value,
}

/// What `Ref` and `Fn::GetAtt` of anything give.
pub struct Values<'a> {
    pub parameters: &'a BTreeMap<String, String>,
    pub account: &'a str,
    pub region: &'a str,
    pub stack_name: &'a str,
    pub stack_id: &'a str,
    /// A resource's value by logical id and attribute (`None`: `Ref`).
    pub resource: &'a dyn Fn(&str, Option<&str>) -> Value,
}

impl Template {
    pub fn parse(body: &str) -> Result<Self, Refusal> {
        let refuse = |what: String| Refusal::validation(format!("Template format error: {what}"));
        let yaml: serde_yaml::Value =
            serde_yaml::from_str(body).map_err(|error| refuse(format!("YAML not well-formed. ({error})")))?;
        let tree = written_out(&yaml);
        let template = Template {
            body: body.to_owned(),
            tree,
        };
        if template.resources().next().is_none() {
            return Err(refuse("At least one Resources member must be defined.".into()));
        }
        template.well_formed()?;
        let known: BTreeSet<&String> = template
            .section("Parameters")
            .map(|(name, _)| name)
            .chain(template.resources().map(|(id, _)| id))
            .collect();
        let mut unknown: Vec<String> = Vec::new();
        let depended = template.resources().flat_map(|(_, resource)| depends_on(resource));
        let named = ["Resources", "Outputs"].map(|section| names_in(&template.tree[section]));
        for name in named.into_iter().flatten().chain(depended) {
            if !name.starts_with("AWS::") && !known.contains(&name) {
                unknown.push(name);
            }
        }
        unknown.dedup();
        if !unknown.is_empty() {
            return Err(refuse(format!(
                "Unresolved resource dependencies [{}] in the Resources block of the template",
                unknown.join(", ")
            )));
        }
        Ok(template)
    }

    /// What CloudFormation says of a template's form before it looks at anything else
    /// (localstack/localstack tests/aws/services/cloudformation/api/test_validations.snapshot.json, test_changesets,
    /// test_resources and test_stacks there).
    fn well_formed(&self) -> Result<(), Refusal> {
        let refuse = |what: String| Err(Refusal::validation(format!("Template format error: {what}")));
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric());
        if let Some(place) = null_in(&self.tree, "") {
            return Err(Refusal::validation(format!(
                "[{place}] 'null' values are not allowed in templates"
            )));
        }
        for (section, one) in [("Resources", "Resource"), ("Parameters", "Parameter")] {
            if let Some((name, _)) = self.section(section).find(|(name, _)| !is_name(name)) {
                return refuse(format!("{one} name {name} is non alphanumeric."));
            }
        }
        for (id, resource) in self.resources() {
            let Some(attributes) = resource.as_object() else {
                return refuse("Any Resources member must be an object.".into());
            };
            if let Some(unknown) = attributes.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
                return Err(Refusal::validation(format!(
                    "Invalid template resource property '{unknown}'"
                )));
            }
            if !resource["Type"].is_string() {
                return refuse(format!(
                    "[/Resources/{id}] Every Resources object must contain a Type member."
                ));
            }
        }
        if self.section("Outputs").any(|(_, output)| output.get("Value").is_none()) {
            return refuse("Every Outputs member must contain a Value object".into());
        }
        Ok(())
    }

    pub fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.tree[name].as_object().into_iter().flatten()
    }

    pub fn resources(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.section("Resources")
    }

    pub fn description(&self) -> Option<&str> {
        self.tree["Description"].as_str()
    }

    /// What must be there before this resource: what it names, and what it says that it depends on
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html>).
    pub fn needs(&self, id: &str) -> BTreeSet<String> {
        let resource = &self.tree["Resources"][id];
        let mut needs = names_in(&resource["Properties"]);
        needs.extend(depends_on(resource));
        needs.retain(|name| name != id && self.tree["Resources"].get(name).is_some());
        needs
    }

    /// `CAPABILITY_IAM` or `CAPABILITY_NAMED_IAM`, when the template makes what needs it
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>, Capabilities).
    pub fn capability(&self) -> Option<&'static str> {
        const NAMES: [&str; 6] = [
            "RoleName",
            "UserName",
            "GroupName",
            "InstanceProfileName",
            "PolicyName",
            "ManagedPolicyName",
        ];
        let identities: Vec<&Value> = self
            .resources()
            .map(|(_, resource)| resource)
            .filter(|resource| {
                resource["Type"]
                    .as_str()
                    .is_some_and(|kind| kind.starts_with("AWS::IAM::"))
            })
            .collect();
        let named = identities.iter().any(|resource| {
            // An inline policy's name is required and names no identity.
            resource["Type"] != "AWS::IAM::Policy" && NAMES.iter().any(|name| !resource["Properties"][*name].is_null())
        });
        match (identities.is_empty(), named) {
            (true, _) => None,
            (false, true) => Some("CAPABILITY_NAMED_IAM"),
            (false, false) => Some("CAPABILITY_IAM"),
        }
    }

    /// A value with its functions worked out. What isn't modelled stays as it is.
    pub fn resolve(&self, value: &Value, values: &Values<'_>) -> Value {
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolve(item, values))
                .filter(|item| *item != no_value())
                .collect(),
            Value::Object(fields) => {
                if let [(name, argument)] = fields.iter().collect::<Vec<_>>()[..]
                    && let Some(result) = self.function(name, argument, values)
                {
                    return result;
                }
                let resolved = fields
                    .iter()
                    .map(|(name, field)| (name.clone(), self.resolve(field, values)));
                Value::Object(resolved.filter(|(_, field)| *field != no_value()).collect())
            }
            plain => plain.clone(),
        }
    }

    fn function(&self, name: &str, argument: &Value, values: &Values<'_>) -> Option<Value> {
        let text = |value: &Value| as_text(&self.resolve(value, values));
        Some(match name {
            "Ref" => self.named(argument.as_str()?, values),
            "Fn::GetAtt" => {
                let (id, attribute) = attribute(argument)?;
                (values.resource)(&id, Some(&attribute))
            }
            "Fn::Join" => {
                let parts = self.resolve(&argument[1], values);
                let parts: Vec<String> = match &parts {
                    Value::Array(parts) => parts.iter().map(as_text).collect(),
                    one => one.as_str()?.split(',').map(str::to_owned).collect(),
                };
                Value::String(parts.join(argument[0].as_str()?))
            }
            "Fn::Sub" => {
                let (pattern, map) = match argument {
                    Value::Array(both) => (both.first()?.as_str()?, both.get(1)),
                    pattern => (pattern.as_str()?, None),
                };
                let fill = |variable: &str| match map.and_then(|map| map.get(variable)) {
                    Some(value) => text(value),
                    None => match variable.split_once('.') {
                        Some((id, attribute)) => as_text(&(values.resource)(id, Some(attribute))),
                        None => as_text(&self.named(variable, values)),
                    },
                };
                Value::String(substituted(pattern, fill))
            }
            "Fn::If" => {
                let condition = self.tree["Conditions"][argument[0].as_str()?].clone();
                let chosen = if self.holds(&condition, values) {
                    &argument[1]
                } else {
                    &argument[2]
                };
                self.resolve(chosen, values)
            }
            "Fn::Split" => text(&argument[1]).split(argument[0].as_str()?).collect(),
            "Fn::Select" => {
                let list = self.resolve(&argument[1], values);
                let index: usize = text(&argument[0]).parse().ok()?;
                match &list {
                    Value::String(commas) => json!(commas.split(',').nth(index)?),
                    list => list.get(index)?.clone(),
                }
            }
            "Fn::GetAZs" => ["a", "b", "c"]
                .iter()
                .map(|zone| format!("{}{zone}", values.region))
                .collect(),
            "Fn::Base64" => json!({"Fn::Base64": self.resolve(argument, values)}),
            _ => return None,
        })
    }

    fn named(&self, name: &str, values: &Values<'_>) -> Value {
        match name {
            "AWS::AccountId" => json!(values.account),
            "AWS::Region" => json!(values.region),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!(values.stack_name),
            "AWS::StackId" => json!(values.stack_id),
            "AWS::NoValue" => no_value(),
            name => match values.parameters.get(name) {
                Some(value) => json!(value),
                None => (values.resource)(name, None),
            },
        }
    }

    fn holds(&self, condition: &Value, values: &Values<'_>) -> bool {
        let Some((name, argument)) = condition.as_object().and_then(|fields| fields.iter().next()) else {
            return false;
        };
        let each = || argument.as_array().into_iter().flatten();
        match name.as_str() {
            "Fn::Equals" => self.resolve(&argument[0], values) == self.resolve(&argument[1], values),
            "Fn::Not" => !self.holds(&argument[0], values),
            "Fn::And" => each().all(|part| self.holds(part, values)),
            "Fn::Or" => each().any(|part| self.holds(part, values)),
            "Condition" => argument
                .as_str()
                .is_some_and(|name| self.holds(&self.tree["Conditions"][name], values)),
            _ => false,
        }
    }

    /// Whether the resource is made at all.
    pub fn is_wanted(&self, resource: &Value, values: &Values<'_>) -> bool {
        resource["Condition"]
            .as_str()
            .is_none_or(|name| self.holds(&self.tree["Conditions"][name], values))
    }
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-product-attribute-reference.html>
const ATTRIBUTES: [&str; 9] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

fn depends_on(resource: &Value) -> Vec<String> {
    match &resource["DependsOn"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Where the first `null` stands, as a JSON pointer.
fn null_in(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::Null => Some(at.to_owned()),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(place, item)| null_in(item, &format!("{at}/{place}")))
        }
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, field)| null_in(field, &format!("{at}/{name}"))),
        _ => None,
    }
}

/// Stands for `AWS::NoValue` until it is taken out.
fn no_value() -> Value {
    json!({"Ref": "AWS::NoValue"})
}

/// A value as a text.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn attribute(argument: &Value) -> Option<(String, String)> {
    match argument {
        Value::String(dotted) => dotted
            .split_once('.')
            .map(|(id, name)| (id.to_owned(), name.to_owned())),
        both => Some((both[0].as_str()?.to_owned(), both[1].as_str()?.to_owned())),
    }
}

fn substituted(pattern: &str, fill: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('}') else { break };
        let variable = &rest[start + 2..start + length];
        match variable.strip_prefix('!') {
            Some(literal) => out.push_str(&format!("${{{literal}}}")),
            None => out.push_str(&fill(variable.trim())),
        }
        rest = &rest[start + length + 1..];
    }
    out + rest
}

/// Everything that `Ref`, `Fn::GetAtt` and `Fn::Sub` name.
pub fn names_in(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_names(value, &mut names);
    names
}

fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Object(fields) => {
            for (key, field) in fields {
                match key.as_str() {
                    "Ref" => names.extend(field.as_str().map(str::to_owned)),
                    "Fn::GetAtt" => names.extend(attribute(field).map(|(id, _)| id)),
                    "Fn::Sub" => {
                        let (pattern, map) = match field {
                            Value::Array(both) => (both.first().and_then(Value::as_str), both.get(1)),
                            pattern => (pattern.as_str(), None),
                        };
                        let found = std::cell::RefCell::new(Vec::new());
                        substituted(pattern.unwrap_or_default(), |variable| {
                            found
                                .borrow_mut()
                                .push(variable.split('.').next().unwrap_or_default().to_owned());
                            String::new()
                        });
                        let is_local = |name: &String| map.is_some_and(|map| map.get(name).is_some());
                        names.extend(found.into_inner().into_iter().filter(|name| !is_local(name)));
                        map.into_iter().for_each(|map| collect_names(map, names));
                    }
                    _ => collect_names(field, names),
                }
            }
        }
        _ => {}
    }
}

fn written_out(yaml: &serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or_default(),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.iter().map(written_out).collect(),
        Yaml::Mapping(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, field)| (as_text(&written_out(key)), written_out(field)))
                .collect::<Map<_, _>>(),
        ),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                short @ ("Ref" | "Condition") => short.to_owned(),
                short => format!("Fn::{short}"),
            };
            Value::Object(Map::from_iter([(name, written_out(&tagged.value))]))
        }
    }
}
