//! A rendered template, read back: to check it, and to say what it holds.
//!
//! The short forms of the intrinsic functions (`!Ref`) become the long ones (`{"Ref": …}`), so that a reader has one
//! form to look for. Nothing here is ever sent: YAML that was read and written again isn't the same
//! (`'2012-10-17'` would lose its quotes).

use serde_json::{Map, Value};

/// Reads a template.
///
/// # Errors
/// Why it is no YAML, or no mapping.
pub fn read(body: &str) -> Result<Map<String, Value>, String> {
    let yaml: serde_yaml::Value = serde_yaml::from_str(body).map_err(|error| error.to_string())?;
    match long_form(yaml)? {
        Value::Object(template) => Ok(template),
        _ => Err("it is not a mapping".to_owned()),
    }
}

/// The entries of a section (`Resources`, `Parameters`, `Outputs`, …); none when the section is missing.
pub fn section<'a>(template: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    template.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// Whether a resource stays when its stack is deleted
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>).
pub fn retains(resource: &Value) -> bool {
    matches!(
        resource["DeletionPolicy"].as_str(),
        Some("Retain" | "RetainExceptOnCreate")
    )
}

fn long_form(yaml: serde_yaml::Value) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(long_form).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    return Err(format!("a key is not text: {key:?}"));
                };
                object.insert(key, long_form(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let short = tagged.tag.to_string();
            let short = short.trim_start_matches('!');
            let value = long_form(tagged.value)?;
            let (function, value) = match (short, value) {
                ("Ref" | "Condition", value) => (short.to_owned(), value),
                // `!GetAtt Queue.Arn` is `{"Fn::GetAtt": ["Queue", "Arn"]}`.
                ("GetAtt", Value::String(text)) => {
                    let (resource, attribute) = text.split_once('.').unwrap_or((&text, ""));
                    (
                        "Fn::GetAtt".to_owned(),
                        Value::from([resource, attribute].map(str::to_owned).to_vec()),
                    )
                }
                (short, value) => (format!("Fn::{short}"), value),
            };
            Value::Object(Map::from_iter([(function, value)]))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_forms_become_long_ones() {
        let template = read("A: !Ref B\nC: !GetAtt D.E.F\nG: !Sub '${H}'\nI: !Join [',', [!Ref J]]\n").expect("reads");
        let expected = json!({
            "A": {"Ref": "B"},
            "C": {"Fn::GetAtt": ["D", "E.F"]},
            "G": {"Fn::Sub": "${H}"},
            "I": {"Fn::Join": [",", [{"Ref": "J"}]]},
        });
        assert_eq!(Value::Object(template), expected);
    }

    #[test]
    fn what_is_no_template_says_so() {
        assert!(read("- a\n").is_err());
        assert!(read("a: [\n").is_err());
        assert!(read("1: a\n").is_err());
    }
}
