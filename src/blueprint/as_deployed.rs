//! A stack whose instances stay as they are deployed, while the rest of it changes.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::references::{self, Reference};
use super::{Stack, Value, template};

/// A group is rolled when one of these changes.
const ROLLED: [&str; 2] = ["LaunchTemplate", "Group"];

/// This stack with launch template and group of the `deployed` template, and what they refer to of its parameters, with these
/// values. None when they refer to something else that this stack hasn't. Its template is JSON, so that no value changes by
/// being written again.
pub fn instances_as_deployed(stack: &Stack, deployed: &str, values: &BTreeMap<String, String>) -> Option<Stack> {
    let mut wanted = template::read(&stack.body).ok()?;
    let deployed = template::read(deployed).ok()?;
    let mut kept = stack.clone();
    for id in ROLLED {
        let resource = deployed.get("Resources")?.get(id)?;
        for reference in references::of(resource) {
            let (Reference::Name(name) | Reference::Attribute(name, _)) = reference;
            if name.starts_with("AWS::") || section(&mut wanted, "Resources")?.contains_key(&name) {
                continue;
            }
            let mut declared = deployed.get("Parameters")?.get(&name)?.clone();
            if let Some(of_ssm) = declared["Type"].as_str().and_then(of_ssm) {
                declared["Type"] = of_ssm.into();
            }
            section(&mut wanted, "Parameters")?.insert(name.clone(), declared);
            kept.parameters
                .insert(name.clone(), Value::Literal(values.get(&name)?.clone()));
        }
        section(&mut wanted, "Resources")?.insert(id.to_owned(), resource.clone());
    }
    kept.body = Json::Object(wanted).to_string();
    Some(kept)
}

fn section<'a>(template: &'a mut Map<String, Json>, name: &str) -> Option<&'a mut Map<String, Json>> {
    template.get_mut(name)?.as_object_mut()
}

/// The type of the values: CloudFormation resolves an SSM parameter anew at each update, also when its name is the same
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>).
fn of_ssm(parameter_type: &str) -> Option<String> {
    let of = parameter_type.strip_prefix("AWS::SSM::Parameter::Value<")?;
    Some(of.strip_suffix('>')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DEPLOYED: &str = "\
Parameters:
  ImageId: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}
  Zones: {Type: 'List<AWS::EC2::AvailabilityZone::Name>', Description: of t3.micro}
  Other: {Type: String}
Resources:
  Role: {Type: AWS::IAM::Role}
  LaunchTemplate:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: !Ref ImageId, UserData: !Sub 'a ${AWS::Region}', Role: !GetAtt Role.Arn}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {AvailabilityZones: !Ref Zones, MinSize: '1'}
";

    fn stack(resources: &str) -> Stack {
        let body = format!(
            "Parameters:\n  ImageId: {{Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}}\n  Key: {{Type: String}}\n\
             Resources:\n{resources}  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: {{MinSize: '2'}}\n  \
             LaunchTemplate:\n    Type: AWS::EC2::LaunchTemplate\n"
        );
        Stack {
            body,
            parameters: BTreeMap::from([
                ("ImageId".to_owned(), Value::Ssm("/image".into())),
                ("Key".to_owned(), Value::Literal("new".into())),
            ]),
            ..Stack::default()
        }
    }

    fn values() -> BTreeMap<String, String> {
        [("ImageId", "ami-1"), ("Zones", "a,b"), ("Other", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn instances_stay_with_their_image_and_zones_and_the_rest_is_new() {
        let new = stack("  Role: {Type: AWS::IAM::Role, Properties: {Path: /new/}}\n");
        let kept = instances_as_deployed(&new, DEPLOYED, &values()).expect("it fits");
        let read: Json = serde_json::from_str(&kept.body).expect("JSON");
        let deployed = Json::Object(template::read(DEPLOYED).expect("a template"));
        for id in ROLLED {
            assert_eq!(read["Resources"][id], deployed["Resources"][id]);
        }
        assert_eq!(read["Resources"]["Role"]["Properties"]["Path"], "/new/");
        assert_eq!(
            read["Parameters"],
            json!({
                "ImageId": {"Type": "AWS::EC2::Image::Id"},
                "Key": {"Type": "String"},
                "Zones": {"Type": "List<AWS::EC2::AvailabilityZone::Name>", "Description": "of t3.micro"},
            })
        );
        let literal = |value: &str| Value::Literal(value.into());
        let expected = [("ImageId", "ami-1"), ("Key", "new"), ("Zones", "a,b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), literal(value)));
        assert_eq!(kept.parameters, BTreeMap::from(expected));
    }

    #[test]
    fn what_refers_to_a_resource_that_goes_cannot_stay() {
        assert!(instances_as_deployed(&stack(""), DEPLOYED, &values()).is_none());
        let new = stack("  Role: {Type: AWS::IAM::Role}\n");
        assert!(instances_as_deployed(&new, "Resources: {}\n", &values()).is_none());
    }
}
