//! What a template's intrinsic functions refer to.

use serde_json::Value;

/// Something that a template refers to by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A parameter, a resource or a pseudo parameter.
    Name(String),
    Attribute(String, String),
}

/// Everything that `value` refers to, wherever in it.
pub fn of(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Reference>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => found.push(Reference::Name(name.clone())),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        if let [Value::String(resource), Value::String(attribute)] = path.as_slice() {
                            found.push(Reference::Attribute(resource.clone(), attribute.clone()));
                        }
                    }
                    ("Fn::Sub", Value::String(text)) => in_sub(text, None, found),
                    ("Fn::Sub", Value::Array(arguments)) => {
                        if let [Value::String(text), variables] = arguments.as_slice() {
                            in_sub(text, variables.as_object(), found);
                            collect(variables, found);
                        }
                    }
                    _ => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

/// The `${…}` of an `Fn::Sub`: variables of its own, else names and attributes. `${!…}` stands for itself.
fn in_sub(text: &str, variables: Option<&serde_json::Map<String, Value>>, found: &mut Vec<Reference>) {
    for piece in text.split("${").skip(1) {
        let Some((name, _)) = piece.split_once('}') else {
            continue;
        };
        let own = variables.is_some_and(|variables| variables.contains_key(name));
        if own || name.starts_with('!') {
            continue;
        }
        found.push(match name.split_once('.') {
            Some((resource, attribute)) => Reference::Attribute(resource.to_owned(), attribute.to_owned()),
            None => Reference::Name(name.to_owned()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_them_wherever_they_stand() {
        let name = |name: &str| Reference::Name(name.into());
        let attribute = |name: &str, attribute: &str| Reference::Attribute(name.into(), attribute.into());
        let value = json!({
            "a": [{"Ref": "A"}],
            "b": {"Fn::GetAtt": ["B", "Arn"]},
            "c": {"Fn::Sub": "x${C}-${D.Arn.More}-${!E}-${AWS::Region}"},
            "d": {"Fn::Sub": ["${own}${F}", {"own": {"Ref": "G"}}]},
        });
        let expected = [
            name("A"),
            attribute("B", "Arn"),
            name("C"),
            attribute("D", "Arn.More"),
            name("AWS::Region"),
            name("F"),
            name("G"),
        ];
        assert_eq!(of(&value), expected);
    }
}
